"""Kill the server while people write; what was acknowledged must be there, once.

Writers keep what was acknowledged outside the data folder. A request without an answer is sent again with its key.
"""

import contextlib
import http.client
import os
import random
import signal
import threading
import time
import uuid
from dataclasses import dataclass, field

from sqlalchemy import select

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.db.sqlite_file import SqliteFile
from miz.practice.tables import change, note
from miz.wire.client_protocol import RegisteredApplication
from tests.crash.disk import Disk
from tests.support.postgres import Postmaster
from tests.support.practice import INTERVAL_S, PASSWORD, ServerProcess, opened

WRITERS = 4


@dataclass
class Toll:
    """What the rounds did: kills, acknowledged writes, lost and doubled ones, failed checks, the slowest restart."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    failed_checks: int = 0
    slowest_restart_s: float = 0.0


@dataclass
class Writer:
    """A person at a desk who writes notes and remembers each confirmed one; survives the server."""

    server: ServerProcess
    patient_id: str
    token: str = ""
    fencing_token: str = ""
    application: RegisteredApplication | None = None
    acknowledged: list[str] = field(default_factory=list)
    acknowledged_at: float = 0.0
    _seen_at: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        pending: str | None = None
        client = self._client()
        while not self._stop.is_set():
            pending = pending or str(uuid.uuid4())
            try:
                if time.monotonic() > self._seen_at + INTERVAL_S / 2:
                    client.heartbeat()
                    self._seen_at = time.monotonic()
                client.add("notes", self.patient_id, self.fencing_token, idempotency_key=pending, text=pending)
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
                client = self._client()
            except RefusedError as refused:
                if refused.status != 503:
                    raise
                time.sleep(0.02)
            else:
                self.acknowledged.append(pending)
                self.acknowledged_at = time.monotonic()
                pending = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _client(self) -> ApiClient:
        client = ApiClient(HttpSender(self.server.url, timeout_s=5), token=self.token)
        client.application = self.application
        return client


def kill_rounds(server: ServerProcess, rounds: int, *, seed: int, postmaster: Postmaster | None = None, disk: Disk | None = None) -> Toll:
    """Kill and restart `rounds` times under writers, then compare every acknowledged note with the database.

    The server is killed, or with `postmaster` the PostgreSQL behind it, while the server goes on; with `disk` the disk
    below the practice loses its power and the server dies with it.
    """
    chance = random.Random(seed)
    toll = Toll()
    server.start()
    writers = [_seated(server, number) for number in range(WRITERS)]
    if disk is not None:
        os.sync()  # who sits where was not written by the writers whose entries are counted
    for writer in writers:
        writer.start()
    try:
        for number in range(rounds):
            time.sleep(chance.uniform(0, 0.02) if number % 2 else chance.uniform(0.02, 0.4))
            if postmaster is None:
                if disk is not None:
                    # Stopped first: what is acknowledged after the cut was never promised by a computer without power.
                    server.signal(signal.SIGSTOP)
                    disk.cut_power()
                server.kill()
                if disk is not None:
                    disk.switch_on()
                took_s = server.start()
            else:
                postmaster.kill()
                began = time.monotonic()
                postmaster.start()
                took_s = _until_acknowledged(writers) - began
            toll.kills += 1
            toll.slowest_restart_s = max(toll.slowest_restart_s, took_s)
    finally:
        for writer in writers:
            writer.stop()
    server.stop()
    _compare(server, writers, toll)
    return toll


def _until_acknowledged(writers: list[Writer], within_s: float = 60) -> float:
    """When somebody's write was acknowledged again."""
    began = time.monotonic()
    while (newest := max(writer.acknowledged_at for writer in writers)) < began:
        if time.monotonic() > began + within_s:
            raise TimeoutError("nobody's write was acknowledged again")
        time.sleep(0.005)
    return newest


def _seated(server: ServerProcess, number: int) -> Writer:
    client = ApiClient(HttpSender(server.url))
    client.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
    client.register()
    record = client.create_patient(family_name="Absturz", given_name=str(number), birth_date="1950")
    return Writer(server, record.id, client.token, client.open_patient(record.id).fencing_token, client.application)


def _compare(server: ServerProcess, writers: list[Writer], toll: Toll) -> None:
    folder = server.folder
    database = opened(folder)
    with contextlib.closing(database):
        reader = database.reader()
        if isinstance(database.source, SqliteFile):
            toll.failed_checks += bool(database.source.lost_commits)  # nothing acknowledged may seem to be missing, either
            ask = reader.exec_driver_sql
            toll.failed_checks += ask("PRAGMA integrity_check").scalar() != "ok" or ask("PRAGMA foreign_key_check").first() is not None
        for writer in writers:
            stored = list(reader.execute(select(note.c.text).where(note.c.patient_id == writer.patient_id)).scalars())
            traced = reader.execute(select(change.c.id).where(change.c.patient_id == writer.patient_id, change.c.kind == "notes")).all()
            toll.acknowledged += len(writer.acknowledged)
            toll.lost += len(set(writer.acknowledged) - set(stored))
            toll.doubled += len(stored) - len(set(stored))
            toll.failed_checks += len(traced) != len(stored)
