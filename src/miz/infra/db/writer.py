"""The one writer: a thread in which waiting transactions share one durable commit (group commit, ADR 0004).

- Every transaction runs alone inside a savepoint; one that raises is rolled back alone.
- Nobody is acknowledged before the shared commit is on the disk.
- When the commit fails, everybody of the group is rolled back and tried once more, one by one.
- What follows from a transaction (events, what is remembered in memory) happens after the commit, in commit order,
  in the event loop.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from miz.infra.db import sqlite3mc
from miz.infra.db.practice_database import PracticeDatabase
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError

GROUP_LIMIT = 256
T = TypeVar("T")


@dataclass(slots=True)
class Transaction:
    """What a unit of work gets: the connection to write on and the instant of its group."""

    connection: Connection
    now: datetime
    effects: list[Callable[[], None]] = field(default_factory=list)

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Run `effect` in the event loop once the transaction is on the disk; never when it is rolled back."""
        self.effects.append(effect)


@dataclass(slots=True)
class _Member:
    work: Callable[[Transaction], Any]
    answer: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None
    effects: list[Callable[[], None]] = field(default_factory=list)


class Writer:
    """Runs units of work in the writing thread."""

    def __init__(self, database: PracticeDatabase, *, clock: Clock) -> None:
        self._database = database
        self._connection = database.writer_connection
        self._driver: sqlite3mc.Connection = self._connection.connection.dbapi_connection  # type: ignore[assignment]
        self._clock = clock
        self._waiting: queue.SimpleQueue[_Member | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="miz-writer")
        self._is_stopped = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, then end the thread."""
        self._is_stopped = True
        self._waiting.put(None)
        self._thread.join()

    def run(self, work: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """Run `work` in the next group; the future is done once its commit is on the disk.

        The future raises what `work` raised, or `DatabaseUnavailableError` when the database could not store it.
        """
        if self._is_stopped:
            raise DatabaseUnavailableError
        loop = asyncio.get_running_loop()
        member = _Member(work, loop.create_future(), loop)
        self._waiting.put(member)
        return member.answer

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP_LIMIT:
                    member = self._waiting.get_nowait()
                    if member is None:
                        self._waiting.put(None)
                        break
                    group.append(member)
            self._commit_group(group)
            self._settle(group)

    def _commit_group(self, group: list[_Member]) -> None:
        try:
            self._attempt(group)
        except Exception as error:  # noqa: BLE001 - whatever broke the group, each member gets its own attempt or its error
            self._undo()
            if len(group) == 1:
                group[0].error = _as_unavailable(error)
                group[0].effects = []
                return
            for member in group:
                self._commit_group([member])

    def _attempt(self, group: list[_Member]) -> None:
        driver = self._driver
        driver.rows("BEGIN IMMEDIATE")
        now = self._clock.now()
        for member in group:
            transaction = Transaction(self._connection, now)
            member.result = member.error = None
            driver.rows("SAVEPOINT member")
            try:
                member.result = member.work(transaction)
            except Exception as error:
                if not driver.apsw.in_transaction or _is_machine_fault(error):
                    raise
                driver.rows("ROLLBACK TO member")
                member.error = error
                transaction.effects.clear()
            driver.rows("RELEASE member")
            member.effects = transaction.effects
        self._database.check_identity()
        driver.rows("COMMIT")

    def _undo(self) -> None:
        self._driver.rollback()
        self._connection.rollback()

    def _settle(self, group: list[_Member]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Member]] = {}
        for member in group:
            by_loop.setdefault(member.loop, []).append(member)
        for loop, members in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(self._tell, members)

    def _tell(self, members: list[_Member]) -> None:
        for member in members:
            for effect in member.effects:
                effect()
        for member in members:
            if member.answer.cancelled():
                continue
            if member.error is None:
                member.answer.set_result(member.result)
            else:
                member.answer.set_exception(member.error)


def _is_machine_fault(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        error = error.orig or error
    return isinstance(error, sqlite3mc.OperationalError)


def _as_unavailable(error: Exception) -> Exception:
    if isinstance(error, DatabaseUnavailableError):
        return error
    if isinstance(error, sqlite3mc.Error | DBAPIError):
        unavailable = DatabaseUnavailableError()
        unavailable.__cause__ = error
        return unavailable
    return error
