"""A practice's rows in one encrypted SQLite file: how it is opened, and which places are refused (ADR 0002)."""

import contextlib
import os
import shutil
from pathlib import Path

import apsw
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from miz.infra.db import sqlite3mc
from miz.infra.db.driver import driver_of
from miz.infra.db.engine import (
    JSON_FORM,
    DatabasePageError,
    DatabaseReadOnlyError,
    DatabaseReplacedError,
    DatabaseVersionError,
    DiskFaultError,
    DiskFullError,
    UnsafeDataFolderError,
    WrongKeyError,
)
from miz.infra.db.log_end import commits_in, lost_commits
from miz.kernel.errors import DatabaseUnavailableError, MizError

_PATIENCE = "busy_timeout=5000"
# `reliability.md` section 2. FULL, because NORMAL loses acknowledged writes when the power fails.
WRITER_PRAGMAS = (
    "page_size=4096", "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF",
    "cell_size_check=ON", "mmap_size=0", _PATIENCE, "secure_delete=ON", "temp_store=MEMORY", "cache_size=-16384",
)  # fmt: skip
READER_PRAGMAS = (
    "query_only=ON", "trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", _PATIENCE, "temp_store=MEMORY", "cache_size=-16384",
)  # fmt: skip

_REMOTE_FILE_SYSTEMS = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.rclone", "fuse.gvfsd-fuse", "ncpfs", "davfs",
}  # fmt: skip
_FAULTS: tuple[tuple[tuple[type[Exception], ...], type[DatabaseUnavailableError]], ...] = (
    ((apsw.FullError,), DiskFullError),
    ((apsw.ReadOnlyError, apsw.PermissionsError), DatabaseReadOnlyError),
    ((apsw.CorruptError, apsw.NotADBError), DatabasePageError),
    ((apsw.IOError,), DiskFaultError),
)
_SYNC_FOLDERS = ("dropbox", "onedrive", "google drive", "googledrive", "nextcloud", "owncloud", "icloud")


class SqliteFile:
    """The database as a file of this computer; see `engine.Source`."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.key = key
        self.generation = 0
        self.is_suspect = False
        """Whether a page was met that is not what was written there, since somebody last looked into it."""
        self.lost_commits = 0
        """How many acknowledged commits were in a log that broke off, when the file was opened first."""
        self._has_looked_at_log = False
        self._identity: tuple[int, int] | None = None

    @property
    def shown(self) -> str:
        return str(self.path)

    def refuse_unsafe(self) -> None:
        """Raise `DatabaseVersionError`, `UnsafeDataFolderError`."""
        refuse_unsafe_library()
        refuse_unsafe_place(self.path)

    def engine(self, *, is_read_only: bool) -> Engine:
        """One shared connection that writes, or any number that are read-only for the operating system and for SQLite."""

        def connect() -> sqlite3mc.Connection:
            pragmas = READER_PRAGMAS if is_read_only else WRITER_PRAGMAS
            if not is_read_only:
                self._look_at_log()
            connection = sqlite3mc.connect(str(self.path), key=self.key, is_read_only=is_read_only, pragmas=pragmas)
            self._identity = self._identity or self._identity_at_path()
            # The writer tells by itself what the machine refuses; whoever reads hears it here, by its name.
            connection.named = self.fault if is_read_only else None
            return connection

        engine = create_engine(
            "sqlite+pysqlite://",
            module=sqlite3mc,
            creator=connect,
            hide_parameters=True,
            poolclass=NullPool if is_read_only else StaticPool,
            **JSON_FORM,
        )
        if is_read_only:
            event.listen(engine, "handle_error", self._name_fault)
        return engine

    def _name_fault(self, context: ExceptionContext) -> None:
        # A file that cannot be opened at all is explained by whoever opens it.
        if context.connection is not None and isinstance(context.original_exception, sqlite3mc.OperationalError):
            raise self.fault(context.original_exception) from context.original_exception

    def lead_to(self, path: Path) -> None:
        """The rows are in the file `path` from now on."""
        self.path = path
        self._identity = None
        with contextlib.suppress(OSError):  # then nobody can write, and hears why
            self._identity = self._identity_at_path()
        self.generation += 1

    def explained(self, error: Exception) -> MizError:
        return WrongKeyError() if "NotADB" in str(error) else DatabaseUnavailableError()

    def fault(self, error: Exception) -> DatabaseUnavailableError:
        named = fault_of(error)
        self.is_suspect = self.is_suspect or isinstance(named, DatabasePageError)
        return named

    def claim(self, connection: Connection) -> None:
        """Nothing to do: the lock of the data folder keeps others away."""

    def _look_at_log(self) -> None:
        """Once, before anybody writes: a log that broke off is kept, as the next commit is written over it."""
        if self._has_looked_at_log:
            return
        self._has_looked_at_log = True
        commits = commits_in(self._log)
        if not commits:
            return
        with contextlib.closing(sqlite3mc.connect(str(self.path), key=self.key, is_read_only=True)) as looking:
            ((_, taken, _),) = looking.rows("PRAGMA wal_checkpoint(NOOP)")
        self.lost_commits = lost_commits(commits, taken)
        if self.lost_commits:
            with contextlib.suppress(OSError):  # where it cannot be kept the loss is told all the same
                shutil.copy2(self._log, self.broken_log)

    @property
    def broken_log(self) -> Path:
        """Where a log that broke off is kept, encrypted as it was."""
        return self._log.with_name(self._log.name + ".broken")

    @property
    def _log(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def lineage(self, connection: Connection) -> str:
        """Empty: a file has no servers that take over from each other."""
        return ""

    def check_identity(self) -> None:
        """Raise `DatabaseReplacedError` when the path no longer leads to the open file."""
        try:
            if self._identity_at_path() == self._identity:
                return
        except OSError:
            pass
        raise DatabaseReplacedError

    def empty_log(self, connection: Connection) -> bool:
        """Whoever reads an old state at the moment, as a backup does, keeps the log: then it is not done."""
        driver = driver_of(connection)
        driver.rows("PRAGMA busy_timeout=0")
        try:
            ((is_busy, *_),) = driver.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            return not is_busy
        finally:
            driver.rows(f"PRAGMA {_PATIENCE}")

    def size_bytes(self, reader: Connection) -> int:
        return self.path.stat().st_size

    def _identity_at_path(self) -> tuple[int, int]:
        found = os.stat(self.path)  # noqa: PTH116 - called before every acknowledgement, Path.stat is three times slower
        return found.st_dev, found.st_ino


def fault_of(error: Exception) -> DatabaseUnavailableError:
    """What kept SQLite from working, by its name; the error is one of `sqlite3mc`, SQLAlchemy's around it, or named already."""
    if isinstance(error, DatabaseUnavailableError):
        return error
    reason = getattr(error, "orig", error).__cause__
    return next((named() for kinds, named in _FAULTS if isinstance(reason, kinds)), DatabaseUnavailableError())


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
