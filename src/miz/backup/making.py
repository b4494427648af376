"""From a running practice to one file, and from the file back to a data folder. Slow work: to be called from a thread of its own."""

import contextlib
import itertools
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from miz.access.audit.queries import newest_checkpoint
from miz.access.audit.signing import Checkpoint, anchor_of
from miz.backup.errors import BackupPlaceError, BackupUnsoundError, NewerBackupError, NoRoomForBackupError, ServerWantedError
from miz.backup.model import DATABASE, FORMAT, SERVER_ROWS, Manifest
from miz.backup.package import Member, open_package, write_package
from miz.backup.queries import Facts, facts_of
from miz.infra.data_folder import AUDIT_ANCHOR, IDENTITY, WRAPPED_KEY, DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.driver import driver_of
from miz.infra.db.engine import DatabaseReadOnlyError, DiskFaultError, DiskFullError, ReadOnlyDatabase
from miz.infra.db.migrate import HEAD
from miz.infra.db.pages import copy_database, read_pages, size_of, standing_still, write_pages
from miz.infra.db.sqlite_file import SqliteFile, fault_of
from miz.infra.files import write_whole
from miz.infra.keys import server_identity
from miz.infra.settings import Settings
from miz.kernel.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from miz.backup.postgres import DatabaseServer

Told = Callable[[str, int, int], None]
"""Hears how far the work is: the step, how much of it is done, how much there is."""

Opens = Callable[[DataFolder, Settings], None]
"""Opens a restored folder as the server would and reads records from all over it; raises when anything is not as it should be."""

SCRATCH = ".scratch-"
CERTIFICATES = "tls"
_ROOM_TO_CHECK = ("cache_size=-65536",)
"""64 MB of pages: the rows of a table are looked up in its indexes in any order, and each page from the disk is decrypted anew."""
_SPARE_BYTES = 32 * 1024 * 1024
_MOST_PIECES = 16
"""Keys and certificates are small; what is larger is none."""


@dataclass(frozen=True)
class Practice:
    """What a backup is made of: the folder, its key, which program says so, and the database server where the rows are on one."""

    folder: DataFolder
    key: bytes
    program: str
    server: "DatabaseServer | None" = None

    @property
    def identities(self) -> list[Any]:
        """What opens the backups of this practice without the recovery key."""
        return [server_identity(self.key)[0]]

    @property
    def recipients(self) -> list[Any]:
        """For whom backups are encrypted: this server and whoever has the recovery key."""
        recovery = self.folder.recovery_recipient
        return [server_identity(self.key)[1], *([pyrage.x25519.Recipient.from_str(recovery)] if recovery else [])]


def server_of(settings: Settings) -> "DatabaseServer | None":
    """The database server that the settings name, or None."""
    if not settings.database_url:
        return None
    # A practice with a file does not pay for loading the other driver.
    from miz.backup.postgres import DatabaseServer

    return DatabaseServer(settings.database_url, settings.postgres_programs)


def make_backup(practice: Practice, target: Path, *, now: datetime, told: Told) -> Manifest:
    """Write a backup of the practice as it is now to the new file `target`, while people work.

    While somebody reads an older state of a file for long, it needs room for an encrypted copy in the folder's `backups`. Raises
    `NoRoomForBackupError`, `BackupPlaceError`, and with a database server `ProgramMissingError`, `ServerToolFailedError`;
    `DatabaseUnavailableError` when the rows cannot be read.
    """
    folder = practice.folder
    with _moment_of_server(practice.server, target, told) if practice.server else _moment_of_file(practice, target, told) as moment:
        facts, checkpoint, rows = moment
        anchor = anchor_of(checkpoint) if checkpoint else b""
        manifest = Manifest(
            format=FORMAT, made_at=now, program=practice.program, server_id=folder.server_id, practice=facts.practice, schema=facts.schema,
            epoch=facts.epoch, checkpoint=anchor.decode(), counts=facts.counts, files=[],
        )  # fmt: skip
        # What lies elsewhere may lie where nothing can be renamed.
        is_renamed = target.parent == folder.backups
        return write_package(target, itertools.chain(_keys(practice, anchor), rows), manifest, practice.recipients, is_renamed=is_renamed)


Moment = tuple[Facts, Checkpoint | None, Iterable[Member]]
"""What the database says about itself, what of its audit trail was signed last, and its rows."""


@contextlib.contextmanager
def _moment_of_file(practice: Practice, target: Path, told: Told) -> Iterator[Moment]:
    require_room(target.parent, practice.folder.database.stat().st_size // 2 + _SPARE_BYTES)
    try:
        with _standing_still(practice, practice.folder.backups / f"{SCRATCH}{target.stem}.db", told) as reader:
            view = _driver_of(reader)
            size = size_of(view)
            yield (
                facts_of(reader),
                newest_checkpoint(reader),
                [Member(DATABASE, size, _told_of(_ahead(read_pages(view)), "pack", size, told))],
            )
    except sqlite3mc.Error as error:
        raise fault_of(error) from error


@contextlib.contextmanager
def _standing_still(practice: Practice, scratch: Path, told: Told) -> Iterator[Connection]:
    """A reader whose file does not change: the practice's own, or a copy at `scratch` while somebody reads an older state of it for long."""
    file, key = practice.folder.database, practice.key
    with _reader(file, key) as reader, standing_still(_driver_of(reader), file, key) as is_still:
        if is_still:
            yield reader
            return
    require_room(scratch.parent, file.stat().st_size + _SPARE_BYTES)
    try:
        copy_database(file, key, scratch, told=lambda done, pages: told("copy", done, pages))
        with _reader(scratch, key) as reader:
            yield reader
    finally:
        scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def _reader(file: Path, key: bytes) -> Iterator[Connection]:
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(file, key))) as opened:
        yield opened.reader()


def _driver_of(reader: Connection) -> sqlite3mc.Connection:
    driver = driver_of(reader)
    assert isinstance(driver, sqlite3mc.Connection)
    return driver


@contextlib.contextmanager
def _moment_of_server(server: "DatabaseServer", target: Path, told: Told) -> Iterator[Moment]:
    with server.moment() as dumped:
        require_room(target.parent, dumped.size // 2 + _SPARE_BYTES)
        yield dumped.facts, dumped.checkpoint, _told_of_members(dumped.members, dumped.size, told)


def _told_of_members(members: Iterable[Member], size: int, told: Told) -> Iterator[Member]:
    done = 0
    for member in members:
        yield member
        done += member.size
        told("pack", min(done, size), size)


def _keys(practice: Practice, anchor: bytes) -> Iterator[Member]:
    """They come first: whoever unpacks encrypts the database with them as it passes."""
    folder = practice.folder
    certificates = sorted(f"{CERTIFICATES}/{file.name}" for file in folder.certificates.glob("*") if file.is_file())
    identity = folder.identity_elsewhere
    yield Member(IDENTITY, len(identity), [identity])
    for name in (WRAPPED_KEY, *certificates):
        content = (folder.path / name).read_bytes()
        yield Member(name, len(content), [content])
    if anchor:
        yield Member(AUDIT_ANCHOR, len(anchor), [anchor])


def _ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; the next one is fetched while one is being worked on."""
    with ThreadPoolExecutor(1) as fetching:
        coming = fetching.submit(next, pieces, b"")
        while piece := coming.result():
            coming = fetching.submit(next, pieces, b"")
            yield piece


def _told_of(pieces: Iterable[bytes], step: str, size: int, told: Told) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        told(step, done, size)


def unpack(
    file: Path,
    identities: Sequence[Any],
    folder: Path,
    *,
    key_of: Callable[[bytes], bytes],
    told: Told,
    server: "DatabaseServer | None" = None,
) -> Manifest:
    """Put what the backup holds into the new folder `folder`, and the rows into the empty database of `server` where they were on one;
    a file is encrypted with what `key_of` makes of the wrapped key.

    Raises `BackupKeyError`, `BackupUnsoundError`, `BackupPlaceError`, `NewerBackupError`, `NoRoomForBackupError`, `ServerWantedError`,
    `ServerToolFailedError`; what is there then is worth nothing.
    """
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BackupPlaceError(folder=str(folder.parent)) from error
    key = b""
    has_rows = False
    with contextlib.ExitStack() as ending, open_package(file, identities) as package:
        take: Callable[[bytes], None] | None = None
        for name, pieces in package.members():
            if name == DATABASE and key:
                require_room(folder, package.size + _SPARE_BYTES)
                with _named(file.name):
                    write_pages(folder / DATABASE, key, _told_of(pieces, "unpack", package.size, told))
                has_rows = True
            elif re.fullmatch(rf"{SERVER_ROWS}/\d{{6}}", name) and key:
                if server is None:
                    raise ServerWantedError
                take = take or ending.enter_context(server.restoring())
                for piece in pieces:
                    take(piece)
                told("unpack", 0, 1)
                has_rows = True
            elif name in {IDENTITY, WRAPPED_KEY, AUDIT_ANCHOR} or re.fullmatch(rf"{CERTIFICATES}/[\w.-]+", name):
                content = b"".join(itertools.islice(pieces, _MOST_PIECES))
                write_whole(folder / name, content, is_private=True)
                key = key_of(content) if name == WRAPPED_KEY else key
            else:
                raise BackupUnsoundError(name=file.name)
        manifest = package.finish()
        if manifest.schema > HEAD:
            raise NewerBackupError(found=manifest.schema, known=HEAD)
        if not has_rows:
            raise BackupUnsoundError(name=file.name)
    return manifest


def rehearse(practice: Practice, file: Path, scratch: DataFolder, *, settings: Settings, opens: Opens, told: Told) -> Manifest:
    """Restore a backup of the practice to the new folder `scratch`, compare it with its manifest, and open it with the server's `settings`.

    Rows of a database server go to a database that is removed again; the folder is the caller's to remove. Raises what `unpack`,
    `look_through` and `opens` raise, and `NoScratchDatabaseError`.
    """
    server, key = practice.server, practice.key
    with server.scratch(f"miz_rehearsal_{practice.folder.server_id[:8]}") if server else contextlib.nullcontext() as beside:
        manifest = unpack(file, practice.identities, scratch.path, key_of=lambda _: key, told=told, server=beside)
        told("look through", 0, 1)
        look_through(scratch, key, manifest, beside)
        with _named(file.name):
            opens(scratch, replace(settings, database_url=beside.url if beside else ""))
    return manifest


def look_through(folder: DataFolder, key: bytes, manifest: Manifest, server: "DatabaseServer | None" = None) -> None:
    """Read every page and row of an unpacked backup and compare it with what the manifest says. Raises `BackupUnsoundError`.

    On a database server `pg_restore` has read all of it and built every index and key anew.
    """
    facts = server.facts() if server and folder.is_on_server else _facts_of_file(folder, key)
    if (facts.counts, facts.schema, facts.epoch) != (manifest.counts, manifest.schema, manifest.epoch):
        raise BackupUnsoundError("The restored database holds other rows than were saved.")


def _facts_of_file(folder: DataFolder, key: bytes) -> Facts:
    with _named():
        with contextlib.closing(sqlite3mc.connect(str(folder.database), key=key, is_read_only=True, pragmas=_ROOM_TO_CHECK)) as opened:
            told = opened.rows("PRAGMA integrity_check") + opened.rows("PRAGMA foreign_key_check")
        if told != [("ok",)]:
            raise BackupUnsoundError("The restored database is not sound.")
        with _reader(folder.database, key) as reader:
            return facts_of(reader)


@contextlib.contextmanager
def _named(name: str = "") -> Iterator[None]:
    """Where the disk fails the backup is not to blame; whatever else keeps its database from being read is its own fault."""
    try:
        yield
    except (sqlite3mc.Error, DBAPIError, DatabaseUnavailableError) as error:
        fault = fault_of(error)
        if isinstance(fault, (DiskFullError, DiskFaultError, DatabaseReadOnlyError)):
            raise fault from error
        raise BackupUnsoundError("" if name else "The restored database cannot be read.", name=name) from error


def require_room(folder: Path, needed: int) -> None:
    """Raise `NoRoomForBackupError`, or `BackupPlaceError` where the folder is not there."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise BackupPlaceError(folder=str(folder)) from error
    if free < needed:
        raise NoRoomForBackupError(folder=str(folder), needed_mb=needed // 1_000_000 + 1, free_mb=free // 1_000_000)
