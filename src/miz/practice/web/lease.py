"""Open a patient for editing, and close it."""

from miz.access.roles import READ_PATIENT
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.errors import PatientOpenElsewhereError
from miz.practice.web.frame import go_to
from miz.practice.web.record import RecordDesk, page


class LeaseForms:
    """The forms around the lock pill, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        self._openings = record_desk.desk.openings

    def endpoints(self) -> list[Endpoint]:
        return [
            page("POST", "/patients/{id}/opening", READ_PATIENT, self.open, "Open for editing"),
            page("POST", "/patients/{id}/closing", READ_PATIENT, self.close, "Close the patient"),
        ]

    async def open(self, call: Call) -> Reply:
        """Open for editing; a patient in use elsewhere is shown for reading, and the page says who has it."""
        application, patient_id = self._at.application(call), call.params["id"]
        try:
            await self._at.writer.run(lambda tx: self._openings.acquire(tx, application, call.person, patient_id))
            self._openings.presence.sign_of_life(application.id, call.person)
        except PatientOpenElsewhereError:
            pass
        return go_to(f"/patients/{patient_id}")

    async def close(self, call: Call) -> Reply:
        application = self._at.application(call)
        await self._at.writer.run(lambda tx: self._openings.release(tx, application.id, call.params["id"]))
        return go_to("/")
