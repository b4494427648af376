"""Reading who has a second factor."""

from sqlalchemy import Connection, func, select

from miz.access.second_factor.model import SecondFactorState
from miz.access.second_factor.tables import recovery_code, second_factor


def has_second_factor(reader: Connection, user_id: str) -> bool:
    """Whether the password alone does not sign this user in."""
    return state_of(reader, user_id).is_active


def state_of(reader: Connection, user_id: str) -> SecondFactorState:
    """What the user sees of it; one that is being set up is none yet."""
    left = select(func.count()).where(recovery_code.c.user_id == user_id).scalar_subquery()
    active = (second_factor.c.user_id == user_id, second_factor.c.active_since.is_not(None))
    row = reader.execute(select(second_factor.c.active_since, left.label("left")).where(*active)).one_or_none()
    return SecondFactorState(True, row.active_since, row.left) if row else SecondFactorState(False)


def users_with_second_factor(reader: Connection) -> set[str]:
    """The ids of all who have one."""
    return set(reader.execute(select(second_factor.c.user_id).where(second_factor.c.active_since.is_not(None))).scalars())
