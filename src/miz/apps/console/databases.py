"""Databases: place, size, state, what was done last; check, compact and move them while people work, and plan their care."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from miz.access.roles import CARE_FOR_DATABASES, MOVE_DATABASE, READ_DATABASES
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.databases.model import DatabaseState, Plan, Progress, Repair
from miz.databases.planned import PlannedCare
from miz.databases.service import Databases
from miz.infra.db.engine import Reader
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError, MizError, misfit
from miz.practice.web.frame import go_to, reply

_PERSONS = CARE_FOR_DATABASES - {"local"}
_MOVERS = MOVE_DATABASE - {"local"}
_HERE = "/console/databases"


@dataclass(frozen=True, kw_only=True)
class DatabasePage:
    """The state of each database, what is under way, the last repair, and the plan; `folder` is the target that was typed."""

    template: ClassVar[str] = "console_databases.html"
    frame: ConsoleFrame
    databases: Sequence[DatabaseState]
    is_running: bool
    progress: Progress | None
    is_on_server: bool
    may_move: bool
    is_damaged: bool
    repair: Repair | None
    plan: Plan
    folder: str
    done: str
    errors: dict[str, str]


class DatabasePages:
    """The pages, bound to one server's parts."""

    def __init__(self, databases: Databases, care: PlannedCare, frame_of: FrameOf, *, reader: Reader, is_on_server: bool) -> None:
        self._databases = databases
        self._care = care
        self._frame_of = frame_of
        self._reader = reader
        self._is_on_server = is_on_server
        self._repair: Repair | None = None

    def endpoints(self) -> list[Endpoint]:
        path = _HERE
        return [
            console_page("GET", path, READ_DATABASES - {"local"}, self.show, "The databases of the server"),
            console_page("POST", path + "/check", _PERSONS, self.check, "Check the practice's database"),
            console_page("POST", path + "/compaction", _PERSONS, self.compact, "Compact the practice's database"),
            console_page("POST", path + "/tidying", _PERSONS, self.tidy, "Give free pages back and renew the statistics"),
            console_page("POST", path + "/move", _MOVERS, self.move, "Move the practice's database to another folder"),
            console_page("POST", path + "/repair", _MOVERS, self.repair, "Make a new file of what can be read of a damaged database"),
            console_page("POST", path + "/former", _MOVERS, self.let_go, "Remove the file that was used before the last move"),
            console_page("POST", path + "/plan", _MOVERS, self.plan, "Plan the care of the practice's database"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def check(self, call: Call) -> Reply:
        return self._begun(call, self._databases.check(call.person, is_full=bool(call.form.get("full"))))

    async def compact(self, call: Call) -> Reply:
        return self._begun(call, self._databases.compact(call.person))

    async def tidy(self, call: Call) -> Reply:
        return self._begun(call, self._databases.tidy_up(call.person))

    async def move(self, call: Call) -> Reply:
        """What speaks against the target is said at once; the copy then goes on beside the work."""
        folder = Path(call.form.get("folder", "").strip())
        try:
            await asyncio.to_thread(self._databases.require_usable, folder)
        except MizError as error:
            return self._page(call, error)
        return self._begun(call, self._databases.move(call.person, folder))

    async def repair(self, call: Call) -> Reply:
        return self._begun(call, self._repaired(call.person))

    async def _repaired(self, person: Actor) -> None:
        self._repair = await self._databases.repair(person)

    async def let_go(self, call: Call) -> Reply:
        """The name of the file is to be typed, as what is removed does not come back."""
        practice = self._databases.states(self._reader)[0]
        if call.form.get("name", "").strip() not in {Path(file).name for file in practice.former_files}:
            return self._page(call, InvalidInputError("Type the name of the file that is to be removed.", field="name"))
        try:
            await self._databases.let_go_former(call.person)
        except MizError as error:
            return self._page(call, error)
        return go_to(_HERE + "?done=removed")

    async def plan(self, call: Call) -> Reply:
        form, known = call.form, self._care.plan
        try:
            days = {name: int(form.get(name) or getattr(known, name)) for name in ("compact_every_days", "log_days")}
            hours = {name: form.get(name) or getattr(known, name) for name in ("quiet_from", "quiet_until")}
            plan = msgspec.convert({"is_on": bool(form.get("is_on")), **hours, **days}, Plan)
        except ValueError as error:
            return self._page(call, misfit(str(error)))
        await self._care.follow(call.person, plan)
        return go_to(_HERE + "?done=planned")

    def _begun(self, call: Call, work: Coroutine[Any, Any, object]) -> Reply:
        try:
            self._databases.start(work)
        except MizError as error:
            return self._page(call, error)
        return go_to(_HERE)

    def _page(self, call: Call, error: MizError | None = None, *, done: str = "") -> Reply:
        databases = self._databases
        page = DatabasePage(
            frame=self._frame_of(call.person, "databases"), databases=databases.states(self._reader), is_running=databases.is_running,
            progress=databases.progress, is_on_server=self._is_on_server, may_move=not MOVE_DATABASE.isdisjoint(call.person.roles),
            is_damaged=databases.has_damage, repair=self._repair, plan=self._care.plan, folder=call.form.get("folder", "") if call.method == "POST" else "", done=done,
            errors=said(error or (databases.last_fault if not databases.is_running else None), call),
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
