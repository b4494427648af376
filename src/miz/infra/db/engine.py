"""How the practice database is opened, and the way in for whoever only reads; the one that writes is `practice_database`."""

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, DateTime, Dialect, Engine, String, TypeDecorator, create_engine
from sqlalchemy.pool import NullPool, StaticPool

from miz.infra.db import sqlite3mc
from miz.kernel.errors import DatabaseUnavailableError, MizError

# Gives the calling thread its read-only connection; routes hand it to queries and know no SQL.
Reader = Callable[[], Connection]

# `reliability.md` section 2. FULL, because NORMAL loses acknowledged writes when the power fails.
WRITER_PRAGMAS = (
    "page_size=4096", "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF",
    "cell_size_check=ON", "mmap_size=0", "busy_timeout=5000", "secure_delete=ON", "temp_store=MEMORY", "cache_size=-16384",
)  # fmt: skip
READER_PRAGMAS = (
    "query_only=ON", "trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "busy_timeout=5000", "temp_store=MEMORY", "cache_size=-16384",
)  # fmt: skip

_REMOTE_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.gvfsd-fuse",
    "ncpfs",
    "davfs",
}
_SYNC_FOLDERS = ("dropbox", "onedrive", "google drive", "googledrive", "nextcloud", "owncloud", "icloud")


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


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds; SQLAlchemy's own type would come back naive on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return cast("datetime | None", value)


class ReadOnlyDatabase:
    """The file of one practice, opened for any number of reading threads; no statement can change it.

    The connections are read-only for the operating system and for SQLite. Raises `WrongKeyError`,
    `UnsafeDataFolderError`, `DatabaseVersionError`, `DatabaseUnavailableError`; there must be a database already.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._key = key
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._reader_engine: Engine | None = None
        refuse_unsafe_library()
        refuse_unsafe_place(path)
        self._open()
        self._identity = self._identity_at_path()

    def reader(self) -> Connection:
        """The calling thread's read-only connection; every statement sees the newest committed state."""
        connection: Connection | None = getattr(self._local, "reader", None)
        if connection is None:
            if self._reader_engine is None:
                self._reader_engine = open_engine(self.path, self._key, is_read_only=True)
            connection = self._local.reader = self._reader_engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._readers.append(connection)
        return connection

    def check_identity(self) -> None:
        """Raise `DatabaseReplacedError` when the path no longer leads to the open file."""
        try:
            if self._identity_at_path() == self._identity:
                return
        except OSError:
            pass
        raise DatabaseReplacedError

    def close(self) -> None:
        """Close every connection, those of other threads too; nobody may use them any more."""
        for reader in self._readers:
            reader.close()
        self._readers.clear()

    def _open(self) -> None:
        """Prove that the key fits before anybody relies on it."""
        with explaining_faults():
            self.reader()

    def _identity_at_path(self) -> tuple[int, int]:
        found = os.stat(self.path)  # noqa: PTH116 - called before every acknowledgement, Path.stat is three times slower
        return found.st_dev, found.st_ino


@contextlib.contextmanager
def explaining_faults() -> Iterator[None]:
    """Say of a fault in the block whether the key is wrong or the database does not answer."""
    try:
        yield
    except Exception as error:
        if "NotADB" in str(error):
            raise WrongKeyError from error
        raise DatabaseUnavailableError from error


def open_engine(path: Path, key: bytes, *, is_read_only: bool) -> Engine:
    """An engine on the encrypted file: one shared connection that writes, or any number that cannot."""

    def connect() -> sqlite3mc.Connection:
        pragmas = READER_PRAGMAS if is_read_only else WRITER_PRAGMAS
        return sqlite3mc.connect(str(path), key=key, is_read_only=is_read_only, pragmas=pragmas)

    return create_engine(
        "sqlite+pysqlite://",
        module=sqlite3mc,
        creator=connect,
        hide_parameters=True,
        poolclass=NullPool if is_read_only else StaticPool,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )


def refuse_unsafe_library() -> None:
    """Raise `DatabaseVersionError` for a library that can damage a database."""
    if sqlite3mc.sqlite_version_info < sqlite3mc.SAFE_FROM:
        raise DatabaseVersionError


def refuse_unsafe_place(path: Path) -> None:
    """Raise `UnsafeDataFolderError` for network drives, folders of sync clients and linked database files."""
    folder = path.parent.resolve()
    if path.is_symlink() or (path.exists() and path.stat().st_nlink > 1):
        raise UnsafeDataFolderError("The database file is a link.")
    if any(name in part.casefold() for part in folder.parts for name in _SYNC_FOLDERS):
        raise UnsafeDataFolderError("The folder belongs to a program that copies it to other computers.")
    if file_system_of(folder) in _REMOTE_FILE_SYSTEMS:
        raise UnsafeDataFolderError("The folder lies on a network drive.")


def file_system_of(folder: Path) -> str:
    """The kind of file system below `folder` as Linux names it; empty where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    best, kind = -1, ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, mount_point, file_system, *_ = line.split(" ")
        mount_point = mount_point.replace("\\040", " ")
        if folder.is_relative_to(mount_point) and len(mount_point) > best:
            best, kind = len(mount_point), file_system
    return kind


def set_private(path: Path) -> None:
    """Only the owner may read and write the file."""
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
