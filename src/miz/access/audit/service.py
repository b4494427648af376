"""Writing the audit trail: entries in the transaction they tell of, reads within a second, then seal and checkpoint."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from miz.access.audit import model, store
from miz.access.audit.errors import AuditTrailFullError
from miz.access.audit.signing import Checkpoint, Signer, anchor_of, checkpoint_in
from miz.infra.db.writer import Transaction, Writer
from miz.infra.files import write_whole
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError

READS_ALIKE_S = 600.0
CHECKPOINT_ENTRIES = 100
CHECKPOINT_S = 300.0
ANCHOR_S = 60.0
WAITING_LIMIT = 100_000
_PORTION = 200  # a few milliseconds: others write between two portions


def signing_seed(database_key: bytes) -> bytes:
    """The seed of the signing key; it grows from the database key, so there is no further secret to keep."""
    return hmac.digest(database_key, b"miz audit checkpoint signing key 1", "sha256")


class AuditTrail:
    """The audit trail of one server. `record` belongs into a transaction, everything else into the event loop."""

    def __init__(self, *, clock: Clock, seed: bytes, anchor_file: Path) -> None:
        self._clock = clock
        self._signer = Signer(seed)
        self._anchor_file = anchor_file
        self._noted: list[dict[str, Any]] = []
        self._recent: OrderedDict[tuple[str, str, str | None, str], float] = OrderedDict()
        self._catching_up = asyncio.Lock()
        # Counts what was recorded, rolled back or not. Differs at the start: a kill may have left entries unsealed.
        self._recorded, self._sealed = 1, 0
        self._is_covered = False
        self._checkpoint_s = clock.steady_s()
        self._unpublished: Checkpoint | None = None
        self._published_s = clock.steady_s() - ANCHOR_S

    @property
    def public_key(self) -> bytes:
        """What the signatures of the checkpoints are verified with."""
        return self._signer.public_key

    def read_anchor(self) -> bytes | None:
        """The content of the file outside of the database, None when there is none."""
        try:
            return self._anchor_file.read_bytes()
        except FileNotFoundError:
            return None

    def record(
        self, tx: Transaction, actor: Actor, action: str, *, patient_id: str | None = None, detail: str = "",
        history_id: int | None = None, evidence: bytes | None = None,
    ) -> None:  # fmt: skip
        """Add an entry in the transaction of what it tells of. `detail` holds ids and codes, nothing about a patient.

        `evidence` is what the history line `history_id` says; the entry commits to it.
        """
        values = _values(actor, action, patient_id, detail)
        values["at"] = tx.now
        values["history_id"] = history_id
        if evidence is not None:
            salt = secrets.token_bytes(16)
            values["salt"], values["commitment"] = salt, model.commitment_to(salt, evidence)
        store.insert_entry(tx.connection, values)
        self._recorded += 1

    async def tell(self, writer: Writer, actor: Actor, action: str, *, detail: str = "") -> None:
        """Add an entry on what is done already, outside of the rows: it was done, also where the database cannot take the entry just now.

        It waits for the next `catch_up` then.
        """
        try:
            await writer.run(lambda tx: self.record(tx, actor, action, detail=detail))
        except DatabaseUnavailableError:
            self._noted.append({**_values(actor, action, None, detail), "at": self._clock.now()})

    def erase(self, tx: Transaction, actor: Actor, patient_id: str, detail: str) -> None:
        """Say who has erased a patient, and forget what the patient's entries commit to; the chain stays whole without it.

        The caller removes the history in the same transaction. Only a sealed entry excuses that, so nothing waits for its seal here.
        """
        self.record(tx, actor, model.ERASED, patient_id=patient_id, detail=detail)
        while not _seal(tx)[0]:
            pass
        store.forget_salts(tx.connection, patient_id)

    def note(self, actor: Actor, action: str, patient_id: str | None = None, detail: str = "", *, alike: str = "") -> None:
        """Note a read; it is written within a second. The same by the same session is noted once in ten minutes.

        `alike` tells reads of one kind apart, such as searches by their text; it is never stored.
        Raises `AuditTrailFullError` when the database has not accepted writes for long.
        """
        now = self._clock.steady_s()
        key = (f"{actor.session_id} {actor.user_id}", action, patient_id, alike or detail)
        noted_s = self._recent.get(key)
        if noted_s is not None and now - noted_s < READS_ALIKE_S:
            return
        if len(self._noted) >= WAITING_LIMIT:
            raise AuditTrailFullError
        self._recent[key] = now
        self._recent.move_to_end(key)
        while now - next(iter(self._recent.values())) >= READS_ALIKE_S:
            self._recent.popitem(last=False)
        self._noted.append({**_values(actor, action, patient_id, detail), "at": self._clock.now()})

    @property
    def has_work(self) -> bool:
        """Whether something waits for being written, sealed, signed or published."""
        now = self._clock.steady_s()
        is_late = not self._is_covered and now - self._checkpoint_s >= CHECKPOINT_S
        is_unpublished = self._unpublished is not None and now - self._published_s >= ANCHOR_S
        return bool(self._noted) or self._recorded != self._sealed or is_late or is_unpublished

    async def catch_up(self, writer: Writer, *, is_closing: bool = False) -> None:
        """Write what was noted, seal what was recorded, sign a checkpoint and publish it when it is time; at closing in any case."""
        # Whoever waits may be cancelled; a round that has begun is finished, and the next one waits for it.
        await asyncio.shield(self._catch_up(writer, is_closing=is_closing))

    async def renew_anchor(self, writer: Writer, actor: Actor) -> None:
        """Trust the database as it is from here on, as after the file outside of it was lost. The trail keeps who said so."""
        await writer.run(lambda tx: self.record(tx, actor, "audit_anchor_renewed"))
        await asyncio.shield(self._catch_up(writer, is_closing=True, is_renewing=True))

    async def _catch_up(self, writer: Writer, *, is_closing: bool, is_renewing: bool = False) -> None:
        async with self._catching_up:
            is_due = is_closing or self._clock.steady_s() - self._checkpoint_s >= CHECKPOINT_S
            while True:
                portion, recorded = self._noted[:_PORTION], self._recorded
                del self._noted[:_PORTION]
                try:
                    done = await writer.run(partial(self._work, portion=portion, is_due=is_due, is_renewing=is_renewing))
                except Exception:
                    self._noted[:0] = portion
                    raise
                self._is_covered = done.is_covered
                if done.checkpoint is not None:
                    self._checkpoint_s = self._clock.steady_s()
                    self._unpublished = done.checkpoint if done.may_publish else self._unpublished
                if done.is_sealed and not self._noted:
                    self._sealed = recorded
                    break
            if self._unpublished is not None and (is_closing or self._clock.steady_s() - self._published_s >= ANCHOR_S):
                await asyncio.to_thread(write_whole, self._anchor_file, anchor_of(self._unpublished), is_private=True)
                self._unpublished, self._published_s = None, self._clock.steady_s()

    def _work(self, tx: Transaction, *, portion: list[dict[str, Any]], is_due: bool, is_renewing: bool) -> "_Round":
        """One short transaction of it."""
        for values in portion:
            store.insert_entry(tx.connection, values)
        is_sealed, head_id, head_hash = _seal(tx)
        checkpoint_id, covered_id = store.last_checkpoint(tx.connection)
        if head_id == covered_id:
            return _Round(is_sealed, is_covered=True)
        if head_id - covered_id < CHECKPOINT_ENTRIES and not (is_due and is_sealed):
            return _Round(is_sealed, is_covered=False)
        checkpoint = self._signer.sign(Checkpoint(checkpoint_id + 1, head_id, head_hash, tx.now))
        store.insert_checkpoint(tx.connection, checkpoint)
        may_publish = is_renewing or self._is_anchor_sound(tx, is_first=checkpoint.id == 1)
        return _Round(is_sealed, is_covered=True, checkpoint=checkpoint, may_publish=may_publish)

    def _is_anchor_sound(self, tx: Transaction, *, is_first: bool) -> bool:
        """Whether the file may be replaced. One that contradicts the database is evidence, and so is one that is gone."""
        anchor = self.read_anchor()
        if anchor is None:
            return is_first
        known = checkpoint_in(anchor)
        return known is not None and store.hash_of(tx.connection, known.entry_id) == known.entry_hash


def _seal(tx: Transaction) -> tuple[bool, int, bytes]:
    """Seal the next portion of entries: whether that were all, and the end of the chain."""
    head_id, head_hash = store.last_sealed(tx.connection)
    waiting = store.entries_after(tx.connection, head_id, _PORTION)
    for entry in waiting:
        sealed = model.entry_hash(head_hash, entry)
        store.seal_entry(tx.connection, entry.id, head_hash, sealed)
        head_id, head_hash = entry.id, sealed
    return len(waiting) < _PORTION, head_id, head_hash


@dataclass(frozen=True, slots=True)
class _Round:
    is_sealed: bool
    is_covered: bool
    checkpoint: Checkpoint | None = None
    may_publish: bool = False


def _values(actor: Actor, action: str, patient_id: str | None, detail: str) -> dict[str, Any]:
    return {
        "at": None, "user_id": actor.user_id, "roles": _roles(actor.roles), "place": actor.place,
        # An id as somebody has sent it: one that is none must not hold up all that waits to be written.
        "patient_id": patient_id[:36] if patient_id else None, "action": action,
        "detail": detail[:200], "history_id": None, "salt": None, "commitment": None,
    }  # fmt: skip


@lru_cache(maxsize=256)
def _roles(roles: frozenset[str]) -> str:
    return ",".join(sorted(roles))
