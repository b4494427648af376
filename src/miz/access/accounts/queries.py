"""Reading users."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from miz.access import users
from miz.access.accounts.model import State, User
from miz.access.second_factor.queries import users_with_second_factor


def list_users(reader: Connection, now: datetime) -> list[User]:
    """All users by name, without any secret."""
    secured = users_with_second_factor(reader)
    return [_user(row, now, has_second_factor=row.id in secured) for row in users.all_users(reader)]


def has_pin(reader: Connection, user_id: str) -> bool:
    """Whether the user has a PIN, resting or not."""
    return users.user_of(reader, user_id).pin_hash is not None


def _user(row: Any, now: datetime, *, has_second_factor: bool) -> User:
    waits = not row.password_hash and row.code_until is not None and now < row.code_until
    state: State = "disabled" if row.is_disabled else "active" if row.password_hash else "code_issued" if waits else "code_expired"
    return User(row.id, row.name, row.roles, row.is_disabled, state, row.code_until if waits else None, has_second_factor)
