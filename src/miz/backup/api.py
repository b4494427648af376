"""JSON routes of the backups. Where a file lies is for whoever owns the folder; the others see its name."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from miz.access.roles import PLAN_BACKUPS, READ_BACKUPS, RESTORE_BACKUP, RUN_BACKUP, SEND_BACKUP
from miz.access.second_factor.errors import SecondFactorRecentNeededError
from miz.access.second_factor.service import SecondFactors
from miz.backup.errors import (
    BackupKeyError,
    BackupNotFoundError,
    BackupPlaceError,
    BackupProcessEndedError,
    BackupRunningError,
    BackupStoppedError,
    BackupUnsoundError,
    IntoEmptyDatabaseError,
    NewerBackupError,
    NoRoomForBackupError,
    NoScratchDatabaseError,
    NotConfirmedError,
    OtherPracticeError,
    ProgramMissingError,
    SamePlaceError,
    ServerToolFailedError,
)
from miz.backup.model import Backup, Plan, Preview
from miz.backup.restoration import Chosen, Restoration
from miz.backup.service import Backups, Progress
from miz.infra.http import Call, Endpoint
from miz.kernel.actor import Actor
from miz.kernel.errors import MizError, NotPermittedError

_MAKING = (
    BackupRunningError, BackupStoppedError, BackupPlaceError, BackupUnsoundError, BackupKeyError, NewerBackupError, NoRoomForBackupError,
    ProgramMissingError, ServerToolFailedError, NoScratchDatabaseError, BackupProcessEndedError,
)  # fmt: skip


class NewBackup(Struct, frozen=True, forbid_unknown_fields=True):
    """`to` is a folder of the server's computer, where one is meant that is not the practice's own."""

    to: str | None = None


class BackupList(Struct, frozen=True):
    """Newest first. `next_at` is when the next nightly one is due, None when they are switched off."""

    items: list[Backup]
    plan: Plan
    next_at: datetime | None
    progress: Progress | None


class WantedRestore(Chosen, frozen=True, forbid_unknown_fields=True):
    """`confirmed` is the name of the practice, as somebody has typed it."""

    confirmed: str = ""


class Restored(Struct, frozen=True):
    """`safety` is the backup of what was there until now; None where that could not be read any more and only its file is kept."""

    safety: Backup | None


class BackupRoutes:
    """The routes, bound to one server's parts. `outside_setup` is what a restore is refused with outside of the setup mode."""

    def __init__(self, backups: Backups, restoration: Restoration, second_factors: SecondFactors, *, outside_setup: type[MizError]) -> None:
        self._backups = backups
        self._restoration = restoration
        self._second_factors = second_factors
        self._outside_setup = outside_setup

    def endpoints(self) -> list[Endpoint]:
        path = "/api/v1/backups"
        return [
            Endpoint(
                method="GET", path=path, may=READ_BACKUPS, run=self.show, answer=BackupList, summary="Every backup made here, and the plan."
            ),
            Endpoint(
                method="POST", path=path, may=RUN_BACKUP, run=self.create, body=NewBackup, answer=Backup, status=201,
                summary="Make a backup now; it is restored once before it counts.",
                refuses=_MAKING,
            ),
            Endpoint(
                method="POST", path=path + "/{backup}/rehearsal", may=RUN_BACKUP, run=self.rehearse, answer=Backup,
                summary="Restore a backup to a scratch place once more and open it there.",
                refuses=(*_MAKING, BackupNotFoundError),
            ),
            Endpoint(
                method="PUT", path=path + "/plan", may=PLAN_BACKUPS, run=self.plan, body=Plan, answer=BackupList,
                summary="When the nightly backup is made, how many are kept, and where copies go.",
                refuses=(BackupPlaceError, SamePlaceError),
            ),
            Endpoint(
                method="POST", path=path + "/preview", may=RESTORE_BACKUP, run=self.preview, body=Chosen, answer=Preview,
                summary="What restoring a backup would bring and take.",
                refuses=(BackupNotFoundError, BackupUnsoundError, BackupKeyError),
            ),
            Endpoint(
                method="POST", path=path + "/restoration", may=RESTORE_BACKUP, run=self._second_factors.with_recent_code(self.restore),
                body=WantedRestore, answer=Restored, status=202,
                summary="Bring the practice back to a backup: what is there now is saved first, then the server begins anew.",
                refuses=(
                    *_MAKING, BackupNotFoundError, NotConfirmedError, OtherPracticeError, IntoEmptyDatabaseError, SecondFactorRecentNeededError,
                    self._outside_setup,
                ),
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> BackupList:
        listed = self._backups.list()
        return BackupList([_shown(one, call.person) for one in listed], self._backups.plan, self._backups.next_at(), self._backups.progress)

    async def create(self, call: Call) -> Backup:
        if call.body.to is not None and SEND_BACKUP.isdisjoint(call.person.roles):
            raise NotPermittedError
        made = await self._backups.create(call.person, to=Path(call.body.to) if call.body.to else None)
        return _shown(made, call.person)

    async def rehearse(self, call: Call) -> Backup:
        return _shown(await self._backups.rehearse(call.person, call.params["backup"]), call.person)

    async def preview(self, call: Call) -> Preview:
        return await self._restoration.preview(self._permitted(call))

    async def restore(self, call: Call) -> Restored:
        safety = await self._restoration.carry_out(call.person, self._permitted(call), confirmed=call.body.confirmed)
        return Restored(_shown(safety, call.person) if safety else None)

    @staticmethod
    def _permitted(call: Call) -> Chosen:
        """Files of the computer are for whoever owns the folder."""
        if call.body.file and SEND_BACKUP.isdisjoint(call.person.roles):
            raise NotPermittedError
        chosen: Chosen = call.body
        return chosen

    async def plan(self, call: Call) -> BackupList:
        await self._backups.follow(call.person, call.body)
        return await self.show(call)


def _shown(backup: Backup, to: Actor) -> Backup:
    if not SEND_BACKUP.isdisjoint(to.roles):
        return backup
    return replace(backup, file=Path(backup.file).name, copy=Path(backup.copy).name)
