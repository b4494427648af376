"""The anamnesis: questions in groups, values measured, notes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from miz.access.roles import WRITE_RECORD
from miz.infra.http import Call, Endpoint, Reply
from miz.kernel.errors import NotFoundError
from miz.practice.advice import Question
from miz.practice.web import asking
from miz.practice.web.asking import AskedGroup, ObservationCard
from miz.practice.web.record import PatientPage, RecordDesk, page
from miz.ui.face import look_of
from miz.wire.client_protocol import Condition, Note, Patient

PRACTICE_LANGUAGE = "de"


@dataclass(frozen=True, kw_only=True)
class AnamnesisPage(PatientPage):
    """The questions with their answers, further conditions, values and notes; `adding` is the kind of value that is asked for."""

    template: ClassVar[str] = "anamnesis.html"
    groups: list[AskedGroup]
    conditions: list[Condition]
    observations: list[ObservationCard]
    notes: list[Note]
    adding: str


class AnamnesisTab:
    """The tab, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        self._records = record_desk.records
        record_desk.tabs["anamnesis"] = self.page

    def endpoints(self) -> list[Endpoint]:
        patient = "/patients/{id}"
        return [
            page("POST", patient + "/answers", WRITE_RECORD, self.answer, "Answer a question of the anamnesis"),
            page("POST", patient + "/confirmations", WRITE_RECORD, self.confirm, "A group of questions was asked again: unchanged"),
        ]

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> AnamnesisPage:
        advisor = self._at.desk.advisor
        groups, record = advisor.questions(language=look_of(call).language), asking.understood(record, advisor.condition)
        return AnamnesisPage(
            **shown, groups=asking.asked_groups(record, groups), conditions=asking.further_conditions(record, groups),
            observations=asking.observation_cards(record), notes=list(reversed(record.notes)), adding=call.query.get("add", ""),
        )  # fmt: skip

    async def answer(self, call: Call) -> Reply:
        """Keep one answer; one that lacks its value, as a pregnancy without its week, waits for it."""
        form, record = call.form, asking.understood(self._at.record(call), self._at.desk.advisor.condition)
        question = self._question(form.get("question", ""))
        given = asking.answer_from(form)
        if given.is_waiting_for_value(question):
            return Reply(b"", 204)
        if given != asking.asked(record, question).given:
            await self._at.write_entry(call, *asking.entry_for(record, question, given, self._at.desk.today().isoformat()))
        return self._at.answer(call, "anamnesis")

    async def confirm(self, call: Call) -> Reply:
        group_id = call.form.get("group", "")
        await self._at.write(
            call, Patient, lambda tx, token: self._records.confirm_group(tx, call.person, call.params["id"], token, group_id)
        )
        return self._at.answer(call, "anamnesis")

    def _question(self, question_id: str) -> Question:
        """The question in the language of the practice: that is how a record calls a condition, whoever asks."""
        groups = self._at.desk.advisor.questions(language=PRACTICE_LANGUAGE)
        found = next((question for group in groups for question in group.questions if question.id == question_id), None)
        if found is None:
            raise NotFoundError
        return found
