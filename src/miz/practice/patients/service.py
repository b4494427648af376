"""What people do with records: one function an intent, one unit of work each.

Every one of them except `create_patient` shows the fencing token, and `store.guard` decides on it first.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import UNSET, structs

from miz.access.audit.service import AuditTrail
from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.practice.errors import NothingToRestoreError
from miz.practice.patients import model, rows, store
from miz.practice.patients.memory import RecordMemory
from miz.wire.client_protocol import Entry, EntryKind, NewPatient, Patient, PatientPatch

Today = Callable[[], date]


class Records:
    """The writing side of patients' records; each method runs inside one transaction of the writer."""

    def __init__(self, memory: RecordMemory, broker: EventBroker, trail: AuditTrail, *, today: Today) -> None:
        self._memory = memory
        self._broker = broker
        self._trail = trail
        self._today = today

    def create_patient(
        self, tx: Transaction, actor: Actor, identity: NewPatient, entries: Sequence[tuple[EntryKind, Mapping[str, Any]]] = ()
    ) -> Patient:
        """Store a new patient, and what is known from the start. Nobody else knows the patient yet, so no lease is asked for."""
        identity = model.checked_identity(identity, self._today())
        record = Patient(
            id=str(uuid.uuid4()), version=1, allergy_state="not_asked", medication_state="not_asked", **structs.asdict(identity)
        )
        store.insert_patient(tx, record)
        self._keep_change(tx, actor, record, "patient", record.id, "created", None, structs.asdict(identity))
        for kind, given in entries:
            entry = model.new_entry(kind, given, entry_id=str(uuid.uuid4()), actor=actor, now=tx.now)
            store.insert_entry(tx, record.id, kind, entry)
            record = model.with_entry(record, kind, entry)
            self._keep_change(tx, actor, record, kind, entry.id, "created", None, msgspec.to_builtins(entry))
        self._tell(tx, record)
        return record

    def change_patient(self, tx: Transaction, actor: Actor, patient_id: str, token: str, patch: PatientPatch) -> Patient:
        """Change the patient's own fields, what is planned, or 'none known' and 'takes none'."""
        patch = model.checked_identity(patch, self._today())
        before = self._load_guarded(tx, patient_id, token)
        after = model.with_identity(before, patch)
        is_renamed = (before.family_name, before.given_name) != (after.family_name, after.given_name)
        store.update_identity(tx, after, self._today(), is_renamed=is_renamed)
        changed = [name for name, value in structs.asdict(patch).items() if value is not UNSET]
        states = [{name: getattr(record, name) for name in changed} for record in (before, after)]
        self._keep_change(tx, actor, after, "patient", patient_id, "changed", *states)
        self._tell(tx, after)
        return after

    def add_entry(self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, given: Mapping[str, Any]) -> Entry:
        """Add an entry to one of the lists."""
        entry = model.new_entry(kind, given, entry_id=str(uuid.uuid4()), actor=actor, now=tx.now)
        record = self._load_guarded(tx, patient_id, token)
        store.insert_entry(tx, patient_id, kind, entry)
        self._finish(tx, actor, record, kind, "created", None, entry)
        return entry

    def change_entry(
        self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, entry_id: str, patch: Mapping[str, Any]
    ) -> Entry:
        """Change what the patch names; stopping a medicine is such a change."""
        record = self._load_guarded(tx, patient_id, token)
        before = model.find_entry(record, kind, entry_id)
        after = model.changed_entry(kind, before, patch, actor=actor, now=tx.now)
        store.update_entry(tx, kind, after)
        self._finish(tx, actor, record, kind, "changed", before, after)
        return after

    def mark_entered_in_error(self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, entry_id: str) -> Entry:
        """Take an entry out of the record; the history keeps it."""
        record = self._load_guarded(tx, patient_id, token)
        before = model.find_entry(record, kind, entry_id)
        after = model.marked_entry(before, actor=actor, now=tx.now)
        store.update_entry(tx, kind, after)
        self._finish(tx, actor, record, kind, "entered_in_error", before, after)
        return after

    def restore_entry(self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, entry_id: str) -> Entry:
        """Take back the last change of an entry, whatever it was. Doing it twice does the change again."""
        record = self._load_guarded(tx, patient_id, token)
        before = rows.any_entry(tx.connection, patient_id, kind, entry_id)
        last = rows.last_change(tx.connection, patient_id, kind, entry_id)
        if last is None:
            raise NothingToRestoreError
        after = model.former_entry(kind, before, last.before, actor=actor, now=tx.now)
        store.update_entry(tx, kind, after)
        if before.entered_in_error and not after.entered_in_error:
            # It comes back to the place where it stood, which only the rows know.
            stored = rows.load_record(tx.connection, self._memory, patient_id, self._today())
            record = structs.replace(record, **{kind: getattr(stored, kind)})
        self._finish(tx, actor, record, kind, "restored", before, after)
        return after

    def record_at_opening(self, tx: Transaction, patient_id: str) -> Patient:
        """The record as the opening transaction sees it; remembered for the reads and writes that follow.

        Raises `PatientNotFoundError`.
        """
        record = rows.load_record(tx.connection, self._memory, patient_id, self._today())
        tx.after_commit(lambda: self._memory.put(record))
        return record

    def _load_guarded(self, tx: Transaction, patient_id: str, token: str) -> Patient:
        version = store.guard(tx, patient_id, token)
        known = self._memory.get(patient_id, version - 1)
        record = known or rows.load_record(tx.connection, self._memory, patient_id, self._today())
        return structs.replace(record, version=version)

    def _finish(
        self, tx: Transaction, actor: Actor, record: Patient, kind: EntryKind, action: str, before: Entry | None, after: Entry
    ) -> None:
        changed = model.with_entry(record, kind, after)
        if (record.allergy_state == "none_known" and changed.allergy_state != "none_known") or (
            record.medication_state == "none" and changed.medication_state != "none"
        ):
            store.update_identity(tx, changed, self._today(), is_renamed=False)
        states = [None if entry is None else msgspec.to_builtins(entry) for entry in (before, after)]
        self._keep_change(tx, actor, changed, kind, after.id, action, *states)
        self._tell(tx, changed)

    def _keep_change(
        self, tx: Transaction, actor: Actor, record: Patient, kind: str, entry_id: str, action: str,
        before: Mapping[str, Any] | None, after: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        history_id, evidence = store.write_change(
            tx, actor, patient_id=record.id, version=record.version, kind=kind, entry_id=entry_id, action=action, before=before, after=after
        )
        self._trail.record(tx, actor, action, patient_id=record.id, detail=f"{kind} {entry_id}", history_id=history_id, evidence=evidence)

    def _tell(self, tx: Transaction, record: Patient) -> None:
        def tell() -> None:
            self._memory.put(record)
            self._broker.publish([Event("patient", record.id, record.version)])

        tx.after_commit(tell)
