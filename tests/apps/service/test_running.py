"""A real server under a service manager that the test plays: its word at start and stop, its signs of life, its end."""

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from miz.access.audit.tables import audit_entry
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.data_folder import DataFolder
from miz.infra.service_manager import ServiceManager
from miz.infra.settings import Supervision, read_supervision
from tests.support.practice import PASSWORD, ServerProcess, ServerThread, new_practice, opened, served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd's protocol and signals are those of Unix")
WATCHDOG_S = 0.3
STOP_WITHIN_S = 5


class PlayedManager:
    """The socket that systemd would listen at."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1_000_000))}

    def hears(self, word: str, within_s: float = 10) -> bool:
        """Whether such a message comes; others before it are passed over."""
        until = time.monotonic() + within_s
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                if word in self._socket.recv(4096).decode().splitlines():
                    return True
        return False

    def forget(self) -> None:
        """Pass over what has been sent until now."""
        self._socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(4096)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[PlayedManager]:
    with contextlib.closing(PlayedManager(tmp_path)) as playing:
        yield playing


def test_the_server_says_when_it_is_ready_lives_and_stops(manager: PlayedManager, tmp_path: Path) -> None:
    with ServerProcess(new_practice(tmp_path), **manager.environment) as server:
        assert manager.hears("READY=1")
        assert [manager.hears("WATCHDOG=1") for _ in range(3)] == [True] * 3
        server.signal(signal.SIGTERM)
        assert manager.hears("STOPPING=1")
        assert server.wait() == 0


def test_a_frozen_process_gives_no_sign_of_life(manager: PlayedManager, tmp_path: Path) -> None:
    with ServerProcess(new_practice(tmp_path), **manager.environment) as server:
        assert manager.hears("WATCHDOG=1")
        server.signal(signal.SIGSTOP)
        try:
            time.sleep(WATCHDOG_S)
            manager.forget()
            assert not manager.hears("WATCHDOG=1", within_s=4 * WATCHDOG_S)
        finally:
            server.signal(signal.SIGCONT)
        assert manager.hears("WATCHDOG=1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path / "served") as running:
        yield running


@pytest.mark.parametrize("asks_the_writer", [True, False], ids=["asking the writer", "without asking"])
def test_a_writer_that_hangs_gives_no_sign_of_life(manager: PlayedManager, server: ServerThread, asks_the_writer: bool) -> None:
    async def nothing() -> None: ...

    answers = (lambda: server.server.writer.run(lambda _: None)) if asks_the_writer else nothing
    telling = ServiceManager(Supervision(str(manager.path), WATCHDOG_S))
    watch = asyncio.run_coroutine_threadsafe(telling.keep_watch(answers), server.loop)
    assert manager.hears("WATCHDOG=1")
    release = threading.Event()
    hanging = threading.Thread(target=server.write, args=(lambda _: release.wait(30),))
    hanging.start()
    time.sleep(WATCHDOG_S)
    manager.forget()
    # The switch: signs of life that do not ask would keep a server that cannot write.
    assert manager.hears("WATCHDOG=1", within_s=4 * WATCHDOG_S) is not asks_the_writer
    release.set()
    hanging.join()
    assert manager.hears("WATCHDOG=1")
    watch.cancel()


def test_a_database_that_refuses_is_no_reason_to_restart(manager: PlayedManager) -> None:
    async def refuse() -> None:
        raise OSError

    async def watch() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(telling.keep_watch(refuse), 3 * WATCHDOG_S)

    telling = ServiceManager(Supervision(str(manager.path), WATCHDOG_S))
    asyncio.run(watch())
    assert manager.hears("WATCHDOG=1", within_s=1)


def test_an_abstract_socket_is_reached_and_a_missing_one_stops_nobody(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("abstract sockets are those of Linux")
    name = f"miz-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        ServiceManager(Supervision("@" + name)).tell(READY=1, STATUS="x")
        assert listening.recv(99) == b"READY=1\nSTATUS=x"
    ServiceManager(Supervision(str(tmp_path / "gone"))).tell(READY=1)
    ServiceManager(Supervision()).tell(READY=1)


def test_the_watchdog_of_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert read_supervision().watchdog_s == 0
    monkeypatch.delenv("WATCHDOG_PID")
    assert read_supervision().watchdog_s == 60


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    plain = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
    if parts.scheme == "http":
        return plain
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return trusting.wrap_socket(plain)


def left_unsealed(folder: DataFolder) -> tuple[int, int]:
    """Entries of the audit trail that are not sealed, and entries behind the file outside of the database."""
    anchored = json.loads(folder.audit_anchor.read_bytes())["entry_id"] if folder.audit_anchor.exists() else 0
    counting = select(func.count().filter(audit_entry.c.hash.is_(None)), func.count().filter(audit_entry.c.id > anchored))
    with contextlib.closing(opened(folder)) as database:
        unsealed, behind = database.reader().execute(counting).one()
    return unsealed, behind


@pytest.mark.slow
@pytest.mark.parametrize("tls", ["auto", "always"])
@pytest.mark.parametrize("is_told", [True, False], ids=["stopped", "killed"])
def test_a_stop_is_clean_whatever_hangs_on_the_server(tmp_path: Path, tls: str, is_told: bool) -> None:
    folder = new_practice(tmp_path)
    server = ServerProcess(folder, MIZ_TLS=tls)
    with server, contextlib.ExitStack() as hanging:
        control = folder.read_control()
        assert control is not None
        assert urlsplit(server.url).scheme == ("https" if tls == "always" else "http")
        client = ApiClient(HttpSender(server.url, certificate=control.certificate))
        client.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
        client.register()
        stream = hanging.enter_context(connected(server.url))
        stream.sendall(
            f"GET /api/v1/events?topics=patients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.token}\r\n\r\n".encode()
        )
        heard = b""
        while b"event: ping" not in heard:
            heard += stream.recv(4096)
        for sent in (b"GET / HTTP/1.1\r\nHos", b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{", b""):
            hanging.enter_context(connected(server.url)).sendall(sent)
        parts = urlsplit(server.url)
        greeting = hanging.enter_context(socket.create_connection((parts.hostname or "", parts.port or 0)))
        greeting.sendall(b"\x16\x03\x01")
        client.search("muster")
        if is_told:
            server.signal(signal.SIGTERM)
            assert server.wait(STOP_WITHIN_S) == 0
        else:
            server.kill()
    assert folder.control.exists() is not is_told
    assert (tmp_path / "ready.json").exists() is not is_told
    assert (left_unsealed(folder) == (0, 0)) is is_told
