"""A practice's database file copied to another place, and the switch to it, while people read and write.

What is written while the copy is made is recorded by SQLite's session extension and applied to the copy afterwards, each change against the
values it found; only for the last few of them the writer pauses. One renaming, that of the file which names the database, is the switch:
before it the old file counts, after it the new one.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from miz.infra.db import sqlite3mc
from miz.infra.db.driver import driver_of
from miz.infra.db.pages import copy_snapshot
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sqlite_file import READER_PRAGMAS, WRITER_PRAGMAS, SqliteFile, refuse_unsafe_place
from miz.infra.db.writer import Writer
from miz.infra.files import sync_folder, synced_steadily
from miz.kernel.errors import DatabaseUnavailableError, MizError

_SMALL_BYTES = 64 * 1024
"""What is left to apply when the writer pauses; a few milliseconds of work."""
_MOST_ROUNDS = 20

Told = Callable[[str, int, int], None]


class CopyNotSoundError(MizError):
    """The new file is not what the old one is; the switch did not happen."""

    code = "copy-not-sound"
    title = "The new copy of the database is not sound."
    kind = "integrity"
    hint = "Nothing was changed; the database is where it was. Try another disk, and have this one checked."


class _Recording:
    """The changes that the writer makes from a moment on, and a view of that moment. To be used in the writing thread, `view` in any."""

    def __init__(self, database: PracticeDatabase, source: SqliteFile) -> None:
        writing = driver_of(database.writer_connection)
        assert isinstance(writing, sqlite3mc.Connection)
        self._writing = writing.apsw
        self.view = sqlite3mc.connect(str(source.path), key=source.key, is_read_only=True, pragmas=READER_PRAGMAS)
        self.view.rows("BEGIN")
        self.view.rows("SELECT count(*) FROM sqlite_schema")
        self._begin()

    def _begin(self) -> None:
        self._session = apsw.Session(self._writing, "main")
        self._session.attach()

    def take(self) -> bytes:
        """What was written since the last time, as a change set; recording goes on."""
        changes = self._session.changeset()
        self._session.close()
        self._begin()
        return changes

    def close(self) -> None:
        self._session.close()
        self.view.close()


async def switch_file(
    database: PracticeDatabase,
    writer: Writer,
    source: SqliteFile,
    target: Path,
    *,
    compact: bool,
    point_to: Callable[[Path], None],
    told: Told,
) -> float:
    """Have the practice go on in the new file `target`, a copy of the one it has now; returns for how many seconds the writer paused.

    With `compact` the copy has no free pages and every table in one piece. `point_to(target)` makes the switch last; it is called in the pause.
    Raises `CopyNotSoundError`, `UnsafeDataFolderError`, `DatabaseUnavailableError`; then everything is as it was, and what lies at
    the target is the caller's to remove.
    """
    refuse_unsafe_place(target)
    recording = await writer.aside(lambda: _Recording(database, source))
    is_switched = False
    try:
        copy = await asyncio.to_thread(_verified_copy, recording.view, source.key, target, compact, told)
        with contextlib.closing(copy):
            told("follow", 0, 1)
            for _ in range(_MOST_ROUNDS):
                changes = await writer.aside(recording.take)
                await asyncio.to_thread(_apply, copy, changes)
                if len(changes) <= _SMALL_BYTES:
                    break

            def switch() -> float:
                nonlocal is_switched
                began = time.monotonic()
                _apply(copy, recording.take())
                copy.close()
                recording.close()
                go_over(database, source, target, point_to)
                is_switched = True
                return time.monotonic() - began

            return await writer.aside(switch)
    finally:
        if not is_switched:
            with contextlib.suppress(DatabaseUnavailableError):
                await writer.aside(recording.close)


def go_over(database: PracticeDatabase, source: SqliteFile, target: Path, point_to: Callable[[Path], None]) -> None:
    """Have the practice go on in the file `target`; whatever this raises, all is as before. To be called in the writing thread."""
    sync_folder(target.parent)
    former = source.path
    source.lead_to(target)
    try:
        # Opened first: if the new file were named by then and could not be opened, the server would go on writing to the old one.
        database.open_again(lambda: point_to(target))
    except BaseException:
        source.lead_to(former)
        raise


def _verified_copy(view: sqlite3mc.Connection, key: bytes, target: Path, compact: bool, told: Told) -> sqlite3mc.Connection:  # noqa: FBT001 - one caller
    """Make the copy, look at every page and row of it, and open it for what is to follow."""
    scratch = target.with_name(target.name + ".scratch") if compact else target
    try:
        copy_snapshot(view, key, scratch, told=lambda done, pages: told("copy", done, pages))
        if compact:
            told("compact", 0, 1)
            _compact(scratch, key, target)
    finally:
        if compact:
            scratch.unlink(missing_ok=True)
    told("verify", 0, 1)
    copy = sqlite3mc.connect(str(target), key=key, pragmas=WRITER_PRAGMAS)
    if copy.rows("PRAGMA integrity_check") != [("ok",)] or copy.rows("PRAGMA foreign_key_check") or _counts(copy) != _counts(view):
        copy.close()
        raise CopyNotSoundError
    target.chmod(0o600)
    return copy


def _counts(opened: sqlite3mc.Connection) -> dict[str, int]:
    names = [name for (name,) in opened.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {name: opened.rows(f'SELECT count(*) FROM "{name}"')[0][0] for name in names}  # noqa: S608 - names of the schema itself


def _compact(scratch: Path, key: bytes, target: Path) -> None:
    with contextlib.closing(sqlite3mc.connect(str(scratch), key=key, pragmas=("temp_store=MEMORY",))) as whole, synced_steadily(target):
        whole.rows("VACUUM INTO ?", (str(target),))


def _apply(copy: sqlite3mc.Connection, changes: bytes) -> None:
    """Apply what was recorded; a change that does not find what it found before raises `CopyNotSoundError`."""
    if not changes:
        return
    try:
        apsw.Changeset.apply(changes, copy.apsw, conflict=lambda *_: apsw.SQLITE_CHANGESET_ABORT)
    except apsw.AbortError as error:
        raise CopyNotSoundError from error
    except apsw.Error as error:
        raise sqlite3mc.translated(error) from error
