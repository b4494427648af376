"""Rows of leases and the fencing token on the patient's row."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from miz.infra.db.prepared import Prepared
from miz.kernel.fencing import next_token
from miz.practice.openings.model import Lease, OpeningState
from miz.practice.tables import lease, patient, server_state

# All that an opening has to know, in one statement; subqueries, because SQLite plans one with joins anew at each run.
_own_lease = lease.alias()
_SELECT_STATE = Prepared(
    select(
        patient.c.fencing_token,
        select(lease.c.application_id).where(lease.c.patient_id == patient.c.id).scalar_subquery(),
        select(server_state.c.mode).scalar_subquery(),
        patient.c.merged_into,
        patient.c.version,
        patient.c.planned_on,
        select(_own_lease.c.patient_id).where(_own_lease.c.application_id == bindparam("of_application")).scalar_subquery(),
    ).where(patient.c.id == bindparam("of_patient"))
)
_SELECT_SINCE = select(lease.c.acquired_at).where(lease.c.patient_id == bindparam("of_patient"))
_SET_TOKEN = Prepared(update(patient).where(patient.c.id == bindparam("of_patient")).values(fencing_token=bindparam("token")))
_INSERT_LEASE = Prepared(insert(lease))
_DROP_LEASE = delete(lease).where(lease.c.application_id == bindparam("of_application")).returning(lease.c.patient_id)
_DROP_ANY = Prepared(_DROP_LEASE)
_DROP_ONE = Prepared(_DROP_LEASE.where(lease.c.patient_id == bindparam("of_patient")))


def stored_leases(reader: Connection) -> Iterator[Lease]:
    """Every lease there is."""
    return (Lease(*row) for row in reader.execute(select(lease)))


def opening_state(connection: Connection, patient_id: str, application_id: str = "") -> OpeningState | None:
    """What decides on an opening by this application; None when there is no such patient."""
    found = _SELECT_STATE.run(connection, {"of_patient": patient_id, "of_application": application_id})
    return OpeningState(*found[0]) if found else None


def held_since(connection: Connection, patient_id: str) -> datetime:
    """When the lease on the patient began; there must be one."""
    since: datetime = connection.execute(_SELECT_SINCE, {"of_patient": patient_id}).scalar_one()
    return since


def set_token(connection: Connection, patient_id: str, token: str) -> None:
    """From now on only `token` writes to the patient."""
    _SET_TOKEN.run(connection, {"of_patient": patient_id, "token": token})


def insert_lease(connection: Connection, opened: Lease) -> None:
    """Store a new lease; there must be none on the patient, and none of the application."""
    _INSERT_LEASE.run(
        connection,
        {
            "patient_id": opened.patient_id, "application_id": opened.application_id, "fencing_token": opened.fencing_token,
            "acquired_at": opened.acquired_at,
        },
    )  # fmt: skip


def begin_epoch(connection: Connection, above: int = 0) -> None:
    """Count the epoch up, beyond `above` at least, and free every patient."""
    before = case((server_state.c.epoch > above, server_state.c.epoch), else_=above)
    epoch = connection.execute(update(server_state).values(epoch=before + 1).returning(server_state.c.epoch)).scalar_one()
    held = connection.execute(select(lease.c.patient_id, patient.c.fencing_token).select_from(lease.join(patient))).all()
    for patient_id, token in held:
        set_token(connection, patient_id, next_token(token, epoch))
    connection.execute(delete(lease))


def leased_applications(connection: Connection) -> list[str]:
    """The applications that have a patient open."""
    return list(connection.execute(select(lease.c.application_id)).scalars())


def drop_lease(connection: Connection, application_id: str, patient_id: str | None = None) -> str | None:
    """Remove what the application has open (only if it is `patient_id`, where one is named): which patient, or None."""
    if patient_id is None:
        freed = _DROP_ANY.run(connection, {"of_application": application_id})
    else:
        freed = _DROP_ONE.run(connection, {"of_application": application_id, "of_patient": patient_id})
    return freed[0][0] if freed else None
