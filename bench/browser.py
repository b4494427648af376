"""One browser of the benchmark: an event stream on one connection, one request after the other on a second one."""

import asyncio
import http
import ssl
import time
from typing import Any, Literal, cast

import msgspec

from miz.access.sessions import COOKIE
from miz.apps.system_api import PING_S
from tests.support.practice import PASSWORD

# The server lets go of connections that rest for longer than some seconds.
RESTING_S = 4.0
_SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "de"}
_DONE = (http.HTTPStatus.OK, http.HTTPStatus.CREATED, http.HTTPStatus.NO_CONTENT)

Kind = Literal["read", "write", "life"]


class Toll(msgspec.Struct):
    """Milliseconds of every answer by kind; what went wrong; how the streams fared, in milliseconds.

    `late` is how long after a save's answer its event came, `silent` how much longer than the ping rhythm a stream said
    nothing, `blind` how late this process itself was at most: no figure is better than that.
    """

    answers: dict[Kind, list[float]] = msgspec.field(default_factory=lambda: {"read": [], "write": [], "life": []})
    errors: list[str] = msgspec.field(default_factory=list)
    late: list[float] = msgspec.field(default_factory=list)
    silent: float = 0
    blind: float = 0
    events: int = 0


class EventStream(asyncio.Protocol):
    """One window's stream: when something was heard, and when one's own saves were."""

    def __init__(self, request: bytes, toll: Toll) -> None:
        self._request = request
        self._toll = toll
        self._rest = b""
        self._heard_at = 0.0
        self.patient = b"nobody yet"
        self.own: list[float] = []
        self.is_closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._heard_at:
            self._toll.silent = max(self._toll.silent, (now - self._heard_at - PING_S) * 1e3)
        self._heard_at = now
        *told, self._rest = (self._rest + data).split(b"\n\n")
        for event in told:
            self._toll.events += 1
            if b"event: patient\n" in event and self.patient in event:
                self.own.append(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_closing:
            self._toll.errors.append(f"an event stream was lost: {exc}")


class Browser:
    """Signed in as one user, with one window announced."""

    def __init__(self, host: str, port: int, trust: ssl.SSLContext, toll: Toll) -> None:
        self._address, self._trust, self._toll = (host, port), trust, toll
        self._one_at_a_time = asyncio.Lock()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0
        self._headers = {"Host": f"{host}:{port}", **_SAME_SITE}

    async def enter(self, user: str) -> str:
        """Sign in, announce the window, listen; returns the window's id."""
        signed_in = await self._ask("POST", "/api/v1/session", {"user": user, "password": PASSWORD})
        self._headers["Cookie"] = f"__Host-{COOKIE}={msgspec.json.decode(signed_in)['token']}"
        made = await self._ask("POST", "/api/v1/applications", {"kind": "active", "version": "bench"})
        application = str(msgspec.json.decode(made)["id"])
        self._headers["Miz-Application"] = application
        self.stream = EventStream(self._head("GET", "/api/v1/events?topics=patients,applications") + b"\r\n", self._toll)
        loop = asyncio.get_running_loop()
        self._listening, _ = await loop.create_connection(lambda: self.stream, *self._address, ssl=self._trust)
        return application

    async def ask(self, kind: Kind, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        """One request: a form where `body` is a text, else JSON. Its time is kept; raises when it is not answered with success."""
        async with self._one_at_a_time:
            if self._connection and time.perf_counter() - self._used_at > RESTING_S:
                self.hang_up()
            began = time.perf_counter()
            answer = await self._ask(method, path, body, **headers)
            self._toll.answers[kind].append((time.perf_counter() - began) * 1e3)
        return answer

    def hang_up(self) -> None:
        """Close the connection for requests; the next one opens another."""
        if self._connection is not None:
            self._connection[1].close()
        self._connection = None

    def leave(self) -> None:
        self.stream.is_closing = True
        self._listening.close()
        self.hang_up()

    async def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        if self._connection is None:
            self._connection = await asyncio.open_connection(*self._address, ssl=self._trust)
        reader, writer = self._connection
        is_form = isinstance(body, str)
        content = body.encode() if is_form else b"" if body is None else msgspec.json.encode(body)
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
        writer.write(self._head(method, path, **headers, Content_Type=kind, Content_Length=str(len(content))) + b"\r\n" + content)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r")[0] or 0)
        answer = await reader.readexactly(length)
        self._used_at = time.perf_counter()
        status = int(head[9:12])
        if status not in _DONE:
            raise RuntimeError(f"{status} to {method} {path}: {answer[:200].decode(errors='replace')}")
        return answer

    def _head(self, method: str, path: str, **headers: str) -> bytes:
        told = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), ""]).encode()
