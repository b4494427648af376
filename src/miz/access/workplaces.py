"""Rooms, and the workplaces in them."""

import uuid

from sqlalchemy import Connection, insert, or_, select

from miz.access.errors import UnknownWorkplaceError
from miz.access.tables import room, workplace
from miz.infra.db.writer import Transaction
from miz.wire.client_protocol import Workplace

_SELECT = select(workplace.c.id, workplace.c.name, room.c.name.label("room")).outerjoin(room)


def list_workplaces(reader: Connection) -> list[Workplace]:
    """All workplaces by name."""
    return [Workplace(*row) for row in reader.execute(_SELECT.order_by(workplace.c.name))]


def find_workplace(reader: Connection, name_or_id: str) -> Workplace:
    """The workplace of this name or id. Raises `UnknownWorkplaceError`."""
    row = reader.execute(_SELECT.where(or_(workplace.c.id == name_or_id, workplace.c.name == name_or_id.strip()))).first()
    if row is None:
        raise UnknownWorkplaceError
    return Workplace(*row)


def add_workplace(tx: Transaction, name: str, *, is_room: bool) -> None:
    """A workplace; with `is_room` the room it stands in has the same name."""
    room_id = None
    if is_room:
        room_id = str(uuid.uuid4())
        tx.connection.execute(insert(room).values(id=room_id, name=name))
    tx.connection.execute(insert(workplace).values(id=str(uuid.uuid4()), name=name, room_id=room_id))
