"""JSON routes of the check (`contract.md` section 4)."""

from collections.abc import Callable
from datetime import date

from miz.access.roles import EVALUATE, READ_RECORD
from miz.checks.evaluation import evaluate
from miz.checks.model import case_of, chosen_drugs
from miz.infra.http import Call, Endpoint
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError
from miz.knowledge.edition import Edition
from miz.practice.errors import PatientNotFoundError
from miz.ui.i18n import language_of
from miz.wire.client_protocol import Case, CheckAnswer, Patient, Planned

MOST_LINES = 200
LONGEST_LINE = 2_000


class CheckRoutes:
    """The routes. Evaluating reads only; it needs no lease.

    `read` gives the record as the actor may see it, or raises `PatientNotFoundError`.
    """

    def __init__(self, edition: Edition, *, read: Callable[[Actor, str, date], Patient], today: Callable[[], date]) -> None:
        self._edition = edition
        self._read = read
        self._today = today

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="POST",
                path="/api/v1/check",
                may=EVALUATE,
                run=self.check,
                body=Case,
                answer=CheckAnswer,
                summary="Check a case that belongs to no recorded patient; nothing is stored.",
            ),
            Endpoint(
                method="POST",
                path="/api/v1/patients/{id}/evaluation",
                may=READ_RECORD,
                run=self.evaluate,
                body=Planned,
                answer=CheckAnswer,
                refuses=(PatientNotFoundError,),
                summary="Check a recorded patient against what is planned; without `planned` what is kept with the patient counts.",
            ),
        ]

    async def check(self, call: Call) -> CheckAnswer:
        case: Case = call.body
        _check_size(case)
        return evaluate(self._edition, case, today=self._today(), language=_language(call))

    async def evaluate(self, call: Call) -> CheckAnswer:
        today = self._today()
        record = self._read(call.person, call.params["id"], today)
        case = case_of(record, call.body.planned, today)
        _check_size(case)
        return evaluate(
            self._edition,
            case,
            today=today,
            language=_language(call),
            chosen=chosen_drugs(record),
            allergies_unavailable=record.allergy_state == "not_available",
        )


def _language(call: Call) -> str:
    return language_of(call.header("accept-language"), call.cookie("miz_language"))


def _check_size(case: Case) -> None:
    """Refuse what no practice has, so that one request cannot keep the server busy."""
    lists = {
        "medication": case.medication,
        "planned": case.planned,
        "conditions": case.patient.conditions,
        "allergies": case.patient.allergies,
    }
    for name, lines in lists.items():
        if len(lines or ()) > MOST_LINES:
            raise InvalidInputError("More than {most} lines.", most=MOST_LINES, field=name)
        if any(len(line) > LONGEST_LINE for line in lines or ()):
            raise InvalidInputError("A line is longer than {most} characters.", most=LONGEST_LINE, field=name)
