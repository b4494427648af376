"""Routes about the server itself: health, mode and versions, the event stream, the interface's own description."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

import msgspec

import miz
from miz.access.errors import ScreenLockedError
from miz.access.roles import RUN_APPLICATION, SIGNED_IN
from miz.access.sessions import COOKIE
from miz.infra.events import Event, EventBroker
from miz.infra.http import EVERYBODY, Call, Endpoint, Reply, Stream
from miz.infra.openapi import openapi_document
from miz.kernel.errors import InvalidInputError
from miz.wire.client_protocol import Server

PING_S = 5.0
_TOPICS = {"patients": ("patient", "opening", "draft"), "applications": ("applications", "notice", "mode", "device", "database")}
_TOPICS_LIMIT = 50


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """`databases` says of each whether it is `open`, `damaged` or `unavailable`; where it lies and how large it is, is not for everybody."""

    status: str
    databases: dict[str, str] = {}
    is_backup_late: bool | None = None


class SystemRoutes:
    """The routes, bound to one server's parts."""

    def __init__(
        self, broker: EventBroker, *, describe: Callable[[], Server], is_ready: Callable[[], bool], health: Callable[[], Health]
    ) -> None:
        self._broker = broker
        self._describe = describe
        self._is_ready = is_ready
        self._health = health

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(method="GET", path="/health/live", may=EVERYBODY, run=self.live, answer=Health, summary="The process answers.", is_open_while_locked=True),
            Endpoint(method="GET", path="/health/ready", may=EVERYBODY, run=self.ready, answer=Health, other_answers={503: Health}, summary="The database answers.", is_open_while_locked=True),
            Endpoint(
                method="GET", path="/api/v1/server", may=SIGNED_IN, run=self.server, answer=Server, summary="Practice, versions, mode, intervals.",
                is_open_while_locked=True,
            ),
            Endpoint(
                method="GET", path="/api/v1/events", may=RUN_APPLICATION, run=self.events, query={"topics": {"type": "string", "examples": ["patients,applications"]}}, media_type="text/event-stream", refuses=(InvalidInputError,),
                summary="Server-sent events: what changed, with version.", is_open_while_locked=True,
            ),
        ]  # fmt: skip

    async def live(self, call: Call) -> Reply:
        return _told(Health("live"))

    async def ready(self, call: Call) -> Reply:
        return _told(self._health()) if self._is_ready() else _told(msgspec.structs.replace(self._health(), status="not ready"), 503)

    async def server(self, call: Call) -> Server:
        return self._describe()

    async def events(self, call: Call) -> Stream:
        return Stream(self._chunks([*topics_of(call.query.get("topics", "")), f"session:{call.person.session_id}"]))

    async def _chunks(self, topics: list[str]) -> AsyncIterator[bytes]:
        with self._broker.listening(topics) as waiting:
            yield b"retry: 2000\n" + _hello()
            while True:
                try:
                    event = await asyncio.wait_for(waiting.get(), PING_S)
                except TimeoutError:
                    yield b"event: ping\ndata: {}\n\n"
                    continue
                if event is None or event.topic == "session":  # the server stops; the session of this stream has ended
                    return
                yield _chunk(event)


def topics_of(text: str) -> list[str]:
    """`patients`, `applications`, `patient:<id>`, separated by commas. Raises `InvalidInputError`."""
    topics: list[str] = []
    for name in text.split(",")[:_TOPICS_LIMIT]:
        if name in _TOPICS:
            topics += _TOPICS[name]
        elif name.startswith("patient:"):
            topics += [name, name.replace("patient:", "opening:", 1), name.replace("patient:", "draft:", 1)]
        else:
            raise InvalidInputError("Unknown topic. Topics are patients, applications, patient:<id>.", field="topics")
    return topics


def openapi_endpoint(described: list[Endpoint], *, title: str) -> Endpoint:
    """The interface's own description, made when first asked for."""

    @cache
    def document(cookie: str) -> bytes:
        made = openapi_document(
            [*described, endpoint], title=title, version=miz.__version__, cookie=cookie, at_the_gate=(ScreenLockedError,)
        )
        return msgspec.json.encode(made)

    async def openapi(call: Call) -> Reply:
        return Reply(document(call.full_name(COOKIE)), media_type="application/json")

    endpoint = Endpoint(
        method="GET", path="/api/v1/openapi.json", may=EVERYBODY, run=openapi, answer=dict[str, Any], summary="This document.",
        is_open_while_locked=True,
    )  # fmt: skip
    return endpoint


def _hello() -> bytes:
    """The first ping says which version answers: a page made by an older one asks to be loaded again."""
    return b"event: ping\ndata: " + msgspec.json.encode({"program": miz.__version__}) + b"\n\n"


def _chunk(event: Event) -> bytes:
    return b"event: " + event.topic.encode() + b"\ndata: " + msgspec.json.encode({"id": event.id, "version": event.version}) + b"\n\n"


def _told(health: Health, status: int = 200) -> Reply:
    return Reply(msgspec.json.encode(health), status, "application/json")
