"""The mode of the server, the mode it starts in, and the control interval."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miz.access.roles import CHANGE_MODE
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.infra.db.writer import Writer
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError, MizError
from miz.practice.modes.service import Modes
from miz.practice.openings.service import Openings
from miz.practice.web.frame import go_to, reply


@dataclass(frozen=True, kw_only=True)
class ModePage:
    """Which mode, who would be concerned by a change, what is announced."""

    template: ClassVar[str] = "console_mode.html"
    frame: ConsoleFrame
    mode: str
    changes_at: datetime | None
    open_at: list[str]
    starts_in_operating: bool
    interval_s: int
    lease_s: int
    done: str
    errors: dict[str, str]


class ModePages:
    """The pages, bound to one server's parts."""

    def __init__(self, modes: Modes, openings: Openings, writer: Writer, frame_of: FrameOf) -> None:
        self._modes = modes
        self._openings = openings
        self._writer = writer
        self._frame_of = frame_of

    def endpoints(self) -> list[Endpoint]:
        path = "/console/mode"
        return [
            console_page("GET", path, CHANGE_MODE, self.show, "Mode and control interval"),
            console_page("POST", path, CHANGE_MODE, self.change, "Change the mode"),
            console_page("POST", path + "/start", CHANGE_MODE, self.set_start, "The mode the server starts in"),
            console_page("POST", path + "/interval", CHANGE_MODE, self.set_interval, "Change the control interval"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def change(self, call: Call) -> Reply:
        wanted = call.form.get("mode", "")
        await self._modes.change(
            self._writer, call.person, "setup" if wanted == "setup" else "operating", at_once=bool(call.form.get("now"))
        )
        return go_to("/console/mode")

    async def set_start(self, call: Call) -> Reply:
        starts = bool(call.form.get("starts_in_operating"))
        await self._writer.run(lambda tx: self._modes.set_start(tx, call.person, starts_in_operating=starts))
        return go_to("/console/mode?done=start")

    async def set_interval(self, call: Call) -> Reply:
        text = call.form.get("seconds", "").strip()
        try:
            if not text.isdecimal():
                raise InvalidInputError("Enter the value as a number.", field="seconds")
            await self._writer.run(lambda tx: self._modes.set_interval(tx, call.person, int(text[:9])))
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/mode?done=interval")

    def _page(self, call: Call, *, done: str = "", error: MizError | None = None) -> Reply:
        presence, announced = self._openings.presence, self._modes.announced
        windows = [presence.find(lease.application_id) for lease in self._openings.leases()]
        page = ModePage(
            frame=self._frame_of(call.person, "mode"), mode=self._modes.mode, changes_at=announced.at if announced else None,
            open_at=[f"{window.place} ({window.user})" for window in windows if window], starts_in_operating=self._modes.starts_in_operating,
            interval_s=presence.interval_s, lease_s=presence.lease_s, done=done, errors=said(error, call),
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
