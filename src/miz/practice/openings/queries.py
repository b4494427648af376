"""Reading openings: which patient a room has in front of it. Takes no lease and gives none."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from miz.infra.db.prepared import Prepared
from miz.practice.tables import client_application, lease, patient

_LATEST_IN_ROOM = Prepared(
    select(lease.c.patient_id, patient.c.version, lease.c.acquired_at)
    .select_from(lease.join(client_application).join(patient, patient.c.id == lease.c.patient_id))
    .where(client_application.c.room == bindparam("of_room"))
    .order_by(lease.c.acquired_at.desc(), lease.c.patient_id)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class OpenInRoom:
    """The patient opened last in a room, the version of the record, and since when as the row has it."""

    patient_id: str
    version: int
    since: str


def latest_in_room(reader: Connection, room: str) -> OpenInRoom | None:
    """The patient whose lease in this room is the newest; None while nobody has one open there."""
    found = _LATEST_IN_ROOM.run(reader, {"of_room": room})
    return OpenInRoom(found[0][0], found[0][1], str(found[0][2])) if found else None
