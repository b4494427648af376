"""All pages of a patient, put together."""

from miz.access.roles import READ_PATIENT
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.service import Records
from miz.practice.web.allergies import AllergiesTab
from miz.practice.web.anamnesis import AnamnesisTab
from miz.practice.web.entries import EntryForms
from miz.practice.web.frame import Desk
from miz.practice.web.history import HistoryTab
from miz.practice.web.identity import IdentityForm
from miz.practice.web.lease import LeaseForms
from miz.practice.web.lists import DentistLists
from miz.practice.web.medication import MedicationTab
from miz.practice.web.moving import MovingForms
from miz.practice.web.record import RecordDesk, page


class PatientPages:
    """The pages, bound to one server's parts."""

    def __init__(self, desk: Desk, records: Records, memory: RecordMemory, writer: Writer) -> None:
        self._at = RecordDesk(desk, records, memory, writer)

    def endpoints(self) -> list[Endpoint]:
        """Every route; those with a name of their own before those that take any tab or kind."""
        at = self._at
        AllergiesTab(at)
        return [
            *DentistLists(at.desk, at.writer).endpoints(),
            *MedicationTab(at).endpoints(),
            *AnamnesisTab(at).endpoints(),
            *HistoryTab(at).endpoints(),
            *LeaseForms(at).endpoints(),
            *IdentityForm(at).endpoints(),
            *MovingForms(at).endpoints(),
            page("GET", "/patients/{id}/{tab}", READ_PATIENT, self.show, "A tab of a patient's page"),
            *EntryForms(at).endpoints(),
        ]

    async def show(self, call: Call) -> Reply:
        return self._at.show(call, call.params["tab"])
