"""A practice under load: the real server in its own process, with TLS, driven by client processes."""

import contextlib
import itertools
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec

from bench.load import Job, Seat, Toll, Work
from bench.machine import Times, times_of
from miz.access.sessions import LOCAL
from miz.apps.bootstrap import data_folder, set_up_practice
from miz.apps.demo import synthetic_patients
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.data_folder import DataFolder
from miz.infra.db.writer import Transaction
from miz.infra.settings import read_settings
from miz.practice.patients.service import Records
from miz.wire.client_protocol import NewPatient
from tests.support.practice import PASSWORD, ServerProcess

PATIENTS = 4_000
PATIENTS_OF_A_SEAT = 20
OWNER = "Dr. Prüfer"
CLIENT_PROCESSES = 2
SEARCHED = ["kra", "müller", "sand hei", "13.04.61", "10042"]


def new_practice(root: Path) -> tuple[DataFolder, list[str]]:
    """A practice with `PATIENTS` invented patients, and their ids."""
    folder = data_folder(root / "practice")
    settings = read_settings(key_file=str(folder.path / "test.key"))
    ids: list[str] = []

    def fill(records: Records, tx: Transaction) -> None:
        for identity, entries in itertools.islice(synthetic_patients(), PATIENTS):
            ids.append(records.create_patient(tx, LOCAL, NewPatient(**identity), entries).id)

    set_up_practice(
        folder, settings, practice="Messpraxis", owner=OWNER, owner_roles=["dentist", "owner"], password=PASSWORD,
        places={"Zimmer 1": True}, follow=fill,
    )  # fmt: skip
    return folder, ids


class PracticeUnderLoad:
    """A served practice for the `with` block, one session signed in."""

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="miz-bench-")
        self.root = Path(self._scratch.name)
        self.folder, patients = new_practice(self.root)
        self._patients = itertools.cycle(patients)
        # An installed server has its bytecode, whatever the environment of this run says.
        self.server = ServerProcess(self.folder, PYTHONDONTWRITEBYTECODE="", MIZ_TLS="always", MIZ_HTTP_PORT="0")

    def __enter__(self) -> Self:
        self.server.start()
        control = self.folder.read_control()
        assert control is not None
        self.certificate = control.certificate
        self.client = ApiClient(HttpSender(self.server.url, certificate=self.certificate))
        self.client.sign_in(OWNER, PASSWORD, "Zimmer 1")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._scratch.cleanup()

    @contextlib.contextmanager
    def seats(self, count: int) -> Iterator[list[Seat]]:
        """Registered applications, each with patients nobody has opened before; closed after the block."""
        applications = [self.client.register().id for _ in range(count)]
        try:
            yield [Seat(application, list(itertools.islice(self._patients, PATIENTS_OF_A_SEAT))) for application in applications]
        finally:
            for application in applications:
                self.client.call("DELETE", f"/applications/{application}")

    def load(self, work: Work, count: int, seconds: float, *, pause_s: float = 0) -> Times:
        """What `count` applications reach when they do nothing but `work`."""
        with self.seats(count) as opening:
            seats = [Seat(seat.application, SEARCHED) for seat in opening] if work == "search" else opening
            return load(self.server.url, self.client.token, work, seats, seconds, pause_s=pause_s, certificate=self.certificate)

    def saves(self, count: int, over: threading.Event, *, pause_s: float) -> Toll:
        """What every save of `count` applications took until it is `over`, half an hour at most."""
        with self.seats(count) as seats:
            return toll_of(
                self.server.url, self.client.token, "save", seats, 1_800, pause_s=pause_s, certificate=self.certificate, over=over
            )


def load(url: str, session: str, work: Work, seats: list[Seat], seconds: float, *, pause_s: float = 0, certificate: str = "") -> Times:
    """Share `seats` among client processes and let all begin at once."""
    toll = toll_of(url, session, work, seats, seconds, pause_s=pause_s, certificate=certificate)
    return times_of(toll.milliseconds, seconds)


def toll_of(
    url: str,
    session: str,
    work: Work,
    seats: list[Seat],
    seconds: float,
    *,
    pause_s: float = 0,
    certificate: str = "",
    over: threading.Event | None = None,
) -> Toll:
    """Every single time of such a load; it ends earlier when it is `over`."""
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    shares = [share for number in range(CLIENT_PROCESSES) if (share := seats[number::CLIENT_PROCESSES])]
    with contextlib.ExitStack() as running:
        clients = [
            running.enter_context(
                subprocess.Popen([sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            )
            for _ in shares
        ]
        for client, share in zip(clients, shares, strict=True):
            assert client.stdin is not None
            job = Job(address.hostname, address.port, session, work, share, seconds, pause_s, certificate)
            client.stdin.write(msgspec.json.encode(job) + b"\n")
        for client in clients:
            assert client.stdout is not None
            client.stdout.readline()
        for client in clients:
            assert client.stdin is not None
            client.stdin.write(b"\n")
        if over:
            over.wait(seconds)
            for client in clients:
                client.terminate()
        answers = [client.communicate()[0] for client in clients]
        if any(client.returncode for client in clients):
            raise RuntimeError(f"a client process ended with {[client.returncode for client in clients]}")
    tolls = [msgspec.json.decode(answer, type=Toll) for answer in answers]
    return Toll([time for toll in tolls for time in toll.milliseconds], [began for toll in tolls for began in toll.began])
