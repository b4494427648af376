"""A practice's working day with 200 windows, eight hours of it in ten minutes, over TLS with an event stream each.

    python -m bench.day [--minutes 10] [--applications 200] [--sync-ms 30]

Three quarters of the windows treat (24 patients a day: search, opening, four pages, the evaluation, three or four saves,
release), one in five receives (60 a day), the rest look at the console; each gives 960 signs of life a day. People think
between two steps and rest between two patients. Without `--minutes` one minute, which is a tenth of the day. The server
has two processors where the system can tell it so, the client processes the others.
"""

import argparse
import contextlib
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import select

from bench import PeerMissingError
from bench.browser import Toll
from bench.machine import memory_mb
from bench.practice import new_practice
from bench.slow_disk import slow_syncs
from bench.windows import Place, Shift, Trade
from miz.access import users
from miz.access.passwords import PasswordDesk
from miz.infra.clock import SystemClock
from miz.infra.data_folder import DataFolder
from miz.infra.db.writer import Transaction
from miz.practice.tables import patient
from tests.support.practice import PASSWORD, ServerProcess, opened

APPLICATIONS = 200
MINUTES = 1.0
FULL_MINUTES = 10
CORES_OF_SERVER = 2
CLIENT_PROCESSES = 2
# At one account nobody may try more than ten times a minute.
WINDOWS_OF_A_USER = 8
TENTHS = 10
SHOWN_ERRORS = 5
SLOW_SYNC_MS = 30
WORDS = {"read": "reads", "write": "writes"}
_PLACES: dict[str, tuple[Trade, str]] = {
    "d": ("treating", "dentist"), "a": ("treating", "assistant"), "r": ("reception", "front_desk"), "c": ("console", "admin"),
}  # fmt: skip
_CYCLE = [_PLACES[letter] for letter in "dararadadacdaradadad"]


class Pulse(msgspec.Struct, frozen=True):
    """How the server's process stands at one moment."""

    memory_mb: float
    descriptors: int
    processor_s: float


def run(minutes: float = MINUTES) -> list[dict[str, Any]]:
    """Rows for the table of benchmarks: the day on this disk, and on one that syncs slowly."""
    rows = one_day(minutes, APPLICATIONS, 0)
    try:
        return rows + one_day(minutes, APPLICATIONS, SLOW_SYNC_MS)
    except PeerMissingError as missing:
        print(f"day on a slow disk: left out. {missing}")
        return rows


def one_day(minutes: float, applications: int, sync_ms: int) -> list[dict[str, Any]]:
    """Rows for so many windows, with every sync of the server's disk so much longer."""
    with tempfile.TemporaryDirectory(prefix="miz-bench-") as scratch:
        root = Path(scratch)
        slow, commit_ms = slow_syncs(root, sync_ms) if sync_ms else ({}, 0.0)
        folder, _ = new_practice(root)
        places = _staffed(folder, applications)
        server = ServerProcess(folder, MIZ_TLS="always", MIZ_HTTP_PORT="0", PYTHONDONTWRITEBYTECODE="", **slow)
        cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
        with _on(cores[:CORES_OF_SERVER]):
            server.start()
        try:
            with _on(cores[CORES_OF_SERVER:]):
                toll, pulses = _worked(server, places, minutes * 60)
        finally:
            server.stop()
    told = f"server on {CORES_OF_SERVER} cores" if len(cores) > CORES_OF_SERVER else "server and clients on the same cores"
    if sync_ms:
        told += f"; one bare commit takes {commit_ms:.1f} ms"
    if minutes != FULL_MINUTES:
        told += f"; {minutes / FULL_MINUTES:.0%} of the day"
    label = f"{applications} windows, syncs {sync_ms} ms longer" if sync_ms else f"{applications} windows"
    rows = [*_answers(toll, minutes * 60, told, is_slow=bool(sync_ms)), *_streams(toll), *_steadiness(pulses, minutes * 60)]
    return [{**row, "work": f"{label}: {row['work']}"} for row in rows]


def _staffed(folder: DataFolder, applications: int) -> list[Place]:
    """As many windows, with users of their own and patients who are nobody else's."""
    password_hash = PasswordDesk().hash_now(PASSWORD)
    database = opened(folder)
    with contextlib.closing(database), database.writer_connection.begin():
        tx = Transaction(database.writer_connection, SystemClock().now())
        waiting = [
            (row.id, row.family_name)
            for row in tx.connection.execute(select(patient.c.id, patient.c.family_name).order_by(patient.c.number))
        ]
        places = []
        for number in range(applications):
            trade, role = _CYCLE[number % len(_CYCLE)]
            user = f"{role} {number // len(_CYCLE) // WINDOWS_OF_A_USER}.{number % len(_CYCLE)}"
            if users.find_user(tx.connection, user) is None:
                users.add_user(tx, name=user, roles=[role], password_hash=password_hash)
            places.append(Place(user, trade, role == "dentist", waiting[number::applications]))
    return places


@contextlib.contextmanager
def _on(cores: list[int]) -> Iterator[None]:
    """What is started in the block runs on these processors; anywhere where there are none to choose from."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _worked(server: ServerProcess, places: list[Place], seconds: float) -> tuple[Toll, list[Pulse]]:
    """What the day brought, and the server before it and after each tenth."""
    control = server.folder.read_control()
    assert control is not None
    address = urlsplit(control.url)
    assert address.hostname is not None
    assert address.port is not None
    shares = [share for number in range(CLIENT_PROCESSES) if (share := places[number::CLIENT_PROCESSES])]
    with contextlib.ExitStack() as running:
        clients = [
            running.enter_context(
                subprocess.Popen([sys.executable, "-m", "bench.windows"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            )
            for _ in shares
        ]
        for client, share in zip(clients, shares, strict=True):
            assert client.stdin is not None
            client.stdin.write(msgspec.json.encode(Shift(address.hostname, address.port, control.certificate, share, seconds)) + b"\n")
        for client in clients:
            assert client.stdout is not None
            client.stdout.readline()
        pulses: list[Pulse | None] = [_pulse(server.pid)]
        for client in clients:
            assert client.stdin is not None
            client.stdin.write(b"\n")
        for _ in range(TENTHS):
            time.sleep(seconds / TENTHS)
            pulses.append(_pulse(server.pid))
        answers = [client.communicate()[0] for client in clients]
    tolls = [msgspec.json.decode(answer, type=Toll) for answer in answers]
    return _together(tolls), [pulse for pulse in pulses if pulse]


def _pulse(pid: int) -> Pulse | None:
    """How the process stands; None where the system does not tell."""
    memory = memory_mb(pid)
    if memory is None:
        return None
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return Pulse(memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))


def _together(tolls: list[Toll]) -> Toll:
    return Toll(
        answers={kind: sorted(ms for toll in tolls for ms in toll.answers[kind]) for kind in tolls[0].answers},
        errors=[error for toll in tolls for error in toll.errors],
        late=sorted(ms for toll in tolls for ms in toll.late),
        silent=max(toll.silent for toll in tolls),
        blind=max(toll.blind for toll in tolls),
        events=sum(toll.events for toll in tolls),
    )


def _answers(toll: Toll, seconds: float, told: str, *, is_slow: bool) -> Iterator[dict[str, Any]]:
    for error in toll.errors[:SHOWN_ERRORS]:
        print(f"error: {error}", file=sys.stderr)
    asked = sum(map(len, toll.answers.values()))
    yield _row("errors", len(toll.errors), "", "<= 0", f"{asked:,} answers, {asked / seconds:.0f} /s; {told}")
    for kind, goal in (("read", 500 if is_slow else 300), ("write", 500)):
        times = toll.answers[kind]  # type: ignore[index]
        against = f"p50 {_at(times, 0.5):.1f} ms, p99 {_at(times, 0.99):.1f} ms, {len(times):,} of them"
        yield _row(f"{WORDS[kind]}, p95", round(_at(times, 0.95), 1), "ms", f"<= {goal}", against)
    life = toll.answers["life"]
    yield _row("signs of life, p95", round(_at(life, 0.95), 1), "ms", "", f"p99 {_at(life, 0.99):.1f} ms, {len(life):,} of them")


def _streams(toll: Toll) -> Iterator[dict[str, Any]]:
    """How late an event was at most: after the answer of the save it tells of, and after the ping that was due."""
    against = f"p50 {_at(toll.late, 0.5):.1f} ms, p99 {_at(toll.late, 0.99):.1f} ms; {toll.events:,} events; the clients were late by up to {toll.blind:.0f} ms themselves"
    yield _row("event behind its save's answer, longest", round(max(toll.late, default=0.0), 1), "ms", "<= 100", against)
    yield _row("event stream silent beyond the ping, longest", round(max(0.0, toll.silent), 1), "ms", "<= 100", "")


def _steadiness(pulses: list[Pulse], seconds: float) -> Iterator[dict[str, Any]]:
    if not pulses:
        print("Memory and open files are read from /proc, which this system does not have: left out.")
        return
    start, first, last = pulses[0], pulses[1], pulses[-1]
    spent = (last.processor_s - start.processor_s) / seconds
    yield _row(
        "memory at the end",
        round(last.memory_mb),
        "MB",
        f"<= {1.05 * first.memory_mb:.0f}",
        f"by tenths {_series(pulses, 'memory_mb')}; {spent:.2f} cores busy",
    )
    yield _row(
        "open files at the end", last.descriptors, "", f"<= {1.05 * first.descriptors:.0f}", f"by tenths {_series(pulses, 'descriptors')}"
    )


def _series(pulses: list[Pulse], name: str) -> str:
    return " ".join(f"{getattr(pulse, name):.0f}" for pulse in pulses)


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


def _row(work: str, value: float, unit: str, goal: str, against: str) -> dict[str, Any]:
    return {"work": work, "value": value, "unit": unit, "goal": goal, "ratio": "", "against": against}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.day")
    options.add_argument("--minutes", type=float, default=MINUTES)
    options.add_argument("--applications", type=int, default=APPLICATIONS)
    options.add_argument("--sync-ms", type=int, default=0)
    for row in one_day(**vars(options.parse_args())):
        print(row)


if __name__ == "__main__":
    main()
