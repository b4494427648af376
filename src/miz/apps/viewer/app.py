"""The Viewer as an application of its own: GET routes for paired displays, on read-only connections of its own."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

import miz
from miz.access.devices.cookie import COOKIE
from miz.apps.viewer.display import SHOW_ROOM, DisplayGate, is_same_room, look_for, wishes_of
from miz.apps.viewer.pages import RestScreen, ViewerNotice, ViewerPage, patient_screen
from miz.infra.db.engine import Reader
from miz.infra.events import Event
from miz.infra.http import EVERYBODY, Answer, Call, Endpoint, ErrorFace, Reply, Stream, build_app
from miz.kernel.clock import Clock
from miz.kernel.errors import NotPermittedError
from miz.practice.advice import Advisor
from miz.practice.openings.queries import OpenInRoom, latest_in_room
from miz.practice.own_drugs.queries import own_drugs
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.rows import load_record
from miz.ui.render import Page, render

LOOK_S = 1.0
PING_S = 2.0
_TOPICS = ("opening", "patient", "device", "own_drugs")

# Gives a queue of events for the time of the block; see `EventBroker.listening`. To tell others there is no way from here.
Listening = Callable[[Iterable[str]], AbstractContextManager["asyncio.Queue[Event | None]"]]


class OtherRoomError(NotPermittedError):
    """The address names another room than the one this display was paired for."""

    code = "other-room"
    title = "This display is paired for {room}, not for the room in the address."
    hint = "Open /viewer without a room, or pair the display again for the other room."


@dataclass(frozen=True, kw_only=True)
class OnlineViewer:
    """A display that holds an event stream at this moment."""

    device_id: str
    name: str
    room: str
    since: datetime


@dataclass(frozen=True, slots=True)
class _Now:
    """All that decides what a room shows."""

    room: str
    patient: OpenInRoom | None
    own_drugs: tuple[str, ...]
    today: date

    @property
    def stamp(self) -> str:
        """Changes whenever the screen would look different; tells nothing about the patient."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


class Viewer:
    """All displays of one server. `reader` gives read-only connections; to be used in the event loop."""

    def __init__(
        self,
        reader: Reader,
        *,
        listening: Listening,
        advisor: Advisor,
        clock: Clock,
        today: Callable[[], date],
        practice: str,
        face: ErrorFace,
        record: Callable[[str, BaseException], None],
    ) -> None:
        self._reader = reader
        self._listening = listening
        self._advisor = advisor
        self._clock = clock
        self._today = today
        self._practice = practice
        self._gate = DisplayGate(reader)
        self._records = RecordMemory()
        self._online: dict[object, OnlineViewer] = {}
        self._app = build_app(self.endpoints(), gate=self._gate, face=face, record=record)

    async def __call__(self, call: Call) -> Answer:
        """The application of `/viewer` and what stands below it."""
        return await self._app(call)

    def endpoints(self) -> list[Endpoint]:
        """Every route of the Viewer; all of them read."""
        return [
            Endpoint(method="GET", path="/viewer", may=EVERYBODY, run=self.page, summary="The frame of a room's display", is_page=True),
            Endpoint(method="GET", path="/viewer/screen", may=SHOW_ROOM, run=self.screen, summary="What the room shows now"),
            Endpoint(method="GET", path="/viewer/events", may=SHOW_ROOM, run=self.events, summary="Signs of life, and when to show anew"),
        ]

    def viewers_online(self) -> list[OnlineViewer]:
        """The displays that are connected, by room; a display with two windows counts once."""
        return sorted(
            {viewer.device_id: viewer for viewer in self._online.values()}.values(), key=lambda viewer: (viewer.room, viewer.name)
        )

    async def page(self, call: Call) -> Reply:
        display, asked = self._gate.display_of(call), call.query.get("room")
        if display is None:
            return self._reply(self._notice("not-paired"), call, 401)
        if not display.room:
            return self._reply(self._notice("no-room"), call, 409)
        if not is_same_room(display.room, asked):
            return self._reply(self._notice("other-room", display.room, asked or ""), call, 403)
        wishes = wishes_of(call)
        return self._reply(ViewerPage(practice=self._practice, room=display.room, size=wishes.size, is_discreet=wishes.is_discreet), call)

    async def screen(self, call: Call) -> Reply:
        room = self._room_of(call)
        # The stamp is of what was found first: whatever changes from here on gives another one, and the display asks again.
        now = self._now(room)
        stamp, today = now.stamp, now.today
        if now.patient is None:
            return self._reply(RestScreen(stamp=stamp, practice=self._practice, room=room), call)
        wishes = wishes_of(call)
        language = look_for(call, wishes).language
        patient = load_record(self._reader(), self._records, now.patient.patient_id, today)
        texts = now.own_drugs or self._advisor.usual_drugs(language=language)
        verdicts = self._advisor.own_drugs(patient, texts, language=language)
        advice = self._advisor.advise(patient, language=language)
        return self._reply(
            patient_screen(patient, advice, verdicts, today=today, stamp=stamp, room=room, is_discreet=wishes.is_discreet), call
        )

    async def events(self, call: Call) -> Stream:
        self._room_of(call)
        return Stream(self._chunks(call.own_cookie(COOKIE) or ""))

    async def _chunks(self, token: str) -> AsyncIterator[bytes]:
        loop, told, pinged_s = asyncio.get_running_loop(), "", 0.0
        with self._listening(_TOPICS) as waiting, self._counted(token):
            yield b"retry: 1000\n\n"
            while True:
                # Looked at on every event and every second, so that no lost event leaves a wrong patient on the wall.
                display = self._gate.find(token)
                if display is None or not display.room:
                    yield b"event: revoked\ndata: {}\n\n"
                    return
                stamp = self._now(display.room).stamp
                if stamp != told:
                    told, pinged_s = stamp, loop.time()
                    yield _chunk(b"show", stamp)
                elif loop.time() - pinged_s >= PING_S:
                    pinged_s = loop.time()
                    yield _chunk(b"ping", stamp)
                try:
                    if await asyncio.wait_for(waiting.get(), LOOK_S) is None:
                        return
                except TimeoutError:
                    continue

    @contextmanager
    def _counted(self, token: str) -> Iterator[None]:
        """Count the display as online for the time of the block."""
        display, key = self._gate.find(token), object()
        if display is not None:
            self._online[key] = OnlineViewer(device_id=display.id, name=display.name, room=display.room or "", since=self._clock.now())
        try:
            yield
        finally:
            self._online.pop(key, None)

    def _now(self, room: str) -> "_Now":
        reader = self._reader()
        return _Now(room, latest_in_room(reader, room), tuple(own_drugs(reader)), self._today())

    def _room_of(self, call: Call) -> str:
        """The room this display was paired for. Raises `OtherRoomError`."""
        room = call.person.room or ""
        if not room or not is_same_room(room, call.query.get("room")):
            raise OtherRoomError(room=room)
        return room

    def _notice(self, kind: Literal["not-paired", "other-room", "no-room"], room: str = "", asked: str = "") -> ViewerNotice:
        return ViewerNotice(kind=kind, practice=self._practice, room=room, asked=asked)

    def _reply(self, page: Page, call: Call, status: int = 200) -> Reply:
        return Reply(render(page, look_for(call, wishes_of(call)), version=miz.__version__), status)


def _chunk(name: bytes, stamp: str) -> bytes:
    return b"event: " + name + b"\ndata: " + msgspec.json.encode({"stamp": stamp, "program": miz.__version__}) + b"\n\n"
