"""Moving entries to the right patient; merging two records and undoing it."""

import uuid
from collections.abc import Sequence

from msgspec import structs

from miz.infra.db.writer import Transaction
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError
from miz.practice.errors import UnknownMergeError
from miz.practice.moving import store
from miz.practice.openings.presence import LiveApplication
from miz.practice.openings.service import Openings
from miz.practice.patients import queries
from miz.practice.patients.model import content_of
from miz.practice.patients.service import Records
from miz.wire.client_protocol import ENTRY_KINDS, Entry, EntryKind, EntryRef, Merge, Opening, Patient

ENTRIES_AT_ONCE = 200


class Moving:
    """What concerns two records at once; each method runs inside one transaction of the writer."""

    def __init__(self, openings: Openings, records: Records) -> None:
        self._openings = openings
        self._records = records

    def move(
        self, tx: Transaction, application: LiveApplication, actor: Actor, wrong_id: str, token: str, refs: Sequence[EntryRef], right_id: str
    ) -> Opening:  # fmt: skip
        """Move entries to the patient they belong to, who is open in this window afterwards.

        Raises `StaleFencingTokenError`, `EntryNotFoundError`, `InvalidInputError` and what `Openings.acquire` raises;
        then nothing has moved.
        """
        if right_id == wrong_id or not 0 < len(refs) <= ENTRIES_AT_ONCE:
            raise InvalidInputError("Choose entries, and another patient to move them to.", field="to")
        taken = self._records.take_out(tx, actor, wrong_id, token, refs, right_id)
        opening = self._openings.acquire(tx, application, actor, right_id)
        record, _ = self._records.put_in(tx, actor, right_id, opening.fencing_token, taken, action="moved", origin=wrong_id)
        return structs.replace(opening, patient=record)

    def merge(self, tx: Transaction, application: LiveApplication, actor: Actor, kept_id: str, token: str, other_id: str) -> Merge:
        """Copy what the other record of the same person holds into this one; the other one rests from then on.

        Raises `StaleFencingTokenError`, `InvalidInputError` and what `Openings.retire` raises.
        """
        if kept_id == other_id:
            raise InvalidInputError("Choose entries, and another patient to move them to.", field="other")
        self._records.guard(tx, actor, kept_id, token)
        self._openings.retire(tx, application, other_id)
        kept = self._records.read(tx, kept_id)
        missing = _missing(kept, self._records.read(tx, other_id))
        _, added = self._records.put_in(tx, actor, kept_id, token, missing, action="merged", origin=other_id)
        self._records.set_merged(tx, actor, other_id, kept_id)
        merge = Merge(
            id=str(uuid.uuid4()), into_id=kept_id, from_id=other_id, merged_at=tx.now, merged_by=actor.user, workplace=actor.place
        )
        store.insert_merge(tx, merge, added, {"allergy_state": kept.allergy_state, "medication_state": kept.medication_state})
        return merge

    def undo_merge(self, tx: Transaction, actor: Actor, kept_id: str, token: str, merge_id: str) -> Merge:
        """Make them two records again. Copies that somebody has changed since stay; `kept` counts them.

        Raises `StaleFencingTokenError`, `UnknownMergeError`.
        """
        self._records.guard(tx, actor, kept_id, token)
        known = next((merge for merge in queries.merges(tx.connection, kept_id) if merge.id == merge_id), None)
        if known is None or known.into_id != kept_id or known.undone_at is not None:
            raise UnknownMergeError
        record = self._records.read(tx, kept_id)
        copies, former = store.merged_entries(tx.connection, merge_id)
        standing = [(kind, entry) for kind, entry in _entries(record) if (kind, entry.id) in copies]
        untouched = [EntryRef(kind, entry.id) for kind, entry in standing if entry.version == 1]
        self._records.take_back(tx, actor, kept_id, token, untouched, former)
        self._records.set_merged(tx, actor, known.from_id, None)
        undone = structs.replace(known, undone_at=tx.now, undone_by=actor.user, kept=len(standing) - len(untouched))
        store.undo_merge(tx, undone)
        return undone


def _entries(record: Patient) -> list[tuple[EntryKind, Entry]]:
    return [(kind, entry) for kind in ENTRY_KINDS for entry in getattr(record, kind)]


def _missing(kept: Patient, other: Patient) -> list[tuple[EntryKind, Entry]]:
    """What the other record says and this one does not."""
    said = [(kind, content_of(entry)) for kind, entry in _entries(kept)]
    return [(kind, entry) for kind, entry in _entries(other) if (kind, content_of(entry)) not in said]
