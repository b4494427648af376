"""Who wants which patient erased, and the ids of those who were."""

import sqlalchemy as sa
from alembic import op

from miz.infra.db.engine import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "erasure_request",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("requested_by", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_erasure_request_patient_id_patient")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_erasure_request")),
    )
    op.create_table(
        "erased_patient",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("erased_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_patient")),
    )
