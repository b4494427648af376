"""The first steps of a new practice: rooms, users, the recovery key; shown to its owner until they are done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miz.access.accounts.model import User
from miz.access.accounts.queries import list_users
from miz.access.second_factor.queries import has_second_factor
from miz.access.workplaces.rows import list_workplaces
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.modes.service import Modes
from miz.practice.web.find import LATER_COOKIE
from miz.practice.web.frame import go_to, reply
from miz.wire.client_protocol import Workplace

OWNERS = frozenset({"owner"})


@dataclass(frozen=True, kw_only=True)
class FirstStepsPage:
    """What there is already, and what is left to do. `key_state`: unasked, right, wrong."""

    template: ClassVar[str] = "console_first_steps.html"
    frame: ConsoleFrame
    workplaces: Sequence[Workplace]
    users: Sequence[User]
    key_state: str
    is_set_up: bool
    has_second_factor: bool


class FirstStepPages:
    """The pages, bound to one server's parts."""

    def __init__(
        self, modes: Modes, folder: DataFolder, writer: Writer, frame_of: FrameOf, *, reader: Reader, now: Callable[[], datetime]
    ) -> None:  # fmt: skip
        self._modes = modes
        self._folder = folder
        self._writer = writer
        self._frame_of = frame_of
        self._reader = reader
        self._now = now

    def endpoints(self) -> list[Endpoint]:
        path = "/console/first-steps"
        return [
            console_page("GET", path, OWNERS, self.show, "Set up the practice"),
            console_page("POST", path + "/key", OWNERS, self.check_key, "Check the recovery key on paper"),
            console_page("POST", path + "/end", OWNERS, self.finish, "The practice is set up"),
            console_page("POST", path + "/later", OWNERS, self.later, "Set up the practice later"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, "unasked")

    async def check_key(self, call: Call) -> Reply:
        return self._page(call, "right" if self._folder.is_recovery_key(call.form.get("recovery_key", "")) else "wrong")

    async def finish(self, call: Call) -> Reply:
        await self._writer.run(lambda tx: self._modes.finish_set_up(tx, call.person))
        return go_to("/")

    async def later(self, call: Call) -> Reply:
        return go_to("/", call.kept_cookie(LATER_COOKIE, "1"))

    def _page(self, call: Call, key_state: str) -> Reply:
        reader = self._reader()
        page = FirstStepsPage(
            frame=self._frame_of(call.person, "first_steps"), workplaces=list_workplaces(reader),
            users=list_users(reader, self._now()), key_state=key_state, is_set_up=self._modes.is_set_up,
            has_second_factor=has_second_factor(reader, call.person.user_id),
        )  # fmt: skip
        return reply(page, call, 422 if key_state == "wrong" else 200)
