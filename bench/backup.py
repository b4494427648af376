"""A backup, its rehearsal and a compaction under 20 writers: beside a plain copy of the same file at the same time, beside the writers alone.

    python -m bench.backup [--megabytes=1000] [--pauses=0.2,0]

The practice is filled with invented patients, notes and their history, written straight into the tables. The writers open, save and release over HTTP
with TLS the whole time, each with a pause between two rounds (0 = none: then they wait for nothing but the server). A copy is the file's bytes
written and synced to the same disk. What a writer waits is counted by what was under way when its round began.
"""

import argparse
import contextlib
import itertools
import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, select

from bench.growth import filled as write_patients
from bench.load import Toll
from bench.machine import memory_mb, times_of
from bench.practice import PracticeUnderLoad
from miz.apps.demo import synthetic_patients
from miz.backup.model import Backup
from miz.databases.model import Care
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.clock import SystemClock
from miz.infra.data_folder import DataFolder
from miz.infra.db.driver import driver_of
from miz.practice.tables import change, note, patient
from tests.support.practice import opened

MEGABYTES = 100
WRITERS = 20
PAUSES_S = (0.2, 0.0)
SETTLING_S = 10.0
ALONE_S = 10.0
COPIES = 3
PATIENCE_S = 1_800.0
IN_ONE_GO = 5_000
NOTES_OF_A_PATIENT = 20
BYTES_OF_A_NOTE = 1_650
SAMPLE_EVERY_S = 0.05
_SEED = 2026
_TEXT = (
    "Zahn Region Befund Kontrolle Anästhesie Artikain Adrenalin Naht Wunde reizlos Schwellung Schmerz Termin Woche Patient berichtet keine "
    "Beschwerden Marcumar INR Rücksprache Hausarzt Antibiose Amoxicillin Ibuprofen Bedarf Spülung Chlorhexidin Röntgen apikal Aufhellung "
    "Extraktion Trepanation Füllung Krone Prothese Druckstelle entlastet aufgeklärt einverstanden Blutdruck gemessen Allergie verneint"
)


@dataclass
class Span:
    """From when to when something was under way, on the clock of all processes of this machine."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def run(megabytes: float = MEGABYTES, pauses: Sequence[float] = PAUSES_S) -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    practice = PracticeUnderLoad()
    filled(practice.folder, megabytes)
    with practice:
        return [row for pause_s in pauses for row in _measured(practice, pause_s)]


def filled(folder: DataFolder, megabytes: float) -> None:
    """Write patients with some twenty notes each, and the history of these, until the database is so large."""
    chance, now, words = random.Random(_SEED), SystemClock().now(), _TEXT.split()
    people = (identity for identity, _ in synthetic_patients())
    write_patients(folder, people, int(megabytes * 1e6 / BYTES_OF_A_NOTE / NOTES_OF_A_PATIENT))
    database = opened(folder)
    with contextlib.closing(database):
        connection = database.writer_connection
        connection.exec_driver_sql("PRAGMA cache_size=-1000000")
        patients = list(connection.execute(select(patient.c.id)).scalars())
        driver = driver_of(connection)
        for number in itertools.count():
            if folder.database.stat().st_size >= megabytes * 1e6:
                break
            notes = [
                {
                    "id": f"{number:08x}-{place:04x}-4{chance.getrandbits(12):03x}-8000-{chance.getrandbits(48):012x}",
                    "patient_id": chance.choice(patients),
                    "text": " ".join(chance.choice(words) if chance.random() < 0.9 else str(chance.randrange(1, 999)) for _ in range(60)),
                    "version": 1, "changed_at": now, "changed_by": "Dr. Prüfer", "workplace": "Zimmer 1", "entered_in_error": False,
                }
                for place in range(IN_ONE_GO)
            ]  # fmt: skip
            driver.begin()
            connection.execute(insert(note), notes)
            connection.execute(insert(change), [_history(one) for one in notes])
            driver.commit()
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _history(one: dict[str, Any]) -> dict[str, Any]:
    told = {name: one[name] for name in ("patient_id", "version", "changed_at", "changed_by", "workplace")}
    after = {"id": one["id"], "text": one["text"], "entered_in_error": False}
    return {**told, "kind": "note", "entry_id": one["id"], "action": "add", "user_id": one["id"], "before": None, "after": after}


def _measured(practice: PracticeUnderLoad, pause_s: float) -> Iterator[dict[str, Any]]:
    """One round under writers with this pause."""
    control = practice.folder.read_control()
    assert control is not None
    local = ApiClient(HttpSender(practice.server.url, timeout_s=PATIENCE_S, certificate=practice.certificate), token=control.token)
    size_mb = practice.folder.database.stat().st_size / 1e6
    is_over = threading.Event()
    with ThreadPoolExecutor(2) as aside, _weighed(practice.server.pid) as memory:
        writing = aside.submit(practice.saves, WRITERS, is_over, pause_s=pause_s)
        try:
            # At first the server reads every record that is opened from the disk.
            time.sleep(SETTLING_S)
            alone = _timed(lambda: time.sleep(ALONE_S)).span
            copies = [_timed(lambda: _copied(practice.folder.database)) for _ in range(COPIES)]
            memory_before = memory.peak()
            made_in = _timed(lambda: local.call("POST", "/backups", {}, answer=Backup))
            backup = made_in.answer
            memory_during = memory.peak()
            packed = Span(made_in.span.began, made_in.span.began + backup.seconds)
            proved = Span(packed.ended, made_in.span.ended)
            copies += [_timed(lambda: _copied(practice.folder.database)) for _ in range(COPIES)]
            compacted = _timed(lambda: local.call("POST", "/databases/practice/compaction", answer=Care))
            memory_compacting = memory.peak()
        finally:
            is_over.set()
        toll: Toll = writing.result()
    copy_s = median(one.span.seconds for one in copies)
    copying = Span(copies[0].span.began, copies[COPIES - 1].span.ended)
    label = f"{size_mb:,.0f} MB, {WRITERS} writers, " + (f"pause {pause_s:g} s" if pause_s else "no pause")
    p95 = {
        name: _p95(toll, span)
        for name, span in (("alone", alone), ("copied", copying), ("packed", packed), ("proved", proved), ("compacted", compacted.span))
    }
    waited = f"alone {p95['alone']:.1f} ms, while the file is copied plainly {p95['copied']:.1f} ms"
    yield _row(
        f"{label}: backup until it is written", round(size_mb / packed.seconds), "MB/s", f">= {size_mb / copy_s / 2:,.0f}",
        f"{copy_s / packed.seconds:.2f}", f"copy and sync: {size_mb / copy_s:,.0f} MB/s; {packed.seconds:.1f} s, {backup.size_bytes / 1e6:,.0f} MB",
    )  # fmt: skip
    yield _row(
        f"{label}: the same, until it was restored and opened", round(proved.ended - packed.began, 1), "s", "",
        f"{copy_s / (proved.ended - packed.began):.2f}", "copy and sync",
    )  # fmt: skip
    yield _row(f"{label}: restore on trial alone", round(proved.seconds, 1), "s", "", f"{copy_s / proved.seconds:.2f}", "copy and sync")
    yield _row(
        f"{label}: compaction", round(compacted.span.seconds, 1), "s", "", f"{copy_s / compacted.span.seconds:.2f}",
        f"copy and sync; writers paused {compacted.answer.paused_ms:.0f} ms",
    )  # fmt: skip
    for name, work in (("packed", "written"), ("proved", "restored on trial"), ("compacted", "compacted")):
        yield _row(
            f"{label}: a save, p95, while it is {work}",
            round(p95[name], 1),
            "ms",
            f"<= {2 * p95['alone']:.1f}",
            f"{p95[name] / p95['alone']:.1f}",
            waited,
        )
    if memory_during:
        grown = memory_during[0] - memory_before[0]
        told = f"the process beside it {memory_during[1]:.0f} MB, the server {memory_before[0]:.0f} MB before and {memory_during[0]:.0f} MB during it"
        yield _row(
            f"{label}: memory that the backup takes",
            round(memory_during[1] + grown),
            "MB",
            "<= 200",
            "",
            f"{told}; shared pages count twice",
        )
        yield _row(f"{label}: memory of the server during the compaction", round(memory_compacting[0]), "MB", "<= 200", "", "")


@dataclass
class Timed:
    """What came of it, and when it was under way."""

    answer: Any
    span: Span


def _timed(work: Callable[[], Any]) -> Timed:
    began = time.perf_counter()
    answer = work()
    return Timed(answer, Span(began, time.perf_counter()))


def _copied(file: Path) -> None:
    target = file.with_name("copied.bench")
    try:
        shutil.copyfile(file, target)
        with target.open("rb") as written:
            os.fsync(written.fileno())
    finally:
        target.unlink(missing_ok=True)


def _p95(toll: Toll, span: Span) -> float:
    return times_of([ms for at, ms in zip(toll.began, toll.milliseconds, strict=True) if span.began <= at < span.ended], span.seconds).p95


class _Memory:
    """The most megabytes since it was asked last: of the server, of the processes it has started, and of both together."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most: tuple[float, ...] = ()
        self.is_over = threading.Event()

    def peak(self) -> tuple[float, ...]:
        most, self._most = self._most, ()
        return most

    def watch(self) -> None:
        while not self.is_over.wait(SAMPLE_EVERY_S):
            own = memory_mb(self._pid)
            if own is None:
                return
            beside = 0.0
            for pid in _children(self._pid):
                with contextlib.suppress(OSError):
                    beside += memory_mb(pid) or 0.0
            self._most = tuple(map(max, zip(self._most or (0.0,) * 3, (own, beside, own + beside), strict=True)))


def _children(pid: int) -> Iterator[int]:
    for told in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, told.read_text().split())


@contextlib.contextmanager
def _weighed(pid: int) -> Iterator[_Memory]:
    memory = _Memory(pid)
    watching = threading.Thread(target=memory.watch)
    watching.start()
    try:
        yield memory
    finally:
        memory.is_over.set()
        watching.join()


def _row(work: str, value: float, unit: str, goal: str, ratio: str, against: str) -> dict[str, Any]:
    return {"work": work, "value": value, "unit": unit, "goal": goal, "ratio": ratio, "against": against}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.backup")
    options.add_argument("--megabytes", type=float, default=MEGABYTES)
    options.add_argument("--pauses", type=lambda text: tuple(map(float, text.split(","))), default=PAUSES_S)
    for row in run(**vars(options.parse_args())):
        print(row)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
