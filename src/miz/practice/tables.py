"""Tables of the room `practice`. The patient's row guards all writes: its `fencing_token` is the only one accepted."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, and_

from miz.infra.db.engine import Instant, Json
from miz.infra.db.schema import metadata

server_state = Table(
    "server_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("practice", String(200), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("control_interval_s", Integer, nullable=False),
    Column("mode", String(10), nullable=False, default="operating"),
    Column("starts_in_operating", Boolean, nullable=False, default=True),
    Column("is_set_up", Boolean, nullable=False, default=False),
)

patient = Table(
    "patient",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("family_name", String(200), nullable=False),
    Column("given_name", String(200), nullable=False),
    Column("prefix", String(100)),
    Column("birth_date", String(10), nullable=False),
    Column("sex", String(12), nullable=False),
    Column("number", String(40)),
    Column("insurance_number", String(40)),
    Column("is_sample", Boolean, nullable=False),
    Column("allergy_answer", String(20), nullable=False, default="not_asked"),
    Column("allergies_asked_at", Instant),
    Column("takes_nothing", Boolean, nullable=False, default=False),
    Column("planned", Json, nullable=False),
    Column("planned_on", String(10)),
    Column("reviewed_at", Instant),
    Column("reviewed_by", String(100)),
    Column("changed_at", Instant),
    Column("is_unreviewed", Boolean, nullable=False, default=False),
    Column("merged_into", String(36)),
    Column("version", Integer, nullable=False),
    Column("fencing_token", String(30), nullable=False),
    Column("family_key", String(200), nullable=False),
    Column("given_key", String(200), nullable=False),
    Index("ix_patient_name", "family_key", "given_key", "id"),
    Index("ix_patient_birth_date", "birth_date"),
    Index("ix_patient_number", "number"),
    Index("ix_patient_insurance_number", "insurance_number"),
)

IS_CHANGED_SINCE_REVIEW = (
    patient.c.is_unreviewed.is_(True),
    patient.c.merged_into.is_(None),
)
"""What a dentist has not signed off yet; the index holds these patients only, so the list costs what it is long."""

_IS_LISTED = and_(*IS_CHANGED_SINCE_REVIEW)
Index("ix_patient_changed_at", patient.c.changed_at, sqlite_where=_IS_LISTED, postgresql_where=_IS_LISTED)

patient_word = Table(
    "patient_word",
    metadata,
    Column("word", String(200), primary_key=True),
    Column("patient_id", ForeignKey(patient.c.id), primary_key=True),
    Index(None, "patient_id"),
)

client_application = Table(
    "client_application",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("session_id", String(36), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("user", String(100), nullable=False),
    Column("workplace", String(60), nullable=False),
    Column("room", String(60)),
    Column("version", String(40), nullable=False),
    Column("registered_at", Instant, nullable=False),
    Index(None, "session_id"),
)

lease = Table(
    "lease",
    metadata,
    Column("patient_id", ForeignKey(patient.c.id), primary_key=True),
    Column("application_id", ForeignKey(client_application.c.id), nullable=False, unique=True),
    Column("fencing_token", String(30), nullable=False),
    Column("acquired_at", Instant, nullable=False),
)


def _entry_table(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String(36), primary_key=True),
        Column("patient_id", ForeignKey(patient.c.id), nullable=False),
        Column("version", Integer, nullable=False),
        Column("changed_at", Instant, nullable=False),
        Column("changed_by", String(100), nullable=False),
        Column("workplace", String(60), nullable=False),
        Column("entered_in_error", Boolean, nullable=False),
        *columns,
        Index(None, "patient_id"),
    )


medication = _entry_table(
    "medication",
    Column("text", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("drug_id", String(100), index=True),
    Column("strength", String(100)),
    Column("form", String(100)),
    Column("dose", Json),
    Column("dose_text", Text),
    Column("unit", String(100)),
    Column("reason", Text),
    Column("since", String(10)),
    Column("until", String(10)),
    Column("source", String(20), nullable=False),
    Column("note", Text),
)

allergy = _entry_table(
    "allergy",
    Column("text", Text, nullable=False),
    Column("allergy_id", String(100)),
    Column("reaction", Text),
    Column("onset", String(10), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("year", String(10)),
    Column("source", String(20), nullable=False),
)

condition = _entry_table(
    "condition",
    Column("answer", String(10), nullable=False),
    Column("text", Text),
    Column("condition_id", String(100)),
    Column("since", String(10)),
    Column("detail", Text),
)

observation = _entry_table(
    "observation",
    Column("kind", String(20), nullable=False),
    Column("value", Float, nullable=False),
    Column("measured_on", String(10), nullable=False),
)

note = _entry_table("note", Column("text", Text, nullable=False))

confirmation = Table(
    "confirmation",
    metadata,
    Column("patient_id", ForeignKey(patient.c.id), primary_key=True),
    Column("group_id", String(40), primary_key=True),
    Column("confirmed_at", Instant, nullable=False),
    Column("confirmed_by", String(100), nullable=False),
    Column("workplace", String(60), nullable=False),
)
"""A group of questions answered as before: asked again, nothing had changed."""

decision = Table(
    "decision",
    metadata,
    Column("patient_id", ForeignKey(patient.c.id), primary_key=True),
    Column("findings_key", String(64), primary_key=True),
    Column("drug", Text, nullable=False),
    Column("rules", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("edition", String(60), nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("decided_by", String(100), nullable=False),
    Column("workplace", String(60), nullable=False),
)
"""A contraindication that somebody has overridden, with the reason; it does not interrupt again while the findings are the same."""

draft = Table(
    "draft",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("patient_id", ForeignKey(patient.c.id), nullable=False),
    Column("application_id", String(36), nullable=False),
    Column("form", String(100), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("user", String(100), nullable=False),
    Column("workplace", String(60), nullable=False),
    Column("fields", Json, nullable=False),
    Column("saved_at", Instant, nullable=False),
    UniqueConstraint("patient_id", "application_id", "form"),
)
"""What somebody has typed and not yet saved; outlives the lease of its window."""

patient_merge = Table(
    "patient_merge",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("into_id", ForeignKey(patient.c.id), nullable=False, index=True),
    Column("from_id", ForeignKey(patient.c.id), nullable=False, index=True),
    Column("entries", Json, nullable=False),
    Column("merged_at", Instant, nullable=False),
    Column("merged_by", String(100), nullable=False),
    Column("workplace", String(60), nullable=False),
    Column("undone_at", Instant),
    Column("undone_by", String(100)),
)
"""Two records of one person made one; `entries` names what came over and the answers before, so that it can be undone."""

own_drug = Table(
    "own_drug",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("text", String(200), nullable=False, unique=True),
)
"""The practice's own drugs, in the order it wants them; empty = the preset list."""

change = Table(
    "change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("patient_id", ForeignKey(patient.c.id), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("entry_id", String(36), nullable=False),
    Column("action", String(20), nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("workplace", String(60), nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index("ix_change_patient", "patient_id", "version"),
)

erasure_request = Table(
    "erasure_request",
    metadata,
    Column("patient_id", ForeignKey(patient.c.id), primary_key=True),
    Column("reason", String(20), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("user_id", String(36), nullable=False),
)
"""Somebody wants a patient erased; another person confirms it."""

erased_patient = Table(
    "erased_patient",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("erased_at", Instant, nullable=False),
)
"""Who is not here any more: an id that means nothing without a backup, and must be applied to one that is restored."""
