"""Devices that are paired once, one-time codes for the first password, PINs for a quick change of user."""

import sqlalchemy as sa
from alembic import op

from miz.infra.db.engine import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("user_account", sa.Column("code_hash", sa.LargeBinary(length=32)))
    op.add_column("user_account", sa.Column("code_until", Instant()))
    op.add_column("user_account", sa.Column("password_used_at", Instant()))
    op.add_column("user_account", sa.Column("pin_hash", sa.String(length=200)))
    op.add_column("user_account", sa.Column("pin_failures", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "device",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("room_id", sa.String(length=36)),
        sa.Column("workplace_id", sa.String(length=36)),
        sa.Column("token_hash", sa.LargeBinary(length=32)),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("paired_at", Instant()),
        sa.Column("paired_by", sa.String(length=100)),
        sa.Column("revoked_at", Instant()),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_device_room_id_room")),
        sa.ForeignKeyConstraint(["workplace_id"], ["workplace.id"], name=op.f("fk_device_workplace_id_workplace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_device_token_hash")),
    )
    op.create_table(
        "pairing_code",
        sa.Column("device_id", sa.String(length=36), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issued_by", sa.String(length=100), nullable=False),
        sa.Column("valid_until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_pairing_code_device_id_device")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_pairing_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_pairing_code_code_hash")),
    )
    op.execute(
        "ALTER TABLE user_session ADD COLUMN device_id VARCHAR(36) CONSTRAINT fk_user_session_device_id_device REFERENCES device (id)"
    )
