"""Tables of the audit trail. Rows are only ever added, and sealed once."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from miz.infra.db.engine import Instant
from miz.infra.db.schema import metadata

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("roles", String(200), nullable=False),
    Column("place", String(60), nullable=False),
    Column("patient_id", String(36)),
    Column("action", String(40), nullable=False),
    Column("detail", String(200), nullable=False),
    Column("history_id", Integer),
    Column("salt", LargeBinary(16)),
    Column("commitment", LargeBinary(32)),
    Column("previous_hash", LargeBinary(32)),
    Column("hash", LargeBinary(32)),
)

# Only sealed entries: so the index grows in the sealing job and costs the writes nothing.
_IS_SEALED = audit_entry.c.hash.is_not(None)
Index("ix_audit_entry_patient_id", audit_entry.c.patient_id, audit_entry.c.id, sqlite_where=_IS_SEALED, postgresql_where=_IS_SEALED)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", Integer, nullable=False),
    Column("entry_hash", LargeBinary(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
)
