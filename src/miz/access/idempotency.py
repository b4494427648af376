"""A request that may be sent twice and acts once.

The answer is stored in the transaction of the write itself, so there is no moment in which one exists without the
other. Keys hold per user and route for 24 hours.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import delete, insert, select

from miz.access.errors import IdempotencyKeyReusedError
from miz.access.tables import idempotent_answer
from miz.infra.db.writer import Transaction
from miz.kernel.errors import InvalidInputError

KEPT_FOR = timedelta(hours=24)
T = TypeVar("T")


def once(tx: Transaction, *, user_id: str, route: str, key: str | None, request: bytes, answer: type[T], work: Callable[[], T]) -> T:
    """Run `work`, or return what it answered when the same user sent the same key before.

    Raises `IdempotencyKeyReusedError` when the key came with another request.
    """
    if not key:
        return work()
    if len(key) > 100:
        raise InvalidInputError("An idempotency key has up to 100 characters.")
    request_hash = hashlib.sha256(request).digest()
    stored = idempotent_answer.c
    row = tx.connection.execute(
        select(stored.request_hash, stored.answer).where(stored.user_id == user_id, stored.route == route, stored.key == key)
    ).one_or_none()
    if row is not None:
        if row.request_hash != request_hash:
            raise IdempotencyKeyReusedError
        return msgspec.json.decode(row.answer, type=answer)
    result = work()
    tx.connection.execute(
        insert(idempotent_answer).values(
            user_id=user_id, route=route, key=key, request_hash=request_hash, answer=msgspec.json.encode(result), created_at=tx.now
        )
    )
    return result


def forget_old_answers(tx: Transaction) -> None:
    """Remove answers older than 24 hours."""
    tx.connection.execute(delete(idempotent_answer).where(idempotent_answer.c.created_at < tx.now - KEPT_FOR))


def forget_answers_about(tx: Transaction, thing_id: str) -> None:
    """Remove the answers of requests to, or about, the thing of this id, which names it wherever it tells of it."""
    stored = idempotent_answer.c
    to_it = stored.route.contains(thing_id, autoescape=True)
    tx.connection.execute(delete(idempotent_answer).where(to_it))
    for user_id, route, key, answer in tx.connection.execute(select(stored.user_id, stored.route, stored.key, stored.answer)).all():
        if thing_id.encode() in answer:
            one = (stored.user_id == user_id, stored.route == route, stored.key == key)
            tx.connection.execute(delete(idempotent_answer).where(*one))
