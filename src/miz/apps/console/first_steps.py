"""The first steps of a new practice: rooms, users, the recovery key; shown to its owner until they are done."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from miz.access.accounts.model import User
from miz.access.accounts.queries import list_users
from miz.access.audit.service import AuditTrail
from miz.access.second_factor.queries import has_second_factor
from miz.access.workplaces.rows import list_workplaces
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page
from miz.backup.recovery_sheet import AskedGroups, recovery_sheet
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.modes.service import Modes
from miz.practice.web.find import LATER_COOKIE
from miz.practice.web.frame import go_to, reply
from miz.ui.face import look_of
from miz.ui.paper import PDF, set_paper
from miz.wire.client_protocol import Workplace

OWNERS = frozenset({"owner"})
KeyState = Literal["unasked", "right", "wrong", "groups_wrong"]


@dataclass(frozen=True, kw_only=True)
class FirstStepsPage:
    """What there is already, and what is left to do. `asked` are the groups of the sheet that prove it, by number; `wrong` those that were not right."""

    template: ClassVar[str] = "console_first_steps.html"
    frame: ConsoleFrame
    workplaces: Sequence[Workplace]
    users: Sequence[User]
    key_state: KeyState
    proved_at: datetime | None
    asked: Sequence[int]
    wrong: Sequence[int]
    is_set_up: bool
    has_second_factor: bool


class FirstStepPages:
    """The pages, bound to one server's parts."""

    def __init__(
        self, modes: Modes, folder: DataFolder, writer: Writer, trail: AuditTrail, frame_of: FrameOf, *, reader: Reader, practice: str,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._modes = modes
        self._folder = folder
        self._writer = writer
        self._trail = trail
        self._frame_of = frame_of
        self._reader = reader
        self._practice = practice
        self._now = now
        self._asked: AskedGroups | None = None

    def endpoints(self) -> list[Endpoint]:
        path = "/console/first-steps"
        return [
            console_page("GET", path, OWNERS, self.show, "Set up the practice"),
            console_page("POST", path + "/key", OWNERS, self.check_key, "Check the recovery key on paper"),
            console_page("POST", path + "/sheet", OWNERS, self.print_sheet, "The recovery key as a sheet to print, as PDF"),
            console_page("POST", path + "/groups", OWNERS, self.check_groups, "Prove the printed sheet by two of its groups"),
            console_page("POST", path + "/end", OWNERS, self.finish, "The practice is set up"),
            console_page("POST", path + "/later", OWNERS, self.later, "Set up the practice later"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, "unasked")

    async def check_key(self, call: Call) -> Reply:
        if not self._folder.is_recovery_key(call.form.get("recovery_key", "")):
            return self._page(call, "wrong")
        return await self._proved(call)

    async def print_sheet(self, call: Call) -> Reply:
        """The key comes in the body of the request and goes into the answer, and nowhere else; of two groups the process keeps what they were."""
        key = call.form.get("recovery_key", "")
        if not self._folder.is_recovery_key(key):
            return self._page(call, "wrong")
        at = self._now()
        pdf = await asyncio.to_thread(set_paper, recovery_sheet(key, self._practice, at, look_of(call).language), at)
        self._asked = AskedGroups.of(key)
        return Reply(pdf, media_type=PDF, headers=[("content-disposition", 'inline; filename="recovery-key.pdf"')])

    async def check_groups(self, call: Call) -> Reply:
        asked = self._asked
        if asked is None:
            return go_to("/console/first-steps")
        wrong = [number for number in asked.numbers if not asked.is_right(number, call.form.get(f"group_{number}", ""))]
        return self._page(call, "groups_wrong", wrong) if wrong else await self._proved(call)

    async def finish(self, call: Call) -> Reply:
        await self._writer.run(lambda tx: self._modes.finish_set_up(tx, call.person))
        return go_to("/")

    async def later(self, call: Call) -> Reply:
        return go_to("/", call.kept_cookie(LATER_COOKIE, "1"))

    async def _proved(self, call: Call) -> Reply:
        self._folder.note_recovery_key_proved(self._now())
        self._asked = None
        await self._writer.run(lambda tx: self._trail.record(tx, call.person, "recovery_key_proved"))
        return self._page(call, "right")

    def _page(self, call: Call, key_state: KeyState, wrong: Sequence[int] = ()) -> Reply:
        reader = self._reader()
        page = FirstStepsPage(
            frame=self._frame_of(call.person, "first_steps"), workplaces=list_workplaces(reader),
            users=list_users(reader, self._now()), key_state=key_state, proved_at=self._folder.recovery_key_proved_at,
            asked=self._asked.numbers if self._asked else (), wrong=wrong, is_set_up=self._modes.is_set_up,
            has_second_factor=has_second_factor(reader, call.person.user_id),
        )  # fmt: skip
        return reply(page, call, 422 if key_state in {"wrong", "groups_wrong"} else 200)
