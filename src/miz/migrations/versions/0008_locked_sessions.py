"""A locked screen stays locked when the server starts again."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("user_session", sa.Column("is_locked", sa.Boolean(), nullable=False, server_default=sa.false()))
