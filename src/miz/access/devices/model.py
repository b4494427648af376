"""What others know of a device, and what travels about devices."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.json import Decoder

CODE_VALID = timedelta(minutes=10)

Kind = Literal["display", "workplace"]
State = Literal["waiting", "code_expired", "paired", "revoked"]


class Device(Struct, frozen=True):
    """A paired device: a display in its room, or the browser of a workplace."""

    id: str
    name: str
    kind: Kind
    room: str | None
    workplace_id: str | None
    workplace: str | None


class DeviceLine(Struct, frozen=True):
    """A device for those who manage devices. `place` is its room or workplace; `code_until` the end of a code that waits to be used."""

    id: str
    name: str
    kind: Kind
    place: str
    state: State
    added_at: datetime
    paired_at: datetime | None = None
    paired_by: str | None = None
    revoked_at: datetime | None = None
    code_until: datetime | None = None


class Devices(Struct, frozen=True):
    items: list[DeviceLine]


class NewDevice(Struct, frozen=True, forbid_unknown_fields=True):
    """`place` is a room for a display, a workplace for a workplace, by name or id; without a name the device is called after it."""

    kind: Kind
    place: str
    name: str = ""


class PairingCode(Struct, frozen=True):
    """Shown once, never stored."""

    device_id: str
    device: str
    code: str
    valid_until: datetime


# Learnt here, while there is one thread; see the end of `wire.client_protocol`.
for _shape in (Devices, NewDevice, PairingCode):
    Decoder(_shape)
