"""The server itself: heartbeats beside a bare answer of the same server program, patient search, start, memory.

python -m bench.serving
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.load import Seat
from bench.machine import memory_mb
from bench.practice import PATIENTS, PracticeUnderLoad, load
from miz.infra.api_client import HttpSender

ROUNDS = 3
SECONDS = 1.5
HEARTBEAT_SEATS = (1, 32, 64)
SEARCH_SEATS = (1, 8)
STARTS = 5


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    with PracticeUnderLoad() as practice:
        after_start_mb = memory_mb(practice.server.pid)
        rows = [*_heartbeats(practice), *_searches(practice)]
        practice.load("save", 32, SECONDS)
        after_load_mb = memory_mb(practice.server.pid)
        practice.server.stop()
        starts = [_start(practice) for _ in range(STARTS)]
        practice.server.start()
    rows.append(
        _row("start until the first answer", round(median(starts), 2), "s", "<= 1.5", "", f"slowest of {STARTS}: {max(starts):.2f} s")
    )
    for when, megabytes in (("after the start", after_start_mb), ("after the load", after_load_mb)):
        if megabytes is None:
            print("Memory is read from /proc, which this system does not have: left out.")
        else:
            rows.append(_row(f"memory {when}", round(megabytes), "MB", "<= 150", "", f"{PATIENTS:,} patients"))
    return rows


def _heartbeats(practice: PracticeUnderLoad) -> Iterator[dict[str, Any]]:
    with _bare_server() as url:
        for count in HEARTBEAT_SEATS:
            bare, ours = [], []
            for _ in range(ROUNDS):
                bare.append(load(url, "none", "heartbeat", [Seat("none", ["none"])] * count, SECONDS).rate)
                ours.append(practice.load("heartbeat", count, SECONDS).rate)
            ratio = median(ours) / median(bare)
            against = f"bare answer {median(bare):,.0f} /s"
            yield _row(
                f"heartbeats, {count} applications", round(median(ours)), "/s", f">= {0.4 * median(bare):,.0f}", f"{ratio:.2f}", against
            )


def _searches(practice: PracticeUnderLoad) -> Iterator[dict[str, Any]]:
    for count in SEARCH_SEATS:
        rounds = [practice.load("search", count, SECONDS) for _ in range(ROUNDS)]
        times = sorted(rounds, key=lambda one: one.rate)[ROUNDS // 2]
        against = f"{PATIENTS:,} patients; p50 {times.p50:.2f} ms, p99 {times.p99:.2f} ms"
        yield _row(f"patient search, {count} applications", round(times.rate), "/s", "", "", against)


def _start(practice: PracticeUnderLoad) -> float:
    """Seconds from the process's start until an answer from the database has come."""
    until_ready_s = practice.server.start()
    status, _ = HttpSender(practice.server.url, certificate=practice.certificate)("GET", "/health/ready", {}, b"")
    assert status == 200
    practice.server.stop()
    return until_ready_s


@contextmanager
def _bare_server() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-m", "bench.bare"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def _row(work: str, value: float, unit: str, goal: str, ratio: str, against: str) -> dict[str, Any]:
    return {"work": work, "value": value, "unit": unit, "goal": goal, "ratio": ratio, "against": against}


if __name__ == "__main__":
    for row in run():
        print(row)
