"""The failover drill: two PostgreSQL nodes with synchronous replication, two servers, one of them waiting.

In turn the primary is killed, and its standby promoted, and the active server is killed, and the waiting one takes over.
What was acknowledged must be there, what was held before must be worth nothing, and work must go on within `WITHIN_S`.

Before a primary dies nothing more of it reaches its standby for `CUT_OFF_S`, as when a line breaks first. With `is_synchronous` off
the primary does not wait for the standby, and the drill shows what that costs.
"""

import atexit
import contextlib
import http.client
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from miz.apps.bootstrap import data_folder
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.practice.tables import note
from tests.support.postgres import USER, Postmaster, as_nobody, free_port, new_folder, programs
from tests.support.practice import PASSWORD, ServerProcess, opened, practice_on

WRITERS = 4
WITHIN_S = 30.0
CUT_OFF_S = 0.3
_DATABASE = "practice"


@dataclass
class Drill:
    """What the rounds did: kills of both kinds, acknowledged writes, lost and doubled ones, old tokens refused, the longest standstill."""

    primaries: int = 0
    servers: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    old_tokens: int = 0
    old_tokens_refused: int = 0
    longest_s: float = 0.0

    @property
    def holds(self) -> bool:
        return not self.lost and not self.doubled and self.old_tokens == self.old_tokens_refused and self.longest_s <= WITHIN_S


class Cluster:
    """A primary and its synchronous standby, and what an administrator or a watching program does with them."""

    def __init__(self, *, is_synchronous: bool = True) -> None:
        self._is_synchronous = is_synchronous
        self.primary = Postmaster.fresh()
        self._standby_port = free_port()
        self.primary.run(f"CREATE DATABASE {_DATABASE} TEMPLATE template0")
        self.url = f"postgresql://{USER}@127.0.0.1:{self.primary.port},127.0.0.1:{self._standby_port}/{_DATABASE}"
        self.standby = self._new_standby()

    def kill_primary_and_promote(self) -> None:
        """The primary is gone; the standby takes its place and waits for none of its own until there is one again."""
        self.primary.kill()
        self.standby.run("SELECT pg_promote()")
        self.standby.run("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.standby.run("SELECT pg_reload_conf()")
        gone, self.primary = self.primary, self.standby
        self._standby_port = gone.port
        shutil.rmtree(gone.folder)

    def cut_off(self) -> None:
        """What the primary writes from now on does not reach the standby."""
        for (sender,) in self.primary.run("SELECT pid FROM pg_stat_replication"):
            os.kill(sender, signal.SIGSTOP)

    def complete(self) -> None:
        """Give the primary a standby again."""
        self.standby = self._new_standby()

    def remove(self) -> None:
        for node in (self.primary, self.standby):
            node.remove()

    def _new_standby(self) -> Postmaster:
        made = Postmaster(new_folder(), port=self._standby_port)
        atexit.register(made.remove)  # also when the drill breaks off
        source = f"host=127.0.0.1 port={self.primary.port} user={USER} application_name=standby"
        command: list[str | Path] = [
            programs() / "pg_basebackup",
            "-D",
            made.folder,
            "-d",
            source,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **as_nobody())
        made.start()
        if self._is_synchronous:
            self.primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            self.primary.run("SELECT pg_reload_conf()")
        follows = [("streaming", "sync" if self._is_synchronous else "async")]
        while self.primary.run("SELECT state, sync_state FROM pg_stat_replication") != follows:
            time.sleep(0.02)
        return made


class Pair:
    """The active server and the one that waits."""

    def __init__(self, path: Path, url: str) -> None:
        for name in ("first", "second"):
            (path / name).mkdir()
        first = practice_on(url, path / "first")
        shutil.copytree(first.path, path / "second" / "practice")
        (path / "second" / "database-url").write_text(url)
        self.active = ServerProcess(first, options=["--standby"])
        self.waiting = ServerProcess(data_folder(path / "second" / "practice"), options=["--standby"])
        self.active.start()
        self.waiting.launch()

    def swap(self) -> None:
        """The waiting one has its turn; the other one, which has ended, is started again and waits."""
        self.waiting.wait_until_ready(WITHIN_S)
        self.active.wait(WITHIN_S)
        self.active, self.waiting = self.waiting, self.active
        self.waiting.launch()

    def stop(self) -> None:
        self.waiting.kill()
        self.active.stop()


@dataclass
class Writer:
    """A person at a desk who writes notes, opens the patient again when told to, and remembers each confirmed note."""

    pair: Pair
    number: int
    patient_id: str = ""
    session: str = ""
    fencing_token: str = ""
    acknowledged: list[str] = field(default_factory=list)
    acknowledged_at: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def sit_down(self) -> None:
        client = ApiClient(HttpSender(self.pair.active.url))
        client.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
        client.register()
        self.patient_id = client.create_patient(family_name="Umzug", given_name=str(self.number), birth_date="1950").id
        self.session, self.fencing_token = client.token, client.open_patient(self.patient_id).fencing_token
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pending = str(uuid.uuid4())
        client = self._client()
        while not self._stop.is_set():
            try:
                client.add("notes", self.patient_id, self.fencing_token, idempotency_key=pending, text=pending)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
                client = self._client()
            except RefusedError as refused:
                if refused.status not in (412, 503):
                    raise
                if refused.status == 412:
                    self._open_again(client)
                time.sleep(0.02)
            else:
                self.acknowledged.append(pending)
                self.acknowledged_at = time.monotonic()
                pending = str(uuid.uuid4())

    def _client(self) -> ApiClient:
        """For the server that is active now; while there is none, for a port where nobody listens."""
        return ApiClient(HttpSender(self.pair.active.url or "http://127.0.0.1:9", timeout_s=5), token=self.session)

    def _open_again(self, client: ApiClient) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, RefusedError):
            client.register()
            self.fencing_token = client.open_patient(self.patient_id).fencing_token


def failover_rounds(path: Path, rounds: int, *, seed: int, is_synchronous: bool = True) -> Drill:
    """Kill primary and server in turn under writers, then compare every acknowledged note with the database."""
    chance, drill = random.Random(seed), Drill()
    cluster = Cluster(is_synchronous=is_synchronous)
    pair = Pair(path, cluster.url)
    writers = [Writer(pair, number) for number in range(WRITERS)]
    try:
        for writer in writers:
            writer.sit_down()
        for number in range(rounds):
            time.sleep(chance.uniform(0.2, 0.8))
            held = [(writer.patient_id, writer.fencing_token) for writer in writers]
            began = time.monotonic()
            if number % 2:
                drill.servers += 1
                pair.active.signal(signal.SIGKILL)
            else:
                drill.primaries += 1
                cluster.cut_off()
                time.sleep(CUT_OFF_S)
                cluster.kill_primary_and_promote()
            pair.swap()
            _try_old_tokens(pair, writers[0].session, held, drill)
            drill.longest_s = max(drill.longest_s, _until_acknowledged(writers, began) - began)
            if not number % 2:
                cluster.complete()
    finally:
        for writer in writers:
            writer.stop()
        pair.stop()
    with contextlib.closing(opened(pair.active.folder)) as database:
        for writer in writers:
            stored = list(database.reader().execute(select(note.c.text).where(note.c.patient_id == writer.patient_id)).scalars())
            drill.acknowledged += len(writer.acknowledged)
            drill.lost += len(set(writer.acknowledged) - set(stored))
            drill.doubled += len(stored) - len(set(stored))
    cluster.remove()
    return drill


def _try_old_tokens(pair: Pair, session: str, held: list[tuple[str, str]], drill: Drill) -> None:
    client = ApiClient(HttpSender(pair.active.url), token=session)
    for patient_id, token in held:
        drill.old_tokens += 1
        try:
            client.add("notes", patient_id, token, text="with a token from before")
        except RefusedError as refused:
            drill.old_tokens_refused += refused.code == "stale-fencing-token"


def _until_acknowledged(writers: list[Writer], after: float) -> float:
    """When a write was acknowledged again by the server that has taken over."""
    began = time.monotonic()
    while (newest := max(writer.acknowledged_at for writer in writers)) < began:
        if time.monotonic() > after + 2 * WITHIN_S:
            raise TimeoutError("nobody's write was acknowledged again")
        time.sleep(0.005)
    return newest
