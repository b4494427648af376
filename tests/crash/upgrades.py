"""Kill an upgrade before every statement and every change of a file; what is found then is old or new, and the next start completes it.

    python -m tests.crash.upgrades FOLDER EVERY [--without-transaction]

Runs as a program of its own with one thread, because each round forks. Prints the toll as JSON.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import Connection as SqlAlchemyConnection

from miz.apps.bootstrap import Server
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.migrate import HEAD, bring_up_to_date
from tests.support.older_practice import FAMILY_NAME, PATIENT_ID, older_practice, settings_of

SCHEMA = "0001"
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.chmod"}


@dataclass
class UpgradeToll:
    """What the rounds did; `mixed` are states that are neither old nor new, `not_told` cuts of which the next start said nothing or wrong."""

    kills: int = 0
    found_old: int = 0
    found_new: int = 0
    mixed: int = 0
    not_completed: int = 0
    not_told: int = 0
    without_copy: int = 0


def upgrade_rounds(root: Path, *, every: int = 1, in_transaction: bool = True) -> UpgradeToll:
    """Run the program for all steps, or for each one in `every`."""
    switch = [] if in_transaction else ["--without-transaction"]
    command = [sys.executable, "-m", "tests.crash.upgrades", str(root), str(every), *switch]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return UpgradeToll(**json.loads(done.stdout))


def _rounds(root: Path, every: int, *, in_transaction: bool) -> UpgradeToll:
    toll, template = UpgradeToll(), older_practice(root / "template", SCHEMA)
    step = 1
    while True:
        folder = DataFolder(root / "round" / "practice")
        shutil.copytree(template.path, folder.path)
        status = in_child(lambda folder=folder, step=step: _upgrade(folder, dying_at=step, in_transaction=in_transaction))  # type: ignore[misc]
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return toll
        toll.kills += 1
        _judge(folder, toll)
        shutil.rmtree(root / "round")
        step += every


def _judge(folder: DataFolder, toll: UpgradeToll) -> None:
    """Look at what the kill has left, start again, look once more."""
    was_noted = folder.upgrade_note.exists()
    found = _found_in(folder, folder.database)
    toll.found_old += found == SCHEMA
    toll.found_new += found == HEAD
    toll.mixed += found not in {SCHEMA, HEAD}
    told = folder.path.parent / "told.txt"
    status = in_child(lambda: _upgrade(folder, telling=told))
    if status != 0 or _found_in(folder, folder.database) != HEAD or folder.upgrade_note.exists():
        toll.not_completed += 1
        return
    expected = f"in the {'old' if found == SCHEMA else 'new'} state"
    toll.not_told += was_noted and expected not in told.read_text()
    copies = list(folder.backups.iterdir())
    toll.without_copy += not copies or any(_found_in(folder, copy) != SCHEMA for copy in copies)


def in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        work()
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - the child must not go on as the parent
        print(type(error).__name__, file=sys.stderr)  # noqa: T201
        os._exit(1)


def _upgrade(folder: DataFolder, *, dying_at: int = 0, telling: Path | None = None, in_transaction: bool = True) -> None:
    """As `miz serve` begins, with death at a step, or with what it tells kept."""
    if telling:
        logging.basicConfig(filename=telling)
    if not in_transaction:
        _let_alembic_commit()
    if dying_at:
        die_at(dying_at)
    Server(folder, settings_of(folder)).close()


def _let_alembic_commit() -> None:
    """The switch: the upgrade does not say that the transaction is its own."""
    genuine = SqlAlchemyConnection.begin

    def begin(connection: SqlAlchemyConnection) -> Any:
        return None if sys._getframe(1).f_code is bring_up_to_date.__code__ else genuine(connection)

    SqlAlchemyConnection.begin = begin  # type: ignore[method-assign,assignment]


def die_at(step: int) -> Callable[[], None]:
    """Kill this process at the so-manieth change of a file or statement of SQLite; the answer counts one more thing as a step."""
    left = step

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def trace(event: str, details: tuple[Any, ...]) -> None:
        if event in _CHANGES or (event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)):
            count()

    # A statement counts before it runs and after it has.
    apsw.connection_hooks.append(lambda connection: connection.trace_v2(apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE, count))
    sys.addaudithook(trace)
    return count


def _found_in(folder: DataFolder, file: Path) -> str:
    """The schema of a sound database with its patient; else what is wrong."""
    try:
        with contextlib.closing(sqlite3mc.connect(str(file), key=folder.read_key(settings_of(folder)))) as database:
            ((schema,),) = database.rows("SELECT version_num FROM alembic_version")
            ((check,),) = database.rows("PRAGMA integrity_check")
            names = database.rows("SELECT family_name FROM patient WHERE id = ?", [PATIENT_ID])
            tables = {name for (name,) in database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    except sqlite3mc.Error as error:
        return type(error).__name__
    # The steps of 0002 and later are either all there or none.
    is_whole = ("draft" in tables) == ("audit_entry" in tables) == (schema != SCHEMA)
    return str(schema) if check == "ok" and names == [(FAMILY_NAME,)] and is_whole else "mixed"


def main() -> None:
    toll = _rounds(Path(sys.argv[1]), int(sys.argv[2]), in_transaction="--without-transaction" not in sys.argv)
    print(json.dumps(asdict(toll)))  # noqa: T201


if __name__ == "__main__":
    main()
