"""Tables of the room `access`."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from miz.infra.db.engine import Instant
from miz.infra.db.schema import metadata

user_account = Table(
    "user_account",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("sign_in_name", String(100), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("is_disabled", Boolean, nullable=False, default=False),
    Column("failures_in_row", Integer, nullable=False, default=0),
    Column("created_at", Instant, nullable=False),
)

room = Table("room", metadata, Column("id", String(36), primary_key=True), Column("name", String(60), nullable=False, unique=True))

workplace = Table(
    "workplace",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("room_id", ForeignKey(room.c.id), nullable=True),
)

user_session = Table(
    "user_session",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("user_id", ForeignKey(user_account.c.id), nullable=False),
    Column("workplace_id", ForeignKey(workplace.c.id), nullable=True),
    Column("started_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Index(None, "user_id"),
)

idempotent_answer = Table(
    "idempotent_answer",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("route", String(200), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)
