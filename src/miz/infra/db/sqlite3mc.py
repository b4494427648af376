"""A DB-API 2.0 face for `apsw-sqlite3mc`, made to be handed to SQLAlchemy: `create_engine(…, module=sqlite3mc)`.

Only what SQLAlchemy's SQLite dialect asks for. Transactions are never begun here: the writer says BEGIN IMMEDIATE,
readers live in autocommit. Errors are those of PEP 249; `DatabaseFullError` and the like stay readable in `__cause__`.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import apsw

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
sqlite_version = apsw.sqlite_lib_version()
sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))
version = apsw.apsw_version()
PARSE_COLNAMES = PARSE_DECLTYPES = 0
Binary = bytes

# Earlier versions can corrupt a WAL database that two connections reset at the same time.
SAFE_FROM = (3, 51, 3)


class Error(Exception):
    """Root of PEP 249's errors."""


class Warning(Exception):  # noqa: A001, N818 - the name is fixed by PEP 249
    """Never raised; PEP 249 asks for the name."""


class InterfaceError(Error):
    """Never raised; PEP 249 asks for the name."""


class DatabaseError(Error):
    """The database refuses, and it is neither a rule of the tables nor the machine."""


class IntegrityError(DatabaseError):
    """A constraint of the tables is broken."""


class OperationalError(DatabaseError):
    """The machine fails: disk full, input/output, busy, damaged, no right."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


DataError = InternalError = NotSupportedError = DatabaseError

_MACHINE = (apsw.BusyError, apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.CorruptError, apsw.NotADBError, apsw.ReadOnlyError,
            apsw.LockedError, apsw.ProtocolError, apsw.PermissionsError, apsw.InterruptError, apsw.NoMemError)  # fmt: skip


def translated(error: apsw.Error) -> Error:
    """The PEP 249 error for one of apsw's."""
    kind: type[Error]
    if isinstance(error, apsw.ConstraintError):
        kind = IntegrityError
    elif isinstance(error, _MACHINE):
        kind = OperationalError
    else:
        kind = ProgrammingError if isinstance(error, apsw.SQLError) else DatabaseError
    return kind(f"{type(error).__name__}: {error}")


Description = tuple[tuple[str, None, None, None, None, None, None], ...] | None


class Cursor:
    """One statement at a time; rows come as tuples."""

    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._cursor = connection.apsw.cursor()
        self.description: Description = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "Cursor":
        """Run one statement. The description is remembered per statement text, because asking costs a callback."""
        known = self._connection.descriptions
        if sql not in known:
            self._cursor.exec_trace = self._learn_description
        try:
            self._cursor.execute(sql, tuple(parameters))
        except apsw.Error as error:
            raise translated(error) from error
        finally:
            self._cursor.exec_trace = None
        self.description = known[sql]
        if self.description is None:
            self.rowcount = self._connection.apsw.changes()
            self.lastrowid = self._connection.apsw.last_insert_rowid()
        else:
            self.rowcount = -1
        return self

    def _learn_description(self, cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        columns = cursor.get_description()
        if not columns and sql.lstrip()[:6].upper() in ("CREATE", "ALTER ", "DROP T"):
            self._connection.descriptions.clear()
        self._connection.descriptions[sql] = tuple((name, None, None, None, None, None, None) for name, *_ in columns) or None
        return True

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> "Cursor":
        before = self._connection.apsw.total_changes()
        for row in rows:
            self.execute(sql, row)
        self.rowcount = self._connection.apsw.total_changes() - before
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._fetched(self._cursor.fetchone)
        return row

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._fetched(self._cursor.fetchall) or []

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        wanted = range(size or self.arraysize)
        return [row for _ in wanted if (row := self.fetchone()) is not None]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchone, None)

    def close(self) -> None:
        self._cursor.close(force=True)

    @staticmethod
    def _fetched(fetch: Callable[[], Any]) -> Any:
        try:
            return fetch()
        except apsw.Error as error:
            raise translated(error) from error


class Connection:
    """One connection; use it from one thread at a time."""

    Error: ClassVar[type[Error]] = Error
    isolation_level: str | None = None
    watched_s: float | None = None
    unsettled: str | None = None
    marking: str = ""

    def __init__(self, apsw_connection: apsw.Connection) -> None:
        self.apsw = apsw_connection
        self.named: Callable[[Error], Exception] | None = None
        """What `rows` raises for an error, where whoever reads is to hear of it by another name."""
        self.closed = False
        self.descriptions: dict[str, Description] = {}

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        return self.cursor().execute(sql, parameters)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows; the short way for statements whose shape is known."""
        try:
            return list(self.apsw.execute(sql, values))
        except apsw.Error as error:
            told = translated(error)
            told.__cause__ = error
            raise (self.named(told) if self.named else told) from error

    @property
    def in_transaction(self) -> bool:
        return self.apsw.in_transaction

    def begin(self) -> None:
        self.rows("BEGIN IMMEDIATE")

    def savepoint(self) -> None:
        self.rows("SAVEPOINT member")

    def back_to_savepoint(self) -> None:
        self.rows("ROLLBACK TO member")

    def release(self) -> None:
        self.rows("RELEASE member")

    def commit(self) -> None:
        if self.apsw.in_transaction:
            self.rows("COMMIT")

    def rollback(self) -> None:
        if self.apsw.in_transaction:
            # A machine fault may have rolled back already; then there is nothing left to undo.
            with contextlib.suppress(OperationalError):
                self.rows("ROLLBACK")

    def close(self) -> None:
        self.closed = True
        self.apsw.close()

    def is_machine_fault(self, error: BaseException) -> bool:
        """Whether the machine failed, not a rule of the tables."""
        return isinstance(getattr(error, "orig", error), OperationalError)

    def create_function(self, name: str, parameters: int, function: Callable[..., Any], *, deterministic: bool = False) -> None:
        self.apsw.create_scalar_function(name, function, parameters, deterministic=deterministic)


def connect(path: str, *, key: bytes | None = None, is_read_only: bool = False, pragmas: Sequence[str] = ()) -> Connection:
    """Open a database file; with `key` (32 bytes) every page is encrypted and authenticated (ChaCha20-Poly1305).

    Raises `OperationalError` when the file cannot be opened or the key does not fit.
    """
    flags = apsw.SQLITE_OPEN_READONLY if is_read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        connection = apsw.Connection(path, flags=flags)
        if key is not None:
            connection.pragma("cipher", "chacha20")
            connection.pragma("key", f"raw:{key.hex()}")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.Error as error:
        raise translated(error) from error
    return Connection(connection)
