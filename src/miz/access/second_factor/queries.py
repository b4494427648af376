"""Reading who has a second factor."""

from sqlalchemy import Connection, select

from miz.access.second_factor import store
from miz.access.second_factor.tables import second_factor


def has_second_factor(reader: Connection, user_id: str) -> bool:
    """Whether the password alone does not sign this user in."""
    return store.state_of(reader, user_id).is_active


def users_with_second_factor(reader: Connection) -> set[str]:
    """The ids of all who have one."""
    return set(reader.execute(select(second_factor.c.user_id).where(second_factor.c.active_since.is_not(None))).scalars())
