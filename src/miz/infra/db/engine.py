"""How a practice's rows are reached, and the way in for whoever only reads; the one that writes is `practice_database`."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import JSON, Connection, Dialect, Engine, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from miz.kernel.errors import DatabaseUnavailableError, MizError

# Gives the calling thread its read-only connection; routes hand it to queries and know no SQL.
Reader = Callable[[], Connection]

JSON_FORM: dict[str, Any] = {
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
    "json_deserializer": msgspec.json.decode,
}
"""How an engine writes and reads JSON."""


class UnsafeDataFolderError(MizError):
    """The data folder lies where a database can be damaged; see `reliability.md` section 2."""

    code = "unsafe-data-folder"
    title = "The database must not lie in this place."
    kind = "conflict"
    hint = "Use a folder on a disk of this computer that no other program synchronises."


class DatabaseVersionError(MizError):
    """The SQLite library is one that can damage a database in WAL mode."""

    code = "database-library-too-old"
    title = "The database library is too old to be safe."
    kind = "integrity"
    hint = "Install the program again with its locked dependencies."


class WrongKeyError(MizError):
    """The key does not open the database file."""

    code = "wrong-key"
    title = "This key does not open the database."
    kind = "integrity"
    hint = "Name the key file of this practice in MIZ_KEY_FILE, or the recovery key in MIZ_RECOVERY_KEY_FILE."


class DatabaseReplacedError(DatabaseUnavailableError):
    """The open file is no longer the file at its path: moved, replaced or deleted while the server ran."""

    code = "database-replaced"
    title = "The database file was moved or replaced while the server was running."
    hint = "Nothing was saved. Stop the server, put the file back and start again."


class DiskFullError(DatabaseUnavailableError):
    """The disk of the database has no room left."""

    code = "disk-full"
    title = "The disk of the database is full."
    hint = "Nothing was saved. Free some space on the server's disk; the server then goes on by itself."


class DatabaseReadOnlyError(DatabaseUnavailableError):
    """The file or its disk takes no changes."""

    code = "database-read-only"
    title = "The database file takes no changes: it, its folder or its disk is read-only."
    hint = "Nothing was saved. Give the account of the server the right to write; the server then goes on by itself."


class DiskFaultError(DatabaseUnavailableError):
    """The disk reported an error on reading or writing."""

    code = "disk-fault"
    title = "The disk of the database reports an error."
    hint = "Nothing was saved. Tell the technician; another disk and the newest backup may be needed."


class DatabasePageError(DatabaseUnavailableError):
    """A page is not what was written there."""

    code = "database-page-damaged"
    title = "A page of the database is not what was written there."
    hint = "Nothing was saved. Have the database checked in the console and restore the newest proved backup."


class DatabaseDamagedError(DatabaseUnavailableError):
    """Pages of the database are damaged; what can be read is read, and no record is changed."""

    code = "database-damaged"
    title = "The database is damaged: what can be read is shown, and no entries are saved."
    hint = "Nothing was saved. In the console under Databases the practice administrator finds the way back: repair, or the last proved backup."


class DatabaseInUseError(MizError):
    """Another server writes to this database."""

    code = "database-in-use"
    title = "Another server works with this database."
    kind = "conflict"
    hint = "Stop the other one first, or start this one with --standby; then it takes over when the other one ends."


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds, stored as text: the same on every database, and it sorts as it reads."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class _JsonText(TypeDecorator[Any]):
    """JSON that the database keeps to the letter, because the audit trail commits to it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


Json = JSON().with_variant(_JsonText(), "postgresql")
"""The type of columns that hold JSON."""


class stored_bytes(GenericFunction[bytes]):  # noqa: N801 - a function of SQL
    """The text of a column as the bytes that are stored."""

    type = LargeBinary()
    inherit_cache = True


@compiles(stored_bytes, "sqlite")
def _cast(element: stored_bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(stored_bytes, "postgresql")
def _convert(element: stored_bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"convert_to({compiler.process(element.clauses, **options)}, 'UTF8')"


class Source(Protocol):
    """Where a practice's rows lie: `SqliteFile` or `PostgresServer`."""

    generation: int
    """Counts up when the rows have moved; connections of before lead to the former place."""

    @property
    def shown(self) -> str:
        """The place as people may read it; never with a password."""

    def refuse_unsafe(self) -> None:
        """Raise when rows would not be safe there."""

    def engine(self, *, is_read_only: bool) -> Engine:
        """Makes connections that write, or connections that cannot."""

    def explained(self, error: Exception) -> MizError:
        """What to say when no connection could be made."""

    def fault(self, error: Exception) -> DatabaseUnavailableError:
        """What to say when the open database has failed: the cause by its name, where the driver tells it."""

    def claim(self, connection: Connection) -> None:
        """Become the only server that writes, for as long as `connection` lasts. Raises `DatabaseInUseError`."""

    def lineage(self, connection: Connection) -> str:
        """Which line of servers has the rows; another one once a standby was promoted or a copy brought back."""

    def check_identity(self) -> None:
        """Raise `DatabaseReplacedError` when the rows that are open are no longer those of this place."""

    def empty_log(self, connection: Connection) -> bool:
        """Take the log of writes in and cut it off, so that it keeps nothing of what was deleted; whether that is done. Waits for nobody.

        To be called in the writing thread, between transactions.
        """

    def size_bytes(self, reader: Connection) -> int:
        """How much room the rows take."""


class ReadOnlyDatabase:
    """The rows of one practice for any number of reading threads; no statement can change them.

    Raises what the source says when it refuses, and `DatabaseUnavailableError`; there must be a database already.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.check_identity = source.check_identity
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._reader_engine: Engine | None = None
        source.refuse_unsafe()
        self._open()

    def reader(self) -> Connection:
        """The calling thread's read-only connection; every statement sees the newest committed state."""
        connection: Connection | None = getattr(self._local, "reader", None)
        if connection is None or self._local.driver.closed or self._local.generation != self.source.generation:
            connection = self._connect()
        return connection

    def size_bytes(self) -> int:
        """How much room the rows take."""
        return self.source.size_bytes(self.reader())

    def close(self) -> None:
        """Close every connection, those of other threads too; nobody may use them any more."""
        for reader in self._readers:
            reader.close()
        self._readers.clear()

    def _open(self) -> None:
        """Prove that the way in is free before anybody relies on it."""
        self._connect()

    def _connect(self) -> Connection:
        generation = self.source.generation
        if self._reader_engine is None:
            self._reader_engine = self.source.engine(is_read_only=True)
        try:
            connection = self._reader_engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except Exception as error:
            raise self.source.explained(error) from error
        former: Connection | None = getattr(self._local, "reader", None)
        if former is not None and not former.closed:
            former.close()
        self._local.reader, self._local.driver, self._local.generation = connection, connection.connection.dbapi_connection, generation
        self._readers = [reader for reader in self._readers if not (reader.invalidated or reader.closed)]
        self._readers.append(connection)
        return connection
