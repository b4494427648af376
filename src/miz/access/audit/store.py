"""Rows of the audit trail, the writing side."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from miz.access.audit.model import GENESIS, AuditEntry
from miz.access.audit.signing import Checkpoint
from miz.access.audit.tables import audit_checkpoint, audit_entry
from miz.infra.db.prepared import Prepared

_COLUMNS = [audit_entry.c[name] for name in AuditEntry.__struct_fields__]
_INSERT = Prepared(insert(audit_entry))
_LAST_SEALED = Prepared(
    select(audit_entry.c.id, audit_entry.c.hash).where(audit_entry.c.hash.is_not(None)).order_by(audit_entry.c.id.desc()).limit(1)
)
_AFTER = select(*_COLUMNS).where(audit_entry.c.id > bindparam("after")).order_by(audit_entry.c.id).limit(bindparam("most"))
_SEAL = Prepared(
    update(audit_entry)
    .where(audit_entry.c.id == bindparam("of_entry"))
    .values(previous_hash=bindparam("previous"), hash=bindparam("new_hash"))
)
_HASH_OF = Prepared(select(audit_entry.c.hash).where(audit_entry.c.id == bindparam("of_entry")))
_LAST_CHECKPOINT = Prepared(select(audit_checkpoint.c.id, audit_checkpoint.c.entry_id).order_by(audit_checkpoint.c.id.desc()).limit(1))


def insert_entry(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add an entry that is not sealed yet."""
    _INSERT.run(connection, values)


def last_sealed(connection: Connection) -> tuple[int, bytes]:
    """Id and hash of the end of the chain."""
    found = _LAST_SEALED.run(connection, {})
    return (found[0][0], found[0][1]) if found else (0, GENESIS)


def entries_after(connection: Connection, entry_id: int, limit: int) -> Sequence[AuditEntry]:
    """The next entries in the order of their ids."""
    return [AuditEntry(*row) for row in connection.execute(_AFTER, {"after": entry_id, "most": limit})]


def seal_entry(connection: Connection, entry_id: int, previous_hash: bytes, new_hash: bytes) -> None:
    """Give an entry its place in the chain."""
    _SEAL.run(connection, {"of_entry": entry_id, "previous": previous_hash, "new_hash": new_hash})


def forget_salts(connection: Connection, patient_id: str) -> None:
    """Make of what the sealed entries of a patient commit to something that nobody can compare any more."""
    sealed = (audit_entry.c.patient_id == patient_id, audit_entry.c.hash.is_not(None))  # the index of patients knows no others
    connection.execute(update(audit_entry).where(*sealed, audit_entry.c.salt.is_not(None)).values(salt=None))


def hash_of(connection: Connection, entry_id: int) -> bytes | None:
    """The hash of an entry; None when there is no such entry."""
    found = _HASH_OF.run(connection, {"of_entry": entry_id})
    return found[0][0] if found else None


def last_checkpoint(connection: Connection) -> tuple[int, int]:
    """Id of the newest checkpoint and of its entry; zeros when there is none."""
    found = _LAST_CHECKPOINT.run(connection, {})
    return (found[0][0], found[0][1]) if found else (0, 0)


def insert_checkpoint(connection: Connection, checkpoint: Checkpoint) -> None:
    """Add a signed checkpoint."""
    values = {name: getattr(checkpoint, name) for name in Checkpoint.__struct_fields__}
    connection.execute(insert(audit_checkpoint).values(**values))
