"""Backups made and restored on trial in a process of their own: whoever waits for the server's answers does not share its interpreter with them.

The process is told its `Job` on its standard input, where no other account sees the key; line by line on its standard output it tells how
far it is, and last how it ended. When its input ends, as it does with the server, it stops at its next step and removes what it has begun.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from miz.backup.errors import BackupProcessEndedError, BackupStoppedError
from miz.backup.making import Opens, Practice, Told, make_backup, rehearse, server_of
from miz.backup.model import Manifest
from miz.backup.package import read_manifest
from miz.infra.data_folder import DataFolder
from miz.infra.server_log import record_unexpected, start_log
from miz.infra.settings import Settings
from miz.kernel.errors import MizError

_TELL_EVERY_S = 0.25
_END_S = 5.0
_NICE = 10
_LOWERED: dict[str, Any] = {"creationflags": getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)}


class Making(Struct, frozen=True, tag=True):
    """Make the backup `file`."""

    file: str
    made_at: datetime


class Rehearsal(Struct, frozen=True, tag=True):
    """Restore the backup `file` to the new folder `scratch` and open it there."""

    file: str
    scratch: str


class Reading(Struct, frozen=True, tag=True):
    """Read the backup `file` from beginning to end."""

    file: str


Task = Making | Rehearsal | Reading
Work = Callable[[Task, Told], Manifest]
"""Carries out a task. Raises what `make_backup`, `rehearse` and `read_manifest` raise, what `Told` raises, and `BackupProcessEndedError`."""


class _Job(Struct, frozen=True):
    task: Task
    folder: str
    key: bytes
    program: str
    settings: Settings


class _Line(Struct, frozen=True, omit_defaults=True):
    """How far the work is, or, in the last line, how it ended."""

    step: str = ""
    done: int = 0
    all: int = 0
    manifest: Manifest | None = None
    fault: str = ""
    detail: str = ""
    fields: dict[str, Any] = {}


def work_here(practice: Practice, settings: Settings, opens: Opens) -> Work:
    """Work for this practice in this process."""

    def work(task: Task, told: Told) -> Manifest:
        if isinstance(task, Making):
            return make_backup(practice, Path(task.file), now=task.made_at, told=told)
        if isinstance(task, Reading):
            return read_manifest(Path(task.file), practice.identities)
        return rehearse(practice, Path(task.file), DataFolder(Path(task.scratch)), settings=settings, opens=opens, told=told)

    return work


def work_apart(practice: Practice, settings: Settings, program: str) -> Work:
    """Work for this practice in a process that runs the module `program`, which calls `attend`."""

    def work(task: Task, told: Told) -> Manifest:
        job = _Job(task, str(practice.folder.path), practice.key, practice.program, settings)
        with _started(program) as (asking, telling):
            asking.write(msgspec.json.encode(job) + b"\n")
            asking.flush()
            for text in telling:
                line = msgspec.json.decode(text, type=_Line)
                if line.manifest:
                    return line.manifest
                if line.fault:
                    raise _fault(line)
                told(line.step, line.done, line.all)
        raise BackupProcessEndedError

    return work


@contextlib.contextmanager
def _started(program: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Its standard input and output; after the block it is gone."""
    command = [sys.executable, "-P", "-m", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **_LOWERED) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield running.stdin, running.stdout
        finally:
            with contextlib.suppress(BrokenPipeError):
                running.stdin.close()
            try:
                running.wait(2 * _END_S)
            except subprocess.TimeoutExpired:
                running.kill()


def _fault(line: _Line) -> MizError:
    (kind,) = (kind for kind in _below(MizError) if f"{kind.__module__}.{kind.__name__}" == line.fault)
    return kind(line.detail, **line.fields)


def _below(kind: type[MizError]) -> Iterator[type[MizError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def attend(opens: Opens) -> None:
    """The process's side: carry out the one job that is asked for."""
    start_log()
    # What ends the server ends this process through it, and not before it has removed what it has begun.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(AttributeError, OSError):  # elsewhere than on Unix, or where a service may not
        os.nice(_NICE)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Job)
    telling = _Telling()
    try:
        practice = Practice(DataFolder(Path(job.folder)), job.key, job.program, server_of(job.settings))
        last = _Line(manifest=work_here(practice, job.settings, opens)(job.task, telling.told))
    except MizError as error:
        last = _Line(fault=f"{type(error).__module__}.{type(error).__name__}", detail=error.detail, fields=error.fields)
    except Exception as error:  # noqa: BLE001 - the process's edge: told in the log, and by the exit code
        record_unexpected("backup", error)
        sys.exit(1)
    telling.end(last)


class _Telling:
    """Tells at intervals how far the work is, and listens for the end of the input."""

    def __init__(self) -> None:
        self._line = _Line("start", 0, 1)
        self._is_over = self._is_stopping = False
        self._lock = threading.Lock()
        for work in (self._tell, self._listen):
            threading.Thread(target=work, daemon=True).start()

    def told(self, step: str, done: int, whole: int) -> None:
        if self._is_stopping:
            raise BackupStoppedError
        self._line = _Line(step, done, whole)

    def end(self, line: _Line) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._is_over = True
            self._write(line)

    def _tell(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            while not self._is_stopping:
                with self._lock:
                    if not self._is_over:
                        self._write(self._line)
                time.sleep(_TELL_EVERY_S)

    @staticmethod
    def _write(line: _Line) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()

    def _listen(self) -> None:
        # Not by way of `sys.stdin`, whose lock this thread would hold when the program ends.
        while os.read(sys.stdin.fileno(), 1):
            pass
        self._is_stopping = True
        time.sleep(_END_S)
        # A step that does not come to its end; what it leaves is removed by whoever asked for it, or at the server's next start.
        os._exit(1)
