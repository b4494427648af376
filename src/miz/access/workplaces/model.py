"""What travels about rooms and workplaces; a workplace itself is in `wire.client_protocol`."""

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder

from miz.wire.client_protocol import Workplace
from miz.wire.described import PlaceName


class Workplaces(Struct, frozen=True):
    items: list[Workplace]


class NewWorkplace(Struct, frozen=True, forbid_unknown_fields=True):
    """`room` is the name or id of one that exists."""

    name: PlaceName
    room: str | None = None


class WorkplaceChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; null takes the workplace out of its room."""

    name: PlaceName | UnsetType = UNSET
    room: str | UnsetType | None = UNSET


class Room(Struct, frozen=True):
    id: str
    name: str


class Rooms(Struct, frozen=True):
    items: list[Room]


class RoomName(Struct, frozen=True, forbid_unknown_fields=True):
    name: PlaceName


# Learnt here, while there is one thread; see the end of `wire.client_protocol`.
for _shape in (Workplaces, NewWorkplace, WorkplaceChange, Rooms, RoomName):
    Decoder(_shape)
