"""The practice database with its writing side: one connection that writes, beside the read-only ones that cannot."""

import contextlib
from collections.abc import Callable

from sqlalchemy import Connection, Engine

from miz.infra.db import succession
from miz.infra.db.driver import driver_of
from miz.infra.db.engine import DatabaseInUseError, ReadOnlyDatabase, Source
from miz.kernel.errors import MizError


class DatabaseChangedError(MizError):
    """Another server has written to the database, or another line of it is in use, so what this server remembers is no longer true."""

    code = "database-changed"
    title = "Another server has taken over, or the database has moved to its standby."
    kind = "conflict"
    hint = "This server has stopped. Start it again; it then reads the database anew."


class PracticeDatabase(ReadOnlyDatabase):
    """The rows of one practice for one writing thread and any number of reading ones; made where there are none.

    Nobody else writes while it is open. `name` is that of this server, for those who wait. Raises what
    `ReadOnlyDatabase` raises, and `DatabaseInUseError`.
    """

    writer_connection: Connection
    write_engine: Engine

    def __init__(self, source: Source, *, name: str = "") -> None:
        self.name = name
        super().__init__(source)

    def take_over(self, follow: Callable[[Connection], None]) -> None:
        """Note that this server writes from now on; with `follow`, in the same transaction, if another one did so before."""
        succession.take_over(self.writer_connection, self.name, self.lineage, follow)

    def reconnect(self) -> None:
        """Connect the writing side anew. Raises `DatabaseChangedError` when somebody else has written meanwhile."""
        with contextlib.suppress(Exception):
            self.writer_connection.close()
        try:
            self.writer_connection = self._connected()
        except DatabaseInUseError:
            if not succession.is_noted(self.reader(), self.name, self.lineage):
                raise DatabaseChangedError from None
            raise
        if not succession.confirm(self.writer_connection, self.name, self.source.lineage(self.writer_connection)):
            self.writer_connection.close()  # and with it the lock: whoever waits shall not wait for this one
            raise DatabaseChangedError

    def open_again(self, settle: Callable[[], None]) -> None:
        """Go on where the source leads to now, once `settle` has made it so; whatever either raises, all is as before.

        To be called in the writing thread, between transactions.
        """
        former, former_engine = self.writer_connection, self.write_engine
        try:
            self._open()
            settle()
        except BaseException:
            opened, self.write_engine, self.writer_connection = self.write_engine, former_engine, former
            if opened is not former_engine:
                opened.dispose()
            raise
        former.close()
        former_engine.dispose()

    def mark_commits(self) -> None:
        """Have each commit leave its mark from here on, where an answer can be lost."""
        driver_of(self.writer_connection).marking = succession.MARKING

    def was_committed(self, group: str) -> bool:
        """Whether the group, whose commit was never answered, is stored. To be asked before anything else is written."""
        return succession.last_group(self.writer_connection) == group

    def close(self) -> None:
        """Close every connection, those of other threads too; nobody may use them any more."""
        super().close()
        self.writer_connection.close()
        self.write_engine.dispose()

    def _open(self) -> None:
        self.write_engine = self.source.engine(is_read_only=False)
        self.writer_connection = self._connected()
        self.lineage = self.source.lineage(self.writer_connection)

    def _connected(self) -> Connection:
        try:
            connection = self.write_engine.connect()
        except Exception as error:
            raise self.source.explained(error) from error
        try:
            self.source.claim(connection)
        except BaseException:
            connection.close()
            raise
        return connection
