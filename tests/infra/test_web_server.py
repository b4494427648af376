"""The server program on real sockets: what it hands over, whom it lets go, how it ends (ADR 0013)."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from miz.infra import web_server
from miz.infra.certificates.authority import Authority, pem_of
from miz.infra.http import BODY_LIMIT_BYTES, Answer, Call, Reply, Stream
from miz.infra.web_server import PortInUseError, TlsFiles, WebServer, listen
from miz.kernel.errors import MizError

GENEROUS_S = 15
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here to speak HTTP/2")


class Served:
    """A web server in a thread of its own."""

    def __init__(self, tls: TlsFiles | None = None) -> None:
        self._listener = listen("127.0.0.1", 0)
        self.port = int(self._listener.getsockname()[1])
        self.tls = tls
        self.open_streams = 0
        is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(is_ready)), daemon=True)
        self._thread.start()
        assert is_ready.wait(GENEROUS_S)

    async def _serve(self, is_ready: threading.Event) -> None:
        self._loop, self._stopping, self._stopped = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self.web = WebServer(self._answer, self._listener, tls=self.tls)
        await self.web.start()
        is_ready.set()
        await self._stopping.wait()
        await self.web.stop()

    async def _answer(self, call: Call) -> Answer:
        if call.path == "/events":
            return Stream(self._pings())
        if call.path == "/refused":
            return Reply("refused", 403, "text/plain")
        try:
            body = await call.read()
        except MizError as error:
            return Reply(error.code, 400, "text/plain")
        told = f"{call.method} {call.path} {call.query_string} {call.header('cookie')} {call.header('host')} {call.is_secure} {len(body)}"
        return Reply(told, media_type="text/plain")

    async def _pings(self) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            while not self._stopping.is_set():
                yield b": ping\n\n"
                await asyncio.sleep(0.02)
        finally:
            self.open_streams -= 1

    def use(self, tls: TlsFiles) -> None:
        self._loop.call_soon_threadsafe(self.web.use, tls)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(GENEROUS_S)
        assert not self._thread.is_alive()

    def connect(self, authority: Path | None = None) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=GENEROUS_S)
        return (
            ssl.create_default_context(cafile=authority).wrap_socket(connection, server_hostname="localhost") if authority else connection
        )

    def say(self, words: bytes, authority: Path | None = None) -> bytes:
        """Everything that comes back until the server closes, which it is asked to do."""
        with self.connect(authority) as connection:
            connection.sendall(words)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    told = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            told += part
    return told


@pytest.fixture
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.stop()


def certificate(folder: Path) -> tuple[TlsFiles, Path]:
    """A certificate for localhost in one file with its key, and the authority to trust."""
    folder.mkdir()
    names, now = ["localhost"], datetime.now(UTC)
    authority = Authority.make(names, practice="Testpraxis", now=now, password=b"x")
    (folder / "both.pem").write_bytes(authority.issue(names, now=now, password=b"x"))
    (folder / "ca.pem").write_bytes(pem_of(authority.certificate))
    return TlsFiles(folder / "both.pem", folder / "both.pem"), folder / "ca.pem"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    tls, authority = certificate(tmp_path / "first")
    server = Served(tls)
    yield server, authority
    server.stop()


def request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_a_call_says_what_was_asked(served: Served) -> None:
    told = served.say(request("POST", "/a%20b?q=%C3%A4", "Cookie: a=1", "Cookie: b=2", "Content-Length: 3", body=b"xyz"))
    assert told.endswith(b"POST /a b q=%C3%A4 a=1; b=2 localhost False 3")
    assert b"content-security-policy: default-src 'none'" in told
    assert b"cache-control: no-store" in told
    assert b"granian" not in told


def test_head_says_the_length_and_no_content(served: Served) -> None:
    head, _, content = served.say(request("HEAD", "/x")).partition(b"\r\n\r\n")
    assert b"content-length: " in head
    assert content == b""


@pytest.mark.parametrize("size", [0, 1, BODY_LIMIT_BYTES, BODY_LIMIT_BYTES + 1, 3 * BODY_LIMIT_BYTES])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_arrives_whole_or_is_refused(served: Served, size: int, *, is_chunked: bool) -> None:
    body = b"x" * size
    if is_chunked:
        framed = (f"{size:x}\r\n".encode() + body + b"\r\n" if size else b"") + b"0\r\n\r\n"
        told = served.say(request("POST", "/", "Transfer-Encoding: chunked", body=framed))
    else:
        told = served.say(request("POST", "/", f"Content-Length: {size}", body=body))
    assert told.endswith(f" {size}".encode() if size <= BODY_LIMIT_BYTES else b"body-too-large")


def test_a_body_without_end_is_cut_off(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(request("POST", "/", "Transfer-Encoding: chunked"))
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 100 * BODY_LIMIT_BYTES:
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                sent += 65_536
        assert sent < 100 * BODY_LIMIT_BYTES


def test_half_a_body_is_refused_in_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "BODY_DEADLINE_S", 0.2)
    assert served.say(request("POST", "/", "Content-Length: 10", body=b"half")).endswith(b"body-too-slow")


def test_a_refusal_that_wants_no_body_keeps_the_connection_for_the_next_request(served: Served) -> None:
    with served.connect() as connection:
        for _ in range(3):
            connection.sendall(b"POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
            time.sleep(0.05)  # the answer is ready long before the body
            connection.sendall(b"body")
            assert connection.recv(65_536).endswith(b"refused")


def test_a_refusal_does_not_wait_for_ever_for_a_body(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "BODY_DEADLINE_S", 0.2)
    assert served.say(request("POST", "/refused", "Content-Length: 10", body=b"half")).endswith(b"refused")


def test_half_a_header_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "HEADER_DEADLINE_S", 1)
    served = Served()
    try:
        assert served.say(b"GET / HT") == b""
    finally:
        served.stop()


def test_without_its_deadline_half_a_header_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "HEADER_DEADLINE_S", 600)
    served = Served()
    try:
        with served.connect() as connection:
            connection.sendall(b"GET / HT")
            connection.settimeout(3)
            with pytest.raises(TimeoutError):
                connection.recv(1)
    finally:
        served.stop()


def test_who_hangs_up_is_not_served_on(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(request("GET", "/events"))
        told = b""
        # The head goes out before the first piece is asked for: the ping says that the stream is served.
        while b": ping" not in told:
            told += connection.recv(65_536)
        assert told.startswith(b"HTTP/1.1 200")
        assert served.open_streams == 1
    ends = time.monotonic() + GENEROUS_S
    while served.open_streams and time.monotonic() < ends:
        time.sleep(0.01)
    assert served.open_streams == 0


def test_a_stop_ends_streams_and_waits_for_no_half_open_connection() -> None:
    served = Served()
    with served.connect() as half, served.connect() as stream:
        half.sendall(b"GET / HT")
        stream.sendall(request("GET", "/events"))
        assert stream.recv(12) == b"HTTP/1.1 200"
        served.stop()
        assert b"0\r\n\r\n" in read_all(stream)


def test_a_taken_port_is_told(served: Served) -> None:
    with pytest.raises(PortInUseError):
        listen("127.0.0.1", served.port)


def test_tls_is_of_a_safe_version_and_offers_http_2(secured: tuple[Served, Path]) -> None:
    server, authority = secured
    assert server.say(request("GET", "/"), authority).endswith(b" True 0")
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(server.connect(), server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() == "h2"
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


@needs_curl
def test_one_http_2_connection_carries_streams_and_requests(secured: tuple[Served, Path], tmp_path: Path) -> None:
    server, authority = secured
    base = f"https://localhost:{server.port}"
    asked = [(f"{base}/events", tmp_path / f"stream{number}") for number in range(12)] + [(f"{base}/asked", tmp_path / "answer")]
    command = ["curl", "--silent", "--http2", "--parallel", "--max-time", "3", "--cacert", str(authority)]
    command += ["--header", "Cookie: a=1", "--header", "Cookie: b=2", "--write-out", "%{http_version} %{num_connects}\n"]
    for address, output in asked:
        command += ["--output", str(output), address]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.split()
    assert set(told[::2]) == {"2"}
    assert sum(map(int, told[1::2])) == 1, "one connection for all"
    assert (tmp_path / "answer").read_text() == f"GET /asked  a=1; b=2 localhost:{server.port} True 0"
    assert all(b": ping" in output.read_bytes() for _, output in asked[:-1])


def test_another_certificate_is_shown_without_a_stop(secured: tuple[Served, Path], tmp_path: Path) -> None:
    server, authority = secured
    renewed, other = certificate(tmp_path / "second")
    assert server.say(request("GET", "/"), authority).startswith(b"HTTP/1.1 200")
    server.use(renewed)
    ends = time.monotonic() + GENEROUS_S
    while True:
        try:
            assert server.say(request("GET", "/"), other).startswith(b"HTTP/1.1 200")
        except (OSError, AssertionError):
            # The old acceptor serves a while beside the new one.
            assert time.monotonic() < ends
            time.sleep(0.1)
        else:
            break
