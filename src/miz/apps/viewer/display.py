"""Who stands at the Viewer's door, and how a display wants its screen."""

from dataclasses import dataclass
from typing import Literal

from miz.access.devices.cookie import COOKIE
from miz.access.devices.model import Device
from miz.access.devices.queries import find_device
from miz.infra.db.engine import Reader
from miz.infra.http import Call
from miz.kernel.actor import Actor
from miz.ui.face import look_of
from miz.ui.render import Look

SHOW_ROOM = frozenset({"display"})
SIZES = range(-2, 6)


class DisplayGate:
    """Finds the paired display of a call by its own cookie; sessions, tokens and devices of other kinds count for nothing here."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def identify(self, call: Call, *, is_open_while_locked: bool) -> tuple[Actor | None, bool]:
        """See `infra.http.Gate`."""
        display = self.display_of(call)
        if display is None:
            return None, False
        return Actor(user_id=display.id, user=display.name, roles=SHOW_ROOM, session_id="", room=display.room), True

    def display_of(self, call: Call) -> Device | None:
        """The display whose token the browser shows, while it is paired."""
        token = call.own_cookie(COOKIE)
        return self.find(token) if token else None

    def find(self, token: str) -> Device | None:
        """The display of a token, while it is paired."""
        device = find_device(self._reader(), token)
        return device if device is not None and device.kind == "display" else None


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was chosen at this display; kept in its own cookies, apart from those of workplaces."""

    theme: Literal["light", "dark", "system"]
    size: int
    is_discreet: bool


def wishes_of(call: Call) -> Wishes:
    """The choices of the display that asks."""
    theme, size = call.cookie("miz_viewer_theme"), call.cookie("miz_viewer_size") or ""
    return Wishes(
        theme="light" if theme == "light" else "dark" if theme == "dark" else "system",
        size=int(size) if size in {str(step) for step in SIZES} else 0,
        is_discreet=call.cookie("miz_viewer_discreet") == "1",
    )


def look_for(call: Call, wishes: Wishes) -> Look:
    """The browser's language, and the theme chosen here."""
    return Look(language=look_of(call).language, theme=wishes.theme)


def is_same_room(room: str, asked: str | None) -> bool:
    """Whether an address means this room: by its name, or by the number its name ends with; no room named means the display's own."""
    if asked is None:
        return True
    wanted = asked.strip().casefold()
    return wanted == room.casefold() or wanted == room.casefold().rpartition(" ")[2]
