"""Rows of devices and pairing codes, the writing side."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from miz.access.tables import device, pairing_code


def insert_device(connection: Connection, *, name: str, kind: str, room_id: str | None, workplace_id: str | None, now: datetime) -> str:
    """A new device that is not paired yet; returns its id."""
    device_id = str(uuid.uuid4())
    connection.execute(insert(device).values(id=device_id, name=name, kind=kind, room_id=room_id, workplace_id=workplace_id, added_at=now))
    return device_id


def device_row(connection: Connection, name_or_id: str) -> Any:
    """The device of this name or id that was not revoked, or None."""
    found = or_(device.c.id == name_or_id, device.c.name == name_or_id.strip())
    return connection.execute(select(device).where(found, device.c.revoked_at.is_(None))).first()


def names(connection: Connection) -> list[str]:
    """The names of the devices that were not revoked."""
    return list(connection.execute(select(device.c.name).where(device.c.revoked_at.is_(None))).scalars())


def set_code(connection: Connection, device_id: str, *, code_hash: bytes, issued_by: str, valid_until: datetime) -> None:
    """From now on only this code pairs the device."""
    drop_code(connection, device_id)
    connection.execute(insert(pairing_code).values(device_id=device_id, code_hash=code_hash, issued_by=issued_by, valid_until=valid_until))


def drop_code(connection: Connection, device_id: str) -> None:
    connection.execute(delete(pairing_code).where(pairing_code.c.device_id == device_id))


def issued_code(connection: Connection, code_hash: bytes) -> Any:
    """The code with its device, or None."""
    joined = select(device, pairing_code.c.issued_by, pairing_code.c.valid_until).select_from(pairing_code.join(device))
    return connection.execute(joined.where(pairing_code.c.code_hash == code_hash, device.c.revoked_at.is_(None))).first()


def pair(connection: Connection, device_id: str, *, token_hash: bytes, paired_by: str, now: datetime) -> None:
    """Give the device a token; the one it had is nobody's from now on."""
    values = {"token_hash": token_hash, "paired_at": now, "paired_by": paired_by}
    connection.execute(update(device).where(device.c.id == device_id).values(**values))


def revoke(connection: Connection, device_id: str, now: datetime) -> None:
    """The device is nobody from now on."""
    drop_code(connection, device_id)
    connection.execute(update(device).where(device.c.id == device_id).values(revoked_at=now, token_hash=None))
