"""Every kind of entry alike: add, change in place, stop or mark as made in error, take back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from miz.access.roles import WRITE_RECORD
from miz.infra.db.writer import Transaction
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.patients.model import ENTRY_TYPES, find_entry
from miz.practice.web import forms, interruption, views
from miz.practice.web.forms import new_key
from miz.practice.web.frame import Lock, Toast, reply
from miz.practice.web.record import TAB_OF, RecordDesk, kind_of, name_of, page
from miz.ui.face import look_of
from miz.ui.i18n import translator
from miz.wire.client_protocol import Entry, EntryKind, RestoreEntry


@dataclass(frozen=True, kw_only=True)
class MedicationEdit:
    """A line of the table while its dose is changed in place."""

    template: ClassVar[str] = "_medication_edit.html"
    patient_id: str
    row: views.MedicationRow
    lock: Lock
    idempotency_key: str


@dataclass(frozen=True, kw_only=True)
class EntryEdit:
    """An allergy, condition, value or note while it is changed in place."""

    template: ClassVar[str] = "_entry_edit.html"
    patient_id: str
    kind: EntryKind
    entry: Entry
    lock: Lock
    idempotency_key: str


@dataclass(frozen=True, kw_only=True)
class EndDialog:
    """Stop taking it, or entered in error?"""

    template: ClassVar[str] = "_end.html"
    patient_id: str
    kind: str
    entry_id: str
    name: str
    lock: Lock
    idempotency_key: str


class EntryForms:
    """The forms of entries, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        self._records = record_desk.records

    def endpoints(self) -> list[Endpoint]:
        entry = "/patients/{id}/{kind}/{entry}"
        return [
            page("POST", "/patients/{id}/{kind}", WRITE_RECORD, self.add, "Add an entry"),
            page("GET", entry + "/edit", WRITE_RECORD, self.edit, "An entry as a form"),
            page("GET", entry + "/end", WRITE_RECORD, self.ask_end, "Stop, or entered in error?"),
            page("POST", entry, WRITE_RECORD, self.change, "Change an entry"),
            page("POST", entry + "/stop", WRITE_RECORD, self.stop, "Stop a medicine"),
            page("POST", entry + "/mark", WRITE_RECORD, self.mark, "Mark as entered in error"),
            page("POST", entry + "/restore", WRITE_RECORD, self.restore, "Take back the last change"),
        ]

    async def edit(self, call: Call) -> Reply:
        record, kind = self._at.record(call), kind_of(call)
        entry = find_entry(record, kind, call.params["entry"])
        shown: dict[str, Any] = {"patient_id": record.id, "lock": self._at.lock(call, record), "idempotency_key": new_key()}
        if kind == "medication":
            rows = [row for group in self._at.medication_groups(call, record) for row in group.rows]
            return reply(MedicationEdit(**shown, row=next(row for row in rows if row.entry.id == entry.id)), call)
        return reply(EntryEdit(**shown, kind=kind, entry=entry), call)

    async def ask_end(self, call: Call) -> Reply:
        record, kind = self._at.record(call), kind_of(call)
        entry = find_entry(record, kind, call.params["entry"])
        dialog = EndDialog(
            patient_id=record.id, kind=kind, entry_id=entry.id, name=name_of(entry, call), lock=self._at.lock(call, record),
            idempotency_key=new_key(),
        )  # fmt: skip
        return reply(dialog, call)

    async def add(self, call: Call) -> Reply:
        kind = kind_of(call)
        given = self._given(kind, call.form, is_new=True)
        if kind == "medication":
            return await self._add_medicine(call, given)
        entry = await self._at.write_entry(call, kind, None, given)
        return self._at.done(call, kind, entry, "%s added.")

    async def _add_medicine(self, call: Call, given: Mapping[str, Any]) -> Reply:
        """Add a medicine unless it must stop the hand; one that the patient takes already is recorded all the same."""
        records, actor, patient_id = self._at.records, call.person, call.params["id"]
        record = self._at.record(call)
        found = None if call.form.get("is_taken") else interruption.of_medicine(self._at, call, record, given)
        decided = interruption.decision_in(call, found)
        if found is not None and decided is None:
            return interruption.ask(self._at, call, record, found, role="medication")

        def work(tx: Transaction, token: str) -> Entry:
            if decided is not None:
                records.decide(tx, actor, patient_id, token, decided)
            return records.add_entry(tx, actor, patient_id, token, "medication", given)

        return self._at.done(call, "medication", await self._at.write(call, ENTRY_TYPES["medication"], work), "%s added.")

    async def change(self, call: Call) -> Reply:
        kind = kind_of(call)
        entry = await self._at.write_entry(call, kind, call.params["entry"], self._given(kind, call.form, is_new=False))
        return self._at.done(call, kind, entry, "%s changed.")

    async def stop(self, call: Call) -> Reply:
        stopped = {"status": "stopped", "until": self._at.desk.today().isoformat()}
        entry = await self._at.write_entry(call, "medication", call.params["entry"], stopped)
        return self._at.done(call, "medication", entry, "%s stopped.")

    async def mark(self, call: Call) -> Reply:
        kind, entry_id = kind_of(call), call.params["entry"]
        entry = await self._at.write(
            call, ENTRY_TYPES[kind],
            lambda tx, token: self._records.mark_entered_in_error(tx, call.person, call.params["id"], token, kind, entry_id),
        )  # fmt: skip
        return self._at.done(call, kind, entry, "%s marked as entered in error.")

    async def restore(self, call: Call) -> Reply:
        """Take back the last change, or bring back the state that the form names."""
        kind, entry_id, form = kind_of(call), call.params["entry"], call.form
        wanted = RestoreEntry(change=form.get("change") or None, state="after" if form.get("state") == "after" else "before")
        await self._at.write(
            call, ENTRY_TYPES[kind],
            lambda tx, token: self._records.restore_entry(tx, call.person, call.params["id"], token, kind, entry_id, wanted),
        )  # fmt: skip
        return self._at.answer(call, TAB_OF[kind], Toast(sentence=translator(look_of(call).language)("The last change was taken back.")))

    def _given(self, kind: EntryKind, form: Mapping[str, str], *, is_new: bool) -> dict[str, Any]:
        if kind == "medication":
            return forms.medication_from(form, is_new=is_new)
        if kind == "allergies":
            return forms.allergy_from(form)
        if kind == "conditions":
            return forms.condition_from(form)
        if kind == "notes":
            return {"text": form.get("text", "")}
        return forms.observation_from(form, self._at.desk.today().isoformat())
