"""The papers as PDF: for a window, which shows them, and for programs; and the form of the letter."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from miz.access.roles import PRINT_PATIENT, READ_PATIENT
from miz.infra.http import Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError, NotFoundError
from miz.practice.errors import PatientNotFoundError
from miz.practice.web import views
from miz.practice.web.asking import understood
from miz.practice.web.evaluation import Card, Evaluation, evaluation_of
from miz.practice.web.frame import reply
from miz.practice.web.papers.anamnesis import empty_anamnesis, filled_anamnesis
from miz.practice.web.papers.evaluation import evaluation_paper
from miz.practice.web.papers.letter import Letter, letter_paper, tellable
from miz.practice.web.papers.sheet import Printing
from miz.practice.web.record import PatientPage, RecordDesk, page
from miz.ui.face import look_of
from miz.ui.paper import PDF, Paper, PaperError, set_paper
from miz.wire.client_protocol import EditionRef, Patient

KINDS = ("evaluation", "anamnesis", "anamnesis-form", "letter")
_AT_ONCE = 2
_LONGEST_TEXT = 2_000


@dataclass(frozen=True, kw_only=True)
class LetterPage(PatientPage):
    """What the letter to the family doctor is to say."""

    template: ClassVar[str] = "letter.html"
    cards: Sequence[Card]


class PaperRoutes:
    """The routes, bound to one server's parts. Papers are set in threads, two at once, so that a pile of them keeps nobody else waiting."""

    def __init__(self, record_desk: RecordDesk, *, now: Callable[[], datetime], edition: Callable[[], EditionRef]) -> None:
        self._at = record_desk
        self._now = now
        self._edition = edition
        self._seats = asyncio.Semaphore(_AT_ONCE)

    def endpoints(self) -> list[Endpoint]:
        patient = "/patients/{id}"
        return [
            Endpoint(
                method="GET", path="/api/v1/patients/{id}/papers/{paper}", may=PRINT_PATIENT, run=self.show, media_type=PDF,
                refuses=(PatientNotFoundError, PaperError),
                summary="A paper of a patient as PDF: evaluation, anamnesis, anamnesis-form or letter, in the language of the request.",
            ),
            page("GET", patient + "/papers/{paper}", PRINT_PATIENT, self.show, "A paper of a patient as PDF"),
            page("GET", patient + "/letter", PRINT_PATIENT, self.ask_letter, "What the letter to the family doctor is to say"),
            page("POST", patient + "/letter", PRINT_PATIENT, self.write_letter, "The letter to the family doctor as PDF"),
            page("GET", "/papers/anamnesis-form", READ_PATIENT, self.blank_form, "The questions of the anamnesis for nobody yet, as PDF"),
        ]  # fmt: skip

    async def show(self, call: Call) -> Reply:
        kind = call.params["paper"]
        if kind not in KINDS:
            raise NotFoundError
        return await self._print(call, kind, Letter())

    async def ask_letter(self, call: Call) -> Reply:
        record = self._at.record(call)
        _, evaluation = self._judged(call, record)
        return reply(LetterPage(**self._at.shown(call, record, "letter"), cards=tellable(evaluation)), call)

    async def write_letter(self, call: Call) -> Reply:
        form = call.form
        recipient, question = (form.get(name, "").strip() for name in ("recipient", "question"))
        if max(len(recipient), len(question)) > _LONGEST_TEXT:
            raise InvalidInputError("A line is longer than {most} characters.", most=_LONGEST_TEXT, field="question")
        chosen = frozenset(rule for name in form if name.startswith("finding ") for rule in name.split()[1:])
        return await self._print(call, "letter", Letter(recipient=recipient, question=question, chosen=chosen))

    async def blank_form(self, call: Call) -> Reply:
        printing = self._printing(call)
        return await self._sent(empty_anamnesis(None, self._at.desk.advisor.questions(language=printing.language), printing), printing)

    async def _print(self, call: Call, kind: str, letter: Letter) -> Reply:
        record = self._at.record(call)
        groups, evaluation = self._judged(call, record)
        printing = self._printing(call)
        paper = self._paper(kind, record, groups, evaluation, letter, printing)
        self._at.desk.trail.note(call.person, "printed", record.id, kind)
        return await self._sent(paper, printing, kind)

    def _paper(
        self, kind: str, record: Patient, groups: Sequence[views.MedicationGroup], evaluation: Evaluation, letter: Letter, printing: Printing
    ) -> Paper:  # fmt: skip
        if kind == "evaluation":
            return evaluation_paper(record, groups, evaluation, printing)
        if kind == "letter":
            return letter_paper(record, groups, evaluation, letter, printing)
        advisor = self._at.desk.advisor
        questions = advisor.questions(language=printing.language)
        if kind == "anamnesis-form":
            return empty_anamnesis(record, questions, printing)
        return filled_anamnesis(understood(record, advisor.condition), questions, groups, printing)

    def _judged(self, call: Call, record: Patient) -> tuple[list[views.MedicationGroup], Evaluation]:
        advisor, language = self._at.desk.advisor, look_of(call).language
        advice = advisor.advise(record, language=language)
        return views.medication_groups(record, advice, partial(advisor.drug, language=language)), evaluation_of(record, advice)

    def _printing(self, call: Call) -> Printing:
        desk = self._at.desk
        return Printing(
            practice=desk.practice, user=call.person.user, at=self._now(), language=look_of(call).language, edition=self._edition(),
            names_among=desk.advisor.names_among,
        )  # fmt: skip

    async def _sent(self, paper: Paper, printing: Printing, kind: str = "anamnesis-form") -> Reply:
        async with self._seats:
            pdf = await asyncio.to_thread(set_paper, paper, printing.at)
        return Reply(pdf, media_type=PDF, headers=[("content-disposition", f'inline; filename="{kind}-{printing.today}.pdf"')])
