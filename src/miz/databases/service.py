"""Looking after the practice's database while people work: one thing at a time."""

import asyncio
import contextlib
import itertools
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from miz.access.audit.service import AuditTrail
from miz.databases.errors import ByDatabaseServerError, DatabaseBusyError, NoRoomForDatabaseError, TargetNotUsableError
from miz.databases.model import Care, Check, DatabaseState, Progress
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.engine import Reader
from miz.infra.db.migrate import schema_of
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.db.switching import switch_file
from miz.infra.db.writer import Writer
from miz.infra.files import write_whole
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError, MizError
from miz.knowledge.compiler import BUILT_IN
from miz.knowledge.edition import Edition

_SPARE_BYTES = 32 * 1024 * 1024
_NOTES = "databases.json"


class Notes(msgspec.Struct, frozen=True):
    """What is remembered beside the database, so that a broken one does not take it along."""

    last_check: Check | None = None
    last_compaction: datetime | None = None


class Databases:
    """The databases of one server."""

    def __init__(
        self, folder: DataFolder, database: PracticeDatabase, writer: Writer, trail: AuditTrail, edition: Edition, *, clock: Clock,
        verify_trail: Callable[[], list[str]],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._database = database
        self._writer = writer
        self._trail = trail
        self._edition = edition
        self._clock = clock
        self._verify_trail = verify_trail
        self._busy = asyncio.Lock()
        self._begun: asyncio.Task[None] | None = None
        self.progress: Progress | None = None
        self.last_fault: MizError | None = None
        self._step_began = 0.0

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin a check or a compaction and come back at once; `progress` and `last_fault` tell how it goes. Raises `DatabaseBusyError`."""
        if self.is_running:
            work.close()
            raise DatabaseBusyError
        self.last_fault = None
        self._begun = asyncio.create_task(self._noting_fault(work))

    async def _noting_fault(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except MizError as error:
            self.last_fault = error

    @property
    def is_running(self) -> bool:
        """Whether the database is being looked after."""
        return self._busy.locked() or not (self._begun is None or self._begun.done())

    def tidy(self) -> None:
        """Remove what a cut has left of a copy."""
        self._folder.remove_announced()

    def states(self, reader: Reader) -> list[DatabaseState]:
        """The practice's database and the drug data."""
        return [self._practice_state(reader), self._knowledge_state()]

    def is_damaged(self) -> bool:
        """Whether the last check has found something."""
        last = self._read_notes().last_check
        return last is not None and not last.ok

    async def check(self, actor: Actor, *, is_full: bool) -> Check:
        """Read every page; with `is_full` compare indexes, keys and the audit trail as well. Raises `DatabaseBusyError`."""
        async with self._alone():
            self._tell("verify", 0, 1)
            done = await asyncio.to_thread(self._checked, is_full)
            await asyncio.to_thread(self._note, last_check=done)
        detail = f"{done.kind} {'ok' if done.ok else len(done.findings)}"
        await self._writer.run(lambda tx: self._trail.record(tx, actor, "database_checked", detail=detail))
        return done

    async def compact(self, actor: Actor) -> Care:
        """Make the file as small as it can be, by a copy beside it. Raises as `move` does."""
        file = self._file().path
        done = await self._switch(_beside(file, self._clock.now()), compact=True)
        await asyncio.to_thread(self._folder.let_go_former)
        await asyncio.to_thread(self._note, last_compaction=self._clock.now())
        await self._writer.run(
            lambda tx: self._trail.record(tx, actor, "database_compacted", detail=f"{done.before_bytes} {done.after_bytes}")
        )
        return done

    async def move(self, actor: Actor, folder: Path) -> Care:
        """Have the practice go on in another folder of this computer; the old file is kept until somebody lets it go.

        Raises `DatabaseBusyError`, `TargetNotUsableError`, `NoRoomForDatabaseError`, `UnsafeDataFolderError`, `CopyNotSoundError`,
        `ByDatabaseServerError`; everything is as it was then.
        """
        target = await asyncio.to_thread(_usable, folder, self._file().path)
        done = await self._switch(target, compact=False)
        await self._writer.run(lambda tx: self._trail.record(tx, actor, "database_moved"))
        return done

    async def let_go_former(self, actor: Actor) -> None:
        """Remove the files that were used before the last move."""
        async with self._alone():
            await asyncio.to_thread(self._folder.let_go_former)
        await self._writer.run(lambda tx: self._trail.record(tx, actor, "former_database_removed"))

    def _file(self) -> SqliteFile:
        source = self._database.source
        if not isinstance(source, SqliteFile):
            raise ByDatabaseServerError
        return source

    async def _switch(self, target: Path, *, compact: bool) -> Care:
        source, began = self._file(), time.monotonic()
        async with self._alone():
            before = await asyncio.to_thread(_require_room, source.path, target.parent, 2 if compact else 1)
            await asyncio.to_thread(self._folder.announce, target)
            try:
                paused_s = await switch_file(
                    self._database, self._writer, source, target, compact=compact, point_to=self._folder.point_to, told=self._tell
                )
            except (OSError, sqlite3mc.Error) as error:
                raise TargetNotUsableError(folder=str(target.parent)) from error
            finally:
                await asyncio.to_thread(self._folder.remove_announced)
            after = await asyncio.to_thread(os.path.getsize, target)
        return Care(before, after, str(target), round(time.monotonic() - began, 2), round(1_000 * paused_s, 1))

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self._busy.locked():
            raise DatabaseBusyError
        async with self._busy:
            try:
                yield
            finally:
                self.progress = None

    def _checked(self, is_full: bool) -> Check:  # noqa: FBT001 - two callers, both by name
        began, source = time.monotonic(), self._database.source
        findings: list[str] = []
        if isinstance(source, SqliteFile):
            pragmas = ("integrity_check", "foreign_key_check") if is_full else ("quick_check",)
            try:
                with contextlib.closing(sqlite3mc.connect(str(source.path), key=source.key, is_read_only=True)) as opened:
                    for pragma in pragmas:
                        findings += [" ".join(map(str, row)) for row in opened.rows(f"PRAGMA {pragma}") if row != ("ok",)]
            except sqlite3mc.Error as error:
                findings.append(type(error).__name__)
        if is_full and not findings:
            findings += self._verify_trail()
        return Check(self._clock.now(), "full" if is_full else "quick", not findings, findings[:100], round(time.monotonic() - began, 2))

    def _practice_state(self, reader: Reader) -> DatabaseState:
        notes, source = self._read_notes(), self._database.source
        size, free, log, schema = 0, 0, 0, ""
        state: Literal["open", "unavailable"] = "open"
        try:
            connection = reader()
            size, schema = self._database.size_bytes(), schema_of(connection) or ""
            if isinstance(source, SqliteFile):
                free = 4096 * connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
                wal = source.path.with_name(source.path.name + "-wal")
                log = wal.stat().st_size if wal.exists() else 0
        except (OSError, DatabaseUnavailableError):
            state = "unavailable"
        return DatabaseState(
            name="practice", path=source.shown, size_bytes=size, free_bytes=free, log_bytes=log, schema=schema,
            library=f"SQLite {sqlite3mc.sqlite_version}" if isinstance(source, SqliteFile) else "PostgreSQL", state=state,
            last_check=notes.last_check, last_compaction=notes.last_compaction, former_files=[str(file) for file in self._folder.former_files],
        )  # fmt: skip

    def _knowledge_state(self) -> DatabaseState:
        file = BUILT_IN
        return DatabaseState(
            name="knowledge", path=str(file), size_bytes=file.stat().st_size, free_bytes=0, log_bytes=0, schema=self._edition.id,
            library=f"SQLite {sqlite3mc.sqlite_version}", state="open",
        )  # fmt: skip

    def _read_notes(self) -> Notes:
        try:
            return msgspec.json.decode((self._folder.path / _NOTES).read_bytes(), type=Notes)
        except FileNotFoundError:
            return Notes()

    def _note(self, **news: Any) -> None:
        write_whole(self._folder.path / _NOTES, msgspec.json.encode(msgspec.structs.replace(self._read_notes(), **news)))

    def _tell(self, step: str, done: int, whole: int) -> None:
        now = time.monotonic()
        if self.progress is None or self.progress.step != step:
            self._step_began = now
        self.progress = Progress(step, done, whole, round(now - self._step_began, 1))


def _beside(file: Path, now: datetime) -> Path:
    """A file that is not there yet: twice in a second, or with a clock put back, the copy must not get the name of what it is made from."""
    named = (file.with_name(f"practice-{now:%Y%m%dT%H%M%SZ}{number or ''}.db") for number in itertools.count())
    return next(beside for beside in named if not beside.exists())


def _usable(folder: Path, database: Path) -> Path:
    """The file for the database in a folder of this computer. Raises `TargetNotUsableError`."""
    folder = folder.expanduser().resolve()
    if not folder.is_dir() or folder == database.parent.resolve() or any(folder.glob("practice*.db")):
        raise TargetNotUsableError(folder=str(folder))
    return folder / "practice.db"


def _require_room(database: Path, folder: Path, copies: int) -> int:
    """The size of the database, when the folder can take so many copies of it. Raises `NoRoomForDatabaseError`."""
    size, free = database.stat().st_size, shutil.disk_usage(folder).free
    needed = size * copies + _SPARE_BYTES
    if free < needed:
        raise NoRoomForDatabaseError(folder=str(folder), needed_mb=needed // 1_000_000 + 1, free_mb=free // 1_000_000)
    return size
