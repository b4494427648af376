"""A database of about a gigabyte backed up, compacted, brought back and tidied, while twenty applications save.

    python -m bench.care [patients]

The peer is the system's own copy of the same file to the same disk in the same run, synced. Patients are invented and written straight
into the tables. Each application opens, saves and releases, with a pause of a tenth of a second between two rounds.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.growth import filled
from bench.machine import Times, memory_mb
from bench.practice import PracticeUnderLoad
from miz.apps.demo import synthetic_patients
from miz.backup.model import Backup
from miz.databases.model import Care, Run
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.db import sqlite3mc
from miz.infra.db.sqlite_file import WRITER_PRAGMAS
from tests.support.practice import settings_for

PATIENTS = 900_000
WRITERS = 20
PAUSE_S = 0.1
WINDOW_S = 4.0
ALLOWED_P95 = 2
ALLOWED_MEMORY_MB = 200
FREE_PAGES = 25_000


def run(patients: int = PATIENTS) -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    with PracticeUnderLoad() as practice:
        practice.server.stop()
        filled(practice.folder, (identity for identity, _ in synthetic_patients()), patients)
        local = _started(practice)
        size = practice.folder.database.stat().st_size
        copied_s = statistics.median(_copied(practice.folder.database, practice.root) for _ in range(3))
        calm = _windows(practice, lambda: time.sleep(2 * WINDOW_S))[0]
        backup, during, backup_s, memory = _while_saving(practice, lambda: local.call("POST", "/backups", {}, answer=Backup))
        care, while_compacted, compacted_s, _ = _while_saving(
            practice, lambda: local.call("POST", "/databases/practice/compaction", answer=Care)
        )
        restored_s = _restored(practice, Path(backup.file))
        practice.server.stop()
        _make_free(practice.folder.database, practice.folder.read_key(settings_for(practice.folder)), FREE_PAGES)
        local = _started(practice)
        calm_again = _windows(practice, lambda: time.sleep(2 * WINDOW_S))[0]
        run, while_tidied, tidied_s, _ = _while_saving(practice, lambda: local.call("POST", "/databases/practice/tidying", answer=Run))
    mb = size / 1e6
    copy_rate = mb / copied_s
    against = f"cp and sync of the same file: {copy_rate:,.0f} MB/s"
    return [
        _row(f"backup of {mb:,.0f} MB under {WRITERS} writers", mb / backup.seconds, "MB/s", f">= {copy_rate / 2:,.0f}", f"{mb / backup.seconds / copy_rate:.2f}", against),
        _row("the same, restored once and looked through", backup_s, "s", "", "", f"file of {backup.size_bytes / 1e6:,.0f} MB"),
        _row("the same: save, p95", during, "ms", f"<= {ALLOWED_P95 * calm:.1f}", f"{during / calm:.2f}", f"before: {calm:.1f} ms"),
        _row("the same: memory of the server", memory, "MB", f"<= {ALLOWED_MEMORY_MB}", "", ""),
        _row(f"compaction of {mb:,.0f} MB under {WRITERS} writers", compacted_s, "s", "", f"{mb / compacted_s / copy_rate:.2f}", against),
        _row("the same: save, p95", while_compacted, "ms", "", f"{while_compacted / calm:.2f}", f"before: {calm:.1f} ms"),
        _row("the same: writers waited for the switch", care.paused_ms, "ms", "<= 200", "", ""),
        _row(f"tidying of {run.saved_bytes / 1e6:,.0f} MB of free pages under {WRITERS} writers", tidied_s, "s", "", "", ""),
        _row("the same: save, p95", while_tidied, "ms", "<= 200", f"{while_tidied / calm_again:.2f}", f"before: {calm_again:.1f} ms"),
        _row("the same: longest step that writers waited for", run.paused_ms, "ms", "<= 200", "", ""),
        _row(f"restore of {mb:,.0f} MB to a new folder", restored_s, "s", "<= 900", f"{mb / restored_s / copy_rate:.2f}", against),
    ]  # fmt: skip


def _started(practice: PracticeUnderLoad) -> ApiClient:
    """Start the server and sign in; returns the client of whoever owns the folder."""
    practice.server.start()
    control = practice.folder.read_control()
    assert control is not None
    practice.client = ApiClient(HttpSender(practice.server.url, certificate=control.certificate, timeout_s=900))
    practice.certificate = control.certificate
    practice.client.sign_in("Dr. Prüfer", "ein Kennwort für Tests 2026", "Zimmer 1")
    return ApiClient(HttpSender(practice.server.url, certificate=control.certificate, timeout_s=900), token=control.token)


def _make_free(file: Path, key: bytes, pages: int) -> None:
    """So many pages without content at the end of the file."""
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, pragmas=WRITER_PRAGMAS)) as opened:
        opened.rows("CREATE TABLE filling (content BLOB)")
        opened.rows(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO filling SELECT randomblob(3900) FROM n",
            (pages,),
        )
        opened.rows("DROP TABLE filling")


def _copied(file: Path, folder: Path) -> float:
    """Seconds that the system takes for a synced copy."""
    target = folder / "copy"
    began = time.monotonic()
    subprocess.run(["cp", str(file), str(target)], check=True)
    with target.open("rb") as copy:
        os.fsync(copy.fileno())
    took = time.monotonic() - began
    target.unlink()
    return took


def _while_saving(practice: PracticeUnderLoad, work: Callable[[], Any]) -> tuple[Any, float, float, float]:
    """What the work answered, the p95 of saving meanwhile, its seconds, and the most memory of the server."""
    answers: list[Any] = []
    memory: list[float] = []
    began = time.monotonic()

    def do() -> None:
        answers.append(work())
        answers.append(time.monotonic() - began)

    p95, memory_most = _windows(practice, do, memory)
    return answers[0], p95, answers[1], memory_most


def _windows(practice: PracticeUnderLoad, work: Callable[[], object], memory: list[float] | None = None) -> tuple[float, float]:
    """The median p95 of saving in windows of some seconds as long as `work` lasts, and the most memory seen."""
    seen = memory if memory is not None else []
    windows: list[Times] = []
    doing = threading.Thread(target=work)
    doing.start()
    watching = threading.Thread(target=_watch, args=(practice.server.pid, doing, seen))
    watching.start()
    while doing.is_alive() or not windows:
        windows.append(practice.load("save", WRITERS, WINDOW_S, pause_s=PAUSE_S))
    doing.join()
    watching.join()
    return statistics.median(times.p95 for times in windows), max(seen, default=0.0)


def _watch(pid: int, doing: threading.Thread, seen: list[float]) -> None:
    while doing.is_alive():
        seen.append(memory_mb(pid) or 0.0)
        time.sleep(0.1)


def _restored(practice: PracticeUnderLoad, file: Path) -> float:
    """Seconds that `miz backup restore` takes, in a process of its own."""
    target = practice.root / "restored"
    key = practice.folder.path / "test.key"
    command = [sys.executable, "-m", "miz", "backup", "restore", str(file), "--data", str(target)]
    began = time.monotonic()
    subprocess.run(command, check=True, env=os.environ | {"MIZ_KEY_FILE": str(key)}, stdout=subprocess.DEVNULL)
    took = time.monotonic() - began
    with contextlib.suppress(OSError):
        shutil.rmtree(target)
    return took


def _row(work: str, value: float, unit: str, goal: str, ratio: str, against: str) -> dict[str, Any]:
    return {"work": work, "value": round(value, 1), "unit": unit, "goal": goal, "ratio": ratio, "against": against}


if __name__ == "__main__":
    for row in run(*map(int, sys.argv[1:])):
        print(row)
