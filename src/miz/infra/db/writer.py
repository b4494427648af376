"""The one writer: a thread in which waiting transactions share one durable commit (group commit, ADR 0004).

- Every transaction runs alone inside a savepoint; one that raises is rolled back alone.
- Nobody is acknowledged before the shared commit is on the disk.
- When the commit fails, everybody of the group is rolled back and tried once more, one by one.
- When the connection is lost, everybody of the group is refused, and nobody is tried twice: the commit may have reached
  the disk. The writer connects again and finds out; what follows from the group happens then.
- What follows from a transaction (events, what is remembered in memory) happens after the commit, in commit order,
  in the event loop.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from miz.infra.db.driver import Driver, driver_of
from miz.infra.db.practice_database import DatabaseChangedError, PracticeDatabase
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError, MizError

GROUP_LIMIT = 256
RETRY_S = 0.2
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
    is_aside: bool = False


class Writer:
    """Runs units of work in the writing thread.

    `give_up` is called there with the reason when this server may not write to the database any more.
    """

    def __init__(self, database: PracticeDatabase, *, clock: Clock, give_up: Callable[[Exception], None] = lambda _: None) -> None:
        self._database = database
        self._connection: Connection = database.writer_connection
        self._driver: Driver = driver_of(self._connection)
        database.mark_commits()
        self._clock = clock
        self._give_up = give_up
        self._waiting: queue.SimpleQueue[_Member | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="miz-writer")
        self._is_stopped = False
        self.fault: DatabaseUnavailableError | None = None
        """Why the last group could not be stored; None once one was."""
        self._unsettled: tuple[str, list[tuple[asyncio.AbstractEventLoop, list[Callable[[], None]]]]] | None = None

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

    def aside(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Run `work` in the writing thread between two groups, outside of any transaction; writers wait meanwhile. The future raises what it raised."""
        if self._is_stopped:
            raise DatabaseUnavailableError
        loop = asyncio.get_running_loop()
        member = _Member(lambda _: work(), loop.create_future(), loop, is_aside=True)
        self._waiting.put(member)
        return member.answer

    def _serve(self) -> None:
        while (first := self._next()) is not None:
            group, aside = [first], None
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP_LIMIT and not group[-1].is_aside:
                    member = self._waiting.get_nowait()
                    if member is None:
                        self._waiting.put(None)
                        break
                    group.append(member)
            if group[-1].is_aside:
                aside = group.pop()
            if group:
                self._commit_group(group)
                self._settle(group)
            if aside is not None:
                self._run_aside(aside)
            if self._driver.closed and not self._find_back():
                return

    def _run_aside(self, member: _Member) -> None:
        try:
            member.result = member.work(Transaction(self._connection, self._clock.now()))
        except Exception as error:  # noqa: BLE001 - whoever asked hears it
            member.error = self._as_unavailable(error)
        self._connection = self._database.writer_connection
        self._driver = driver_of(self._connection)
        self._settle([member])

    def _next(self) -> _Member | None:
        """Who comes next; looks meanwhile whether a connection that can be lost still stands."""
        while True:
            try:
                return self._waiting.get(timeout=self._driver.watched_s)
            except queue.Empty:
                if not self._stands() and not self._find_back():
                    return None

    def _stands(self) -> bool:
        with contextlib.suppress(self._driver.Error):
            self._driver.rows("SELECT 1")
        return not self._driver.closed

    def _refuse_lost(self, group: list[_Member]) -> None:
        """Refuse a group whose connection was lost; what would follow from it is kept, in case that it was stored."""
        if self._driver.unsettled is not None:
            self._unsettled = self._driver.unsettled, [(member.loop, member.effects) for member in group]
        for member in group:
            member.error = member.error or DatabaseUnavailableError()
            member.effects = []

    def _find_back(self) -> bool:
        """Connect again and go on, if this server still may. Nobody waits meanwhile."""
        while not self._is_stopped:
            try:
                self._database.reconnect()
                self._connection = self._database.writer_connection
                self._driver = driver_of(self._connection)
                self._follow_what_was_stored()
                self._database.mark_commits()
            except DatabaseChangedError as error:
                self._is_stopped = True
                self._give_up(error)
            except (MizError, DBAPIError, self._driver.Error):
                self._refuse_waiting()
                time.sleep(RETRY_S)
            else:
                return True
        self._refuse_waiting()
        return False

    def _follow_what_was_stored(self) -> None:
        """Have the effects of a group whose commit was never answered, if it came to be."""
        if self._unsettled is None:
            return
        group, members = self._unsettled
        effects = members if self._database.was_committed(group) else []
        self._unsettled = None
        for loop, of_member in effects:
            for effect in of_member:
                loop.call_soon_threadsafe(effect)

    def _refuse_waiting(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                member = self._waiting.get_nowait()
                if member is not None:
                    member.error = DatabaseUnavailableError()
                    self._settle([member])

    def _commit_group(self, group: list[_Member]) -> None:
        try:
            self._attempt(group)
        except Exception as error:  # noqa: BLE001 - whatever broke the group, each member gets its own attempt or its error
            if self._driver.closed:
                self._refuse_lost(group)
                return
            self._undo()
            if len(group) == 1:
                group[0].error = self._as_unavailable(error)
                group[0].effects = []
                return
            for member in group:
                self._commit_group([member])

    def _attempt(self, group: list[_Member]) -> None:
        driver = self._driver
        driver.begin()
        now = self._clock.now()
        for member in group:
            transaction = Transaction(self._connection, now)
            member.result = member.error = None
            driver.savepoint()
            try:
                member.result = member.work(transaction)
            except Exception as error:
                if not driver.in_transaction or driver.is_machine_fault(error):
                    raise
                driver.back_to_savepoint()
                member.error = error
                transaction.effects.clear()
            driver.release()
            member.effects = transaction.effects
        self._database.check_identity()
        driver.commit()
        self.fault = None

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

    def _as_unavailable(self, error: Exception) -> Exception:
        if isinstance(error, self._driver.Error | DBAPIError):
            unavailable = self._database.source.fault(error)
            unavailable.__cause__ = error
            self.fault = unavailable
            return unavailable
        return error
