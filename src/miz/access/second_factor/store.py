"""Rows of second factors and recovery codes."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from miz.access.codes import code_hash
from miz.access.second_factor.model import SecondFactorState
from miz.access.second_factor.tables import recovery_code, second_factor
from miz.infra.db.writer import Transaction


def factor_of(tx: Transaction, user_id: str) -> Any:
    """The user's row, active or being set up, or None."""
    return tx.connection.execute(select(second_factor).where(second_factor.c.user_id == user_id)).one_or_none()


def state_of(reader: Connection, user_id: str) -> SecondFactorState:
    """What the user sees of it; one that is being set up is none yet."""
    left = select(func.count()).where(recovery_code.c.user_id == user_id).scalar_subquery()
    active = (second_factor.c.user_id == user_id, second_factor.c.active_since.is_not(None))
    row = reader.execute(select(second_factor.c.active_since, left.label("left")).where(*active)).one_or_none()
    return SecondFactorState(True, row.active_since, row.left) if row else SecondFactorState(False)


def begin_factor(tx: Transaction, user_id: str, sealed_secret: bytes) -> None:
    """Keep a secret that counts for nothing yet; one that was begun before is void."""
    remove_factor(tx, user_id)
    tx.connection.execute(insert(second_factor).values(user_id=user_id, sealed_secret=sealed_secret, last_step=-1))


def activate_factor(tx: Transaction, user_id: str) -> None:
    """From now on the secret counts."""
    tx.connection.execute(update(second_factor).where(second_factor.c.user_id == user_id).values(active_since=tx.now))


def keep_step(tx: Transaction, user_id: str, step: int) -> None:
    """The code of this step was used; it and those before count no more."""
    tx.connection.execute(update(second_factor).where(second_factor.c.user_id == user_id).values(last_step=step))


def remove_factor(tx: Transaction, user_id: str) -> None:
    """The secret and the recovery codes are gone."""
    keep_recovery_codes(tx, user_id, [])
    tx.connection.execute(delete(second_factor).where(second_factor.c.user_id == user_id))


def keep_recovery_codes(tx: Transaction, user_id: str, codes: Iterable[str]) -> None:
    """These codes instead of the former ones, as hashes."""
    tx.connection.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    if rows := [{"user_id": user_id, "code_hash": code_hash(code)} for code in codes]:
        tx.connection.execute(insert(recovery_code), rows)


def take_recovery_code(tx: Transaction, user_id: str, typed: str) -> bool:
    """Use a recovery code up; whether it was one."""
    found = (recovery_code.c.user_id == user_id, recovery_code.c.code_hash == code_hash(typed))
    return tx.connection.execute(delete(recovery_code).where(*found)).rowcount == 1
