"""Which server writes to a database that several can reach."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "active_server",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("lineage", sa.String(length=60), nullable=False),
        sa.Column("last_group", sa.String(length=32), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_active_server")),
    )
