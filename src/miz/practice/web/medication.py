"""The medication, what is planned, and what to mind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import msgspec

from miz.access.roles import READ_PATIENT, WRITE_RECORD
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.web import views
from miz.practice.web.record import PatientPage, RecordDesk, page
from miz.ui.face import look_of
from miz.wire.client_protocol import Patient, PatientPatch


@dataclass(frozen=True, kw_only=True)
class MedicationPage(PatientPage):
    """The medication, what is planned, what to mind."""

    template: ClassVar[str] = "medication.html"
    groups: list[views.MedicationGroup]
    evaluation: views.Evaluation
    procedures: list[list[str]]
    usual_procedures: list[str]


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
        ]

    async def show(self, call: Call) -> Reply:
        return self._at.show(call, "medication")

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> MedicationPage:
        advisor, language = self._at.desk.advisor, look_of(call).language
        advice = advisor.advise(record, language=language)
        return MedicationPage(
            **shown, groups=views.medication_groups(record, advice, partial(advisor.drug, language=language)),
            evaluation=views.evaluation_of(record, advice), procedures=advisor.procedures(language=language),
            usual_procedures=advisor.usual_procedures(language=language),
        )  # fmt: skip

    async def plan(self, call: Call) -> Reply:
        wanted = call.form.get("text", "").strip()
        return await self._change_plan(call, lambda planned: planned + [wanted] * bool(wanted and wanted not in planned))

    async def unplan(self, call: Call) -> Reply:
        unwanted = call.form.get("text", "")
        return await self._change_plan(call, lambda planned: [text for text in planned if text != unwanted])

    async def _change_plan(self, call: Call, change: Callable[[list[str]], list[str]]) -> Reply:
        await self._at.patch(call, PatientPatch(planned=change(self._at.record(call).planned)))
        return self._at.answer(call, "medication")

    async def set_state(self, call: Call) -> Reply:
        """What was asked although nothing is recorded: no allergies known, takes nothing."""
        state = {name: call.form[name] for name in ("allergy_state", "medication_state") if name in call.form}
        await self._at.patch(call, msgspec.convert(state, PatientPatch))
        return self._at.answer(call, "allergies" if "allergy_state" in state else "medication")
