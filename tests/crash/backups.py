"""Kill a backup, a restore to a new folder and one to the practice's own before every statement and every change of a file, and offer a backup that was changed.

    python -m tests.crash.backups FOLDER EVERY

Runs as a program of its own with one thread, because each round forks. Prints the toll as JSON.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from miz.access.workplaces.service import set_up_workplace
from miz.apps.bootstrap import Server, open_restored, settle_restored
from miz.backup.apart import work_here
from miz.backup.errors import BackupKeyError, BackupUnsoundError
from miz.backup.making import Practice
from miz.backup.package import read_manifest
from miz.backup.queries import facts_of
from miz.backup.restoring import replace_unreadable, restore
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import ReadOnlyDatabase
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.db.writer import Transaction
from miz.infra.keys import identity_of, server_identity
from miz.infra.settings import Settings, read_settings
from tests.crash.upgrades import die_at, in_child
from tests.support.practice import new_practice, recovery_key

_OWN_TABLES = {"audit_entry", "audit_checkpoint"}
"""Grow at each start and at each restore."""


@dataclass
class BackupToll:
    """What the rounds did. `untrue` are backups in the list that are not good, or files of a backup's name that are none; `mixed`
    folders that are neither no practice nor a whole one, or neither the one from before nor the one that was brought back; `left` what a later start did not clear away.
    """

    kills_while_made: int = 0
    kills_while_restored: int = 0
    found_none: int = 0
    found_whole: int = 0
    kills_while_replaced: int = 0
    found_old: int = 0
    found_new: int = 0
    untrue: int = 0
    mixed: int = 0
    left: int = 0
    not_completed: int = 0


def backup_rounds(root: Path, *, every: int = 1) -> BackupToll:
    """Run the program for all steps, or for each one in `every`."""
    command = [sys.executable, "-m", "tests.crash.backups", str(root), str(every)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return BackupToll(**json.loads(done.stdout))


def mutations_accepted(root: Path, count: int, *, seed: int) -> int:
    """How many of so many changed, cut or lengthened copies of a backup pass for good."""
    folder = new_practice(root)
    in_child(lambda: _make(folder))
    (file,) = folder.backups.glob("*.mizbackup")
    identity, whole, chance = identity_of(recovery_key()), file.read_bytes(), random.Random(seed)
    changed, accepted = root / "changed", 0
    for number in range(count):
        content = bytearray(whole)
        if number % 4 == 0:
            content = content[: chance.randrange(len(whole))]
        elif number % 4 == 1:
            content += chance.randbytes(chance.randrange(1, 64))
        else:
            content[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        changed.write_bytes(content)
        with contextlib.suppress(BackupUnsoundError, BackupKeyError):
            read_manifest(changed, [identity])
            accepted += 1
    return accepted


def _rounds(root: Path, every: int) -> BackupToll:
    toll, template = BackupToll(), new_practice(root / "template")
    _each_step(every, lambda step: _killed_while_made(root, template, step, toll))
    assert in_child(lambda: _make(template)) == 0
    (file,) = template.backups.glob("*.mizbackup")
    _each_step(every, lambda step: _killed_while_restored(root, template, file, step, toll))
    then = _rows(template)
    assert in_child(lambda: _work_on(template)) == 0
    _each_step(every, lambda step: _killed_while_replaced(root, template, then, step, toll))
    return toll


def _each_step(every: int, kills: Callable[[int], bool]) -> None:
    step = 1
    while kills(step):
        step += every


def _killed_while_made(root: Path, template: DataFolder, step: int, toll: BackupToll) -> bool:
    folder = DataFolder(root / "round" / "practice")
    shutil.copytree(template.path, folder.path)
    if not os.WIFSIGNALED(in_child(lambda: _make(folder, dying_at=step))):
        shutil.rmtree(root / "round")
        return False
    toll.kills_while_made += 1
    toll.untrue += _untrue(folder)
    toll.not_completed += in_child(lambda: _make(folder)) != 0 or _untrue(folder) > 0
    names = {path.suffix for path in folder.backups.iterdir()}
    toll.left += names != {".mizbackup", ".json"}
    toll.mixed += _rows(folder) != _rows(template)
    shutil.rmtree(root / "round")
    return True


def _killed_while_restored(root: Path, template: DataFolder, file: Path, step: int, toll: BackupToll) -> bool:
    folder = DataFolder(root / "round" / "practice")
    if not os.WIFSIGNALED(in_child(lambda: _bring_back(file, folder, dying_at=step))):
        shutil.rmtree(root / "round")
        return False
    toll.kills_while_restored += 1
    if folder.has_practice:
        toll.found_whole += 1
        toll.mixed += _rows(folder) != _rows(template)
    else:
        toll.found_none += 1
        toll.not_completed += in_child(lambda: _bring_back(file, folder)) != 0 or _rows(folder) != _rows(template)
        toll.left += any(path.name.startswith(".") for path in folder.path.iterdir())
    shutil.rmtree(root / "round", ignore_errors=True)
    return True


def _killed_while_replaced(root: Path, template: DataFolder, then: dict[str, int], step: int, toll: BackupToll) -> bool:
    folder = DataFolder(root / "round" / "practice")
    shutil.copytree(template.path, folder.path)
    (file,) = folder.backups.glob("*.mizbackup")
    if not os.WIFSIGNALED(in_child(lambda: _replace(file, folder, dying_at=step))):
        shutil.rmtree(root / "round")
        return False
    toll.kills_while_replaced += 1
    found = _rows(folder)
    toll.found_old += found == _rows(template)
    toll.found_new += found == then
    toll.mixed += found not in (_rows(template), then) or _is_trail_unsound(folder)
    toll.not_completed += in_child(lambda: _replace(file, folder)) != 0 or _rows(folder) != then
    in_child(lambda: _start(folder))
    kept = {path.name for path in (folder.database, *folder.former_files)}
    toll.left += any(path.name not in kept and path.match("practice*.db") for path in folder.path.iterdir())
    toll.left += any(path.name.startswith(".") for path in folder.path.iterdir())
    shutil.rmtree(root / "round")
    return True


def _replace(file: Path, folder: DataFolder, *, dying_at: int = 0) -> None:
    key = folder.read_key(_settings(folder))
    if dying_at:
        die_at(dying_at)
    identity, now = server_identity(key)[0], datetime.now(UTC)
    replace_unreadable(file, identity, folder, _settings(folder), key=key, settle=settle_restored, told=lambda *_: None, now=now)


def _work_on(folder: DataFolder) -> None:
    """Something that the backup does not know."""

    def add(tx: Transaction) -> None:
        set_up_workplace(tx, "Später", is_room=True)

    async def run() -> None:
        async with Server(folder, _settings(folder)).running() as server:
            await server.writer.run(add)

    asyncio.run(run())


def _start(folder: DataFolder) -> None:
    async def run() -> None:
        async with Server(folder, _settings(folder)).running():
            pass

    asyncio.run(run())


def _is_trail_unsound(folder: DataFolder) -> bool:
    def look() -> None:
        with contextlib.closing(Server(folder, _settings(folder))) as server:
            assert server.verify_rows() == []

    return in_child(look) != 0


def _make(folder: DataFolder, *, dying_at: int = 0) -> None:
    with contextlib.closing(Server(folder, _settings(folder))) as server:
        server.backups.tidy()
        # In the process that is killed, not in one beside it.
        practice = Practice(folder, folder.read_key(_settings(folder)), "test")
        server.backups._work = work_here(practice, _settings(folder), open_restored)
        if dying_at:
            die_at(dying_at)
        server.backups._create(folder.backups, "manual")


def _bring_back(file: Path, folder: DataFolder, *, dying_at: int = 0) -> None:
    if dying_at:
        die_at(dying_at)
    restore(file, identity_of(recovery_key()), folder, _settings(folder), settle=settle_restored, told=lambda *_: None)


def _settings(folder: DataFolder) -> Settings:
    return read_settings(
        key_file=str(folder.path.parent / "test.key") if not (folder.path / "test.key").exists() else str(folder.path / "test.key")
    )


def _untrue(folder: DataFolder) -> int:
    """Files of a backup's name that are no good backup, and lines of the list that say more than is there."""
    identity = server_identity(folder.read_key(_settings(folder)))[0]
    untrue = 0
    for file in folder.backups.glob("*.mizbackup"):
        try:
            read_manifest(file, [identity])
        except BackupUnsoundError:
            untrue += 1
    for line in folder.backups.glob("*.json"):
        told = json.loads(line.read_bytes())
        untrue += bool(told["rehearsed_at"]) and not Path(told["file"]).exists()
    return untrue


def _rows(folder: DataFolder) -> dict[str, int]:
    """How many rows each table has; those aside that grow by themselves."""
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(folder.database, folder.read_key(_settings(folder))))) as opened:
        return {name: count for name, count in facts_of(opened.reader()).counts.items() if name not in _OWN_TABLES}


def main() -> None:
    print(json.dumps(asdict(_rounds(Path(sys.argv[1]), int(sys.argv[2])))))  # noqa: T201


if __name__ == "__main__":
    main()
