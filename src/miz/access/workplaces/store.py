"""Rows of rooms and workplaces, the writing side."""

import uuid

from sqlalchemy import Column, Connection, delete, exists, insert, select, update

from miz.access.tables import device, room, user_session, workplace


def insert_room(connection: Connection, name: str) -> str:
    """A new room; returns its id."""
    room_id = str(uuid.uuid4())
    connection.execute(insert(room).values(id=room_id, name=name))
    return room_id


def insert_workplace(connection: Connection, name: str, room_id: str | None) -> str:
    """A new workplace; returns its id."""
    workplace_id = str(uuid.uuid4())
    connection.execute(insert(workplace).values(id=workplace_id, name=name, room_id=room_id))
    return workplace_id


def rename_room(connection: Connection, room_id: str, name: str) -> None:
    connection.execute(update(room).where(room.c.id == room_id).values(name=name))


def change_workplace(connection: Connection, workplace_id: str, **values: str | None) -> None:
    connection.execute(update(workplace).where(workplace.c.id == workplace_id).values(**values))


def has_device(connection: Connection, *, room_id: str | None = None, workplace_id: str | None = None) -> bool:
    """Whether a device that was not revoked belongs to the room or workplace."""
    place = device.c.room_id == room_id if room_id else device.c.workplace_id == workplace_id
    return bool(connection.execute(select(exists().where(place, device.c.revoked_at.is_(None)))).scalar())


def delete_room(connection: Connection, room_id: str) -> None:
    """Remove a room; revoked devices forget it."""
    _forget(connection, device.c.room_id, room_id)
    connection.execute(delete(room).where(room.c.id == room_id))


def delete_workplace(connection: Connection, workplace_id: str) -> None:
    """Remove a workplace; revoked devices and ended sessions forget it."""
    _forget(connection, device.c.workplace_id, workplace_id)
    _forget(connection, user_session.c.workplace_id, workplace_id)
    connection.execute(delete(workplace).where(workplace.c.id == workplace_id))


def _forget(connection: Connection, column: Column[str | None], row_id: str) -> None:
    connection.execute(update(column.table).where(column == row_id).values({column: None}))
