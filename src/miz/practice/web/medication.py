"""The medication, what is planned, what to mind, the practice's own drugs; and the sign-off."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import msgspec

from miz.access.roles import READ_PATIENT, READ_RECORD, SIGN_OFF, WRITE_RECORD
from miz.infra.db.writer import Transaction
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.advice import Verdict
from miz.practice.web import interruption, views
from miz.practice.web.evaluation import Evaluation, evaluation_of
from miz.practice.web.frame import Toast, reply
from miz.practice.web.record import PatientPage, RecordDesk, page
from miz.ui.face import look_of
from miz.wire.client_protocol import Patient, PatientPatch


@dataclass(frozen=True, kw_only=True)
class MedicationPage(PatientPage):
    """The medication, what is planned, what to mind."""

    template: ClassVar[str] = "medication.html"
    groups: list[views.MedicationGroup]
    evaluation: Evaluation
    procedures: list[list[str]]
    usual_procedures: list[str]
    own: list[views.VerdictGroup]
    may_sign_off: bool
    check_text: str
    checked: Verdict | None


class MedicationTab:
    """The tab, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        record_desk.tabs["medication"] = self.page

    def endpoints(self) -> list[Endpoint]:
        patient = "/patients/{id}"
        return [
            page("GET", patient, READ_PATIENT, self.show, "A patient's page"),
            page("POST", patient + "/planned", WRITE_RECORD, self.plan, "Plan a procedure or a drug"),
            page("POST", patient + "/planned/remove", WRITE_RECORD, self.unplan, "Take something out of the plan"),
            page("POST", patient + "/state", WRITE_RECORD, self.set_state, "None known, takes none, not asked"),
            page("POST", patient + "/review", SIGN_OFF, self.review, "Looked through completely today"),
            page("POST", patient + "/check-drug", READ_RECORD, self.check_drug, "Another drug against this patient"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._at.show(call, "medication")

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any], check_text: str = "") -> MedicationPage:
        desk, language = self._at.desk, look_of(call).language
        advisor = desk.advisor
        advice = advisor.advise(record, language=language)
        own = desk.preferred_drugs(language)
        return MedicationPage(
            **shown, groups=views.medication_groups(record, advice, partial(advisor.drug, language=language)),
            evaluation=evaluation_of(record, advice), procedures=advisor.procedures(language=language),
            usual_procedures=advisor.usual_procedures(language=language),
            own=views.verdict_groups(advisor.own_drugs(record, own, language=language)),
            may_sign_off=shown["may_write"] and not SIGN_OFF.isdisjoint(call.person.roles), check_text=check_text,
            checked=advisor.check_one(record, check_text, language=language) if check_text else None,
        )  # fmt: skip

    async def plan(self, call: Call) -> Reply:
        """Plan a procedure or a drug, unless it must stop the hand."""
        wanted, record = call.form.get("text", "").strip(), self._at.record(call)
        if not wanted or wanted in record.planned:
            return self._at.answer(call, "medication")
        found = interruption.of_plan(self._at, call, record, wanted)
        decided = interruption.decision_in(call, found)
        if found is not None and decided is None:
            return interruption.ask(self._at, call, record, found, role="planned")
        records, actor, patch = self._at.records, call.person, PatientPatch(planned=[*record.planned, wanted])

        def work(tx: Transaction, token: str) -> Patient:
            if decided is not None:
                records.decide(tx, actor, record.id, token, decided)
            return records.change_patient(tx, actor, record.id, token, patch)

        await self._at.write(call, Patient, work)
        return self._at.answer(call, "medication")

    async def unplan(self, call: Call) -> Reply:
        planned = [text for text in self._at.record(call).planned if text != call.form.get("text", "")]
        await self._at.patch(call, PatientPatch(planned=planned))
        return self._at.answer(call, "medication")

    async def set_state(self, call: Call) -> Reply:
        """What was asked although nothing is recorded: no allergies known, takes nothing."""
        state = {name: call.form[name] for name in ("allergy_state", "medication_state") if name in call.form}
        await self._at.patch(call, msgspec.convert(state, PatientPatch))
        return self._at.answer(call, "allergies" if "allergy_state" in state else "medication")

    async def review(self, call: Call) -> Reply:
        await self._at.write(call, Patient, lambda tx, token: self._at.records.review(tx, call.person, call.params["id"], token))
        return self._at.answer(call, "medication", Toast(sentence=self._at.translator(call)("Marked as looked through today.")))

    async def check_drug(self, call: Call) -> Reply:
        record = self._at.record(call)
        shown = self._at.shown(call, record, "medication")
        return reply(self.page(call, record, shown, call.form.get("text", "").strip()[:200]), call)
