"""What stands around every page of the console: who may see which screen, the mode, the practice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from miz.access.roles import (
    CHANGE_MODE,
    CONFIRM_ERASURE,
    MANAGE_PLACES,
    READ_AUDIT,
    READ_BACKUPS,
    READ_CERTIFICATE,
    READ_DATABASES,
    READ_USERS,
    SEE_APPLICATIONS,
    SEE_CONSOLE,
)
from miz.infra.http import Call, Endpoint
from miz.kernel.actor import Actor
from miz.kernel.errors import MizError
from miz.practice.web.forms import field_errors

SCREENS: Sequence[tuple[str, str, frozenset[str], str]] = (
    ("overview", "/console", SEE_CONSOLE, "dashboard"),
    ("applications", "/console/applications", SEE_APPLICATIONS, "devices"),
    ("leases", "/console/leases", CHANGE_MODE, "lock"),
    ("mode", "/console/mode", CHANGE_MODE, "toggle-left"),
    ("users", "/console/users", READ_USERS, "users"),
    ("places", "/console/places", MANAGE_PLACES, "door"),
    ("databases", "/console/databases", READ_DATABASES - {"local"}, "server"),
    ("backups", "/console/backups", READ_BACKUPS - {"local"}, "archive"),
    ("erasure", "/console/erasure", CONFIRM_ERASURE - {"local"}, "x"),
    ("trail", "/console/trail", READ_AUDIT, "history"),
    ("certificate", "/console/certificate", READ_CERTIFICATE, "key"),
    ("settings", "/console/settings", CHANGE_MODE, "settings"),
)
"""Name, address, who sees it, icon; in the order of the side navigation."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """An entry of the side navigation; `name` is a word of the template."""

    name: str
    address: str
    icon: str
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class ConsoleFrame:
    """The frame of a page: navigation for these roles, mode, who is signed in where."""

    practice: str
    user: str
    user_id: str
    place: str
    idle_lock_min: int
    is_in_setup: bool
    has_patients: bool
    screens: Sequence[Screen]

    @property
    def address(self) -> str:
        """Where this page is asked for again; empty for one outside of the navigation."""
        return next((screen.address for screen in self.screens if screen.is_current), "")

    def may_see(self, name: str) -> bool:
        """Whether the screen is one of this person's."""
        return any(screen.name == name for screen in self.screens)


FrameOf = Callable[[Actor, str], ConsoleFrame]
"""The frame for somebody on the screen of this name."""


def screens_for(actor: Actor, current: str) -> list[Screen]:
    """The screens that the actor's roles may see."""
    return [
        Screen(name=name, address=address, icon=icon, is_current=name == current)
        for name, address, may, icon in SCREENS
        if not may.isdisjoint(actor.roles)
    ]


def console_page(method: Literal["GET", "POST"], path: str, may: frozenset[str], run: Any, summary: str) -> Endpoint:
    """A page of the console, or what one of its forms does."""
    return Endpoint(method=method, path=path, may=may, run=run, summary=summary, is_page=True)


def said(error: MizError | None, call: Call) -> dict[str, str]:
    """What happened, by field, in the language of the browser."""
    return field_errors(error, call) if error else {}
