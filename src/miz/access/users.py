"""Users: rows, and the rules about them that need no password."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from miz.access.codes import code_hash
from miz.access.errors import LastOwnerError, UnknownUserError, UserExistsError
from miz.access.roles import ROLES
from miz.access.tables import user_account
from miz.infra.db.writer import Transaction
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError, NotPermittedError
from miz.kernel.text import has_control_character

FAILURES_UNTIL_DISABLED = 100
PIN_FAILURES_UNTIL_VOID = 5
NO_PASSWORD = ""


def check_may_change(actor: Actor, roles: Iterable[str]) -> None:
    """Raise `NotPermittedError` when an administrator who is no owner touches an owner, or makes one."""
    if "owner" in roles and not actor.roles & {"owner", "local"}:
        raise NotPermittedError


def add_user(tx: Transaction, *, name: str, roles: list[str], password_hash: str = NO_PASSWORD) -> str:
    """Store a user and return the id. Raises `InvalidInputError`, `UserExistsError`."""
    name = name.strip()
    if not 1 <= max(len(name), len(name.casefold())) <= 100:
        raise InvalidInputError("A user needs a name of up to 100 characters.", field="name")
    if has_control_character(name):
        raise InvalidInputError("The text holds a control character.", field="name")
    roles = _checked(roles)
    if find_user(tx.connection, name) is not None:
        raise UserExistsError
    user_id = str(uuid.uuid4())
    tx.connection.execute(
        insert(user_account).values(
            id=user_id, name=name, sign_in_name=name.casefold(), password_hash=password_hash, roles=roles, created_at=tx.now
        )
    )
    return user_id


def user_to_change(tx: Transaction, actor: Actor, name: str) -> Any:
    """The user's row, if the actor may change it. Raises `UnknownUserError`, `NotPermittedError`."""
    user = find_user(tx.connection, name)
    if user is None:
        raise UnknownUserError
    check_may_change(actor, user.roles)
    return user


def set_roles(tx: Transaction, user: Any, roles: list[str]) -> list[str]:
    """Give a user these roles instead of the former. Raises `InvalidInputError`, `LastOwnerError`."""
    roles = _checked(roles)
    if "owner" in user.roles and "owner" not in roles:
        _require_other_owner(tx, user, "The last owner stays an owner.")
    _change(tx, user.id, roles=roles)
    return roles


def set_user_disabled(tx: Transaction, name: str, *, is_disabled: bool) -> str:
    """Switch a user off or on again and return the id. Raises `UnknownUserError`, `LastOwnerError`."""
    user = find_user(tx.connection, name)
    if user is None:
        raise UnknownUserError
    if is_disabled and "owner" in user.roles:
        _require_other_owner(tx, user)
    _change(tx, user.id, is_disabled=is_disabled, failures_in_row=0)
    return str(user.id)


def set_code(tx: Transaction, user_id: str, code: str, valid_until: datetime) -> None:
    """From now on only this code leads to a password; the former password, PIN and code are void."""
    _change(
        tx, user_id, code_hash=code_hash(code), code_until=valid_until, password_hash=NO_PASSWORD, password_used_at=None,
        pin_hash=None, pin_failures=0,
    )  # fmt: skip


def has_code(user: Any, code: str, now: datetime) -> bool:
    """Whether the code is the user's and its time is not over."""
    return user is not None and user.code_hash is not None and user.code_hash == code_hash(code) and now < user.code_until


def set_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Give a user a password; a code has done its work then."""
    _change(tx, user_id, password_hash=password_hash, code_hash=None, code_until=None, failures_in_row=0)


def note_password_used(tx: Transaction, user_id: str) -> None:
    """The user has signed in with the password: failures are forgiven, the PIN counts again."""
    _change(tx, user_id, failures_in_row=0, is_disabled=False, password_used_at=tx.now, pin_failures=0)


def set_pin(tx: Transaction, user_id: str, pin_hash: str | None) -> None:
    """Set the PIN, or with None remove it."""
    _change(tx, user_id, pin_hash=pin_hash, pin_failures=0)


def forgive_wrong_pins(tx: Transaction, user_id: str) -> None:
    """The right PIN was given."""
    _change(tx, user_id, pin_failures=0)


def count_pin_failure(tx: Transaction, user_id: str) -> bool:
    """One more wrong PIN in a row; whether it was the one after which the PIN rests."""
    count = user_account.c.pin_failures + 1
    failures = tx.connection.execute(
        update(user_account).where(user_account.c.id == user_id).values(pin_failures=count).returning(user_account.c.pin_failures)
    ).scalar_one()
    return bool(failures == PIN_FAILURES_UNTIL_VOID)


def count_failure(tx: Transaction, user_id: str) -> None:
    """One more failure in a row; the hundredth switches the account off until an administrator switches it on.

    An account that is off counts no more: a guess must neither switch it on nor make it look as if guessing had switched it off.
    """
    tx.connection.execute(
        update(user_account)
        .where(user_account.c.id == user_id, user_account.c.is_disabled.is_(False))
        .values(
            failures_in_row=user_account.c.failures_in_row + 1, is_disabled=user_account.c.failures_in_row + 1 >= FAILURES_UNTIL_DISABLED
        )
    )


def find_user(reader: Connection, name: str) -> Any:
    """The user's row by sign-in name (capitals do not matter), or None."""
    return reader.execute(select(user_account).where(user_account.c.sign_in_name == name.strip().casefold())).one_or_none()


def user_of(reader: Connection, user_id: str) -> Any:
    """The user's row by id. Raises `UnknownUserError`."""
    user = reader.execute(select(user_account).where(user_account.c.id == user_id)).one_or_none()
    if user is None:
        raise UnknownUserError
    return user


def all_users(reader: Connection) -> list[Any]:
    """The rows of all users by name."""
    return list(reader.execute(select(user_account).order_by(func.lower(user_account.c.name))))


def names_by_id(reader: Connection) -> dict[str, str]:
    """The names of all users, switched off or not."""
    return {row.id: row.name for row in reader.execute(select(user_account.c.id, user_account.c.name))}


def _change(tx: Transaction, user_id: str, **values: Any) -> None:
    tx.connection.execute(update(user_account).where(user_account.c.id == user_id).values(**values))


def _checked(roles: list[str]) -> list[str]:
    if not roles or (unknown := sorted(set(roles) - set(ROLES))):
        raise InvalidInputError(
            "Unknown role: {role}. Roles are {roles}.", role=", ".join(unknown if roles else []), roles=", ".join(ROLES)
        )
    return sorted(set(roles))


def _require_other_owner(tx: Transaction, user: Any, sentence: str = "") -> None:
    """There must be another owner who can sign in."""
    can_sign_in = (user_account.c.is_disabled.is_(False), user_account.c.password_hash != NO_PASSWORD)
    others = tx.connection.execute(select(user_account.c.roles).where(user_account.c.id != user.id, *can_sign_in))
    if not any("owner" in roles for (roles,) in others):
        raise LastOwnerError(sentence)
