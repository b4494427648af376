"""Removing a patient's rows, wherever they are, and the requests for it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Table, delete, insert, or_, select

from miz.infra.db.schema import metadata
from miz.practice.tables import erased_patient, erasure_request, patient


def belongings() -> list[tuple[Table, list[Column[object]]]]:
    """Every table with rows of patients and the columns that say whose; those first to which no other of them refers."""
    found = ((table, [column for column in table.columns if column.references(patient.c.id)]) for table in reversed(metadata.sorted_tables))
    return [(table, columns) for table, columns in found if columns]


def erase_rows(connection: Connection, patient_id: str, now: datetime) -> None:
    """Remove all that belongs to a patient, and keep the id among the erased."""
    for table, columns in belongings():
        connection.execute(delete(table).where(or_(*(column == patient_id for column in columns))))
    connection.execute(delete(patient).where(patient.c.id == patient_id))
    if connection.execute(select(erased_patient.c.id).where(erased_patient.c.id == patient_id)).first() is None:
        connection.execute(insert(erased_patient).values(id=patient_id, erased_at=now))


def records_of_person(connection: Connection, patient_id: str) -> Sequence[str]:
    """The patient's id, and those of the records that went into this one."""
    found = [patient_id]
    for one in found:
        found += connection.execute(select(patient.c.id).where(patient.c.merged_into == one)).scalars().all()
    return found


def insert_request(
    connection: Connection, patient_id: str, *, reason: str, requested_at: datetime, requested_by: str, user_id: str
) -> None:
    """Note who wants a patient erased, instead of who did before."""
    delete_request(connection, patient_id)
    connection.execute(
        insert(erasure_request).values(
            patient_id=patient_id, reason=reason, requested_at=requested_at, requested_by=requested_by, user_id=user_id
        )
    )


def delete_request(connection: Connection, patient_id: str) -> bool:
    """Forget that somebody wants a patient erased; whether somebody did."""
    return connection.execute(delete(erasure_request).where(erasure_request.c.patient_id == patient_id)).rowcount > 0
