"""Rows of a patient's record: the guarded write, the entries, the history."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select, update

from miz.infra.db.prepared import Prepared
from miz.infra.db.writer import Transaction
from miz.kernel.actor import Actor
from miz.kernel.fencing import FIRST
from miz.practice.errors import EntryNotFoundError, PatientNotFoundError, StaleFencingTokenError
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.model import ENTRY_TYPES, folded, name_words
from miz.practice.tables import allergy, change, condition, medication, note, observation, patient, patient_word
from miz.wire.client_protocol import ENTRY_KINDS, Entry, EntryKind, Patient

ENTRY_TABLES: dict[EntryKind, Table] = {
    "medication": medication, "allergies": allergy, "conditions": condition, "observations": observation, "notes": note,
}  # fmt: skip
IDENTITY = ("family_name", "given_name", "prefix", "birth_date", "sex", "number", "insurance_number")

_SELECT_PATIENT = select(patient).where(patient.c.id == bindparam("patient_id"))
_SELECT_VERSION = Prepared(select(patient.c.version, patient.c.planned_on).where(patient.c.id == bindparam("of_patient")))
_ENTRY_COLUMNS = {kind: [table.c[name] for name in ENTRY_TYPES[kind].__struct_fields__] for kind, table in ENTRY_TABLES.items()}
# In the order they were entered, which the history knows.
_SELECT_ENTRIES = {
    kind: select(*_ENTRY_COLUMNS[kind])
    .select_from(
        table.outerjoin(
            change,
            (change.c.patient_id == table.c.patient_id)
            & (change.c.kind == kind)
            & (change.c.entry_id == table.c.id)
            & (change.c.action == "created"),
        )
    )
    .where(table.c.patient_id == bindparam("patient_id"), table.c.entered_in_error.is_(False))
    .order_by(change.c.id, table.c.id)
    for kind, table in ENTRY_TABLES.items()
}
_GUARDED = Prepared(
    update(patient)
    .where(patient.c.id == bindparam("of_patient"), patient.c.fencing_token == bindparam("token"))
    .values(version=patient.c.version + 1)
    .returning(patient.c.version)
)
_INSERT_ENTRY = {kind: Prepared(insert(table)) for kind, table in ENTRY_TABLES.items()}
_INSERT_CHANGE = Prepared(insert(change))


def load_record(connection: Connection, memory: RecordMemory, patient_id: str, today: date) -> Patient:
    """The record as the connection sees it. Raises `PatientNotFoundError`."""
    stamp = _SELECT_VERSION.run(connection, {"of_patient": patient_id})
    if not stamp:
        raise PatientNotFoundError
    version, planned_on = stamp[0]
    record = memory.get(patient_id, version) or _read_record(connection, patient_id)
    # What was planned yesterday is history; that is seen at reading, so no midnight job has to touch every row.
    return record if planned_on == today.isoformat() or not record.planned else structs.replace(record, planned=[])


def guard(tx: Transaction, patient_id: str, token: str) -> int:
    """Raise the patient's version if, and only if, `token` is the one that may write; returns the new version.

    The one place where the lease of a write is decided: inside the writing transaction, on the row itself.
    Raises `StaleFencingTokenError`, `PatientNotFoundError`.
    """
    raised = _GUARDED.run(tx.connection, {"of_patient": patient_id, "token": token})
    if not raised:
        if not _SELECT_VERSION.run(tx.connection, {"of_patient": patient_id}):
            raise PatientNotFoundError
        raise StaleFencingTokenError
    return int(raised[0][0])


def insert_patient(tx: Transaction, record: Patient) -> None:
    """A new patient's row and the words the search finds it by."""
    identity = {name: getattr(record, name) for name in IDENTITY}
    tx.connection.execute(
        insert(patient).values(
            id=record.id, **identity, is_sample=record.is_sample, no_allergies_known=False, takes_nothing=False, planned=[],
            version=record.version, fencing_token=FIRST, **_keys(record),
        )
    )  # fmt: skip
    _write_words(tx, record)


def update_identity(tx: Transaction, record: Patient, today: date, *, is_renamed: bool) -> None:
    """The patient's own fields; the version was raised by `guard`."""
    values: dict[str, Any] = {name: getattr(record, name) for name in IDENTITY}
    values |= {"planned": record.planned, "planned_on": today.isoformat() if record.planned else None, **_keys(record)}
    values |= {"no_allergies_known": record.allergy_state == "none_known", "takes_nothing": record.medication_state == "none"}
    tx.connection.execute(update(patient).where(patient.c.id == record.id).values(**values))
    if is_renamed:
        tx.connection.execute(delete(patient_word).where(patient_word.c.patient_id == record.id))
        _write_words(tx, record)


def insert_entry(tx: Transaction, patient_id: str, kind: EntryKind, entry: Entry) -> None:
    _INSERT_ENTRY[kind].run(tx.connection, {"patient_id": patient_id, **_entry_values(entry)})


def update_entry(tx: Transaction, kind: EntryKind, entry: Entry) -> None:
    table = ENTRY_TABLES[kind]
    tx.connection.execute(update(table).where(table.c.id == entry.id).values(**_entry_values(entry)))


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


def write_change(
    tx: Transaction, actor: Actor, *, patient_id: str, version: int, kind: str, entry_id: str, action: str,
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """One line of history: who, when, where, and both states whole."""
    _INSERT_CHANGE.run(
        tx.connection,
        {
            "patient_id": patient_id, "version": version, "kind": kind, "entry_id": entry_id, "action": action, "changed_at": tx.now,
            "changed_by": actor.user, "user_id": actor.user_id, "workplace": actor.place, "before": before, "after": after,
        },
    )  # fmt: skip


def _read_record(connection: Connection, patient_id: str) -> Patient:
    row = connection.execute(_SELECT_PATIENT, {"patient_id": patient_id}).one()
    lists: dict[str, Any] = {
        kind: [_entry_of(kind, found) for found in connection.execute(_SELECT_ENTRIES[kind], {"patient_id": patient_id})]
        for kind in ENTRY_KINDS
    }
    recorded = any(entry.status != "stopped" for entry in lists["medication"])
    return Patient(
        id=row.id,
        **{name: getattr(row, name) for name in IDENTITY},
        is_sample=row.is_sample,
        version=row.version,
        allergy_state="recorded" if lists["allergies"] else "none_known" if row.no_allergies_known else "not_asked",
        medication_state="recorded" if recorded else "none" if row.takes_nothing else "not_asked",
        reviewed_at=row.reviewed_at,
        reviewed_by=row.reviewed_by,
        planned=row.planned,
        **lists,
    )


def _entry_of(kind: EntryKind, row: Row[Any]) -> Entry:
    shape = ENTRY_TYPES[kind]
    return msgspec.convert(dict(zip(shape.__struct_fields__, row, strict=True)), shape)


def _entry_values(entry: Entry) -> dict[str, Any]:
    values = structs.asdict(entry)
    if values.get("dose") is not None:
        values["dose"] = structs.asdict(values["dose"])
    return values


def _keys(record: Patient) -> dict[str, str]:
    return {"family_key": folded(record.family_name), "given_key": folded(record.given_name)}


def _write_words(tx: Transaction, record: Patient) -> None:
    words = name_words(record.family_name, record.given_name)
    tx.connection.execute(insert(patient_word), [{"word": word, "patient_id": record.id} for word in sorted(words)])
