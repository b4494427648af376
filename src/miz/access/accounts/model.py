"""What travels about users and sessions."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.json import Decoder

CODE_VALID = timedelta(days=7)

State = Literal["active", "disabled", "code_issued", "code_expired"]


class User(Struct, frozen=True):
    """A user for those who manage users. `code_until` is the end of the one-time code that waits to be used."""

    id: str
    name: str
    roles: list[str]
    is_disabled: bool
    state: State
    code_until: datetime | None = None
    has_second_factor: bool = False


class Users(Struct, frozen=True):
    items: list[User]


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    """Without a password the answer has a one-time code, with which the user sets one."""

    name: str
    roles: list[str]
    password: str | None = None


class OneTimeCode(Struct, frozen=True):
    """Shown once, never stored."""

    code: str
    valid_until: datetime


class AddedUser(Struct, frozen=True):
    id: str
    name: str
    roles: list[str]
    is_disabled: bool
    one_time_code: OneTimeCode | None = None


class UserRoles(Struct, frozen=True, forbid_unknown_fields=True):
    roles: list[str]


class FirstPassword(Struct, frozen=True, forbid_unknown_fields=True):
    user: str
    code: str
    password: str


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    old_password: str
    password: str


class NewPin(Struct, frozen=True, forbid_unknown_fields=True):
    """The password is asked for: whoever passes by an open window must not set a PIN."""

    password: str
    pin: str


class OwnSession(Struct, frozen=True):
    """Where and since when one is signed in."""

    id: str
    place: str
    is_registered: bool
    started_at: datetime
    expires_at: datetime
    is_current: bool


class OwnSessions(Struct, frozen=True):
    items: list[OwnSession]


# Learnt here, while there is one thread; see the end of `wire.client_protocol`.
for _shape in (Users, NewUser, OneTimeCode, AddedUser, UserRoles, FirstPassword, NewPassword, NewPin, OwnSessions):
    Decoder(_shape)
