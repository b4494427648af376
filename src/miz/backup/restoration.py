"""The practice that is being served, brought back to a backup: prepared while the server runs, switched to when it ends, then begun anew."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from miz.access.audit.service import AuditTrail
from miz.backup.errors import BackupNotFoundError, IntoEmptyDatabaseError, NotConfirmedError
from miz.backup.making import Practice
from miz.backup.model import Backup, Manifest, Preview
from miz.backup.queries import facts_of
from miz.backup.restoring import Settle, prepare, scratch_of, switch
from miz.backup.service import Backups
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.settings import Settings
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError, MizError

_AUDIT = "audit_entry"


class Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    """A backup: the `backup` of that id in the list, or a `file` of the server's computer."""

    backup: str = ""
    file: str = ""


class Restoration:
    """Brings back the practice of one server. To be used in the event loop.

    `require_quiet` raises while people may be at work; `begin_anew(follow)` ends the server, has `follow()` done when nobody works with the
    folder any more, and starts it again.
    """

    def __init__(
        self, practice: Practice, backups: Backups, writer: Writer, trail: AuditTrail, *, settings: Settings, clock: Clock, reader: Reader,
        name: str, epoch: int, settle: Settle, require_quiet: Callable[[], None], begin_anew: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self._practice = practice
        self._backups = backups
        self._writer = writer
        self._trail = trail
        self._settings = settings
        self._clock = clock
        self._reader = reader
        self._name = name
        self._epoch = epoch
        self._settle = settle
        self._require_quiet = require_quiet
        self._begin_anew = begin_anew

    async def preview(self, chosen: Chosen) -> Preview:
        """What would come and what would go. A file is read from beginning to end. Raises `BackupNotFoundError`, `BackupUnsoundError`, `BackupKeyError`."""
        if chosen.backup:
            listed = self._listed(chosen.backup)
            made_at, practice, comes = listed.made_at, self._name, listed.counts
        else:
            told = await asyncio.to_thread(self._backups.verify, _named(chosen))
            made_at, practice, comes = told.made_at, told.practice, told.counts
        return await asyncio.to_thread(self._compared, made_at, practice, comes)

    def is_quiet(self) -> bool:
        """Whether nobody else is at work."""
        try:
            self._require_quiet()
        except MizError:
            return False
        return True

    def require_permitted(self, chosen: Chosen, *, confirmed: str) -> None:
        """Raise what speaks against it before anything is begun: people at work, another name typed, no such backup."""
        self._require_quiet()
        if self._practice.folder.is_on_server:
            raise IntoEmptyDatabaseError
        if confirmed.strip() != self._name:
            raise NotConfirmedError(practice=self._name, field="confirmed")
        if chosen.backup:
            self._listed(chosen.backup)
        else:
            _named(chosen)

    async def carry_out(self, actor: Actor, chosen: Chosen, *, confirmed: str) -> Backup | None:
        """Bring the practice back: unpack and look through the backup, save what is there now, end, switch, begin anew.

        Returns the safety copy of what was there, None where that cannot be read any more; its file is kept in any case. Raises `NotConfirmedError` unless `confirmed` is the name of the practice, what
        `require_quiet` raises, and what making a backup and `restoring.prepare` raise; everything is as it was then.
        """
        self.require_permitted(chosen, confirmed=confirmed)
        listed = self._listed(chosen.backup) if chosen.backup else None
        file = Path(listed.file) if listed else _named(chosen)
        try:
            manifest = await asyncio.to_thread(self._backups.alone, lambda: self._prepared(file))
            safety = await self._saved(actor, manifest)
            self._require_quiet()
        except BaseException:
            shutil.rmtree(scratch_of(self._practice.folder).path, ignore_errors=True)
            raise
        if listed:
            await asyncio.to_thread(self._backups.note_restored, listed)
        folder, now = self._practice.folder, self._clock.now()
        self._begin_anew(lambda: switch(folder, now))
        return safety

    async def _saved(self, actor: Actor, manifest: Manifest) -> Backup | None:
        """The safety copy, and an entry that tells what is about to happen."""
        try:
            safety = await self._backups.create(actor, kind="safety")
            await self._writer.run(
                lambda tx: self._trail.record(tx, actor, "restore_begun", detail=f"{manifest.made_at:%Y-%m-%dT%H:%M:%SZ}")
            )
        except DatabaseUnavailableError:
            # A damaged database is what a backup is for.
            return None
        return safety

    def _prepared(self, file: Path) -> Manifest:
        (identity,) = self._practice.identities
        return prepare(
            file, identity, self._practice.folder, self._settings, key=self._practice.key, epoch=self._epoch, settle=self._settle,
            told=self._backups.tell,
        )  # fmt: skip

    def _listed(self, backup_id: str) -> Backup:
        listed = self._backups.find(backup_id)
        if listed.fault == "missing":
            raise BackupNotFoundError(name=backup_id)
        return listed

    def _compared(self, made_at: datetime, practice: str, comes: dict[str, int]) -> Preview:
        try:
            goes = facts_of(self._reader()).counts
        except DatabaseUnavailableError:
            return Preview(made_at=made_at, practice=practice, comes=comes, goes={}, entries_since=None)
        since = goes.get(_AUDIT, 0) - comes.get(_AUDIT, 0)
        return Preview(made_at=made_at, practice=practice, comes=comes, goes=goes, entries_since=since)


def _named(chosen: Chosen) -> Path:
    if not chosen.file:
        raise BackupNotFoundError(name="")
    return Path(chosen.file)
