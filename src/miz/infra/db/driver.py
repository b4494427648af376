"""What the writer and prepared statements ask of a driver's connection, whichever database stands behind it."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

from sqlalchemy import Connection


class Driver(Protocol):
    """The short way to a database: `sqlite3mc.Connection` or `postgres.Connection`. For one thread at a time."""

    Error: Any
    """The root of the driver's errors (PEP 249)."""
    watched_s: float | None
    """After how long without work to look whether the connection still stands; None where it cannot be lost."""

    marking: str
    """A statement that goes with each commit and takes the mark of `unsettled`; empty = none."""

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""

    @property
    def in_transaction(self) -> bool: ...

    @property
    def unsettled(self) -> str | None:
        """The mark of the commit that was sent and never answered."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows. Raises PEP 249 errors."""

    def begin(self) -> None: ...
    def savepoint(self) -> None: ...
    def back_to_savepoint(self) -> None: ...
    def release(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None:
        """Undo what is open; quiet where nothing is."""

    def is_machine_fault(self, error: BaseException) -> bool:
        """Whether the machine failed, not a rule of the tables."""


def driver_of(connection: Connection) -> Driver:
    """The driver's own connection below SQLAlchemy's."""
    return cast("Driver", connection.connection.dbapi_connection)
