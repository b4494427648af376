"""Reading devices. The Viewer asks here, so nothing of this writes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from miz.access.codes import token_hash
from miz.access.devices.model import Device, DeviceLine, State
from miz.access.tables import device, pairing_code, room, workplace
from miz.infra.db.prepared import Prepared

_own_room, _room_of_workplace = room.alias("own_room"), room.alias("room_of_workplace")
_PLACED = (
    device.outerjoin(_own_room, device.c.room_id == _own_room.c.id)
    .outerjoin(workplace, device.c.workplace_id == workplace.c.id)
    .outerjoin(_room_of_workplace, workplace.c.room_id == _room_of_workplace.c.id)
)
_ROOM = func.coalesce(_own_room.c.name, _room_of_workplace.c.name)
_PLACE = func.coalesce(_own_room.c.name, workplace.c.name).label("place")
_FIND = Prepared(
    select(device.c.id, device.c.name, device.c.kind, _ROOM, workplace.c.id, workplace.c.name)
    .select_from(_PLACED)
    .where(device.c.token_hash == bindparam("of_token"), device.c.revoked_at.is_(None))
)


def find_device(reader: Connection, token: str) -> Device | None:
    """The device whose cookie holds `token`; None when there is none, when it was revoked or paired anew since."""
    found = _FIND.run(reader, {"of_token": token_hash(token)})
    return Device(*found[0]) if found else None


def list_devices(reader: Connection, now: datetime) -> list[DeviceLine]:
    """All devices by name, the revoked ones at the end."""
    columns = (
        device.c.id, device.c.name, device.c.kind, _PLACE, device.c.added_at, device.c.paired_at, device.c.paired_by, device.c.revoked_at,
        pairing_code.c.valid_until,
    )  # fmt: skip
    rows = reader.execute(select(*columns).select_from(_PLACED.outerjoin(pairing_code)))
    lines = [_line(row, now) for row in rows]
    return sorted(lines, key=lambda line: (line.revoked_at is not None, line.name.casefold(), line.added_at))


def _line(row: Any, now: datetime) -> DeviceLine:
    waits = row.valid_until is not None and now < row.valid_until
    state: State = "revoked" if row.revoked_at else "paired" if row.paired_at else "waiting" if waits else "code_expired"
    return DeviceLine(
        row.id, row.name, row.kind, row.place or "", state, row.added_at, row.paired_at, row.paired_by, row.revoked_at,
        row.valid_until if waits else None,
    )  # fmt: skip
