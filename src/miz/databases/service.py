"""Looking after the practice's database while people work: one thing at a time."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from miz.access.audit.queries import newest_instant
from miz.access.audit.service import AuditTrail
from miz.databases.errors import ByDatabaseServerError, DatabaseBusyError, NotDamagedError, NotReadableError, TargetNotUsableError
from miz.databases.model import PAGE_BYTES, Care, Check, DatabaseState, Progress, Proof, Repair, Run, Work, progress_of
from miz.databases.notes import Notes, growth
from miz.databases.places import are_on_one_disk, beside, readable_part, require_room, usable
from miz.databases.soundness import broken_references, damage_in
from miz.databases.tidying import tidy
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.engine import DatabaseDamagedError, Reader
from miz.infra.db.migrate import schema_of
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.salvage import Salvaged, salvage
from miz.infra.db.sqlite_file import SqliteFile, fault_of, refuse_unsafe_place
from miz.infra.db.switching import go_over, switch_file
from miz.infra.db.writer import Writer
from miz.infra.files import synced_steadily
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError, MizError
from miz.knowledge.compiler import BUILT_IN
from miz.knowledge.edition import Edition


class Databases:
    """The databases of one server."""

    def __init__(
        self, folder: DataFolder, database: PracticeDatabase, writer: Writer, trail: AuditTrail, edition: Edition, *, clock: Clock,
        zone: ZoneInfo, verify_rows: Callable[[], list[str]], proof: Callable[[], Proof],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._database = database
        self._writer = writer
        self._trail = trail
        self._edition = edition
        self._clock = clock
        self._zone = zone
        self._verify_rows = verify_rows
        self._proof = proof
        self.notes = Notes(folder.path / "databases.json")
        self._busy = asyncio.Lock()
        self._begun: asyncio.Task[None] | None = None
        self.progress: Progress | None = None
        self.last_fault: MizError | None = None
        self._step_began = 0.0
        self.has_damage = self.notes.read().damage is not None
        """Whether pages or indexes are damaged: from the finding until a full check finds none."""

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

    async def tell_of_loss(self, actor: Actor) -> None:
        """Where the log broke off at the start, what was acknowledged and is missing is said: beside the database and in the audit trail."""
        source = self._database.source
        if not isinstance(source, SqliteFile) or not source.lost_commits:
            return
        count, source.lost_commits = source.lost_commits, 0
        finding = f"the write-ahead log broke off: {count} confirmed saves are missing at least; it is kept as {source.broken_log.name}"
        newest = newest_instant(self._database.reader())
        found = Check(self._clock.now(), "quick", ok=False, findings=[finding], seconds=0.0, lost_saves=count, newest_at=newest)
        await asyncio.to_thread(self._note, found)
        await self._trail.tell(self._writer, actor, "log_broken", detail=str(count))

    def states(self, reader: Reader) -> list[DatabaseState]:
        """The practice's database and the drug data."""
        return [self._practice_state(reader), self._knowledge_state()]

    def is_damaged(self) -> bool:
        """Whether the last check has found something, or damage is not mended yet."""
        last = self.notes.read().last_check
        return self.has_damage or (last is not None and not last.ok)

    def require_sound(self) -> None:
        """Raise `DatabaseDamagedError` while it `has_damage`."""
        if self.has_damage:
            raise DatabaseDamagedError

    async def follow_suspicion(self, actor: Actor) -> None:
        """Where somebody met a page that is not what was written there, no record is changed from now on, until a full check has found all sound."""
        source = self._database.source
        if not isinstance(source, SqliteFile) or not source.is_suspect or self.is_running:
            return
        source.is_suspect = False
        met = Check(self._clock.now(), "quick", ok=False, findings=["a page is not what was written there"], seconds=0.0, is_sound=False)
        await asyncio.to_thread(self._note, met)
        self.start(self.check(actor, is_full=True))

    def _note(self, done: Check) -> None:
        """Remember a check, and what follows from it for those who write."""
        if not done.is_sound:
            self.notes.note(last_check=done, damage=done)
            self.has_damage = True
        elif done.kind == "full":
            self.notes.note(last_check=done, damage=None)
            self.has_damage = False
        else:
            self.notes.note(last_check=done)

    async def check(self, actor: Actor, *, is_full: bool) -> Check:
        """Read every page; with `is_full` compare indexes, keys and the audit trail as well. Raises `DatabaseBusyError`."""
        async with self._alone("check") as outcome:
            self._tell("verify", 0, 1)
            done = await asyncio.to_thread(self._checked, is_full)
            outcome |= {"fault": "" if done.ok else "database-damaged"}
            await asyncio.to_thread(self._note, done)
        detail = f"{done.kind} {'ok' if done.ok else len(done.findings)}"
        await self._trail.tell(self._writer, actor, "database_checked", detail=detail)
        return done

    async def repair(self, actor: Actor) -> Repair:
        """Make a new file of all that can be read of the damaged one, every index anew, and go on with it when nothing is missing.

        Else the new file is left beside the damaged one, for whoever looks for single entries, and nothing is switched. Nothing is written
        meanwhile. The damaged file is kept until somebody lets it go. Raises `DatabaseBusyError`, `NotDamagedError`, `NotReadableError`,
        `NoRoomForDatabaseError`, `ByDatabaseServerError`.
        """
        source, began = self._file(), time.monotonic()
        if not self.has_damage:
            raise NotDamagedError
        async with self._alone("repair"):
            target = beside(source.path, self._clock.now())
            await asyncio.to_thread(require_room, source.path, target.parent, 1)
            await asyncio.to_thread(self._folder.announce, target)
            try:
                found = await self._writer.aside(lambda: self._salvaged(source, target))
            finally:
                await asyncio.to_thread(self._folder.remove_announced)
        path = target if found.is_whole else readable_part(target)
        done = Repair(found.is_whole, sum(found.rows.values()), found.incomplete, str(path), round(time.monotonic() - began, 2))
        if found.is_whole:
            await self._trail.tell(self._writer, actor, "database_repaired", detail=str(done.rows))
            await self.check(actor, is_full=True)
            return done
        await self._trail.tell(self._writer, actor, "database_read_out", detail=str(done.rows))
        return done

    def _salvaged(self, source: SqliteFile, target: Path) -> Salvaged:
        """Runs in the writing thread, so that nothing changes meanwhile."""
        try:
            with synced_steadily(target):
                found = salvage(source.path, source.key, target, told=self._tell)
        except (OSError, sqlite3mc.Error) as error:
            raise NotReadableError from error
        if not found.is_whole:
            target.replace(readable_part(target))
            return found
        go_over(self._database, source, target, self._folder.point_to)
        return found

    async def compact(self, actor: Actor) -> Care:
        """Make the file as small as it can be, by a copy beside it. Raises as `move` does."""
        file = self._file().path
        done = await self._switch("compact", beside(file, self._clock.now()))
        await asyncio.to_thread(self._folder.let_go_former)
        await asyncio.to_thread(self.notes.note, last_compaction=self._clock.now())
        await self._trail.tell(self._writer, actor, "database_compacted", detail=f"{done.before_bytes} {done.after_bytes}")
        return done

    async def move(self, actor: Actor, folder: Path) -> Care:
        """Have the practice go on in another folder of this computer; the old file is kept until somebody lets it go.

        Raises `DatabaseBusyError`, `TargetNotUsableError`, `NoRoomForDatabaseError`, `UnsafeDataFolderError`, `CopyNotSoundError`,
        `ByDatabaseServerError`; everything is as it was then.
        """
        done = await self._switch("move", await asyncio.to_thread(self.require_usable, folder))
        await self._trail.tell(self._writer, actor, "database_moved")
        return done

    def require_usable(self, folder: Path) -> Path:
        """The file for the database in that folder. Raises `TargetNotUsableError` with the reason, and what else keeps it from going there."""
        source = self._file().path
        target = usable(folder, source)
        refuse_unsafe_place(target)
        require_room(source, target.parent, 1)
        return target

    async def tidy_up(self, actor: Actor) -> Run:
        """Give free pages back, renew the statistics, take the log in; nobody waits for more than one short step. Raises `DatabaseBusyError`."""
        async with self._alone("tidy") as outcome:
            if isinstance(self._database.source, SqliteFile):
                pages, longest_s = await tidy(self._database, self._writer, self._tell)
                outcome |= {"saved_bytes": max(0, pages * PAGE_BYTES), "paused_ms": round(1_000 * longest_s, 1)}
        await asyncio.to_thread(self.notes.note_size, self._today(), self._database.size_bytes())
        await self._trail.tell(self._writer, actor, "database_tidied")
        return self.notes.read().runs[0]

    async def let_go_former(self, actor: Actor) -> None:
        """Remove the files that were used before the last move."""
        async with self._alone("let go"):
            await asyncio.to_thread(self._folder.let_go_former)
        await self._trail.tell(self._writer, actor, "former_database_removed")

    def _file(self) -> SqliteFile:
        source = self._database.source
        if not isinstance(source, SqliteFile):
            raise ByDatabaseServerError
        return source

    async def _switch(self, work: Literal["compact", "move"], target: Path) -> Care:
        source, began, compact = self._file(), time.monotonic(), work == "compact"
        async with self._alone(work) as outcome:
            before = await asyncio.to_thread(require_room, source.path, target.parent, 2 if compact else 1)
            await asyncio.to_thread(self._folder.announce, target)
            try:
                paused_s = await switch_file(
                    self._database, self._writer, source, target, compact=compact, point_to=self._folder.point_to, told=self._tell
                )
            except (OSError, sqlite3mc.Error) as error:
                # A copy beside the file is on the same disk; the place is not to blame.
                raise (fault_of(error) if compact else TargetNotUsableError(folder=str(target.parent))) from error
            finally:
                await asyncio.to_thread(self._folder.remove_announced)
            after = await asyncio.to_thread(os.path.getsize, target)
            outcome |= {"saved_bytes": before - after, "paused_ms": round(1_000 * paused_s, 1)}
        return Care(before, after, str(target), round(time.monotonic() - began, 2), round(1_000 * paused_s, 1))

    @contextlib.asynccontextmanager
    async def _alone(self, work: Work) -> AsyncIterator[dict[str, Any]]:
        """One piece of care at a time; what it puts into the mapping is remembered with how it ended."""
        if self._busy.locked():
            raise DatabaseBusyError
        async with self._busy:
            began, outcome = time.monotonic(), dict[str, Any]()
            try:
                yield outcome
            except MizError as error:
                outcome["fault"] = error.code
                raise
            finally:
                self.progress = None
                run = Run(at=self._clock.now(), work=work, seconds=round(time.monotonic() - began, 2), **outcome)
                await asyncio.to_thread(self.notes.add, run)

    def _checked(self, is_full: bool) -> Check:  # noqa: FBT001 - two callers, both by name
        began, source = time.monotonic(), self._database.source
        damage: list[str] = []
        findings: list[str] = []
        if isinstance(source, SqliteFile):
            source.is_suspect = False
            damage = damage_in(source.path, source.key, is_full=is_full)
            findings = broken_references(source.path, source.key) if is_full and not damage else []
        if is_full and not damage:
            findings += self._verify_rows()
        found, seconds = (damage + findings)[:100], round(time.monotonic() - began, 2)
        return Check(self._clock.now(), "full" if is_full else "quick", not found, found, seconds, is_sound=not damage)

    def _practice_state(self, reader: Reader) -> DatabaseState:
        known, source, today = self.notes.read(), self._database.source, self._today()
        # With a database that a restore has replaced the trail's file beside it is kept, and goes with it.
        proof, former = self._proof(), [file for file in self._folder.former_files if file.suffix == ".db"]
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
        growth_bytes, growth_days = growth(known.sizes, today, size)
        return DatabaseState(
            name="practice", path=source.shown, size_bytes=size, free_bytes=free, log_bytes=log, schema=schema,
            library=f"SQLite {sqlite3mc.sqlite_version}" if isinstance(source, SqliteFile) else "PostgreSQL", state=state,
            last_check=known.last_check, last_compaction=known.last_compaction, growth_bytes=growth_bytes, growth_days=growth_days,
            last_backup=proof.last_backup, last_rehearsal=proof.last_rehearsal, runs=known.runs, former_files=[str(file) for file in former],
            is_on_former_disk=isinstance(source, SqliteFile) and are_on_one_disk([source.path, *former[-1:]]),
        )  # fmt: skip

    def _knowledge_state(self) -> DatabaseState:
        file = BUILT_IN
        return DatabaseState(
            name="knowledge", path=str(file), size_bytes=file.stat().st_size, free_bytes=0, log_bytes=0, schema=self._edition.id,
            library=f"SQLite {sqlite3mc.sqlite_version}", state="open",
        )  # fmt: skip

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def _tell(self, step: str, done: int, whole: int) -> None:
        now = time.monotonic()
        if self.progress is None or self.progress.step != step:
            self._step_began = now
        self.progress = progress_of(step, done, whole, now - self._step_began)
