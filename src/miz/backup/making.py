"""From a running practice to one file, and from the file back to a data folder. Slow work: to be called from a thread of its own."""

import contextlib
import itertools
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage

from miz.access.audit.queries import newest_checkpoint
from miz.access.audit.signing import Checkpoint, anchor_of
from miz.backup.errors import BackupPlaceError, BackupUnsoundError, NewerBackupError, NoRoomForBackupError, ServerWantedError
from miz.backup.model import DATABASE, FORMAT, SERVER_ROWS, Manifest
from miz.backup.package import Member, open_package, write_package
from miz.backup.queries import Facts, facts_of
from miz.infra.data_folder import AUDIT_ANCHOR, IDENTITY, WRAPPED_KEY, DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.engine import ReadOnlyDatabase
from miz.infra.db.migrate import HEAD
from miz.infra.db.pages import copy_database, read_pages, write_pages
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.files import write_whole
from miz.infra.keys import server_identity
from miz.infra.settings import Settings

if TYPE_CHECKING:
    from miz.backup.postgres import DatabaseServer

Told = Callable[[str, int, int], None]
"""Hears how far the work is: the step, how much of it is done, how much there is."""

SCRATCH = ".scratch-"
CERTIFICATES = "tls"
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

    Of a file it needs room for an encrypted copy in the folder's `backups` meanwhile. Raises `NoRoomForBackupError`, `BackupPlaceError`, and
    with a database server `ProgramMissingError`, `ServerToolFailedError`; `DatabaseUnavailableError` when the rows cannot be read.
    """
    folder = practice.folder
    with _moment_of_server(practice.server, target, told) if practice.server else _moment_of_file(practice, target, told) as moment:
        facts, checkpoint, rows = moment
        anchor = anchor_of(checkpoint) if checkpoint else b""
        manifest = Manifest(
            format=FORMAT, made_at=now, program=practice.program, server_id=folder.server_id, practice=facts.practice, schema=facts.schema,
            epoch=facts.epoch, checkpoint=anchor.decode(), counts=facts.counts, files=[],
        )  # fmt: skip
        return write_package(target, itertools.chain(_keys(practice, anchor), rows), manifest, practice.recipients)


Moment = tuple[Facts, Checkpoint | None, Iterable[Member]]
"""What the database says about itself, what of its audit trail was signed last, and its rows."""


@contextlib.contextmanager
def _moment_of_file(practice: Practice, target: Path, told: Told) -> Iterator[Moment]:
    folder = practice.folder
    size = folder.database.stat().st_size
    for place, needed in ((folder.backups, size), (target.parent, size // 2)):
        require_room(place, needed + _SPARE_BYTES)
    scratch = folder.backups / f"{SCRATCH}{target.stem}.db"
    try:
        copy_database(folder.database, practice.key, scratch, told=lambda done, pages: told("copy", done, pages))
        with contextlib.closing(ReadOnlyDatabase(SqliteFile(scratch, practice.key))) as copy:
            facts, checkpoint = facts_of(copy.reader()), newest_checkpoint(copy.reader())
        size = scratch.stat().st_size
        yield facts, checkpoint, [Member(DATABASE, size, _told_of(read_pages(scratch, practice.key), "pack", size, told))]
    except sqlite3mc.Error as error:
        raise SqliteFile(folder.database, practice.key).fault(error) from error
    finally:
        scratch.unlink(missing_ok=True)


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

    Raises `BackupKeyError`, `BackupUnsoundError`, `NewerBackupError`, `NoRoomForBackupError`, `ServerWantedError`, `ServerToolFailedError`; what is
    there then is worth nothing.
    """
    folder.mkdir(mode=0o700)
    key = b""
    has_rows = False
    with contextlib.ExitStack() as ending, open_package(file, identities) as package:
        take: Callable[[bytes], None] | None = None
        for name, pieces in package.members():
            if name == DATABASE and key:
                require_room(folder, package.size + _SPARE_BYTES)
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


def look_through(folder: DataFolder, key: bytes, manifest: Manifest, server: "DatabaseServer | None" = None) -> None:
    """Read every page and row of an unpacked backup and compare it with what the manifest says. Raises `BackupUnsoundError`.

    On a database server `pg_restore` has read all of it and built every index and key anew.
    """
    facts = server.facts() if server and folder.is_on_server else _facts_of_file(folder, key)
    if (facts.counts, facts.schema, facts.epoch) != (manifest.counts, manifest.schema, manifest.epoch):
        raise BackupUnsoundError("The restored database holds other rows than were saved.")


def _facts_of_file(folder: DataFolder, key: bytes) -> Facts:
    with contextlib.closing(sqlite3mc.connect(str(folder.database), key=key, is_read_only=True)) as opened:
        try:
            told = opened.rows("PRAGMA integrity_check") + opened.rows("PRAGMA foreign_key_check")
        except sqlite3mc.Error as error:
            raise BackupUnsoundError("The restored database cannot be read.") from error
    if told != [("ok",)]:
        raise BackupUnsoundError("The restored database is not sound.")
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(folder.database, key))) as copy:
        return facts_of(copy.reader())


def require_room(folder: Path, needed: int) -> None:
    """Raise `NoRoomForBackupError`, or `BackupPlaceError` where the folder is not there."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise BackupPlaceError(folder=str(folder)) from error
    if free < needed:
        raise NoRoomForBackupError(folder=str(folder), needed_mb=needed // 1_000_000 + 1, free_mb=free // 1_000_000)
