"""Kill a move and a compaction of the database before every statement and every change of a file.

    python -m tests.crash.care FOLDER EVERY

Runs as a program of its own with one thread, because each round forks. Prints the toll as JSON.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from miz.access.sessions import LOCAL
from miz.apps.bootstrap import Server
from miz.backup.queries import facts_of
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.engine import ReadOnlyDatabase
from miz.infra.db.sqlite_file import SqliteFile
from tests.crash.upgrades import die_at, in_child
from tests.support.practice import new_practice, settings_for

Work = Callable[[Server], object]
_GROWING = {"audit_entry", "audit_checkpoint"}


@dataclass
class CareToll:
    """What the rounds did; `mixed` are states in which the database is not whole or not all of it, `not_completed` second runs that failed."""

    kills: int = 0
    found_old: int = 0
    found_new: int = 0
    mixed: int = 0
    not_completed: int = 0


def care_rounds(root: Path, *, every: int = 1) -> CareToll:
    """Run the program for all steps, or for each one in `every`."""
    command = [sys.executable, "-m", "tests.crash.care", str(root), str(every)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return CareToll(**json.loads(done.stdout))


def _rounds(root: Path, every: int) -> CareToll:
    toll, template = CareToll(), new_practice(root / "template")
    rows = _rows(template)
    for work in (_move, _compact):
        step = 1
        while _killed(root, template, rows, work, step, toll):
            step += every
    return toll


def _killed(root: Path, template: DataFolder, rows: dict[str, int], work: Work, step: int, toll: CareToll) -> bool:
    folder = DataFolder(root / "round" / "practice")
    shutil.rmtree(root / "round", ignore_errors=True)
    shutil.copytree(template.path, folder.path)
    (root / "round" / "other").mkdir()
    if not os.WIFSIGNALED(in_child(lambda: _cared_for(folder, work, dying_at=step))):
        return False
    toll.kills += 1
    is_old = folder.database == folder.path / "practice.db"
    toll.found_old += is_old
    toll.found_new += not is_old
    toll.mixed += _rows(folder) != rows
    if is_old:  # after the switch there is nothing to repeat
        toll.not_completed += in_child(lambda: _cared_for(folder, work)) != 0 or _rows(folder) != rows
    return True


def _cared_for(folder: DataFolder, work: Work, *, dying_at: int = 0) -> None:
    async def run() -> None:
        server = Server(folder, settings_for(folder))
        async with server.running():
            if dying_at:
                die_at(dying_at)
            await work(server)  # type: ignore[misc]

    asyncio.run(run())


def _move(server: Server) -> object:
    return server.databases.move(LOCAL, server.folder.path.parent / "other")


def _compact(server: Server) -> object:
    return server.databases.compact(LOCAL)


def _rows(folder: DataFolder) -> dict[str, int]:
    """How many rows each table of a sound database has; empty for one that is not."""
    key = folder.read_key(settings_for(folder))
    with contextlib.suppress(sqlite3mc.Error):
        with contextlib.closing(sqlite3mc.connect(str(folder.database), key=key)) as opened:
            if opened.rows("PRAGMA integrity_check") != [("ok",)]:
                return {}
        with contextlib.closing(ReadOnlyDatabase(SqliteFile(folder.database, key))) as database:
            return {name: count for name, count in facts_of(database.reader()).counts.items() if name not in _GROWING}
    return {}


def main() -> None:
    print(json.dumps(asdict(_rounds(Path(sys.argv[1]), int(sys.argv[2])))))  # noqa: T201


if __name__ == "__main__":
    main()
