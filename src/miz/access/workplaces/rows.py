"""Reading rooms and workplaces."""

from sqlalchemy import Connection, or_, select

from miz.access.errors import UnknownRoomError, UnknownWorkplaceError
from miz.access.tables import room, workplace
from miz.access.workplaces.model import Room
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


def list_rooms(reader: Connection) -> list[Room]:
    """All rooms by name."""
    return [Room(*row) for row in reader.execute(select(room.c.id, room.c.name).order_by(room.c.name))]


def find_room(reader: Connection, name_or_id: str) -> Room:
    """The room of this name or id. Raises `UnknownRoomError`."""
    row = reader.execute(select(room.c.id, room.c.name).where(or_(room.c.id == name_or_id, room.c.name == name_or_id.strip()))).first()
    if row is None:
        raise UnknownRoomError
    return Room(*row)


def workplaces_in(reader: Connection, room_id: str) -> list[Workplace]:
    """The workplaces of a room."""
    return [Workplace(*row) for row in reader.execute(_SELECT.where(workplace.c.room_id == room_id))]
