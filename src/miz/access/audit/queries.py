"""Reading the audit trail: who did what, the chain for export, and its verification."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, String, bindparam, select, type_coerce

from miz.access.audit import model
from miz.access.audit.model import ERASED, GENESIS, AuditEntry, AuditLine, AuditLines, AuditSearch, ChainPart, Fault, Finding, Report
from miz.access.audit.signing import Checkpoint, checkpoint_in, is_genuine, readable_checkpoint
from miz.access.audit.tables import audit_checkpoint, audit_entry
from miz.infra.db.engine import Instant

EvidenceOf = Callable[[Connection, Sequence[int]], Mapping[int, bytes]]
"""What lines of the history say now, by id; lines that are gone are missing."""

FINDINGS_LIMIT = 1_000


def _as_stored(column: Column[Any]) -> ColumnElement[Any]:
    return type_coerce(column, String).label(column.name) if isinstance(column.type, Instant) else column


_PAGE = range(1, 1_001)
_PORTION = 500
_SHOWN = ("id", "at", "user_id", "roles", "place", "patient_id", "action", "detail", "history_id")
_IS_SEALED = audit_entry.c.hash.is_not(None)  # the index of patients knows no others
_SELECT_LINE = select(*(audit_entry.c[name] for name in _SHOWN)).where(_IS_SEALED).order_by(audit_entry.c.id.desc())
# Instants as they are stored: one that has been made unreadable is a finding, no failure.
_SELECT_ENTRY = select(*(_as_stored(audit_entry.c[name]) for name in AuditEntry.__struct_fields__)).order_by(audit_entry.c.id)
_SELECT_CHECKPOINT = select(*(_as_stored(audit_checkpoint.c[name]) for name in Checkpoint.__struct_fields__)).order_by(
    audit_checkpoint.c.id
)
_SELECT_HASH = select(audit_entry.c.hash).where(audit_entry.c.id == bindparam("of_entry"))


def find_entries(reader: Connection, wanted: AuditSearch, *, user_id: str | None, names: Mapping[str, str]) -> AuditLines:
    """Sealed entries, newest first; `user_id` narrows to one user, `names` are the users' names by id."""
    columns, found = audit_entry.c, _SELECT_LINE
    for column, value in ((columns.patient_id, wanted.patient_id), (columns.user_id, user_id), (columns.action, wanted.action)):
        found = found if value is None else found.where(column == value)
    found = found if wanted.since is None else found.where(columns.at >= wanted.since)
    found = found if wanted.until is None else found.where(columns.at < wanted.until)
    found = found if wanted.before is None else found.where(columns.id < wanted.before)
    limit = max(_PAGE.start, min(wanted.limit, _PAGE.stop - 1))
    rows = reader.execute(found.limit(limit + 1)).all()
    items = [
        AuditLine(**{**row._asdict(), "roles": row.roles.split(",") if row.roles else [], "user": names.get(row.user_id, row.user_id)})
        for row in rows[:limit]
    ]
    return AuditLines(items, items[-1].id if len(rows) > limit else None)


def newest_checkpoint(reader: Connection) -> Checkpoint | None:
    """The statement that was signed last."""
    row = reader.execute(_SELECT_CHECKPOINT.order_by(None).order_by(audit_checkpoint.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Checkpoint(*row)


def newest_instant(reader: Connection) -> datetime | None:
    """When the newest entry was made."""
    return reader.execute(select(audit_entry.c.at).order_by(audit_entry.c.id.desc()).limit(1)).scalar_one_or_none()


def chain_part(reader: Connection, public_key: bytes, *, after: int) -> ChainPart:
    """The next sealed entries behind `after`, and the checkpoints that were signed on them."""
    sealed = _SELECT_ENTRY.where(audit_entry.c.id > after, _IS_SEALED).limit(_PAGE.stop - 1)
    entries = [model.readable(AuditEntry(*row)) for row in reader.execute(sealed)]
    last = entries[-1].id if entries else after
    on_them = _SELECT_CHECKPOINT.where(audit_checkpoint.c.entry_id > after, audit_checkpoint.c.entry_id <= last)
    checkpoints = [readable_checkpoint(Checkpoint(*row)) for row in reader.execute(on_them)]
    return ChainPart(public_key.hex(), entries, checkpoints)


def verify(reader: Connection, *, public_key: bytes, anchor: bytes | None, evidence_of: EvidenceOf) -> Report:
    """Walk the whole chain and say everything that does not fit. Entries that wait for being sealed are not judged.

    `anchor` is the content of the file outside of the database, read before this is called.
    """
    seen = _Seen()
    last = reader.execute(select(audit_entry.c.id).where(_IS_SEALED).order_by(audit_entry.c.id.desc()).limit(1)).scalar()
    _walk_chain(reader, last or 0, evidence_of, seen)
    _walk_checkpoints(reader, public_key, seen)
    _compare_anchor(reader, public_key, anchor, seen)
    return Report(seen.entries, seen.checkpoints, not seen.findings, seen.findings[:FINDINGS_LIMIT])


class _Seen:
    """What a verification has seen so far."""

    def __init__(self) -> None:
        self.entries = self.checkpoints = self.last_checkpoint = 0
        self.findings: list[Finding] = []

    def add(self, entry_id: int | None, *faults: Fault | None) -> None:
        self.findings += [Finding(entry_id, fault) for fault in faults if fault]

    @property
    def is_full(self) -> bool:
        return len(self.findings) >= FINDINGS_LIMIT


def _walk_chain(reader: Connection, last: int, evidence_of: EvidenceOf, seen: _Seen) -> None:
    previous_id, previous_hash = 0, GENESIS
    erased: dict[str | None, bool] = {}
    for portion in _portions(reader, _SELECT_ENTRY.where(audit_entry.c.id <= last), audit_entry.c.id):
        entries = [AuditEntry(*row) for row in portion]
        evidence = evidence_of(reader, [entry.history_id for entry in entries if entry.history_id is not None])
        for entry in entries:
            seen.add(entry.id, *model.chain_faults(previous_id, previous_hash, entry))
            previous_id, previous_hash = entry.id, entry.hash or b""
            if entry.commitment is not None or entry.salt is not None:
                said = evidence.get(entry.history_id or 0)
                is_erased = (said is None or entry.salt is None) and _is_erased(reader, entry.patient_id, erased)
                seen.add(entry.id, model.history_fault(entry, said, is_erased=is_erased))
        seen.entries += len(entries)
        if seen.is_full:
            return


def _walk_checkpoints(reader: Connection, public_key: bytes, seen: _Seen) -> None:
    for portion in _portions(reader, _SELECT_CHECKPOINT, audit_checkpoint.c.id):
        for row in portion:
            checkpoint = Checkpoint(*row)
            is_next, seen.last_checkpoint = checkpoint.id == seen.last_checkpoint + 1, checkpoint.id
            seen.add(checkpoint.entry_id, None if is_next else "checkpoint_missing", _checkpoint_fault(reader, public_key, checkpoint))
            seen.checkpoints += 1
        if seen.is_full:
            return


def _checkpoint_fault(reader: Connection, public_key: bytes, checkpoint: Checkpoint) -> Fault | None:
    if not is_genuine(checkpoint, public_key):
        return "checkpoint_broken"
    is_there = reader.execute(_SELECT_HASH, {"of_entry": checkpoint.entry_id}).scalar() == checkpoint.entry_hash
    return None if is_there else "checkpoint_differs"


def _compare_anchor(reader: Connection, public_key: bytes, anchor: bytes | None, seen: _Seen) -> None:
    if anchor is None:
        seen.add(None, "anchor_missing" if seen.checkpoints else None)
        return
    checkpoint = checkpoint_in(anchor)
    if checkpoint is None:
        seen.add(None, "anchor_broken")
        return
    fault = _checkpoint_fault(reader, public_key, checkpoint)
    faults: dict[Fault | None, Fault] = {"checkpoint_broken": "anchor_broken", "checkpoint_differs": "anchor_differs"}
    seen.add(checkpoint.entry_id, faults.get(fault))
    if not seen.is_full:
        seen.add(checkpoint.entry_id, "checkpoint_missing" if checkpoint.id > seen.last_checkpoint else None)


def _is_erased(reader: Connection, patient_id: str | None, known: dict[str | None, bool]) -> bool:
    if patient_id not in known:
        found = select(audit_entry.c.id).where(audit_entry.c.patient_id == patient_id, audit_entry.c.action == ERASED, _IS_SEALED)
        known[patient_id] = reader.execute(found.limit(1)).first() is not None
    return known[patient_id]


def _portions(reader: Connection, rows: Select[Any], key: Any) -> Iterator[Sequence[Any]]:
    """All rows in the order of `key`, a few at a time, so that neither memory nor a snapshot is held for long."""
    after = -1
    while portion := reader.execute(rows.where(key > after).limit(_PORTION)).all():
        yield portion
        after = portion[-1].id
