"""Modes, review, four states of the allergies, drafts, confirmations, decisions, merged records, the practice's own drugs."""

import sqlalchemy as sa
from alembic import op

from miz.infra.db.engine import Instant, Json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("server_state", sa.Column("mode", sa.String(length=10), nullable=False, server_default="operating"))
    op.add_column("server_state", sa.Column("starts_in_operating", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("server_state", sa.Column("is_set_up", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("patient", sa.Column("allergy_answer", sa.String(length=20), nullable=False, server_default="not_asked"))
    op.add_column("patient", sa.Column("allergies_asked_at", Instant()))
    op.add_column("patient", sa.Column("changed_at", Instant()))
    op.add_column("patient", sa.Column("is_unreviewed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("patient", sa.Column("merged_into", sa.String(length=36)))
    patient = sa.table("patient", sa.column("allergy_answer"), sa.column("no_allergies_known", sa.Boolean()))
    op.execute(patient.update().where(patient.c.no_allergies_known.is_(True)).values(allergy_answer="none_known"))
    op.drop_column("patient", "no_allergies_known")
    op.create_index(
        "ix_patient_changed_at",
        "patient",
        ["changed_at"],
        unique=False,
        sqlite_where=sa.text("is_unreviewed IS 1 AND merged_into IS NULL"),
        postgresql_where=sa.text("is_unreviewed IS true AND merged_into IS NULL"),
    )
    op.create_index("ix_patient_insurance_number", "patient", ["insurance_number"], unique=False)
    op.create_table(
        "confirmation",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("group_id", sa.String(length=40), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_confirmation_patient_id_patient")),
        sa.PrimaryKeyConstraint("patient_id", "group_id", name=op.f("pk_confirmation")),
    )
    op.create_table(
        "decision",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("findings_key", sa.String(length=64), nullable=False),
        sa.Column("drug", sa.Text(), nullable=False),
        sa.Column("rules", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("edition", sa.String(length=60), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_decision_patient_id_patient")),
        sa.PrimaryKeyConstraint("patient_id", "findings_key", name=op.f("pk_decision")),
    )
    op.create_table(
        "draft",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("application_id", sa.String(length=36), nullable=False),
        sa.Column("form", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("user", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_draft_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("patient_id", "application_id", "form", name=op.f("uq_draft_patient_id_application_id_form")),
    )
    op.create_table(
        "own_drug",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_own_drug")),
        sa.UniqueConstraint("text", name=op.f("uq_own_drug_text")),
    )
    op.create_table(
        "patient_merge",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("into_id", sa.String(length=36), nullable=False),
        sa.Column("from_id", sa.String(length=36), nullable=False),
        sa.Column("entries", Json, nullable=False),
        sa.Column("merged_at", Instant(), nullable=False),
        sa.Column("merged_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("undone_at", Instant()),
        sa.Column("undone_by", sa.String(length=100)),
        sa.ForeignKeyConstraint(["from_id"], ["patient.id"], name=op.f("fk_patient_merge_from_id_patient")),
        sa.ForeignKeyConstraint(["into_id"], ["patient.id"], name=op.f("fk_patient_merge_into_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_merge")),
    )
    op.create_index(op.f("ix_patient_merge_from_id"), "patient_merge", ["from_id"], unique=False)
    op.create_index(op.f("ix_patient_merge_into_id"), "patient_merge", ["into_id"], unique=False)
