"""A practice for tests: made once, copied for each test; served by a real process or by a thread with a clock of ours."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Self, TypeVar

from miz.access import users
from miz.access.passwords import PasswordDesk
from miz.access.sessions import LOCAL
from miz.apps.bootstrap import Server, data_folder, set_up_practice
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import Source
from miz.infra.db.postgres_server import PostgresServer
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sources import source_of
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.db.writer import Transaction
from miz.infra.settings import Settings, read_settings
from miz.infra.web_server import TlsFiles, WebServer, listen
from miz.kernel.clock import FakeClock
from miz.practice.patients.service import Records
from tests.support.postgres import postmaster, programs

PASSWORD = "ein Kennwort für Tests 2026"
PEOPLE = {
    "Dr. Prüfer": ["dentist", "owner"],
    "Fr. Assistenz": ["assistant"],
    "Fr. Empfang": ["front_desk"],
    "Hr. Verwaltung": ["admin"],
    "Hr. Technik": ["technician"],
    "Fr. Datenschutz": ["auditor"],
}
PLACES = {"Zimmer 1": True, "Zimmer 2": True, "Empfang": False}
INTERVAL_S = 5
KEY = bytes(range(32))
READY_WITHIN_S = 20
T = TypeVar("T")


@cache
def _template() -> Path:
    """A practice with all roles, made once in this process."""
    root = Path(tempfile.mkdtemp(prefix="miz-test-template-"))
    _set_up(root, _new_database(root, "template0"))
    return root


def _set_up(root: Path, url: str) -> None:
    folder = data_folder(root / "practice")
    settings = read_settings(control_interval_s=INTERVAL_S, key_file=str(folder.path / "test.key"), database_url=url)

    def add_people(_: Records, tx: Transaction) -> None:
        password_hash = PasswordDesk().hash_now(PASSWORD)
        for name, roles in list(PEOPLE.items())[1:]:
            users.add_user(tx, name=name, roles=roles, password_hash=password_hash)

    owner, roles = next(iter(PEOPLE.items()))

    def set_up() -> str:
        return set_up_practice(
            folder, settings, practice="Testpraxis", owner=owner, owner_roles=roles, password=PASSWORD, places=PLACES, follow=add_people
        )

    # Browser tests keep an event loop in their thread, and setting up runs one of its own.
    with ThreadPoolExecutor(1) as aside:
        recovery_key = aside.submit(set_up).result()
    (root / "recovery-key.txt").write_text(recovery_key)


def practice_on(url: str, path: Path) -> DataFolder:
    """A test practice below `path` with its rows in the PostgreSQL database at `url`, whatever the other tests run on."""
    (path / "database-url").write_text(url)
    _set_up(path, url)
    return data_folder(path / "practice")


def new_practice(path: Path) -> DataFolder:
    """A fresh copy of the test practice below `path`."""
    shutil.copytree(_template() / "practice", path / "practice")
    _new_database(path, url_of(_template()).rpartition("/")[2])
    return data_folder(path / "practice")


def _new_database(path: Path, template: str) -> str:
    """The address of a database like `template`, noted below `path`; empty while the tests run on SQLite."""
    if not is_on_server():
        return ""
    url = postmaster().url(postmaster().new_database(template))
    (path / "database-url").write_text(url)
    return url


def is_on_server() -> bool:
    """Whether the tests run on PostgreSQL."""
    return os.environ.get("MIZ_TEST_DATABASE") == "postgresql"


def url_of(path: Path) -> str:
    """Where the rows of the practice below `path` are; empty = in its data folder."""
    noted = path / "database-url"
    return noted.read_text() if noted.exists() else ""


def source_for(folder: DataFolder) -> Source:
    """Where the rows of a test practice are."""
    settings = settings_for(folder)
    return source_of(folder, settings, folder.read_key(settings))


def fresh_source(path: Path) -> Source:
    """An empty place for the rows of a practice."""
    url = _new_database(path, "template0")
    return PostgresServer(url) if url else SqliteFile(path / "practice.db", KEY)


def opened(folder: DataFolder) -> PracticeDatabase:
    """The database of a practice that is not running, for reading and writing."""
    return PracticeDatabase(source_for(folder))


def recovery_key() -> str:
    return (_template() / "recovery-key.txt").read_text()


def settings_for(folder: DataFolder) -> Settings:
    url = url_of(folder.path.parent)
    return read_settings(
        key_file=str(folder.path / "test.key"), api_docs=True, database_url=url, postgres_programs=str(programs()) if url else ""
    )


class ServerProcess:
    """`miz serve` as its own process, on a free port."""

    def __init__(
        self, folder: DataFolder, *, module: str = "miz", host: str = "127.0.0.1", options: Sequence[str] = (), **environment: str
    ) -> None:
        self.folder = folder
        self._options = options
        self._host = host
        self._module = module
        self._environment = environment
        self._ready_file = folder.path.parent / "ready.json"
        # A file and no pipe: nobody reads meanwhile, and a server that tells much would wait for that.
        self._told = folder.path.parent / f"{folder.path.name}-told.log"
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait for the first answer; returns the seconds it took."""
        began = time.monotonic()
        self.launch()
        self.wait_until_ready()
        return time.monotonic() - began

    def launch(self) -> None:
        """Start without waiting for an answer."""
        self.url = ""
        self._ready_file.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            self._module,
            "serve",
            "--data",
            str(self.folder.path),
            "--host",
            self._host,
            "--port",
            "0",
            "--ready-file",
            str(self._ready_file),
            *self._options,
        ]
        own = {"MIZ_KEY_FILE": str(self.folder.path / "test.key"), "MIZ_API_DOCS": "1", "MIZ_DATABASE_URL": url_of(self.folder.path.parent)}
        environment = os.environ | own | self._environment
        with self._told.open("wb") as told:
            self._process = subprocess.Popen(command, env=environment, stdout=told, stderr=told)

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait for the first answer."""
        assert self._process is not None
        began = time.monotonic()
        while not self._ready_file.exists():
            if self._process.poll() is not None:
                raise RuntimeError(self._told.read_text())
            if time.monotonic() - began > within_s:
                raise TimeoutError("the server did not answer")
            time.sleep(0.005)
        self.url = json.loads(self._ready_file.read_bytes())["url"]

    def wait_until_told(self, words: str, within_s: float = READY_WITHIN_S) -> None:
        """Wait until the server has said so on its terminal."""
        began = time.monotonic()
        while words not in self._told.read_text():
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"the server did not say: {words}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, timeout_s: float = 10) -> int:
        """Wait for the end and return the exit code."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()


class ServerThread:
    """The real server over real HTTP in a thread of the test, with a clock that the test moves."""

    def __init__(self, folder: DataFolder, clock: FakeClock, *, is_secure: bool = False) -> None:
        self.folder = folder
        self.clock = clock
        self._is_secure = is_secure
        self.url = ""

    def start(self) -> None:
        # Test, event loop and writer share one interpreter; with its usual long turns every request would take 20 ms.
        sys.setswitchinterval(0.0002)
        self.server = Server(self.folder, settings_for(self.folder), clock=self.clock)
        listener = listen("127.0.0.1", 0)
        self.url = f"{'https' if self._is_secure else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(listener, is_ready)), daemon=True)
        self._thread.start()
        if not is_ready.wait(READY_WITHIN_S):
            raise RuntimeError("the server did not start")

    async def _serve(self, listener: socket.socket, is_ready: threading.Event) -> None:
        self._stopped = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        await self.server.start()
        await self.server.modes.begin(self.server.writer, LOCAL)
        shown = self.server.certificates.use_at("127.0.0.1") if self._is_secure else None
        web = WebServer(self.server, listener, tls=TlsFiles(shown, shown) if shown else None)
        await web.start()
        is_ready.set()
        await self._stopped.wait()
        # As `serve` does: a stream that a test left open must not hold up the end.
        self.server.broker.close()
        await web.stop()
        await self.server.stop()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self.server.close()

    def pass_time(self, seconds: float) -> None:
        """Move the steady clock and let the server see who has fallen silent."""
        self.clock.steady += seconds
        self.sweep()

    def sweep(self) -> None:
        """Have the housekeeping's work done now."""
        done = threading.Event()
        loop = self.loop

        def ask() -> None:
            asyncio.ensure_future(self.server.control_openings()).add_done_callback(lambda _: done.set())

        loop.call_soon_threadsafe(ask)
        assert done.wait(10)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run one unit of work in the server's writer."""

        async def run() -> T:
            return await self.server.writer.run(work)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)


def client_of(url: str, user: str = "Dr. Prüfer", place: str | None = "Zimmer 1") -> ApiClient:
    """A signed-in client with a registered application."""
    client = ApiClient(HttpSender(url))
    client.sign_in(user, PASSWORD, place)
    client.register()
    return client


@contextlib.contextmanager
def served(path: Path, clock: FakeClock | None = None, *, is_secure: bool = False) -> Iterator[ServerThread]:
    """A fresh practice, served in a thread for the block; with TLS when `is_secure`."""
    server = ServerThread(new_practice(path), clock or FakeClock(), is_secure=is_secure)
    server.start()
    try:
        yield server
    finally:
        server.stop()
