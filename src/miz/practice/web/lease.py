"""The forms around the lock pill: open, close, ask, give more time, take over."""

import contextlib
from dataclasses import dataclass
from typing import ClassVar, get_args

from miz.access.roles import READ_PATIENT, SIGN_OFF, TAKE_OVER, WRITE_RECORD
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import MizError
from miz.practice.errors import NobodyAskedError, NobodyToAskError, PatientOpenElsewhereError, ReasonMissingError, UnknownDraftError
from miz.practice.web.frame import Lock, go_to
from miz.practice.web.record import TABS, RecordDesk, page
from miz.wire.client_protocol import TakeOverReason


@dataclass(frozen=True, kw_only=True)
class TakeOverDialog:
    """Whose work ends, whether something of it is unsaved, and why."""

    template: ClassVar[str] = "_take_over.html"
    patient_id: str
    lock: Lock
    has_unsaved: bool
    needs_reason: bool
    reasons: tuple[str, ...]
    error: str


class LeaseForms:
    """The forms, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        self._openings = record_desk.desk.openings

    def endpoints(self) -> list[Endpoint]:
        patient = "/patients/{id}"
        return [
            page("POST", patient + "/opening", READ_PATIENT, self.open, "Open for editing"),
            page("POST", patient + "/closing", READ_PATIENT, self.close, "Close the patient"),
            page("POST", patient + "/release", READ_PATIENT, self.release, "Release the patient and go on reading"),
            page("POST", patient + "/request", READ_PATIENT, self.ask, "Ask who has the patient open to release it"),
            page("POST", patient + "/request/withdraw", READ_PATIENT, self.withdraw, "Take the asking back"),
            page("POST", patient + "/later", READ_PATIENT, self.ask_for_time, "Five more minutes"),
            page("POST", patient + "/drafts/{draft}/discard", WRITE_RECORD, self.discard_draft, "Discard what somebody has left unsaved"),
            page("GET", patient + "/takeover", TAKE_OVER, self.ask_take_over, "Take over?"),
            page("POST", patient + "/takeover", TAKE_OVER, self.take_over, "Open a patient that another window has open"),
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
        await self._release(call)
        return go_to("/")

    async def release(self, call: Call) -> Reply:
        await self._release(call)
        return self._back(call)

    async def _release(self, call: Call) -> None:
        application = self._at.application(call)
        await self._at.writer.run(lambda tx: self._openings.release(tx, application.id, call.params["id"]))

    async def ask(self, call: Call) -> Reply:
        """Ask for the patient; one that has become free meanwhile is opened."""
        try:
            self._openings.ask_for(self._at.application(call), call.params["id"])
        except NobodyToAskError:
            return await self.open(call)
        return self._back(call)

    async def withdraw(self, call: Call) -> Reply:
        self._openings.withdraw(self._at.application(call), call.params["id"])
        return self._back(call)

    async def ask_for_time(self, call: Call) -> Reply:
        with contextlib.suppress(NobodyAskedError):
            self._openings.ask_for_time(self._at.application(call), call.params["id"])
        return self._back(call)

    async def ask_take_over(self, call: Call) -> Reply:
        return self._dialog(call)

    async def take_over(self, call: Call) -> Reply:
        application, reason = self._at.application(call), call.form.get("reason", "")
        try:
            await self._at.writer.run(lambda tx: self._openings.take_over(tx, application, call.person, call.params["id"], reason))
        except ReasonMissingError as error:
            return self._dialog(call, error)
        self._openings.presence.sign_of_life(application.id, call.person)
        return self._back(call)

    async def discard_draft(self, call: Call) -> Reply:
        """Discard a draft; whoever comes second finds it gone."""
        with contextlib.suppress(UnknownDraftError):
            await self._at.writer.run(lambda tx: self._at.desk.drafts.discard(tx, call.params["id"], call.params["draft"]))
        tab = call.form.get("tab", "")
        return self._at.answer(call, tab if tab in TABS else "medication")

    def _dialog(self, call: Call, error: MizError | None = None) -> Reply:
        record = self._at.record(call)
        holder = self._openings.holder_of(record.id)
        dialog = TakeOverDialog(
            patient_id=record.id, lock=self._at.lock(call, record), needs_reason=call.person.roles.isdisjoint(SIGN_OFF),
            has_unsaved=bool(holder and self._at.desk.drafts.has_drafts(record.id, holder.application_id)),
            reasons=get_args(TakeOverReason), error=self._at.translator(call)(error.title) if error else "",
        )  # fmt: skip
        return self._at.dialog(dialog, call, record, STATUS_OF[error.kind] if error else 200)

    def _back(self, call: Call) -> Reply:
        return go_to(f"/patients/{call.params['id']}")
