"""A disk of which one operation fails, once or from then on: what was confirmed is there, nothing is confirmed that is not, it goes on afterwards.

A shim between SQLite and the encrypting file system of its library counts what is read, written, synced and cut of every file that is opened while
it stands, and answers the n-th with "input/output error" or "no room". For each n up to the end of a scene that scene is played once.
"""

import contextlib
import http.client
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import apsw

from miz.apps.bootstrap import Server, open_restored
from miz.backup.apart import work_here
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.infra.db.driver import driver_of
from miz.kernel.clock import FakeClock
from tests.support.practice import ServerThread, client_of, new_practice, opened, settings_for

Operation = Literal["read", "write", "sync", "cut"]
CHANGING: tuple[Operation, ...] = ("write", "sync", "cut")
_EIO: dict[Operation, int] = {
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "cut": apsw.SQLITE_IOERR_TRUNCATE,
}
WORKS_WITHIN_S = 10.0
NOTES = 3


@dataclass(frozen=True)
class Fault:
    """What fails: the `at`-th operation of these, and with `is_lasting` all that follow."""

    at: int
    among: tuple[Operation, ...] = CHANGING
    is_full: bool = False
    is_lasting: bool = False

    def error(self, operation: Operation) -> apsw.Error:
        error = apsw.FullError("no room") if self.is_full else apsw.IOError("the disk fails")
        vars(error)["extendedresult"] = apsw.SQLITE_FULL if self.is_full else _EIO[operation]
        return error


class FailingDisk(apsw.VFS):
    """The ordinary way to files, which fails when told to."""

    def __init__(self) -> None:
        self.below = apsw.vfs_names()[0]
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self.count = self.failed = 0
        super().__init__("failing", self.below, makedefault=True)

    def set(self, fault: Fault | None) -> None:
        """Count anew, and fail by this rule; None = never."""
        with self._lock:
            self._fault = fault
            self.count = self.failed = 0

    def met(self, operation: Operation) -> None:
        """Raises when it is this operation's turn to fail."""
        with self._lock:
            fault = self._fault
            if fault is None or operation not in fault.among:
                return
            self.count += 1
            if self.count < fault.at or (self.count > fault.at and not fault.is_lasting):
                return
            self.failed += 1
        raise fault.error(operation)

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _FailingFile(self, name, flags)


class _FailingFile(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: apsw.URIFilename | str | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__(disk.below, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name, as those below
        self._disk.met("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.met("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.met("sync")
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.met("cut")
        super().xTruncate(size)


@contextlib.contextmanager
def failing_disk() -> Iterator[FailingDisk]:
    """Every database that is opened within the block lies on it."""
    disk = FailingDisk()
    try:
        yield disk
    finally:
        apsw.set_default_vfs(disk.below)
        disk.unregister()


@dataclass
class IoToll:
    """What the cases did: faults that struck, confirmed notes, lost and doubled ones, refusals by name, refusals without a name that helps,
    servers that did not answer or did not go on afterwards, unsound databases.
    """

    cases: int = 0
    struck: int = 0
    confirmed: int = 0
    lost: int = 0
    doubled: int = 0
    unnamed: int = 0
    stuck: int = 0
    unsound: int = 0
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.unnamed or self.stuck or self.unsound)


@dataclass
class Person:
    """Somebody who writes notes about one patient, remembers what was confirmed, and sends again what was not."""

    client: ApiClient
    patient_id: str
    toll: IoToll
    token: str = ""
    waiting: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)

    def attempt(self, request: Callable[[], Any]) -> bool:
        """Whether it was confirmed; what it was refused with is counted."""
        try:
            request()
        except RefusedError as refused:
            code = refused.problem["code"]
            self.toll.refusals[code] += 1
            self.toll.unnamed += code in {"unexpected", "unknown"}
            return False
        except (OSError, http.client.HTTPException):
            self.toll.stuck += 1
            return False
        return True

    def open(self) -> None:
        self.token = self.client.open_patient(self.patient_id).fencing_token

    def write(self, text: str) -> bool:
        return self.attempt(
            lambda: self.client.add("notes", self.patient_id, self.token, idempotency_key=text, text=text),
        )

    def send(self, text: str) -> None:
        (self.confirmed if self.token and self.write(text) else self.waiting).append(text)

    def catch_up(self) -> None:
        """Send again what was refused, with the same keys, until it is confirmed."""
        end = time.monotonic() + WORKS_WITHIN_S
        while self.waiting or not self.token:
            if (self.token or self.attempt(self.open)) and self.waiting and self.write(self.waiting[0]):
                self.confirmed.append(self.waiting.pop(0))
            elif time.monotonic() > end:
                self.toll.stuck += 1
                return
            else:
                time.sleep(0.01)

    def compare(self) -> None:
        found = Counter(note.text for note in self.client.read_patient(self.patient_id).notes)
        self.toll.confirmed += len(self.confirmed)
        self.toll.lost += sum(not found[text] for text in self.confirmed)
        self.toll.doubled += sum(times > 1 for times in found.values())


Scene = Callable[[ServerThread, Person], None]


def saving(_server: ServerThread, person: Person) -> None:
    """A patient is opened, three notes are saved, the patient is released."""
    person.attempt(person.open)
    for _ in range(NOTES):
        person.send(str(uuid.uuid4()))
    if person.attempt(lambda: person.client.release_patient(person.patient_id)):
        person.token = ""


def caring(server: ServerThread, person: Person) -> None:
    """The database is tidied and compacted, between two notes."""
    local = ApiClient(HttpSender(server.url), token=server.server.local_token)
    saving(server, person)
    person.attempt(lambda: local.call("POST", "/databases/practice/tidying"))
    person.attempt(lambda: local.call("POST", "/databases/practice/compaction"))
    saving(server, person)


def backing_up(server: ServerThread, person: Person) -> None:
    """A backup is made and restored on trial, between two notes; one that counts as good is good."""
    local = ApiClient(HttpSender(server.url), token=server.server.local_token)
    backups = server.server.backups
    backups._work = work_here(backups.practice, server.server.settings, open_restored)
    saving(server, person)
    before = {one.id for one in backups.list()}
    person.attempt(lambda: local.call("POST", "/backups", {}))
    for made in backups.list():
        if made.id not in before and made.rehearsed:
            backups.verify(Path(made.file))
    saving(server, person)


SCENES: dict[str, Scene] = {"saving": saving, "caring": caring, "backing up": backing_up}


def io_rounds(folder: Path, scenes: Sequence[str] = tuple(SCENES), *, every: int = 1) -> dict[str, IoToll]:
    """Play each scene once for every (or one in `every`) operation that changes the disk × both faults × once and lasting, and once for its reads."""
    return {name: _played(folder / name.replace(" ", "-"), SCENES[name], every) for name in scenes}


def _played(folder: Path, scene: Scene, every: int) -> IoToll:
    folder.mkdir()
    toll = IoToll()
    practice = new_practice(folder)
    with failing_disk() as disk:
        server = ServerThread(practice, FakeClock())
        server.start()
        client = client_of(server.url)
        confirmed: list[str] = []
        for fault in _faults(lambda rule: _length(disk, server, client, scene, rule), every):
            confirmed += _play(disk, server, client, scene, fault, toll)
        server.stop()
    # What the running server shows may lie in a file that the next start does not open.
    toll.lost += len(set(confirmed) - _stored(practice))
    toll.unsound += _is_unsound(practice)
    return toll


def _faults(length: Callable[[Fault], int], every: int) -> Iterator[Fault]:
    for at in range(1, length(Fault(0)) + 1, every):
        for is_full in (False, True):
            for is_lasting in (False, True):
                yield Fault(at, CHANGING, is_full, is_lasting)
    for at in range(1, length(Fault(0, ("read",))) + 1, every):
        for is_lasting in (False, True):
            yield Fault(at, ("read",), is_lasting=is_lasting)


def _length(disk: FailingDisk, server: ServerThread, client: ApiClient, scene: Scene, rule: Fault) -> int:
    """How many operations of these the scene takes when none fails."""
    person = Person(client, _new_patient(client), IoToll())
    disk.set(rule)
    scene(server, person)
    count = disk.count
    disk.set(None)
    return count


def _play(disk: FailingDisk, server: ServerThread, client: ApiClient, scene: Scene, fault: Fault, toll: IoToll) -> list[str]:
    """What was confirmed in this case."""
    # A compacted file is called by the second in which it is made.
    server.clock.instant += timedelta(seconds=1)
    person = Person(client, _new_patient(client), toll)
    disk.set(fault)
    scene(server, person)
    toll.struck += bool(disk.failed)
    toll.cases += 1
    disk.set(None)
    person.catch_up()
    person.compare()
    client.release_patient(person.patient_id)
    return person.confirmed


def _stored(folder: DataFolder) -> set[str]:
    with contextlib.closing(opened(folder)) as database:
        return {text for (text,) in driver_of(database.writer_connection).rows("SELECT text FROM note")}


def _new_patient(client: ApiClient) -> str:
    return client.create_patient(family_name="Platte", given_name=uuid.uuid4().hex, birth_date="1950-01-02").id


def _is_unsound(folder: DataFolder) -> bool:
    with contextlib.closing(opened(folder)) as database:
        driver = driver_of(database.writer_connection)
        is_whole = driver.rows("PRAGMA integrity_check") == [("ok",)] and not driver.rows("PRAGMA foreign_key_check")
    with contextlib.closing(Server(folder, settings_for(folder))) as server:
        return not is_whole or bool(server.verify_rows())
