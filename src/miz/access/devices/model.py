"""What others know of a device."""

import hashlib
from typing import Literal

from msgspec import Struct

Kind = Literal["display", "workplace"]


class Device(Struct, frozen=True):
    """A paired device: a display in its room, or the browser of a workplace."""

    id: str
    name: str
    kind: Kind
    room: str | None
    workplace_id: str | None
    workplace: str | None


def hash_of(secret: str) -> bytes:
    """What is stored of a token or code."""
    return hashlib.sha256(secret.encode()).digest()
