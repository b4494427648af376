"""Windows and displays that are online, registered devices, messages and disconnecting."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from miz.access.devices.model import DeviceLine, NewDevice, PairingCode
from miz.access.devices.queries import list_devices
from miz.access.devices.service import DeviceRegister
from miz.access.roles import MANAGE_DEVICES, SEARCH_PATIENTS, SEE_APPLICATIONS, SEND_MESSAGES
from miz.access.workplaces.model import Room
from miz.access.workplaces.rows import list_rooms, list_workplaces
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.infra.db.engine import Reader
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.actor import Actor
from miz.kernel.errors import MizError
from miz.practice.errors import ApplicationNotFoundError
from miz.practice.notices import Notices
from miz.practice.openings.service import Openings
from miz.practice.patients import queries
from miz.practice.web.frame import go_to, reply
from miz.wire.client_protocol import Workplace

NOTICE_S = (30, 60, 120)
_FIELDS = {"name": "device_name"}
"""What a service calls a field, and what the page calls it."""


@dataclass(frozen=True, kw_only=True)
class OnlineLine:
    """A window or display that is online. `patient`: the name for those who may search patients, else empty while one is open."""

    id: str
    kind: str
    workplace: str
    user: str
    has_patient: bool
    patient: str
    seen_at: datetime | None
    version: str


@dataclass(frozen=True, kw_only=True)
class ApplicationsPage:
    """Who is online, which devices are registered. `code` is shown once, in the answer that made it."""

    template: ClassVar[str] = "console_applications.html"
    frame: ConsoleFrame
    online: Sequence[OnlineLine]
    devices: Sequence[DeviceLine]
    rooms: Sequence[Room]
    workplaces: Sequence[Workplace]
    seconds: Sequence[int]
    may_send: bool
    may_register: bool
    code: PairingCode | None
    done: str
    errors: dict[str, str]


class ApplicationPages:
    """The pages, bound to one server's parts. `displays` are the Viewers online, as (id, room)."""

    def __init__(
        self, openings: Openings, notices: Notices, devices: DeviceRegister, frame_of: FrameOf, *, reader: Reader,
        displays: Callable[[], list[tuple[str, str]]], now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._openings = openings
        self._notices = notices
        self._devices = devices
        self._frame_of = frame_of
        self._reader = reader
        self._displays = displays
        self._now = now

    def endpoints(self) -> list[Endpoint]:
        path = "/console/applications"

        def page(method: Any, tail: str, may: frozenset[str], run: Any, summary: str) -> Endpoint:
            return console_page(method, path + tail, may, run, summary)

        return [
            page("GET", "", SEE_APPLICATIONS, self.show, "Applications and devices"),
            page("POST", "/message", SEND_MESSAGES, self.send, "A message to one window or to all"),
            page("POST", "/{id}/disconnect", SEND_MESSAGES, self.disconnect, "Disconnect a window after a notice"),
            page("POST", "/devices", MANAGE_DEVICES, self.register, "Register a device"),
            page("POST", "/devices/{id}/code", MANAGE_DEVICES, self.register_again, "A new pairing code for a device"),
            page("POST", "/devices/{id}/revocation", MANAGE_DEVICES, self.revoke, "Revoke a device"),
        ]

    def online(self, actor: Actor) -> list[OnlineLine]:
        """Windows by place, then the Viewers, as the actor may see them."""
        may_name = not SEARCH_PATIENTS.isdisjoint(actor.roles)
        held = {lease.application_id: lease.patient_id for lease in self._openings.leases()}
        lines = queries.read_lines(self._reader(), list(held.values())) if may_name else []
        names = {line.id: f"{line.family_name}, {line.given_name}" for line in lines}
        windows = [
            OnlineLine(
                id=window.id, kind=window.kind, workplace=window.workplace, user=window.user, has_patient=window.id in held,
                patient=names.get(held.get(window.id, ""), ""), seen_at=window.seen_at, version=window.version,
            )
            for window in self._openings.presence.all()
        ]  # fmt: skip
        displays = [
            OnlineLine(id=device_id, kind="display", workplace=room, user="", has_patient=False, patient="", seen_at=None, version="")
            for device_id, room in self._displays()
        ]
        return sorted(windows, key=lambda line: (line.workplace.casefold(), line.user, line.id)) + displays

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def send(self, call: Call) -> Reply:
        form = call.form
        chosen = form.get("to", "")
        ids = [chosen] if chosen else [window.id for window in self._openings.presence.all()]
        try:
            self._notices.send(ids, form.get("text", ""), sender=call.person.user)
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/applications?done=sent")

    async def disconnect(self, call: Call) -> Reply:
        seconds = call.form.get("seconds", "")
        try:
            if self._openings.presence.find(call.params["id"]) is None:
                raise ApplicationNotFoundError
            self._notices.disconnect(
                call.params["id"], int(seconds) if seconds.isdecimal() and len(seconds) < 5 else -1, sender=call.person.user
            )
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/applications?done=warned")

    async def register(self, call: Call) -> Reply:
        kind, _, place = call.form.get("place", "").partition(":")
        wanted = NewDevice("display" if kind == "display" else "workplace", place, call.form.get("device_name", ""))
        return await self._issue(call, lambda: self._devices.add(call.person, wanted))

    async def register_again(self, call: Call) -> Reply:
        return await self._issue(call, lambda: self._devices.issue_code(call.person, call.params["id"]))

    async def revoke(self, call: Call) -> Reply:
        try:
            await self._devices.revoke(call.person, call.params["id"])
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/applications?done=revoked")

    async def _issue(self, call: Call, issue: Callable[[], Awaitable[PairingCode]]) -> Reply:
        try:
            code = await issue()
        except MizError as error:
            return self._page(call, error=error)
        return self._page(call, code=code)

    def _page(self, call: Call, *, done: str = "", code: PairingCode | None = None, error: MizError | None = None) -> Reply:
        actor, reader = call.person, self._reader()
        may_manage = not MANAGE_DEVICES.isdisjoint(actor.roles)
        page = ApplicationsPage(
            frame=self._frame_of(actor, "applications"), online=self.online(actor), devices=list_devices(reader, self._now()) if may_manage else [],
            rooms=list_rooms(reader), workplaces=list_workplaces(reader), seconds=NOTICE_S, may_send=not SEND_MESSAGES.isdisjoint(actor.roles),
            may_register=may_manage, code=code, done=done,
            errors={_FIELDS.get(name, name): sentence for name, sentence in said(error, call).items()},
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
