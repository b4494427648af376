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
from miz.kernel.errors import InvalidInputError
from miz.kernel.text import has_control_character
from miz.practice.errors import NothingToRestoreError
from miz.practice.patients import model, rows, store
from miz.practice.patients.memory import RecordMemory
from miz.wire.client_protocol import (
    Confirmation,
    Decide,
    Decision,
    Entry,
    EntryKind,
    EntryRef,
    NewPatient,
    Patient,
    PatientPatch,
    RestoreEntry,
)

Today = Callable[[], date]
TEXT_LIMIT = 500
_LAST_CHANGE = RestoreEntry()


class Records:
    """The writing side of patients' records; each method runs inside one transaction of the writer.

    `require_sound` raises while no record may be changed, because the database is damaged.
    """

    def __init__(
        self,
        memory: RecordMemory,
        broker: EventBroker,
        trail: AuditTrail,
        *,
        today: Today,
        require_sound: Callable[[], None] = lambda: None,
    ) -> None:
        self._memory = memory
        self._broker = broker
        self._trail = trail
        self._today = today
        self._require_sound = require_sound

    def create_patient(
        self, tx: Transaction, actor: Actor, identity: NewPatient, entries: Sequence[tuple[EntryKind, Mapping[str, Any]]] = ()
    ) -> Patient:
        """Store a new patient, and what is known from the start. Nobody else knows the patient yet, so no lease is asked for."""
        self._require_sound()
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
        changed = [name for name, value in structs.asdict(patch).items() if value is not UNSET]
        before = self._load_guarded(tx, actor, patient_id, token, is_medical=changed != ["planned"])
        after = model.with_identity(before, patch)
        if patch.allergy_state == "none_known":
            after = structs.replace(after, allergies_asked_at=tx.now)
        is_renamed = (before.family_name, before.given_name) != (after.family_name, after.given_name)
        store.update_identity(tx, after, self._today(), is_renamed=is_renamed)
        states = [{name: getattr(record, name) for name in changed} for record in (before, after)]
        self._keep_change(tx, actor, after, "patient", patient_id, "changed", *states)
        self._tell(tx, after)
        return after

    def add_entry(self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, given: Mapping[str, Any]) -> Entry:
        """Add an entry to one of the lists."""
        entry = model.new_entry(kind, given, entry_id=str(uuid.uuid4()), actor=actor, now=tx.now)
        record = self._load_guarded(tx, actor, patient_id, token)
        store.insert_entry(tx, patient_id, kind, entry)
        self._finish(tx, actor, record, kind, "created", None, entry)
        return entry

    def change_entry(
        self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, entry_id: str, patch: Mapping[str, Any]
    ) -> Entry:
        """Change what the patch names; stopping a medicine is such a change."""
        record = self._load_guarded(tx, actor, patient_id, token)
        before = model.find_entry(record, kind, entry_id)
        after = model.changed_entry(kind, before, patch, actor=actor, now=tx.now)
        store.update_entry(tx, kind, after)
        self._finish(tx, actor, record, kind, "changed", before, after)
        return after

    def mark_entered_in_error(self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, entry_id: str) -> Entry:
        """Take an entry out of the record; the history keeps it."""
        record = self._load_guarded(tx, actor, patient_id, token)
        before = model.find_entry(record, kind, entry_id)
        record = self._take_away(tx, actor, record, kind, before, "entered_in_error")
        self._tell(tx, record)
        return model.marked_entry(before, actor=actor, now=tx.now)

    def restore_entry(
        self, tx: Transaction, actor: Actor, patient_id: str, token: str, kind: EntryKind, entry_id: str, wanted: RestoreEntry = _LAST_CHANGE
    ) -> Entry:  # fmt: skip
        """Bring back a former state of an entry: the one before or after a change of its history.

        Without a change named, the last change is taken back, whatever it was; doing that twice does the change again.
        Raises `EntryNotFoundError`, `UnknownChangeError`, `SignedEntryError`.
        """
        record = self._load_guarded(tx, actor, patient_id, token)
        before = rows.any_entry(tx.connection, patient_id, kind, entry_id)
        model.refuse_if_signed(record, before, actor)
        if wanted.change is None:
            line = rows.last_change(tx.connection, patient_id, kind, entry_id)
        else:
            line = rows.one_change(tx.connection, patient_id, kind, entry_id, wanted.change)
        if line is None:
            raise NothingToRestoreError
        after = model.former_entry(kind, before, getattr(line, wanted.state), actor=actor, now=tx.now)
        store.update_entry(tx, kind, after)
        if before.entered_in_error and not after.entered_in_error:
            # It comes back to the place where it stood, which only the rows know.
            stored = rows.load_record(tx.connection, self._memory, patient_id, self._today())
            record = structs.replace(record, **{kind: getattr(stored, kind)})
        self._finish(tx, actor, record, kind, "restored", before, after)
        return after

    def review(self, tx: Transaction, actor: Actor, patient_id: str, token: str) -> Patient:
        """Sign off: the record was looked through, completely and now."""
        before = self._load_guarded(tx, actor, patient_id, token, is_medical=False)
        after = structs.replace(before, reviewed_at=tx.now, reviewed_by=actor.user)
        store.update_review(tx, after)
        states = [{"reviewed_at": record.reviewed_at, "reviewed_by": record.reviewed_by} for record in (before, after)]
        self._keep_change(tx, actor, after, "patient", patient_id, "reviewed", *map(msgspec.to_builtins, states))
        self._tell(tx, after)
        return after

    def confirm_group(self, tx: Transaction, actor: Actor, patient_id: str, token: str, group_id: str) -> Patient:
        """A group of questions was asked again, and nothing has changed."""
        if not 0 < len(group_id) <= 36:
            raise InvalidInputError("Unknown field: {field}", field="group_id")
        record = self._load_guarded(tx, actor, patient_id, token)
        before = next((known for known in record.confirmations if known.group_id == group_id), None)
        after = Confirmation(group_id, tx.now, actor.user, actor.place)
        store.write_confirmation(tx, patient_id, after)
        others = [known for known in record.confirmations if known.group_id != group_id]
        record = structs.replace(record, confirmations=sorted([*others, after], key=lambda known: known.group_id))
        states = [None if known is None else msgspec.to_builtins(known) for known in (before, after)]
        self._keep_change(tx, actor, record, "conditions", group_id, "confirmed", *states)
        self._tell(tx, record)
        return record

    def decide(self, tx: Transaction, actor: Actor, patient_id: str, token: str, wanted: Decide) -> Patient:
        """Override a contraindication, with the reason; it does not interrupt again while the findings are the same."""
        reason = wanted.reason.strip()
        if not reason or max(len(reason), len(wanted.drug)) > TEXT_LIMIT or not 0 < len(wanted.findings_key) <= 64:
            raise InvalidInputError("A decision needs a reason of up to {limit} characters.", limit=TEXT_LIMIT, field="reason")
        texts = (reason, wanted.drug, wanted.findings_key, wanted.edition, *wanted.rules)
        if any(has_control_character(text, allowed="\n\t") for text in texts):
            raise InvalidInputError("The text holds a control character.", field="reason")
        record = self._load_guarded(tx, actor, patient_id, token)
        before = next((known for known in record.decisions if known.findings_key == wanted.findings_key), None)
        after = Decision(
            findings_key=wanted.findings_key, drug=wanted.drug, rules=wanted.rules[:50], reason=reason, edition=wanted.edition[:60],
            decided_at=tx.now, decided_by=actor.user, workplace=actor.place,
        )  # fmt: skip
        store.write_decision(tx, patient_id, after)
        others = [known for known in record.decisions if known.findings_key != wanted.findings_key]
        record = structs.replace(record, decisions=[*others, after])
        states = [None if known is None else msgspec.to_builtins(known) for known in (before, after)]
        self._keep_change(tx, actor, record, "patient", wanted.findings_key[:36], "decided", *states)
        self._tell(tx, record)
        return record

    def take_out(
        self, tx: Transaction, actor: Actor, patient_id: str, token: str, refs: Sequence[EntryRef], right_id: str
    ) -> list[tuple[EntryKind, Entry]]:
        """Take entries out of a record they do not belong to; the history says where they went. Returns them as they were."""
        record = self._load_guarded(tx, actor, patient_id, token)
        taken: list[tuple[EntryKind, Entry]] = []
        for ref in refs:
            before = model.find_entry(record, ref.kind, ref.id)
            record = self._take_away(tx, actor, record, ref.kind, before, "moved", moved_to=right_id)
            taken.append((ref.kind, before))
        self._tell(tx, record)
        return taken

    def put_in(
        self, tx: Transaction, actor: Actor, patient_id: str, token: str, entries: Sequence[tuple[EntryKind, Entry]], *, action: str, origin: str
    ) -> tuple[Patient, list[tuple[EntryKind, str]]]:  # fmt: skip
        """Add copies of another record's entries; the history says where they come from. Returns the record and their ids."""
        record = self._load_guarded(tx, actor, patient_id, token)
        added: list[tuple[EntryKind, str]] = []
        for kind, entry in entries:
            copy = model.copied_entry(entry, entry_id=str(uuid.uuid4()), actor=actor, now=tx.now)
            store.insert_entry(tx, patient_id, kind, copy)
            record = self._keep_entry(tx, actor, record, kind, action, None, copy, **{f"{action}_from": origin})
            added.append((kind, copy.id))
        self._tell(tx, record)
        return record, added

    def take_back(
        self, tx: Transaction, actor: Actor, patient_id: str, token: str, refs: Sequence[EntryRef], former: Mapping[str, str]
    ) -> None:
        """Take out of the record again what a merge had brought; where nothing is recorded then, the `former` answers count again."""
        before = record = self._load_guarded(tx, actor, patient_id, token)
        for ref in refs:
            record = self._take_away(tx, actor, record, ref.kind, model.find_entry(record, ref.kind, ref.id), "unmerged")
        answers = {
            name: former[name] for name in ("allergy_state", "medication_state")
            if getattr(before, name) == "recorded" and getattr(record, name) == "not_asked" and former[name] != "recorded"
        }  # fmt: skip
        if answers:
            record = structs.replace(record, **answers)
            store.update_identity(tx, record, self._today(), is_renamed=False)
        self._tell(tx, record)

    def guard(self, tx: Transaction, actor: Actor, patient_id: str, token: str) -> None:
        """Refuse a token that may not write before anything else is looked at. Raises `StaleFencingTokenError`, `PatientNotFoundError`."""
        self._require_sound()
        store.guard(tx, actor, patient_id, token)

    def set_merged(self, tx: Transaction, actor: Actor, patient_id: str, into_id: str | None) -> None:
        """Say which record this one went into, or None when it stands by itself again.

        Nobody holds the record: the caller has seen to that in the same transaction.
        """
        before = rows.load_record(tx.connection, self._memory, patient_id, self._today())
        after = structs.replace(before, merged_into=into_id, version=store.set_merged_into(tx, patient_id, into_id))
        states = [{"merged_into": record.merged_into} for record in (before, after)]
        self._keep_change(tx, actor, after, "patient", patient_id, "merged" if into_id else "unmerged", *states)
        self._tell(tx, after)

    def read(self, tx: Transaction, patient_id: str) -> Patient:
        """The record within a transaction. Raises `PatientNotFoundError`."""
        return rows.load_record(tx.connection, self._memory, patient_id, self._today())

    def record_at_opening(self, tx: Transaction, patient_id: str, version: int, planned_on: str | None) -> Patient:
        """The record as the opening transaction sees it, whose row it has read; remembered for the reads and writes that follow."""
        record = rows.record_at(tx.connection, self._memory, patient_id, (version, planned_on), self._today())
        tx.after_commit(lambda: self._memory.put(record))
        return record

    def _load_guarded(self, tx: Transaction, actor: Actor, patient_id: str, token: str, *, is_medical: bool = True) -> Patient:
        self._require_sound()
        version = store.guard(tx, actor, patient_id, token, is_medical=is_medical)
        known = self._memory.get(patient_id, version - 1)
        record = known or rows.load_record(tx.connection, self._memory, patient_id, self._today())
        return structs.replace(record, version=version, changed_at=tx.now if is_medical else record.changed_at)

    def _take_away(
        self, tx: Transaction, actor: Actor, record: Patient, kind: EntryKind, before: Entry, action: str, **further: str
    ) -> Patient:  # fmt: skip
        model.refuse_if_signed(record, before, actor)
        after = model.marked_entry(before, actor=actor, now=tx.now)
        store.update_entry(tx, kind, after)
        return self._keep_entry(tx, actor, record, kind, action, before, after, **further)

    def _finish(
        self, tx: Transaction, actor: Actor, record: Patient, kind: EntryKind, action: str, before: Entry | None, after: Entry
    ) -> None:  # fmt: skip
        self._tell(tx, self._keep_entry(tx, actor, record, kind, action, before, after))

    def _keep_entry(
        self, tx: Transaction, actor: Actor, record: Patient, kind: EntryKind, action: str, before: Entry | None, after: Entry,
        **further: str,
    ) -> Patient:  # fmt: skip
        changed = model.with_entry(record, kind, after)
        if (record.allergy_state == "none_known" and changed.allergy_state != "none_known") or (
            record.medication_state == "none" and changed.medication_state != "none"
        ):
            store.update_identity(tx, changed, self._today(), is_renamed=False)
        states = (None if before is None else msgspec.to_builtins(before)), msgspec.to_builtins(after) | further
        self._keep_change(tx, actor, changed, kind, after.id, action, *states)
        return changed

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
