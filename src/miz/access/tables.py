"""Tables of the room `access`."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from miz.infra.db.engine import Instant, Json
from miz.infra.db.schema import metadata

user_account = Table(
    "user_account",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("sign_in_name", String(100), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("roles", Json, nullable=False),
    Column("is_disabled", Boolean, nullable=False, default=False),
    Column("failures_in_row", Integer, nullable=False, default=0),
    Column("created_at", Instant, nullable=False),
    # Without a password (an empty hash) the user sets one with a one-time code.
    Column("code_hash", LargeBinary(32)),
    Column("code_until", Instant),
    Column("password_used_at", Instant),
    Column("pin_hash", String(200)),
    Column("pin_failures", Integer, nullable=False, server_default="0"),
)

room = Table("room", metadata, Column("id", String(36), primary_key=True), Column("name", String(60), nullable=False, unique=True))

workplace = Table(
    "workplace",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(60), nullable=False, unique=True),
    Column("room_id", ForeignKey(room.c.id), nullable=True),
)

# A browser that was paired once: a display shows its room, a workplace stands for its desk. The token is in its cookie.
device = Table(
    "device",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("room_id", ForeignKey(room.c.id)),
    Column("workplace_id", ForeignKey(workplace.c.id)),
    Column("token_hash", LargeBinary(32), unique=True),
    Column("added_at", Instant, nullable=False),
    Column("paired_at", Instant),
    Column("paired_by", String(100)),
    Column("revoked_at", Instant),
)

# The one code that pairs a device; it goes when it is used.
pairing_code = Table(
    "pairing_code",
    metadata,
    Column("device_id", ForeignKey(device.c.id), primary_key=True),
    Column("code_hash", LargeBinary(32), nullable=False, unique=True),
    Column("issued_by", String(100), nullable=False),
    Column("valid_until", Instant, nullable=False),
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
    Column("device_id", ForeignKey(device.c.id)),
    Column("is_locked", Boolean, nullable=False, default=False),
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
