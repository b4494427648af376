"""Reading devices. The Viewer asks here, so nothing of this writes."""

from sqlalchemy import Connection, bindparam, func, select

from miz.access.devices.model import Device, hash_of
from miz.access.tables import device, room, workplace
from miz.infra.db.prepared import Prepared

_own_room, _room_of_workplace = room.alias("own_room"), room.alias("room_of_workplace")
_PLACED = (
    device.outerjoin(_own_room, device.c.room_id == _own_room.c.id)
    .outerjoin(workplace, device.c.workplace_id == workplace.c.id)
    .outerjoin(_room_of_workplace, workplace.c.room_id == _room_of_workplace.c.id)
)
_ROOM = func.coalesce(_own_room.c.name, _room_of_workplace.c.name)
_FIND = Prepared(
    select(device.c.id, device.c.name, device.c.kind, _ROOM, workplace.c.id, workplace.c.name)
    .select_from(_PLACED)
    .where(device.c.token_hash == bindparam("of_token"), device.c.revoked_at.is_(None))
)


def find_device(reader: Connection, token: str) -> Device | None:
    """The device whose cookie holds `token`; None when there is none, when it was revoked or paired anew since."""
    found = _FIND.run(reader, {"of_token": hash_of(token)})
    return Device(*found[0]) if found else None
