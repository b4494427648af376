"""Kill a restore into a PostgreSQL database before every change of a file and every statement, and a backup from one at any moment.

    python -m tests.crash.dumps FOLDER EVERY

Runs as a program of its own with one thread, because each round forks. Prints the toll as JSON.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from miz.apps.bootstrap import settle_restored
from miz.backup.postgres import DatabaseServer
from miz.backup.restoring import restore
from miz.infra.data_folder import DataFolder
from miz.infra.keys import identity_of
from miz.infra.settings import Settings, read_settings
from tests.crash.backups import _untrue
from tests.crash.upgrades import die_at, in_child
from tests.support.postgres import Postmaster, postmaster, programs
from tests.support.practice import practice_on

_OWN_TABLES = {"audit_entry", "audit_checkpoint", "active_server"}
"""Grow at each start and at each restore."""


@dataclass
class DumpToll:
    """What the rounds did; `mixed` are folders or databases that are neither no practice nor a whole one, `left` databases of a rehearsal."""

    kills_while_made: int = 0
    kills_while_restored: int = 0
    found_none: int = 0
    found_whole: int = 0
    untrue: int = 0
    mixed: int = 0
    left: int = 0
    not_completed: int = 0


def dump_rounds(root: Path, *, every: int = 1) -> DumpToll:
    """Run the program for all steps, or for each one in `every`. Raises `NoPostgresError`."""
    programs()
    command = [sys.executable, "-m", "tests.crash.dumps", str(root), str(every)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return DumpToll(**json.loads(done.stdout))


def _rounds(root: Path, every: int) -> DumpToll:
    toll, cluster = DumpToll(), postmaster()
    url = cluster.url(cluster.new_database())
    (root / "dumped").mkdir()
    practice = practice_on(url, root / "dumped")
    environment = os.environ | {
        "MIZ_DATABASE_URL": url,
        "MIZ_KEY_FILE": str(practice.path / "test.key"),
        "MIZ_POSTGRES_PROGRAMS": str(programs()),
    }
    began = time.monotonic()
    assert _backed_up(practice, environment) == 0
    took_s = time.monotonic() - began
    (file,) = practice.backups.glob("*.mizbackup")
    whole = _rows(url)
    step = 1
    while _killed_while_restored(cluster, root / f"round-{step}", file, whole, step, toll):
        step += every
    chance = random.Random(20261123)
    for _ in range(max(2, 60 // every)):
        _killed_while_made(practice, environment, chance.uniform(0, took_s), toll)
    assert _backed_up(practice, environment) == 0
    toll.left += sum("rehearsal" in name for (name,) in cluster.run("SELECT datname FROM pg_database"))
    return toll


def _killed_while_made(practice: DataFolder, environment: dict[str, str], after_s: float, toll: DumpToll) -> None:
    """The command, what it starts and the programs of PostgreSQL die at once."""
    command = [sys.executable, "-m", "miz", "backup", "create", "--data", str(practice.path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as making:
        with contextlib.suppress(subprocess.TimeoutExpired):
            making.wait(after_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(making.pid, signal.SIGKILL)
    toll.kills_while_made += making.returncode < 0
    toll.untrue += _untrue(practice)


def _killed_while_restored(cluster: Postmaster, place: Path, file: Path, whole: dict[str, int], step: int, toll: DumpToll) -> bool:
    place.mkdir()
    url, folder = cluster.url(cluster.new_database()), DataFolder(place / "practice")
    settings = read_settings(database_url=url, key_file=str(place / "test.key"), postgres_programs=str(programs()))
    if not os.WIFSIGNALED(in_child(lambda: _bring_back(file, folder, settings, dying_at=step))):
        return False
    toll.kills_while_restored += 1
    _wait_until_alone(url)
    if folder.has_practice:
        toll.found_whole += 1
        toll.mixed += _rows(url) != whole
    else:
        toll.found_none += 1
        toll.not_completed += in_child(lambda: _bring_back(file, folder, settings)) != 0 or _rows(url) != whole
    return True


def _bring_back(file: Path, folder: DataFolder, settings: Settings, *, dying_at: int = 0) -> None:
    if dying_at:
        _die_at(dying_at)
    restore(
        file,
        identity_of((file.parents[2] / "recovery-key.txt").read_text().strip()),
        folder,
        settings,
        settle=settle_restored,
        told=lambda *_: None,
    )


def _die_at(step: int) -> None:
    """A statement on PostgreSQL counts before it runs and after it has, and so does the end of a transaction."""
    count = die_at(step)

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            count()
            done = work(*arguments, **named)
            count()
            return done

        return run

    for kind, name in ((psycopg.Cursor, "execute"), (psycopg.Connection, "commit")):
        setattr(kind, name, counted(getattr(kind, name)))


def _backed_up(practice: DataFolder, environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "miz", "backup", "create", "--data", str(practice.path)]
    return subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL).returncode


def _wait_until_alone(url: str) -> None:
    """A program of PostgreSQL that was fed by the dead one ends by itself."""
    ends = time.monotonic() + 20
    with psycopg.connect(url, autocommit=True) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        while connection.execute(others).fetchone() != (0,):
            assert time.monotonic() < ends
            time.sleep(0.05)


def _rows(url: str) -> dict[str, int]:
    """How many rows each table has; those aside that grow by themselves."""
    return {name: count for name, count in DatabaseServer(url).facts().counts.items() if name not in _OWN_TABLES}


def main() -> None:
    print(json.dumps(asdict(_rounds(Path(sys.argv[1]), int(sys.argv[2])))))  # noqa: T201


if __name__ == "__main__":
    main()
