"""What is stored about erasures and the records they concern, the reading side. Takes any connection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from miz.practice.tables import change, erased_patient, erasure_request, patient

LAST_ENTRY = (
    select(change.c.changed_at)
    .where(change.c.patient_id == patient.c.id)
    .order_by(change.c.version.desc(), change.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
"""When something was entered about the patient last."""


def request_of(connection: Connection, patient_id: str) -> Row[Any] | None:
    """Who wants this patient erased, and why."""
    return connection.execute(select(erasure_request).where(erasure_request.c.patient_id == patient_id)).one_or_none()


def last_entry_at(connection: Connection, patient_id: str) -> datetime | None:
    """When something was entered about the patient last."""
    found: datetime | None = connection.execute(select(LAST_ENTRY).where(patient.c.id == patient_id)).scalar()
    return found


def erased_ids(connection: Connection) -> Sequence[str]:
    """Everybody who was erased, in the order of their ids."""
    return connection.execute(select(erased_patient.c.id).order_by(erased_patient.c.id)).scalars().all()
