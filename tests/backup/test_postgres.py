"""Backups of a practice on a real PostgreSQL, in the same package; proved in a database of its own, brought back into an empty one."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from miz.apps.bootstrap import BACKING_UP
from miz.backup.apart import work_apart
from miz.backup.model import Backup
from miz.backup.restoring import restore as restore_to
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.infra.keys import identity_of
from miz.infra.settings import read_settings
from miz.kernel.clock import FakeClock
from tests.backup.test_erased import erase
from tests.support.postgres import NoPostgresError, Postmaster, postmaster, programs
from tests.support.practice import ServerThread, client_of, practice_on


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Postmaster:
    try:
        monkeypatch.setenv("MIZ_POSTGRES_PROGRAMS", str(programs()))
        return postmaster()
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture
def practice(cluster: Postmaster, tmp_path: Path) -> Iterator[ServerThread]:
    server = ServerThread(practice_on(cluster.url(cluster.new_database()), tmp_path), FakeClock())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def backed_up(practice: ServerThread) -> Backup:
    local = ApiClient(HttpSender(practice.url), token=practice.server.local_token)
    return local.call("POST", "/backups", {}, answer=Backup)


def new_patient(client: ApiClient, name: str) -> str:
    return client.create_patient(family_name=name, given_name="Erika", birth_date="1948-03-12", sex="female").id


def restore(file: str, target: Path, recovery: Path, url: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MIZ_KEY_FILE": str(target / "test.key"), "MIZ_LANG": "en", "MIZ_DATABASE_URL": url}
    command = [sys.executable, "-m", "miz", "backup", "restore", file, "--data", str(target), "--recovery-key", str(recovery)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)


def databases(cluster: Postmaster) -> set[str]:
    return {name for (name,) in cluster.run("SELECT datname FROM pg_database")}


def tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return int(row[0]) if row else -1


def test_everything_acknowledged_before_comes_back_in_an_empty_database(
    practice: ServerThread, cluster: Postmaster, tmp_path: Path
) -> None:
    client = client_of(practice.url)
    is_done = threading.Event()
    during: list[str] = []

    def write() -> None:
        while not is_done.is_set():
            during.append(new_patient(client, f"SCHREIBER{len(during)}"))

    before = [new_patient(client, f"MUSTER{number}") for number in range(3)]
    writing, standing = threading.Thread(target=write), databases(cluster)
    writing.start()
    try:
        made = backed_up(practice)
    finally:
        is_done.set()
        writing.join()
    assert made.rehearsed
    assert made.fault == ""
    assert databases(cluster) == standing  # the one of the rehearsal is gone
    late, erased = new_patient(client, "ZUSPAET"), before.pop()
    erase(client, erased, "MUSTER2, Erika")
    recovery = practice.folder.path.parent / "recovery-key.txt"
    (tmp_path / "new").mkdir()
    url = cluster.url(cluster.new_database())
    told = restore(made.file, tmp_path / "new" / "practice", recovery, url)
    assert told.returncode == 0, told.stderr
    (tmp_path / "new" / "database-url").write_text(url)
    brought_back = ServerThread(DataFolder(tmp_path / "new" / "practice"), FakeClock())
    brought_back.start()
    try:
        reader = client_of(brought_back.url)
        assert all(reader.read_patient(patient_id).id == patient_id for patient_id in before)
        for gone in (late, erased):
            with pytest.raises(RefusedError):
                reader.read_patient(gone)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM patient").fetchone() == (made.counts["patient"] - 1,)
    finally:
        brought_back.stop()


def test_what_is_damaged_taken_or_not_named_is_refused_before_anything_changes(
    practice: ServerThread, cluster: Postmaster, tmp_path: Path
) -> None:
    made = backed_up(practice)
    recovery = practice.folder.path.parent / "recovery-key.txt"
    content = bytearray(Path(made.file).read_bytes())
    content[len(content) // 2] ^= 1
    damaged, target, empty = tmp_path / "damaged.mizbackup", tmp_path / "new", cluster.url(cluster.new_database())
    damaged.write_bytes(content)
    for file, url, said in (
        (str(damaged), empty, "not to be trusted"),
        (made.file, (tmp_path / "database-url").read_text(), "There is a practice in the database"),
        (made.file, "", "on a database server"),
    ):
        told = restore(file, target, recovery, url)
        assert told.returncode != 0
        assert said in told.stderr
        assert not (target / "server.json").exists()
    assert tables(empty) == 0


def test_without_the_right_to_a_scratch_database_the_backup_does_not_count(cluster: Postmaster, tmp_path: Path) -> None:
    name = cluster.new_database()
    cluster.run("DROP ROLE IF EXISTS modest")
    cluster.run("CREATE ROLE modest LOGIN")
    cluster.run(f"ALTER DATABASE {name} OWNER TO modest")
    url = cluster.url(name).replace("//miz@", "//modest@")
    server = ServerThread(practice_on(url, tmp_path), FakeClock())
    server.start()
    try:
        with pytest.raises(RefusedError) as refused:
            backed_up(server)
        assert refused.value.problem["code"] == "no-scratch-database"
        (kept,) = server.server.backups.list()
        assert not kept.rehearsed
        assert kept.fault == "no-scratch-database"
        assert Path(kept.file).exists()
    finally:
        server.stop()
        cluster.run(f"DROP DATABASE {name} WITH (FORCE)")
        cluster.run("DROP ROLE modest")


def test_programs_of_another_version_are_not_used(practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "pg_dump"
    other.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    other.chmod(0o700)
    backups, settings = practice.server.backups, replace(practice.server.settings, postgres_programs=str(tmp_path))
    monkeypatch.setattr(backups, "_work", work_apart(backups.practice, settings, BACKING_UP))
    with pytest.raises(RefusedError) as refused:
        backed_up(practice)
    assert refused.value.problem["code"] == "database-program-missing"
    assert list(practice.folder.backups.glob("*.mizbackup")) == []


def test_after_a_fault_late_in_the_restore_the_database_is_empty_again(practice: ServerThread, cluster: Postmaster, tmp_path: Path) -> None:
    made, url = backed_up(practice), cluster.url(cluster.new_database())
    identity = identity_of((practice.folder.path.parent / "recovery-key.txt").read_text())
    folder = DataFolder(tmp_path / "new")
    filled: list[int] = []

    def fail(_folder: DataFolder, *_: object) -> None:
        filled.append(tables(url))
        raise InterruptedError

    settings = read_settings(database_url=url, key_file=str(tmp_path / "new.key"))
    with pytest.raises(InterruptedError):
        restore_to(Path(made.file), identity, folder, settings, settle=fail, told=lambda *_: None)
    assert filled[0] > 10
    assert tables(url) == 0
    assert not folder.has_practice
