"""Users and their passwords.

Passwords are kept as Argon2id (64 MiB, 3 passes, 4 lanes); at most four are computed at once, and who would have to
wait behind fifty others is asked to try again (`reliability.md` E4).
"""

import asyncio
import uuid
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection, func, insert, select, update

from miz.access.errors import LastOwnerError, TooManyAttemptsError, UnknownUserError, UserExistsError, WeakPasswordError
from miz.access.roles import ROLES
from miz.access.tables import user_account
from miz.infra.db.writer import Transaction
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError, NotPermittedError

PASSWORD_LENGTH = range(15, 201)
FAILURES_UNTIL_DISABLED = 100


class PasswordDesk:
    """Computes and compares password hashes away from the event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
        self._at_once = asyncio.Semaphore(4)
        self._waiting = 0
        self._nobody = self._hasher.hash(str(uuid.uuid4()))

    def hash_now(self, password: str) -> str:
        """Hash in the calling thread, for setting up."""
        return self._hasher.hash(password)

    async def hash(self, password: str) -> str:
        return str(await self._run(self._hasher.hash, password))

    async def fits(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits; without a hash the same time passes and the answer is no."""
        return bool(await self._run(self._fits, password_hash, password))

    def _fits(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except VerificationError:
            return False
        return password_hash is not None

    async def _run(self, work: Any, *arguments: Any) -> Any:
        if self._waiting >= 50:
            raise TooManyAttemptsError
        self._waiting += 1
        try:
            async with self._at_once:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1


def check_password_rule(password: str, *names: str) -> None:
    """Raise `WeakPasswordError` for one that is too short, too long, or a name of the practice."""
    if len(password) not in PASSWORD_LENGTH or password.casefold() in {name.casefold() for name in names}:
        raise WeakPasswordError


def check_may_grant(actor: Actor, roles: list[str]) -> None:
    """Raise `NotPermittedError` when an administrator who is no owner touches an owner."""
    if "owner" in roles and not actor.roles & {"owner", "local"}:
        raise NotPermittedError


def add_user(tx: Transaction, *, name: str, roles: list[str], password_hash: str) -> str:
    """Store a user and return the id. Raises `InvalidInputError`, `UserExistsError`."""
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise InvalidInputError("A user needs a name of up to 100 characters.")
    if not roles or (unknown := sorted(set(roles) - set(ROLES))):
        raise InvalidInputError(
            "Unknown role: {role}. Roles are {roles}.", role=", ".join(unknown if roles else []), roles=", ".join(ROLES)
        )
    if _row(tx.connection, name) is not None:
        raise UserExistsError
    user_id = str(uuid.uuid4())
    tx.connection.execute(
        insert(user_account).values(
            id=user_id, name=name, sign_in_name=name.casefold(), password_hash=password_hash, roles=sorted(set(roles)), created_at=tx.now
        )
    )
    return user_id


def set_user_disabled(tx: Transaction, name: str, *, is_disabled: bool) -> str:
    """Switch a user off or on again and return the id. Raises `UnknownUserError`, `LastOwnerError`."""
    user = _row(tx.connection, name)
    if user is None:
        raise UnknownUserError
    if is_disabled and "owner" in user.roles:
        others = tx.connection.execute(
            select(user_account.c.roles).where(user_account.c.id != user.id, user_account.c.is_disabled.is_(False))
        )
        if not any("owner" in roles for (roles,) in others):
            raise LastOwnerError
    tx.connection.execute(update(user_account).where(user_account.c.id == user.id).values(is_disabled=is_disabled, failures_in_row=0))
    return str(user.id)


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
    return _row(reader, name)


def list_users(reader: Connection) -> list[dict[str, Any]]:
    """All users by name, without their hashes."""
    shown = (user_account.c.id, user_account.c.name, user_account.c.roles, user_account.c.is_disabled, user_account.c.created_at)
    return [row._asdict() for row in reader.execute(select(*shown).order_by(func.lower(user_account.c.name)))]


def names_by_id(reader: Connection) -> dict[str, str]:
    """The names of all users, switched off or not."""
    return {user_id: name for user_id, name in reader.execute(select(user_account.c.id, user_account.c.name))}


def _row(connection: Connection, name: str) -> Any:
    return connection.execute(select(user_account).where(user_account.c.sign_in_name == name.strip().casefold())).one_or_none()
