"""From a running practice to one file, and from the file back to a data folder. Slow work: to be called from a thread of its own."""

import contextlib
import itertools
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage

from miz.access.audit.queries import newest_checkpoint
from miz.access.audit.signing import anchor_of
from miz.backup.errors import BackupPlaceError, BackupUnsoundError, NewerBackupError, NoRoomForBackupError
from miz.backup.model import DATABASE, FORMAT, Manifest
from miz.backup.package import Member, open_package, write_package
from miz.backup.queries import facts_of
from miz.infra.data_folder import AUDIT_ANCHOR, IDENTITY, WRAPPED_KEY, DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.engine import ReadOnlyDatabase
from miz.infra.db.migrate import HEAD
from miz.infra.db.pages import copy_database, read_pages, write_pages
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.files import write_whole
from miz.infra.keys import server_identity

Told = Callable[[str, int, int], None]
"""Hears how far the work is: the step, how much of it is done, how much there is."""

SCRATCH = ".scratch-"
CERTIFICATES = "tls"
_SPARE_BYTES = 32 * 1024 * 1024
_MOST_PIECES = 16
"""Keys and certificates are small; what is larger is none."""


@dataclass(frozen=True)
class Practice:
    """What a backup is made of: the folder, its key, and which program says so."""

    folder: DataFolder
    key: bytes
    program: str

    @property
    def identities(self) -> list[Any]:
        """What opens the backups of this practice without the recovery key."""
        return [server_identity(self.key)[0]]

    @property
    def recipients(self) -> list[Any]:
        """For whom backups are encrypted: this server and whoever has the recovery key."""
        recovery = self.folder.recovery_recipient
        return [server_identity(self.key)[1], *([pyrage.x25519.Recipient.from_str(recovery)] if recovery else [])]


def make_backup(practice: Practice, target: Path, *, now: datetime, told: Told) -> Manifest:
    """Write a backup of the practice as it is now to the new file `target`, while people work.

    Needs room for an encrypted copy in the folder's `backups` meanwhile. Raises `NoRoomForBackupError`, `BackupPlaceError`.
    """
    folder = practice.folder
    size = folder.database.stat().st_size
    for place, needed in ((folder.backups, size), (target.parent, size // 2)):
        require_room(place, needed + _SPARE_BYTES)
    scratch = folder.backups / f"{SCRATCH}{target.stem}.db"
    try:
        copy_database(folder.database, practice.key, scratch, told=lambda done, pages: told("copy", done, pages))
        with contextlib.closing(ReadOnlyDatabase(SqliteFile(scratch, practice.key))) as copy:
            facts, checkpoint = facts_of(copy.reader()), newest_checkpoint(copy.reader())
        anchor = anchor_of(checkpoint) if checkpoint else b""
        manifest = Manifest(
            format=FORMAT, made_at=now, program=practice.program, server_id=folder.server_id, practice=facts.practice, schema=facts.schema,
            epoch=facts.epoch, checkpoint=anchor.decode(), counts=facts.counts, files=[],
        )  # fmt: skip
        return write_package(target, _members(practice, scratch, anchor, told), manifest, practice.recipients)
    finally:
        scratch.unlink(missing_ok=True)


def _members(practice: Practice, database: Path, anchor: bytes, told: Told) -> Iterator[Member]:
    """The keys come first: whoever unpacks encrypts the database with them as it passes."""
    folder, size = practice.folder, database.stat().st_size
    certificates = sorted(f"{CERTIFICATES}/{file.name}" for file in folder.certificates.glob("*") if file.is_file())
    identity = folder.identity_elsewhere
    yield Member(IDENTITY, len(identity), [identity])
    for name in (WRAPPED_KEY, *certificates):
        content = (folder.path / name).read_bytes()
        yield Member(name, len(content), [content])
    if anchor:
        yield Member(AUDIT_ANCHOR, len(anchor), [anchor])
    yield Member(DATABASE, size, _told_of(read_pages(database, practice.key), "pack", size, told))


def _told_of(pieces: Iterable[bytes], step: str, size: int, told: Told) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        told(step, done, size)


def unpack(file: Path, identities: Sequence[Any], folder: Path, *, key_of: Callable[[bytes], bytes], told: Told) -> Manifest:
    """Put what the backup holds into the new folder `folder`; the database is encrypted with what `key_of` makes of the wrapped key.

    Raises `BackupKeyError`, `BackupUnsoundError`, `NewerBackupError`, `NoRoomForBackupError`; what is in the folder then is worth nothing.
    """
    folder.mkdir(mode=0o700)
    key = b""
    with open_package(file, identities) as package:
        for name, pieces in package.members():
            if name == DATABASE and key:
                require_room(folder, package.size + _SPARE_BYTES)
                write_pages(folder / DATABASE, key, _told_of(pieces, "unpack", package.size, told))
            elif name in {IDENTITY, WRAPPED_KEY, AUDIT_ANCHOR} or re.fullmatch(rf"{CERTIFICATES}/[\w.-]+", name):
                content = b"".join(itertools.islice(pieces, _MOST_PIECES))
                write_whole(folder / name, content, is_private=True)
                key = key_of(content) if name == WRAPPED_KEY else key
            else:
                raise BackupUnsoundError(name=file.name)
        manifest = package.finish()
    if manifest.schema > HEAD:
        raise NewerBackupError(found=manifest.schema, known=HEAD)
    if not (folder / DATABASE).exists():
        raise BackupUnsoundError(name=file.name)
    return manifest


def look_through(folder: DataFolder, key: bytes, manifest: Manifest) -> None:
    """Read every page and row of an unpacked backup and compare it with what the manifest says. Raises `BackupUnsoundError`."""
    with contextlib.closing(sqlite3mc.connect(str(folder.database), key=key, is_read_only=True)) as opened:
        try:
            told = opened.rows("PRAGMA integrity_check") + opened.rows("PRAGMA foreign_key_check")
        except sqlite3mc.Error as error:
            raise BackupUnsoundError("The restored database cannot be read.") from error
    if told != [("ok",)]:
        raise BackupUnsoundError("The restored database is not sound.")
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(folder.database, key))) as copy:
        facts = facts_of(copy.reader())
    if (facts.counts, facts.schema, facts.epoch) != (manifest.counts, manifest.schema, manifest.epoch):
        raise BackupUnsoundError("The restored database holds other rows than were saved.")


def require_room(folder: Path, needed: int) -> None:
    """Raise `NoRoomForBackupError`, or `BackupPlaceError` where the folder is not there."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise BackupPlaceError(folder=str(folder)) from error
    if free < needed:
        raise NoRoomForBackupError(folder=str(folder), needed_mb=needed // 1_000_000 + 1, free_mb=free // 1_000_000)
