"""Brings a practice's data to a new version of the program so that there is always a way back.

Before the first step a copy of the database as it is goes to `backups/before-upgrade-<schema>-<date>.db`, encrypted with the
same key, and is opened and checked. All steps are one transaction. A note on the disk says what is under way, so that the
start after a power cut can tell whether it finds the old state or the new one.
"""

import contextlib
import json
import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.migrate import HEAD, bring_up_to_date, schema_of
from miz.infra.files import sync_folder, write_whole
from miz.kernel.errors import MizError

logger = logging.getLogger("miz")

KEPT_COPIES = 3
# Beside the copy itself: what the steps write, and room for the practice to go on.
_SPARE_BYTES = 64 * 1024 * 1024


class NoRoomForCopyError(MizError):
    """The disk cannot take the safety copy, so nothing is changed."""

    code = "no-room-for-safety-copy"
    title = "The safety copy before the upgrade needs {needed_mb} MB, the disk has {free_mb} MB left."
    kind = "unavailable"
    hint = "Nothing was changed. Free some space on this disk and start again, or start the version you had before."


class UnsoundCopyError(MizError):
    """The safety copy is not sound, so nothing is changed."""

    code = "safety-copy-not-sound"
    title = "The safety copy before the upgrade is not sound: {file}"
    kind = "integrity"
    hint = "Nothing was changed. Start the version you had before and have the database checked."


def upgrade(connection: Connection, key: bytes, folder: DataFolder) -> None:
    """Bring the practice's database up to this program, after a safety copy.

    Where the practice is on a database server, a copy is the matter of whoever runs that. Raises `NewerSchemaError`,
    `NoRoomForCopyError`, `UnsoundCopyError`; after each the database is as it was.
    """
    found = schema_of(connection)
    connection.rollback()
    _tell_of_a_cut(folder.upgrade_note, found)
    if found is None or found >= HEAD:
        bring_up_to_date(connection)
        return
    driver: object = connection.connection.dbapi_connection
    copy = _safety_copy(driver, key, folder.backups, found) if isinstance(driver, sqlite3mc.Connection) else None
    write_whole(folder.upgrade_note, json.dumps({"from": found, "to": HEAD, "copy": copy.name if copy else None}).encode())
    bring_up_to_date(connection)
    kept = f"a copy from before is kept as {copy}" if copy else "a copy from before is the matter of the database server"
    logger.warning("the database was brought from schema %s to %s; %s", found, HEAD, kept)
    folder.upgrade_note.unlink()
    others = [path for path in folder.backups.glob("before-upgrade-*.db") if path != copy]
    for old in sorted(others, key=lambda path: path.stat().st_mtime_ns)[: 1 - KEPT_COPIES]:
        old.unlink()


def _tell_of_a_cut(note: Path, found: str | None) -> None:
    """Say which state an upgrade that was cut off has left."""
    try:
        begun = json.loads(note.read_bytes())
        state = {begun["from"]: "old", begun["to"]: "new"}.get(found, "")
    except (OSError, ValueError, KeyError, TypeError):
        return
    if state:
        told = "an upgrade from schema %s to %s was cut off; the database is whole and in the %s state, schema %s; copy from before: %s"
        logger.warning(told, begun["from"], begun["to"], state, found, begun.get("copy"))
    note.unlink()


def _safety_copy(source: sqlite3mc.Connection, key: bytes, folder: Path, schema: str) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"before-upgrade-{schema}-{datetime.now(UTC):%Y-%m-%d}.db"
    scratch = target.with_suffix(".db.new")
    for left in folder.glob("before-upgrade-*.db.new*"):
        left.unlink()
    _require_room(source, folder)
    copying = sqlite3mc.connect(str(scratch), key=key, pragmas=("page_size=4096", "synchronous=FULL", "temp_store=MEMORY"))
    with contextlib.closing(copying):
        with copying.apsw.backup("main", source.apsw, "main") as backup:
            backup.step()
        # The copy is one file that a medium can carry, not three.
        copying.execute("PRAGMA journal_mode=DELETE").fetchall()
    scratch.chmod(0o600)
    _require_sound(scratch, key, schema)
    scratch.replace(target)
    sync_folder(folder)
    return target


def _require_room(source: sqlite3mc.Connection, folder: Path) -> None:
    ((pages, page_bytes),) = source.rows("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
    needed, free = 2 * pages * page_bytes + _SPARE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoomForCopyError(needed_mb=needed // 1_000_000 + 1, free_mb=free // 1_000_000)


def _require_sound(copy: Path, key: bytes, schema: str) -> None:
    """Open the copy as a restore would, with the key and read-only, and look at every page."""
    try:
        with contextlib.closing(sqlite3mc.connect(str(copy), key=key, is_read_only=True)) as opened:
            told = opened.rows("PRAGMA quick_check") + opened.rows("SELECT version_num FROM alembic_version")
    except sqlite3mc.Error as error:
        raise UnsoundCopyError(file=str(copy)) from error
    if told != [("ok",), (schema,)]:
        raise UnsoundCopyError(file=str(copy))
