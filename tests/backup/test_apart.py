"""The process in which backups are made: what comes of the work when it, the server or somebody's patience ends."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from miz.apps.bootstrap import BACKING_UP
from miz.backup.apart import Making, Rehearsal, work_apart
from miz.backup.errors import BackupProcessEndedError, BackupStoppedError, BackupUnsoundError
from miz.backup.making import Practice
from miz.backup.package import read_manifest
from miz.infra.data_folder import DataFolder
from tests.support.practice import new_practice, settings_for

NOW = datetime(2026, 11, 23, 22, tzinfo=UTC)
GONE_WITHIN_S = 30
BEGIN_AND_BE_KILLED = """
import os, signal, subprocess, sys
from pathlib import Path
from tests.backup import test_apart as test
from miz.infra.data_folder import DataFolder
def die(*_):
    print(started[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
started = test.noting(lambda kind: setattr(subprocess, "Popen", kind))
test.endless(test.practice_in(DataFolder(Path(sys.argv[1]))), die)
"""


def practice_in(folder: DataFolder) -> Practice:
    return Practice(folder, folder.read_key(settings_for(folder)), "test")


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    folder = new_practice(tmp_path)
    folder.backups.mkdir()
    return practice_in(folder)


def noting(use: Callable[[Any], None]) -> list[subprocess.Popen[bytes]]:
    """Every process that is started from now on."""
    found: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            found.append(self)

    use(Noted)
    return found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    return noting(lambda kind: monkeypatch.setattr(subprocess, "Popen", kind))


def endless(practice: Practice, told: Callable[..., None]) -> None:
    """A rehearsal that does not come to its end by itself: nobody ever writes to the pipe that it is to read."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes in folders")
    silent = practice.folder.backups / "silent"
    os.mkfifo(silent)
    work_apart(practice, settings_for(practice.folder), BACKING_UP)(Rehearsal(str(silent), str(practice.folder.backups / "scratch")), told)


def test_what_it_makes_is_a_backup_and_can_be_restored_on_trial(practice: Practice) -> None:
    work, file = work_apart(practice, settings_for(practice.folder), BACKING_UP), practice.folder.backups / "one.mizbackup"
    steps: list[str] = []
    made = work(Making(str(file), NOW), lambda step, *_: steps.append(step))
    assert made == read_manifest(file, practice.identities)
    assert steps
    assert made == work(Rehearsal(str(file), str(practice.folder.backups / "scratch")), lambda *_: None)


def test_a_fault_comes_back_as_what_it_was(practice: Practice) -> None:
    file = practice.folder.backups / "one.mizbackup"
    file.write_bytes(b"no backup")
    with pytest.raises(BackupUnsoundError) as refused:
        work_apart(practice, settings_for(practice.folder), BACKING_UP)(Rehearsal(str(file), f"{file}.scratch"), lambda *_: None)
    assert refused.value.fields == {"name": "one.mizbackup"}


def test_neither_its_command_nor_its_surroundings_hold_the_key(practice: Practice, started: list[subprocess.Popen[bytes]]) -> None:
    seen = b""

    def look(*_: Any) -> None:
        nonlocal seen
        seen = b"".join((Path("/proc") / str(started[0].pid) / name).read_bytes() for name in ("cmdline", "environ"))
        started[0].kill()

    if not Path("/proc/self/environ").exists():
        pytest.skip("this system does not show them")
    with pytest.raises(BackupProcessEndedError):
        endless(practice, look)
    assert BACKING_UP.encode() in seen
    assert practice.key.hex().encode() not in seen.lower()


def test_a_process_that_is_killed_is_no_success(practice: Practice, started: list[subprocess.Popen[bytes]]) -> None:
    with pytest.raises(BackupProcessEndedError):
        endless(practice, lambda *_: started[0].kill())


def test_it_is_gone_when_nobody_wants_it_any_more(practice: Practice, started: list[subprocess.Popen[bytes]]) -> None:
    def stop(*_: Any) -> None:
        raise BackupStoppedError

    with pytest.raises(BackupStoppedError):
        endless(practice, stop)
    assert started[0].returncode is not None


def test_it_ends_when_the_server_is_killed(practice: Practice) -> None:
    command = [sys.executable, "-c", BEGIN_AND_BE_KILLED, str(practice.folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        process = int(server.stdout.readline())
    assert server.returncode < 0
    tries = iter(range(GONE_WITHIN_S * 10))
    while _is_there(process):
        next(tries)
        time.sleep(0.1)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())
