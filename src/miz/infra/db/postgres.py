"""A connection to PostgreSQL as SQLAlchemy and the writer want it: `psycopg` in autocommit, transactions said in words.

What begins and marks transactions waits for the next statement and travels with its fellows in one message: a member
of a group costs one round trip beside its own statements, and one that only looks into memory costs none.
"""

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, Self

import psycopg
from psycopg import pq
from sqlalchemy.exc import DBAPIError

from miz.kernel.errors import DatabaseUnavailableError

_OPEN = (pq.TransactionStatus.ACTIVE, pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)
_BEGIN = "BEGIN"
_SAVEPOINT = "SAVEPOINT member"


class _Cursor(psycopg.Cursor[tuple[Any, ...]]):
    """Sends what waits before its own statement."""

    def execute(self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool | None = None) -> Self:
        self._connection.send_marks()
        return super().execute(query, params, prepare=prepare, binary=binary)

    def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:
        self._connection.send_marks()
        super().executemany(query, params_seq, returning=returning)

    @property
    def _connection(self) -> "Connection":
        assert isinstance(self.connection, Connection)
        return self.connection


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """One connection; use it from one thread at a time. See `driver.Driver`."""

    watched_s: float | None = 1.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cursor_factory = _Cursor
        self.unsettled: str | None = None
        self.marking = ""
        self._marks: list[str] = []
        self._is_warned = False
        self.add_notice_handler(self._note)

    @property
    def in_transaction(self) -> bool:
        return bool(self._marks) or self.pgconn.transaction_status in _OPEN

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows; the short way for statements whose shape is known."""
        cursor = self.cursor()
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def begin(self) -> None:
        self.unsettled = None
        self._marks = [_BEGIN]

    def savepoint(self) -> None:
        self._marks.append(_SAVEPOINT)

    def back_to_savepoint(self) -> None:
        if self._marks[-1:] != [_SAVEPOINT]:
            self._marks.append("ROLLBACK TO member")

    def release(self) -> None:
        if self._marks[-1:] == [_SAVEPOINT]:
            self._marks.pop()
        else:
            self._marks.append("RELEASE member")

    def commit(self) -> None:
        """Commit; once this returns, the transaction is where `synchronous_commit` wants it, a standby included."""
        if self._marks[:1] == [_BEGIN]:  # nothing was asked of the database
            self._marks = []
        elif self.in_transaction:
            self.unsettled, self._is_warned = secrets.token_hex(16), False
            self._marks += [self.marking.format(self.unsettled), "COMMIT"] if self.marking else ["COMMIT"]
            try:
                if self.send_marks() != "COMMIT":
                    self.unsettled = None
                    raise DatabaseUnavailableError
            except psycopg.Error:
                if not self.closed:  # refused, not lost
                    self.unsettled = None
                raise
            if self._is_warned:  # it stopped waiting for its standby: stored here, but perhaps nowhere else
                self.close()
                raise DatabaseUnavailableError
            self.unsettled = None

    def rollback(self) -> None:
        self._marks = []
        with contextlib.suppress(psycopg.OperationalError):
            super().rollback()

    def is_machine_fault(self, error: BaseException) -> bool:
        """Whether the machine failed, not a rule of the tables."""
        if isinstance(error, DBAPIError):
            error = error.orig or error
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | DatabaseUnavailableError)

    def send_marks(self) -> str | None:
        """Say what waits, if anything; returns the server's word on the last of it."""
        if not self._marks:
            return None
        said, self._marks = "; ".join(self._marks), []
        with psycopg.Cursor(self) as cursor:
            cursor.execute(said, prepare=False)
            while cursor.nextset():
                pass
            return cursor.statusmessage

    def _note(self, told: psycopg.errors.Diagnostic) -> None:
        self._is_warned |= told.severity_nonlocalized == "WARNING"
