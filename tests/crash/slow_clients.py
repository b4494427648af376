"""Clients that hardly send or read hold their connections, while others go on working (promise E2).

Four kinds, over TLS: a header of which one byte comes now and then, a body likewise, an answer of which one byte is read
now and then, a handshake that was begun and left. Whether the server still keeps a connection is read from the system's own table,
because who reads nothing is told nothing.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.ui.assets import address
from tests.support.practice import PASSWORD, ServerProcess, new_practice

KINDS = ("header", "body", "reading", "handshake")
# A page's stylesheet as often as it takes to fill what the system keeps for a connection.
_UNREAD = 100
_LOOK_S = 0.1
LIMIT_S = 15
DRIP_S = 5
_NOBODY = "0"


@dataclass
class Held:
    """One of them, and since when it holds up the server."""

    kind: str
    wire: socket.socket
    port: int
    since_s: float
    closed_after_s: float | None = None


@dataclass
class Toll:
    """The longest hold by kind, in seconds; who was never let go; how normal requests fared meanwhile."""

    longest_s: dict[str, float] = field(default_factory=dict)
    still_held: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    refused: list[str] = field(default_factory=list)
    p95_ms: float = 0.0

    @property
    def is_too_much(self) -> bool:
        """Whether one of them stayed longer than it may, or anybody was refused."""
        return bool(self.refused) or any(self.still_held.values()) or max(self.longest_s.values()) > LIMIT_S

    def __str__(self) -> str:
        held = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in self.longest_s.items())
        return (
            f"slow clients: longest held: {held}; still held: {sum(self.still_held.values())}; "
            f"normal requests: {self.answered} answered, p95 {self.p95_ms:.0f} ms, {len(self.refused)} refused"
        )


class NormalWork:
    """Somebody who works meanwhile, each time on a connection of its own, as whoever comes anew would."""

    def __init__(self, url: str, certificate: str, session: str, pause_s: float) -> None:
        self._ask = (url, certificate, session)
        self._pause_s = pause_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.milliseconds: list[float] = []
        self.refused: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        url, certificate, session = self._ask
        while not self._is_over.wait(self._pause_s):
            began = time.perf_counter()
            try:
                ApiClient(HttpSender(url, timeout_s=10, certificate=certificate), token=session).search("mus")
            except (OSError, http.client.HTTPException, RefusedError) as error:
                self.refused.append(repr(error))
            else:
                self.milliseconds.append((time.perf_counter() - began) * 1e3)


def slow_clients_at(folder: Path, count: int) -> Toll:
    """`slow_clients` at the real server in a process of its own, with its real deadlines."""
    with ServerProcess(new_practice(folder), MIZ_TLS="always", MIZ_HTTP_PORT="0") as server:
        control = server.folder.read_control()
        assert control is not None
        client = ApiClient(HttpSender(server.url, certificate=control.certificate))
        client.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
        return slow_clients(server.url, control.certificate, client.token, count=count, drip_s=DRIP_S, limit_s=4 * LIMIT_S)


def slow_clients(url: str, certificate: str, session: str, *, count: int, drip_s: float, limit_s: float) -> Toll:
    """Hold `count` connections, a byte every `drip_s`, until the server has let all go or the last has lasted `limit_s`."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    assert host is not None
    assert port is not None
    work = NormalWork(url, certificate, session, pause_s=0.05)
    work.start()
    try:
        held = [_hold(KINDS[number % len(KINDS)], host, port) for number in range(count)]
        _wait(held, port, drip_s, limit_s)
    finally:
        work.stop()
    for one in held:
        one.wire.close()
    toll = Toll(answered=len(work.milliseconds), refused=work.refused)
    toll.p95_ms = quantiles(work.milliseconds, n=20)[-1] if len(work.milliseconds) > 1 else 0.0
    for kind in KINDS:
        ended = [one.closed_after_s for one in held if one.kind == kind and one.closed_after_s is not None]
        toll.longest_s[kind] = max(ended, default=0.0)
        toll.still_held[kind] = sum(one.kind == kind and one.closed_after_s is None for one in held)
    return toll


def _wait(held: list[Held], port: int, drip_s: float, limit_s: float) -> None:
    next_drip_s = time.monotonic() + drip_s
    ends_s = time.monotonic() + limit_s
    while (now_s := time.monotonic()) < ends_s and any(one.closed_after_s is None for one in held):
        kept = _kept_by_server(port)
        for one in held:
            if one.closed_after_s is None and one.port not in kept:
                one.closed_after_s = now_s - one.since_s
        if now_s > next_drip_s:
            next_drip_s += drip_s
            for one in held:
                if one.closed_after_s is None and one.kind != "handshake":
                    _drip(one)
        time.sleep(_LOOK_S)


def _hold(kind: str, host: str, port: int) -> Held:
    raw = socket.socket()
    if kind == "reading":
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.settimeout(30)
    raw.connect((host, port))
    own_port = raw.getsockname()[1]
    if kind == "handshake":
        raw.sendall(bytes((22, 3, 1)))  # a record begins
        return Held(kind, raw, own_port, time.monotonic())
    # Whose server this is does not matter here.
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    wire = trust.wrap_socket(raw)
    wire.sendall(_FIRST[kind].replace("{host}", f"{host}:{port}").encode())
    return Held(kind, wire, own_port, time.monotonic())


_FIRST = {
    "header": "GET /health/live HTTP/1.1\r\nHost: {host}\r\nX-Slow: ",
    "body": "POST /api/v1/session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "reading": f"GET {address('miz.css')} HTTP/1.1\r\nHost: {{host}}\r\n\r\n" * _UNREAD,
}


def _drip(one: Held) -> None:
    try:
        if one.kind == "reading":
            os.read(one.wire.fileno(), 1)  # below TLS: one byte off the line
        else:
            one.wire.send(b" ")
    except OSError:
        return  # it was just let go; the table says so at the next look


def _kept_by_server(port: int) -> set[int]:
    """The client's port of every connection that a process keeps at `port`; what the system only winds up is nobody's."""
    kept = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        parts = line.split()
        if int(parts[1].rpartition(":")[2], 16) == port and parts[9] != _NOBODY:
            kept.add(int(parts[2].rpartition(":")[2], 16))
    return kept
