"""What a figure depends on: the computer, its programs, its disk."""

import math
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from miz.infra.db import sqlite3mc
from miz.infra.db.sqlite_file import WRITER_PRAGMAS, file_system_of

_SYNCS = 400


@dataclass(frozen=True)
class Times:
    """How long single turns of one work took, in milliseconds, and how many ended per second."""

    p50: float
    p95: float
    p99: float
    rate: float


def times_of(milliseconds: list[float], seconds: float) -> Times:
    """The median, the 95th and 99th percentile, and the rate over `seconds`."""
    ordered = sorted(milliseconds)
    if not ordered:
        raise ValueError("nothing was measured")
    p50, p95, p99 = (ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share) - 1)] for share in (0.5, 0.95, 0.99))
    return Times(p50, p95, p99, len(ordered) / seconds)


def describe(folder: Path) -> list[tuple[str, str]]:
    """The machine as it stands above the table; `folder` tells the disk."""
    sync = disk_sync(folder)
    return [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("SQLite", f"{sqlite3mc.sqlite_version}, encrypted, WAL, synchronous=FULL"),
        ("disk", f"{file_system_of(folder) or 'unknown file system'}, sync after 4 KiB p50 {sync.p50:.2f} ms, p99 {sync.p99:.2f} ms"),
        ("load before", f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"),
    ]


def disk_sync(folder: Path) -> Times:
    """What the disk takes to keep 4 KiB for sure."""
    path = folder / "sync.probe"
    page = os.urandom(4096)
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(page)
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1e3)
    path.unlink()
    return times_of(times, sum(times) / 1e3)


def single_commits(folder: Path, seconds: float) -> Times:
    """One row changed per commit, by the server's own SQLite with the server's own settings, without a server."""
    path = folder / "single.db"
    connection = sqlite3mc.connect(str(path), key=os.urandom(32), pragmas=WRITER_PRAGMAS)
    connection.rows("CREATE TABLE lease (id INTEGER PRIMARY KEY, token TEXT NOT NULL)")
    connection.rows("INSERT INTO lease VALUES (1, '')")
    times = []
    ends_at = time.perf_counter() + seconds
    began = time.perf_counter()
    while began < ends_at:
        connection.rows("BEGIN IMMEDIATE")
        connection.rows("UPDATE lease SET token = ? WHERE id = 1", (str(began),))
        connection.rows("COMMIT")
        now = time.perf_counter()
        times.append((now - began) * 1e3)
        began = now
    connection.close()
    for leftover in folder.glob("single.db*"):
        leftover.unlink()
    return times_of(times, seconds)


def memory_mb(pid: int) -> float | None:
    """What a process keeps in memory; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if sys.platform != "linux" or not status.exists():
        return None
    # A process that has just ended keeps nothing.
    kilobytes = next((line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS")), "0")
    return int(kilobytes) * 1024 / 1e6


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
