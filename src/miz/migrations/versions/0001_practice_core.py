"""Users, sessions, workplaces; patients with their lists and history; applications and leases."""

import sqlalchemy as sa
from alembic import op

from miz.infra.db.engine import Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "client_application",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("user", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("room", sa.String(length=60), nullable=True),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_application")),
    )
    op.create_index(op.f("ix_client_application_session_id"), "client_application", ["session_id"], unique=False)
    op.create_table(
        "idempotent_answer",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "route", "key", name=op.f("pk_idempotent_answer")),
    )
    op.create_index(op.f("ix_idempotent_answer_created_at"), "idempotent_answer", ["created_at"], unique=False)
    op.create_table(
        "patient",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("family_name", sa.String(length=200), nullable=False),
        sa.Column("given_name", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=100), nullable=True),
        sa.Column("birth_date", sa.String(length=10), nullable=False),
        sa.Column("sex", sa.String(length=12), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=True),
        sa.Column("insurance_number", sa.String(length=40), nullable=True),
        sa.Column("is_sample", sa.Boolean(), nullable=False),
        sa.Column("no_allergies_known", sa.Boolean(), nullable=False),
        sa.Column("takes_nothing", sa.Boolean(), nullable=False),
        sa.Column("planned", Json, nullable=False),
        sa.Column("planned_on", sa.String(length=10), nullable=True),
        sa.Column("reviewed_at", Instant(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fencing_token", sa.String(length=30), nullable=False),
        sa.Column("family_key", sa.String(length=200), nullable=False),
        sa.Column("given_key", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
    )
    op.create_index("ix_patient_birth_date", "patient", ["birth_date"], unique=False)
    op.create_index("ix_patient_name", "patient", ["family_key", "given_key", "id"], unique=False)
    op.create_index("ix_patient_number", "patient", ["number"], unique=False)
    op.create_table(
        "room",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("name", name=op.f("uq_room_name")),
    )
    op.create_table(
        "server_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("practice", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("control_interval_s", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_state")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sign_in_name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("roles", Json, nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("failures_in_row", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("sign_in_name", name=op.f("uq_user_account_sign_in_name")),
    )
    op.create_table(
        "allergy",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("entered_in_error", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("allergy_id", sa.String(length=100), nullable=True),
        sa.Column("reaction", sa.Text(), nullable=True),
        sa.Column("onset", sa.String(length=10), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("year", sa.String(length=10), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_allergy_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allergy")),
    )
    op.create_index(op.f("ix_allergy_patient_id"), "allergy", ["patient_id"], unique=False)
    op.create_table(
        "change",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_change_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_patient", "change", ["patient_id", "version"], unique=False)
    op.create_table(
        "condition",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("entered_in_error", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("condition_id", sa.String(length=100), nullable=True),
        sa.Column("since", sa.String(length=10), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_condition_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition")),
    )
    op.create_index(op.f("ix_condition_patient_id"), "condition", ["patient_id"], unique=False)
    op.create_table(
        "lease",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("application_id", sa.String(length=36), nullable=False),
        sa.Column("fencing_token", sa.String(length=30), nullable=False),
        sa.Column("acquired_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["client_application.id"], name=op.f("fk_lease_application_id_client_application")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_lease_patient_id_patient")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_lease")),
        sa.UniqueConstraint("application_id", name=op.f("uq_lease_application_id")),
    )
    op.create_table(
        "medication",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("entered_in_error", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("drug_id", sa.String(length=100), nullable=True),
        sa.Column("strength", sa.String(length=100), nullable=True),
        sa.Column("form", sa.String(length=100), nullable=True),
        sa.Column("dose", Json, nullable=True),
        sa.Column("dose_text", sa.Text(), nullable=True),
        sa.Column("unit", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.String(length=10), nullable=True),
        sa.Column("until", sa.String(length=10), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_medication_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_medication")),
    )
    op.create_index(op.f("ix_medication_drug_id"), "medication", ["drug_id"], unique=False)
    op.create_index(op.f("ix_medication_patient_id"), "medication", ["patient_id"], unique=False)
    op.create_table(
        "note",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("entered_in_error", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_note_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index(op.f("ix_note_patient_id"), "note", ["patient_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("workplace", sa.String(length=60), nullable=False),
        sa.Column("entered_in_error", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("measured_on", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_observation_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
    )
    op.create_index(op.f("ix_observation_patient_id"), "observation", ["patient_id"], unique=False)
    op.create_table(
        "patient_word",
        sa.Column("word", sa.String(length=200), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patient_word_patient_id_patient")),
        sa.PrimaryKeyConstraint("word", "patient_id", name=op.f("pk_patient_word")),
    )
    op.create_index(op.f("ix_patient_word_patient_id"), "patient_word", ["patient_id"], unique=False)
    op.create_table(
        "workplace",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("room_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_workplace_room_id_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workplace")),
        sa.UniqueConstraint("name", name=op.f("uq_workplace_name")),
    )
    op.create_table(
        "user_session",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("workplace_id", sa.String(length=36), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_user_session_user_id_user_account")),
        sa.ForeignKeyConstraint(["workplace_id"], ["workplace.id"], name=op.f("fk_user_session_workplace_id_workplace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_session_token_hash")),
    )
    op.create_index(op.f("ix_user_session_user_id"), "user_session", ["user_id"], unique=False)
