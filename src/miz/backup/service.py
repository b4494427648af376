"""The backups of one server: made and rehearsed one at a time, listed, and the old ones let go by rule."""

import asyncio
import contextlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from miz.access.audit.service import AuditTrail
from miz.access.sessions import LOCAL
from miz.backup import elsewhere
from miz.backup.apart import Making, Reading, Rehearsal, Work
from miz.backup.errors import (
    BackupNotFoundError,
    BackupPlaceError,
    BackupProcessEndedError,
    BackupRunningError,
    BackupStoppedError,
    BackupUnsoundError,
)
from miz.backup.making import SCRATCH, Practice
from miz.backup.model import SUFFIX, Backup, Manifest, Plan, kept, last_due
from miz.backup.package import read_manifest
from miz.backup.restoring import scratch_of
from miz.infra.db.writer import Writer
from miz.infra.files import write_whole
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import MizError

T = TypeVar("T")
Kind = Literal["manual", "nightly", "safety"]

_PLAN = "plan.settings"
_QUIET_AFTER_START_S = 120.0
_AGAIN_AFTER_S = 3_600.0
_LATE_AFTER = timedelta(hours=36)
_TICK_NS = 1_000_000_000
_LIVE_NOTE = "NICHT-KOPIEREN_DO-NOT-COPY.txt"
_NOTE = """Die Dateien practice.db, practice.db-wal und practice.db-shm gehören dem laufenden Server. Eine Kopie davon ist keine Sicherung:
sie kann unbrauchbar sein. Sicherungen liegen im Ordner "backups"; neue macht: miz backup create

The files practice.db, practice.db-wal and practice.db-shm belong to the running server. A copy of them is no backup: it may be
unusable. Backups are in the folder "backups"; new ones are made by: miz backup create
"""


class Progress(Struct, frozen=True):
    """What is under way: `copy`, `pack`, `unpack` or `look through`; how much of the step is done; seconds since it began."""

    step: str
    done: int
    all: int
    seconds: float


class Backups:
    """The backups of the practice in `practice.folder`. Slow work is done by `work`, one at a time."""

    def __init__(self, practice: Practice, writer: Writer, trail: AuditTrail, *, clock: Clock, zone: ZoneInfo, work: Work) -> None:
        self.practice = practice
        self._folder = practice.folder.backups
        self._writer = writer
        self._trail = trail
        self._clock = clock
        self._work = work
        self._zone = zone
        self._started_s = clock.steady_s()
        self._tried_s = float("-inf")
        self._copied_s, self._brought_ns = float("-inf"), 0
        self._known: tuple[int, Sequence[Backup]] = (0, [])
        self._busy = threading.Lock()
        self._step_began = 0.0
        self._begun: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.progress: Progress | None = None
        self.last_fault: MizError | None = None

    def tidy(self) -> None:
        """Remove what a kill has left, and leave the note that the live files are not to be copied."""
        _clear(self._folder)
        shutil.rmtree(scratch_of(self.practice.folder).path, ignore_errors=True)
        write_whole(self.practice.folder.path / _LIVE_NOTE, _NOTE.encode())

    def list(self) -> list[Backup]:
        """Every backup that was made here, newest first; one whose file is gone says so."""
        return [one if Path(one.file).exists() else replace(one, fault=one.fault or "missing") for one in self._entries()]

    def _entries(self) -> Sequence[Backup]:
        """What the files beside the backups say; they are read again when their folder has changed, as monitors ask again and again."""
        if not self._folder.is_dir():
            return []
        changed_ns = self._folder.stat().st_mtime_ns
        known_ns, entries = self._known
        if changed_ns != known_ns:
            found = (msgspec.json.decode(entry.read_bytes(), type=Backup) for entry in self._folder.glob("*.json"))
            entries = sorted(found, key=lambda one: one.made_at, reverse=True)
            # Within one tick of the file system's clock a second change would look like the first.
            if time.time_ns() - changed_ns > _TICK_NS:
                self._known = (changed_ns, entries)
        return entries

    def find(self, backup_id: str) -> Backup:
        """Raises `BackupNotFoundError`."""
        for one in self.list():
            if one.id == backup_id:
                return one
        raise BackupNotFoundError(name=backup_id)

    @property
    def plan(self) -> Plan:
        """When the nightly backup is made and how many are kept; on from the start."""
        try:
            return msgspec.json.decode((self._folder / _PLAN).read_bytes(), type=Plan)
        except FileNotFoundError:
            return Plan()

    async def follow(self, actor: Actor, plan: Plan) -> None:
        """Make nightly backups by this plan from now on. Raises `InvalidInputError`, `SamePlaceError`, `BackupPlaceError`."""
        if plan.second_place:
            await asyncio.to_thread(elsewhere.settle_in, Path(plan.second_place), self.practice.folder)
            self._copied_s, self._brought_ns = float("-inf"), 0
        self._folder.mkdir(mode=0o700, exist_ok=True)
        await asyncio.to_thread(write_whole, self._folder / _PLAN, msgspec.json.encode(plan))
        await self._trail.tell(self._writer, actor, "backup_planned", detail=plan.at if plan.is_on else "off")

    def newest_proved(self) -> Backup | None:
        """The newest backup that was restored once and is still there."""
        return next((one for one in self.list() if one.rehearsed and not one.fault), None)

    def last_proved(self) -> datetime | None:
        """When the newest backup that was restored once was made."""
        return max((one.made_at for one in self.list() if one.rehearsed), default=None)

    def last_made(self) -> datetime | None:
        """When the newest backup that is still there was made."""
        return max((one.made_at for one in self.list() if one.fault != "missing"), default=None)

    def last_rehearsed(self) -> datetime | None:
        """When a backup was restored on trial last."""
        return max((one.rehearsed_at for one in self.list() if one.rehearsed_at), default=None)

    def is_late(self) -> bool:
        """Whether the nightly backups are on and the newest proved one is older than a day and a half."""
        proved = self.last_proved() or self.practice.folder.made_at
        return self.plan.is_on and self._clock.now() - proved > _LATE_AFTER

    def copy_fault(self) -> str:
        """The code of what keeps the newest proved backup from its second place; empty when nothing does."""
        newest = self.newest_proved()
        return newest.copy_fault if newest and self.plan.second_place else ""

    def is_beside_practice(self) -> bool:
        """Whether the second place is on the disk of the practice."""
        place = self.plan.second_place
        return bool(place) and elsewhere.is_on_disk_of(Path(place), self.practice.folder)

    def next_at(self) -> datetime | None:
        """When the next nightly backup is due; None when they are switched off."""
        plan, now = self.plan, self._clock.now().astimezone(self._zone)
        return last_due(plan, now) + timedelta(days=1) if plan.is_on else None

    async def keep_up(self) -> bool:
        """Make the nightly backup when it is due, also one that was missed; after a fault again in an hour. Whether one was made."""
        now_s = self._clock.steady_s()
        if now_s - self._started_s < _QUIET_AFTER_START_S or now_s - self._tried_s < _AGAIN_AFTER_S:
            return False
        plan = self.plan
        due = last_due(plan, self._clock.now().astimezone(self._zone))
        if not plan.is_on or self._busy.locked() or self._covered_until() >= due:
            return False
        self._tried_s = now_s
        await self.create(LOCAL, kind="nightly")
        return True

    async def keep_up_elsewhere(self) -> None:
        """Copy the newest proved backup to the second place when it is not there yet, and the list of the erased; after a fault again in an hour.

        What comes of it stands in the list of backups.
        """
        now_s, plan = self._clock.steady_s(), self.plan
        if not plan.second_place or self._busy.locked() or now_s - self._copied_s < _AGAIN_AFTER_S:
            return
        place, newest, listed_ns = Path(plan.second_place), self.newest_proved(), self._erased_listed_ns()
        wanted = newest if newest and Path(newest.copy).parent != place else None
        if wanted is None and listed_ns == self._brought_ns:
            return
        self._copied_s = now_s
        with contextlib.suppress(MizError):
            if wanted:
                await asyncio.to_thread(self.alone, lambda: self._copy(wanted, place))
                await self._trail.tell(self._writer, LOCAL, "backup_copied", detail=wanted.id)
            if listed_ns:
                await asyncio.to_thread(elsewhere.bring_list, place, self.practice.folder)
            self._copied_s, self._brought_ns = float("-inf"), listed_ns

    def _erased_listed_ns(self) -> int:
        """When the list of the erased was written last; 0 where nobody was erased."""
        listed = self.practice.folder.erased_list
        return listed.stat().st_mtime_ns if listed.exists() else 0

    def _covered_until(self) -> datetime:
        """The newest nightly backup that proved good; before the first one the making of the practice counts."""
        nightly = [one.made_at for one in self.list() if one.kind == "nightly" and one.rehearsed]
        return max(nightly, default=self.practice.folder.made_at)

    async def create(self, actor: Actor, *, to: Path | None = None, kind: Kind = "manual") -> Backup:
        """Make a backup, restore it once to a scratch place, and let go those that the rule no longer keeps.

        Raises `BackupRunningError`, `NoRoomForBackupError`, `BackupPlaceError`, `BackupUnsoundError`.
        """
        made = await asyncio.to_thread(self.alone, lambda: self._create(to or self._folder, kind))
        await self._trail.tell(self._writer, actor, "backup_made", detail=made.id)
        return made

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin what makes, rehearses or brings back a backup and come back at once; `progress` and `last_fault` tell how it goes.

        Raises `BackupRunningError`.
        """
        if self.is_running:
            work.close()
            raise BackupRunningError
        self.last_fault = None
        self._begun = asyncio.create_task(self._noting_fault(work))

    async def _noting_fault(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except MizError as error:
            self.last_fault = error

    @property
    def is_running(self) -> bool:
        """Whether a backup or a rehearsal is under way."""
        return self._busy.locked() or not (self._begun is None or self._begun.done())

    async def rehearse(self, actor: Actor, backup_id: str) -> Backup:
        """Restore a backup once more to a scratch place and open it there. Raises what `create` raises."""
        backup = self.find(backup_id)
        proved = await asyncio.to_thread(self.alone, lambda: self._rehearsed(backup))
        await self._trail.tell(self._writer, actor, "backup_rehearsed", detail=backup_id)
        return proved

    def verify(self, file: Path) -> Manifest:
        """Read a backup of this practice from beginning to end. Raises `BackupUnsoundError`, `BackupKeyError`."""
        return read_manifest(file, self.practice.identities)

    def _create(self, folder: Path, kind: Kind) -> Backup:
        now, begun = self._clock.now(), time.monotonic()
        name = f"{now:%Y-%m-%dT%H%M%SZ}-{secrets.token_hex(2)}"
        if not folder.is_dir() and folder != self._folder:
            raise BackupPlaceError(folder=str(folder))
        self._folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"miz-{self.practice.folder.server_id[:8]}-{name}{SUFFIX}"
        try:
            manifest = self._work(Making(str(target), now), self.tell)
        except BackupProcessEndedError:
            _clear(self._folder)
            if folder != self._folder:
                target.unlink(missing_ok=True)
            raise
        made = Backup(
            id=name, file=str(target), made_at=now, size_bytes=target.stat().st_size, kind=kind, counts=manifest.counts,
            seconds=round(time.monotonic() - begun, 1),
        )  # fmt: skip
        self._enter(made)
        proved = self._rehearsed(made)
        self._let_go()
        return proved

    def _rehearsed(self, backup: Backup) -> Backup:
        """The backup with what came of restoring it, as it now stands in the list. A fault is written down, then raised."""
        scratch = self._folder / f"{SCRATCH}{backup.id}"
        try:
            self._work(Rehearsal(backup.file, str(scratch)), self.tell)
        except MizError as error:
            self._enter(replace(backup, rehearsed_at=None, fault=error.code))
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        proved = replace(backup, rehearsed_at=self._clock.now(), fault="")
        self._enter(proved)
        return proved

    def _copy(self, backup: Backup, place: Path) -> None:
        """The copy counts once all of it was read there. A fault is written down, then raised."""
        try:
            copy = elsewhere.copy_into(place, Path(backup.file), self.tell)
            try:
                self._work(Reading(str(copy)), self.tell)
            except BackupUnsoundError:
                elsewhere.discard(copy)
                raise
        except MizError as error:
            self._enter(replace(backup, copy_fault=error.code))
            raise
        self._enter(replace(backup, copy=str(copy), copy_fault=""))
        elsewhere.let_go(place, self.practice.folder, self.plan)

    def note_restored(self, backup: Backup) -> None:
        """The practice is being brought back to this backup."""
        self._enter(replace(backup, restored_at=self._clock.now()))

    def _enter(self, backup: Backup) -> None:
        write_whole(self._folder / f"{backup.id}.json", msgspec.json.encode(backup), is_private=True)

    def _let_go(self) -> None:
        """Remove what the rule no longer keeps: only nightly backups, and only in the practice's own folder."""
        own = [one for one in self.list() if one.kind == "nightly" and Path(one.file).parent == self._folder]
        proved = [one for one in own if one.rehearsed]
        keep = kept([one.made_at for one in proved], self.plan)
        for old in proved:
            if old.made_at not in keep:
                Path(old.file).unlink(missing_ok=True)
                (self._folder / f"{old.id}.json").unlink(missing_ok=True)

    def alone(self, work: Callable[[], T]) -> T:
        """Do slow work with a backup, in the calling thread, while no other is under way. Raises `BackupRunningError`."""
        if not self._busy.acquire(blocking=False):
            raise BackupRunningError
        try:
            return work()
        finally:
            self.progress = None
            self._busy.release()

    def stop(self) -> None:
        """End what is under way at its next step; what it has begun is removed."""
        self._is_stopping = True

    def tell(self, step: str, done: int, whole: int) -> None:
        """Hears how far the work is. Raises `BackupStoppedError` when the server stops."""
        if self._is_stopping:
            raise BackupStoppedError
        now = time.monotonic()
        if self.progress is None or self.progress.step != step:
            self._step_began = now
        self.progress = Progress(step, done, whole, round(now - self._step_began, 1))


def _clear(folder: Path) -> None:
    """Remove what somebody who was killed has left in the practice's own folder."""
    for pattern in (f"{SCRATCH}*", "*.part", "*.new"):
        for left in folder.glob(pattern):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
