"""Backups of a running practice, and a practice brought back from one."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miz.apps.bootstrap import open_restored
from miz.backup import apart, making
from miz.backup.api import BackupList
from miz.backup.errors import BackupProcessEndedError
from miz.backup.queries import facts_of
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.db.pages import copy_database
from miz.kernel.clock import FakeClock
from tests.support.practice import ServerThread, client_of, recovery_key, served


def command(*words: str, key_file: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MIZ_KEY_FILE": str(key_file), "MIZ_LANG": "en"}
    return subprocess.run(
        [sys.executable, "-m", "miz", "backup", *words], check=False, capture_output=True, text=True, env=environment, timeout=60
    )


def new_patient(client: ApiClient, name: str) -> str:
    return client.create_patient(family_name=name, given_name="Erika", birth_date="1948-03-12", sex="female").id


@pytest.fixture
def brought_back(tmp_path: Path) -> Callable[[str], Path]:
    """Restores a backup to a new folder with the recovery key alone, as on a new machine."""

    def bring_back(file: str) -> Path:
        (tmp_path / "recovery").write_text(recovery_key())
        target = tmp_path / "new" / "practice"
        told = command(
            "restore", file, "--data", str(target), "--recovery-key", str(tmp_path / "recovery"), "--json", key_file=target / "test.key"
        )
        assert told.returncode == 0, told.stderr
        return target

    return bring_back


@pytest.fixture
def in_this_process(practice: ServerThread) -> None:
    """The work of the backups where a test can look into it."""
    backups, settings = practice.server.backups, practice.server.settings
    backups._work = apart.work_here(backups.practice, settings, open_restored)


def test_everything_acknowledged_before_comes_back_on_a_new_machine(practice: ServerThread, brought_back: Callable[[str], Path]) -> None:
    client = client_of(practice.url)
    patients = [new_patient(client, f"MUSTER{number}") for number in range(5)]
    token = client.open_patient(patients[0]).fencing_token
    made = practice_backup(practice)
    assert made["rehearsed_at"]
    assert made["counts"]["patient"] == 17
    late = new_patient(client, "ZUSPAET")

    folder = brought_back(made["file"])
    clock = FakeClock()
    restored = ServerThread(DataFolder(folder), clock)
    restored.start()
    try:
        there = client_of(restored.url)
        assert there.read_patient(patients[0]).family_name == "MUSTER0"
        with pytest.raises(RefusedError) as unknown:
            there.read_patient(late)
        assert unknown.value.status == 404
        # What was open before is refused: the server counts a new epoch.
        again = there.open_patient(patients[0]).fencing_token
        assert again != token
        with pytest.raises(RefusedError) as stale:
            there.add("notes", patients[0], token, text="x")
        assert stale.value.status == 412
        assert there.call("POST", "/audit/verify")["ok"]
    finally:
        restored.stop()


def practice_backup(practice: ServerThread, **body: str) -> dict[str, Any]:
    local = ApiClient(HttpSender(practice.url), token=practice.server.local_token)
    made: dict[str, Any] = local.call("POST", "/backups", body)
    return made


def test_nothing_is_left_of_a_process_that_was_killed(practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, own = tmp_path / "disk", practice.server.folder.backups
    disk.mkdir()
    (disk / "film.part").write_bytes(b"not ours")

    def killed(making: apart.Making, _told: object) -> None:
        begun = Path(making.file)
        (begun.with_name(f"{begun.name}.part") if begun.parent == own else begun).write_bytes(b"begun")
        (own / f".scratch-{begun.stem}.db").write_bytes(b"begun")
        raise BackupProcessEndedError

    monkeypatch.setattr(practice.server.backups, "_work", killed)
    for body in ({}, {"to": str(disk)}):
        with pytest.raises(RefusedError) as ended:
            practice_backup(practice, **body)
        assert (ended.value.status, ended.value.problem["code"]) == (503, "backup-process-ended")
    assert [file.name for file in disk.iterdir()] == ["film.part"]
    assert list(own.iterdir()) == []
    assert client_of(practice.url).call("GET", "/backups", answer=BackupList).items == []


def test_writers_go_on_while_a_backup_is_made(practice: ServerThread) -> None:
    client = client_of(practice.url)
    is_done = threading.Event()
    written: list[str] = []

    def write() -> None:
        while not is_done.is_set():
            written.append(new_patient(client, f"SCHREIBER{len(written)}"))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        counts = [practice_backup(practice)["counts"]["patient"] for _ in range(3)]
    finally:
        is_done.set()
        thread.join()
    assert counts == sorted(counts)
    assert counts[-1] > 12


@pytest.mark.usefixtures("in_this_process")
def test_nothing_lies_plain_and_nothing_is_left_over(practice: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    new_patient(client_of(practice.url), "KLARTEXTNAME")
    seen: list[Path] = []
    real = making.look_through

    def looking(*arguments: Any) -> None:
        for place in practice.folder.backups.rglob("*"):
            if place.is_file():
                seen.append(place)
                assert b"KLARTEXTNAME" not in place.read_bytes()
        real(*arguments)

    monkeypatch.setattr(making, "look_through", looking)
    practice_backup(practice)
    assert any(place.name == "practice.db" for place in seen)
    assert {path.suffix for path in practice.folder.backups.iterdir()} == {".json", ".mizbackup"}
    assert (practice.folder.path / "NICHT-KOPIEREN_DO-NOT-COPY.txt").exists()


@pytest.mark.usefixtures("in_this_process")
def test_while_somebody_reads_an_older_state_a_copy_is_backed_up(practice: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miz.infra.db.pages._TRIES", 2)
    file, key = practice.folder.database, practice.server.backups.practice.key
    copied: list[Path] = []

    def copying(source: Path, key: bytes, target: Path, **told: Any) -> None:
        copied.append(target)
        copy_database(source, key, target, **told)

    monkeypatch.setattr(making, "copy_database", copying)
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as older:
        older.rows("BEGIN")
        older.rows("SELECT count(*) FROM patient")
        new_patient(client_of(practice.url), "SPAETER")
        made = practice_backup(practice)
    assert made["rehearsed_at"]
    assert made["counts"]["patient"] == 13
    assert [place.exists() for place in copied] == [False]


def test_a_backup_that_cannot_be_opened_does_not_count(practice: ServerThread) -> None:
    good = practice_backup(practice)
    file = Path(good["file"])
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    client = client_of(practice.url)
    with pytest.raises(RefusedError) as refused:
        client.call("POST", f"/backups/{good['id']}/rehearsal")
    assert refused.value.problem["code"] == "backup-not-to-be-trusted"
    (listed,) = client.call("GET", "/backups", answer=BackupList).items
    assert (listed.rehearsed_at, listed.fault) == (None, "backup-not-to-be-trusted")
    assert "/" not in listed.file
    told = command("verify", str(file), "--json", key_file=practice.folder.path / "test.key")
    assert told.returncode == 17


@pytest.mark.usefixtures("in_this_process")
def test_rows_that_differ_from_the_manifest_are_found(practice: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    real = facts_of

    def counting(reader: Any) -> Any:
        facts = real(reader)
        facts.counts["patient"] += len(calls)
        calls.append(facts)
        return facts

    calls: list[Any] = []
    monkeypatch.setattr(making, "facts_of", counting)
    with pytest.raises(RefusedError) as refused:
        practice_backup(practice)
    assert refused.value.problem["code"] == "backup-not-to-be-trusted"


def test_the_nightly_backup_is_made_when_due_and_caught_up_when_missed(practice: ServerThread, clock: FakeClock) -> None:
    backups = practice.server.backups

    def keep_up() -> int:
        clock.steady += 7_200
        asyncio.run_coroutine_threadsafe(practice.server._keep_backups(), practice.loop).result(30)
        return len([one for one in backups.list() if one.kind == "nightly"])

    made_at = practice.folder.made_at
    clock.instant = made_at + timedelta(minutes=1)
    before = keep_up()
    clock.instant = made_at + timedelta(days=1, hours=1)
    assert keep_up() == before + 1
    # After the backup the whole database is checked.
    checked = practice.server.databases.states(practice.server.database.reader)[0].last_check
    assert checked is not None
    assert (checked.kind, checked.ok) == ("full", True)
    assert keep_up() == before + 1
    clock.instant += timedelta(days=3)
    assert keep_up() == before + 2
    client_of(practice.url, "Hr. Verwaltung", None).call("PUT", "/backups/plan", {"is_on": False})
    clock.instant += timedelta(days=3)
    assert keep_up() == before + 2


def test_old_nightly_backups_go_by_rule_and_others_stay(practice: ServerThread, clock: FakeClock) -> None:
    practice_backup(practice)
    backups = practice.server.backups
    client_of(practice.url, "Hr. Verwaltung", None).call("PUT", "/backups/plan", {"days": 2, "weeks": 0, "months": 0})
    clock.instant = practice.folder.made_at
    for _ in range(4):
        clock.instant += timedelta(days=1)
        clock.steady += 7_200
        asyncio.run_coroutine_threadsafe(backups.keep_up(), practice.loop).result(30)
    assert sorted(one.kind for one in backups.list()) == ["manual", "nightly", "nightly"]
    assert len(list(practice.folder.backups.glob("*.mizbackup"))) == 3


def test_a_second_one_waits_for_nobody(practice: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    real = practice.server.backups._work

    def slow(*arguments: Any) -> Any:
        assert goes_on.wait(20)
        return real(*arguments)

    monkeypatch.setattr(practice.server.backups, "_work", slow)
    first = threading.Thread(target=practice_backup, args=(practice,))
    first.start()
    try:
        while not practice.server.backups._busy.locked():
            pass
        with pytest.raises(RefusedError) as refused:
            practice_backup(practice)
        assert refused.value.problem["code"] == "backup-running"
    finally:
        goes_on.set()
        first.join()


def test_what_does_not_fit_is_refused_before_anything_changes(practice: ServerThread, tmp_path: Path) -> None:
    file = practice_backup(practice)["file"]
    recovery, other = tmp_path / "recovery", tmp_path / "other"
    recovery.write_text(recovery_key())
    other.write_text("AGE-SECRET-KEY-1")
    target = tmp_path / "target"

    def restore(*words: str) -> int:
        return command("restore", *words, key_file=tmp_path / "target.key").returncode

    assert restore(file, "--data", str(target), "--recovery-key", str(other)) == 17
    assert not target.exists()
    cut = tmp_path / "cut.mizbackup"
    cut.write_bytes(Path(file).read_bytes()[:-7])
    assert restore(str(cut), "--data", str(target), "--recovery-key", str(recovery)) == 17
    assert not (target / "server.json").exists()


@pytest.mark.usefixtures("in_this_process")
def test_a_newer_schema_is_refused(practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "HEAD", "0001")
    with pytest.raises(RefusedError) as refused:
        practice_backup(practice)
    assert refused.value.problem["code"] == "backup-from-newer-version"


@pytest.mark.usefixtures("in_this_process")
def test_no_room_and_no_such_folder_are_said(practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError) as missing:
        practice_backup(practice, to=str(tmp_path / "missing"))
    assert missing.value.problem["code"] == "backup-place-not-writable"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(RefusedError) as refused:
        practice_backup(practice)
    assert refused.value.problem["code"] == "no-room-for-backup"
    assert list(practice.folder.backups.glob("*.mizbackup")) == []


def test_the_command_line_works_without_a_server(tmp_path: Path) -> None:
    with served(tmp_path) as practice:
        folder, key_file = practice.folder, practice.folder.path / "test.key"
    made = command("create", "--data", str(folder.path), "--json", key_file=key_file)
    answer = json.loads(made.stdout)
    assert answer["rehearsed"] is True
    assert answer["counts"]["patient"] == 12
    assert command("verify", answer["file"], key_file=key_file).returncode == 0
    assert answer["id"] in command("list", "--data", str(folder.path), key_file=key_file).stdout
    assert command("rehearse", answer["id"], "--data", str(folder.path), key_file=key_file).returncode == 0
