"""Records as rows hold them: the reading side, which the services and the queries share. Takes any connection, writes nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import Connection, Row, String, Table, bindparam, select, type_coerce

from miz.infra.db.engine import stored_bytes
from miz.infra.db.prepared import Prepared
from miz.practice.errors import EntryNotFoundError, PatientNotFoundError, UnknownChangeError
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.model import ENTRY_TYPES
from miz.practice.tables import allergy, change, condition, confirmation, decision, medication, note, observation, patient
from miz.wire.client_protocol import ENTRY_KINDS, Confirmation, Decision, Entry, EntryKind, Patient

ENTRY_TABLES: dict[EntryKind, Table] = {
    "medication": medication, "allergies": allergy, "conditions": condition, "observations": observation, "notes": note,
}  # fmt: skip
IDENTITY = ("family_name", "given_name", "prefix", "birth_date", "sex", "number", "insurance_number")
_AS_STORED = (
    "id", *IDENTITY, "is_sample", "version", "reviewed_at", "reviewed_by", "planned", "allergies_asked_at", "changed_at", "merged_into",
)  # fmt: skip

_SELECT_PATIENT = Prepared(select(patient).where(patient.c.id == bindparam("patient_id")))
SELECT_VERSION = Prepared(select(patient.c.version, patient.c.planned_on).where(patient.c.id == bindparam("of_patient")))
_ENTRY_COLUMNS = {kind: [table.c[name] for name in ENTRY_TYPES[kind].__struct_fields__] for kind, table in ENTRY_TABLES.items()}
_SELECT_ENTRIES = {
    kind: Prepared(
        select(*_ENTRY_COLUMNS[kind])
        .where(table.c.patient_id == bindparam("patient_id"), table.c.entered_in_error.is_(False))
        .order_by(table.c.id)
    )
    for kind, table in ENTRY_TABLES.items()
}
_SELECT_ORDER = Prepared(
    select(change.c.entry_id, change.c.id).where(change.c.patient_id == bindparam("patient_id"), change.c.action == "created")
)
"""In which order the entries were made, which the history knows. Asked once and not joined: a long record's lines would each be compared with each."""

_SAID = ("patient_id", "version", "kind", "entry_id", "action", "changed_by", "user_id", "workplace")
_STATES = ("before", "after")
# The instant as it is stored: one that has been made unreadable shows as altered, it stops nobody.
_SELECT_SAID = select(
    change.c.id,
    type_coerce(change.c.changed_at, String).label("changed_at"),
    *(change.c[name] for name in _SAID),
    *(stored_bytes(change.c[name]).label(name) for name in _STATES),
)

_SELECT_CONFIRMATIONS = Prepared(
    select(*(confirmation.c[name] for name in Confirmation.__struct_fields__))
    .where(confirmation.c.patient_id == bindparam("patient_id"))
    .order_by(confirmation.c.group_id)
)
_SELECT_DECISIONS = Prepared(
    select(*(decision.c[name] for name in Decision.__struct_fields__))
    .where(decision.c.patient_id == bindparam("patient_id"))
    .order_by(decision.c.decided_at, decision.c.findings_key)
)


def load_record(connection: Connection, memory: RecordMemory, patient_id: str, today: date) -> Patient:
    """The record as the connection sees it. Raises `PatientNotFoundError`."""
    stamp = SELECT_VERSION.run(connection, {"of_patient": patient_id})
    if not stamp:
        raise PatientNotFoundError
    return record_at(connection, memory, patient_id, stamp[0], today)


def record_at(connection: Connection, memory: RecordMemory, patient_id: str, stamp: tuple[int, str | None], today: date) -> Patient:
    """The record whose row says `stamp`, its version and the day of what is planned."""
    version, planned_on = stamp
    record = memory.get(patient_id, version) or _read_record(connection, patient_id)
    # What was planned yesterday is history; that is seen at reading, so no midnight job has to touch every row.
    return record if planned_on == today.isoformat() or not record.planned else structs.replace(record, planned=[])


def any_entry(connection: Connection, patient_id: str, kind: EntryKind, entry_id: str) -> Entry:
    """An entry whether it counts or was made in error. Raises `EntryNotFoundError`."""
    table = ENTRY_TABLES[kind]
    found = select(*_ENTRY_COLUMNS[kind]).where(table.c.id == entry_id, table.c.patient_id == patient_id)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise EntryNotFoundError
    return _entry_of(kind, row)


def last_change(connection: Connection, patient_id: str, kind: EntryKind, entry_id: str) -> Row[Any] | None:
    """The newest line of an entry's history."""
    found = select(change).where(change.c.patient_id == patient_id, change.c.kind == kind, change.c.entry_id == entry_id)
    return connection.execute(found.order_by(change.c.id.desc()).limit(1)).first()


def one_change(connection: Connection, patient_id: str, kind: EntryKind, entry_id: str, change_id: str) -> Row[Any]:
    """One line of an entry's history. Raises `UnknownChangeError`."""
    found = select(change).where(change.c.patient_id == patient_id, change.c.kind == kind, change.c.entry_id == entry_id)
    row = connection.execute(found.where(change.c.id == int(change_id))).first() if change_id.isdecimal() and len(change_id) < 10 else None
    if row is None:
        raise UnknownChangeError
    return row


def evidence(line: Mapping[str, Any]) -> bytes:
    """What a line of history says, as the audit trail commits to it; `before` and `after` are the JSON texts that are stored."""
    at = line["changed_at"]
    instant = at.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(at, datetime) else at
    return msgspec.json.encode([instant, *(line[name] for name in _SAID), *(msgspec.Raw(line[state] or b"null") for state in _STATES)])


def evidence_of(reader: Connection, history_ids: Sequence[int]) -> dict[int, bytes]:
    """What these lines of history say now; lines that are gone are left out."""
    found = reader.execute(_SELECT_SAID.where(change.c.id.in_(history_ids)))
    return {row["id"]: evidence(dict(row)) for row in found.mappings()}


def _read_record(connection: Connection, patient_id: str) -> Patient:
    of_patient = {"patient_id": patient_id}
    (row,) = _SELECT_PATIENT.read(connection, of_patient)
    of = dict(zip(patient.c.keys(), row, strict=True))
    order: dict[str, int] = dict(_SELECT_ORDER.read(connection, of_patient))
    lists: dict[str, Any] = {
        kind: sorted(
            (_entry_of(kind, found) for found in _SELECT_ENTRIES[kind].read(connection, of_patient)),
            key=lambda entry: order.get(entry.id, 0),
        )
        for kind in ENTRY_KINDS
    }
    recorded = any(entry.status != "stopped" for entry in lists["medication"])
    return Patient(
        **{name: of[name] for name in _AS_STORED},
        allergy_state="recorded" if lists["allergies"] else of["allergy_answer"],
        medication_state="recorded" if recorded else "none" if of["takes_nothing"] else "not_asked",
        confirmations=[Confirmation(*found) for found in _SELECT_CONFIRMATIONS.read(connection, of_patient)],
        decisions=[
            Decision(**dict(zip(Decision.__struct_fields__, found, strict=True)))
            for found in _SELECT_DECISIONS.read(connection, of_patient)
        ],
        **lists,
    )


def _entry_of(kind: EntryKind, row: Sequence[Any]) -> Entry:
    shape = ENTRY_TYPES[kind]
    return msgspec.convert(dict(zip(shape.__struct_fields__, row, strict=True)), shape)
