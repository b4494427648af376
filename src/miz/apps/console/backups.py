"""Backups: when the next one is due, what there is, whether each was restored once; make and rehearse them."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal

import msgspec

from miz.access.roles import PLAN_BACKUPS, READ_BACKUPS, RESTORE_BACKUP, RUN_BACKUP
from miz.access.second_factor.service import SecondFactors
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.backup.model import Backup, Plan, Preview, strip
from miz.backup.restoration import Chosen, Restoration
from miz.backup.service import Backups, Progress
from miz.infra.data_folder import DataFolder
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import MizError, misfit
from miz.practice.web.frame import go_to, reply

_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class BackupPage:
    """`days` are the last thirty with a word for each; `fault` is what the last attempt from here said."""

    template: ClassVar[str] = "console_backups.html"
    frame: ConsoleFrame
    backups: Sequence[Backup]
    days: Sequence[tuple[date, Literal["none", "made", "proved", "failed"]]]
    plan: Plan
    next_at: datetime | None
    is_late: bool
    copy_fault: str
    is_beside_practice: bool
    has_recovery_key: bool
    folder: str
    is_running: bool
    progress: Progress | None
    may_run: bool
    may_plan: bool
    may_restore: bool
    done: str
    errors: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RestorePage:
    """What a backup would bring and take; `is_possible` is False while people may be at work."""

    template: ClassVar[str] = "console_restore.html"
    frame: ConsoleFrame
    backup: Backup
    preview: Preview
    is_possible: bool
    is_on_server: bool
    errors: dict[str, str]


class BackupPages:
    """The pages, bound to one server's parts."""

    def __init__(
        self, backups: Backups, restoration: Restoration, second_factors: SecondFactors, folder: DataFolder, frame_of: FrameOf, *,
        today: Callable[[], date],
    ) -> None:  # fmt: skip
        self._backups = backups
        self._restoration = restoration
        self._second_factors = second_factors
        self._folder = folder
        self._frame_of = frame_of
        self._today = today

    def endpoints(self) -> list[Endpoint]:
        path = "/console/backups"
        return [
            console_page("GET", path, READ_BACKUPS - {"local"}, self.show, "The backups of the practice"),
            console_page("POST", path, RUN_BACKUP - {"local"}, self.create, "Make a backup now"),
            console_page("POST", path + "/rehearsal", RUN_BACKUP - {"local"}, self.rehearse, "Restore a backup to a scratch place"),
            console_page(
                "GET", path + "/restoration", RESTORE_BACKUP - {"local"}, self.preview, "What restoring a backup would bring and take"
            ),
            console_page(
                "POST",
                path + "/restoration",
                RESTORE_BACKUP - {"local"},
                self._second_factors.with_recent_code(self.restore),
                "Bring the practice back to a backup",
            ),
            console_page("POST", path + "/plan", PLAN_BACKUPS - {"local"}, self.plan, "Plan the nightly backup"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def create(self, call: Call) -> Reply:
        return self._begun(call, self._backups.create(call.person))

    async def rehearse(self, call: Call) -> Reply:
        try:
            backup = self._backups.find(call.form.get("backup", "-"))
        except MizError as error:
            return self._page(call, error=error)
        return self._begun(call, self._backups.rehearse(call.person, backup.id))

    async def preview(self, call: Call) -> Reply:
        return await self._restore_page(call, call.query.get("backup", "-"))

    async def restore(self, call: Call) -> Reply:
        """What is typed is looked at at once; unpacking and saving then go on beside the page, and at last the server begins anew."""
        chosen, confirmed = Chosen(backup=call.form.get("backup", "-")), call.form.get("confirmed", "")
        try:
            self._restoration.require_permitted(chosen, confirmed=confirmed)
            self._backups.start(self._restoration.carry_out(call.person, chosen, confirmed=confirmed))
        except MizError as error:
            return await self._restore_page(call, chosen.backup, error=error)
        return go_to("/console/backups?done=restoring")

    async def plan(self, call: Call) -> Reply:
        form, kept = call.form, self._backups.plan
        try:
            counts = {name: int(form.get(name) or getattr(kept, name)) for name in ("days", "weeks", "months")}
            plan = msgspec.convert(
                {
                    "is_on": bool(form.get("is_on")),
                    "at": form.get("at") or kept.at,
                    "second_place": form.get("second_place", "").strip(),
                    **counts,
                },
                Plan,
            )
            await self._backups.follow(call.person, plan)
        except ValueError as error:
            return self._page(call, error=misfit(str(error)))
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/backups?done=planned")

    async def _restore_page(self, call: Call, backup_id: str, *, error: MizError | None = None) -> Reply:
        try:
            backup = self._backups.find(backup_id)
            preview = await self._restoration.preview(Chosen(backup=backup_id))
        except MizError as missing:
            return self._page(call, error=missing)
        page = RestorePage(
            frame=self._frame_of(call.person, "backups"), backup=backup, preview=preview, is_possible=self._restoration.is_quiet(),
            is_on_server=self._folder.is_on_server, errors=said(error, call),
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)

    def _begun(self, call: Call, work: Coroutine[Any, Any, object]) -> Reply:
        try:
            self._backups.start(work)
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/backups?done=begun")

    def _page(self, call: Call, *, done: str = "", error: MizError | None = None) -> Reply:
        backups, roles = self._backups, call.person.roles
        made = backups.list()
        page = BackupPage(
            frame=self._frame_of(call.person, "backups"), backups=made[:_SHOWN], days=list(strip(made, self._today())), plan=backups.plan,
            next_at=backups.next_at(), is_late=backups.is_late(), copy_fault=backups.copy_fault(),
            is_beside_practice=backups.is_beside_practice(), has_recovery_key=bool(self._folder.recovery_recipient), folder=str(self._folder.backups), is_running=backups.is_running,
            progress=backups.progress, may_run=not RUN_BACKUP.isdisjoint(roles), may_plan=not PLAN_BACKUPS.isdisjoint(roles),
            may_restore=not RESTORE_BACKUP.isdisjoint(roles), done=done,
            errors=said(error or (backups.last_fault if not backups.is_running else None), call),
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
