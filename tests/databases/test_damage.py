"""A damaged page: nothing wrong is shown, nothing is saved, the cause is named, and the way back leads back."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.access.audit.model import AuditLines, AuditSearch
from miz.databases.api import DatabaseList
from miz.databases.model import Check, Repair
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc
from miz.infra.settings import Settings
from miz.kernel.clock import FakeClock
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, client_of, is_on_server, new_practice, settings_for

pytestmark = pytest.mark.skipif(is_on_server(), reason="a database server is looked after with its own tools")
NOTES = 60
NOTICED_WITHIN_S = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A practice with a patient whose notes fill several pages, closed."""
    made = new_practice(tmp_path)
    with running(made) as practice:
        client = client_of(practice.url)
        patient_id = client.create_patient(family_name="Schaden", given_name="Ina", birth_date="1950-01-02").id
        token = client.open_patient(patient_id).fencing_token
        for number in range(NOTES):
            client.add("notes", patient_id, token, text=f"{number} " + "Befund " * 60)
        client.release_patient(patient_id)
    return made


@contextlib.contextmanager
def running(folder: DataFolder) -> Iterator[ServerThread]:
    server = ServerThread(folder, FakeClock())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def damage(folder: DataFolder, name: str, settings: Settings | None = None) -> None:
    """Change a byte in the last leaf of a table or an index of a practice that nobody has open."""
    with contextlib.closing(sqlite3mc.connect(str(folder.database), key=folder.read_key(settings or settings_for(folder)))) as opened:
        [(page,)] = opened.rows("SELECT max(pageno) FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (name,))
    with folder.database.open("r+b") as file:
        file.seek(page * 4096 - 200)
        (byte,) = file.read(1)
        file.seek(page * 4096 - 200)
        file.write(bytes([byte ^ 1]))


def schaden(client: ApiClient) -> str:
    return client.search("Schaden")[0].id


def local(practice: ServerThread) -> ApiClient:
    return ApiClient(HttpSender(practice.url), token=practice.server.local_token)


def refusal_of_a_note(client: ApiClient, patient_id: str) -> str:
    """The code with which a note is refused."""
    token = client.open_patient(patient_id).fencing_token
    with pytest.raises(RefusedError) as refused:
        client.add("notes", patient_id, token, text="danach")
    client.release_patient(patient_id)
    return str(refused.value.problem["code"])


def wait_until_noticed(practice: ServerThread) -> None:
    end = time.monotonic() + NOTICED_WITHIN_S
    while not practice.server.databases.has_damage or practice.server.databases.is_running:
        assert time.monotonic() < end
        time.sleep(0.05)


def checked(practice: ServerThread) -> Check:
    return local(practice).call("POST", "/databases/practice/check", {"full": True}, answer=Check)


def test_who_meets_a_damaged_page_stops_all_saving(folder: DataFolder) -> None:
    damage(folder, "note")
    with running(folder) as practice:
        client = client_of(practice.url)
        other = client.search("Probe")[0].id
        with pytest.raises(RefusedError) as met:
            client.read_patient(schaden(client))
        assert (met.value.status, met.value.problem["code"]) == (503, "database-page-damaged")
        wait_until_noticed(practice)
        assert refusal_of_a_note(client, other) == "database-damaged"
        assert client.read_patient(other).family_name == "Probe"
        with pytest.raises(RefusedError, match="database-damaged"):
            client.create_patient(family_name="Neu", given_name="Ina", birth_date="1950-01-02")
        health = json.loads(HttpSender(practice.url)("GET", "/health/ready", {}, b"")[1])
        assert health["databases"]["practice"] == "damaged"
    with running(folder) as again:
        assert refusal_of_a_note(client_of(again.url), other) == "database-damaged"


def test_a_damaged_index_is_made_anew_and_nothing_is_missing(folder: DataFolder) -> None:
    damage(folder, "ix_note_patient_id")
    before = folder.database
    with running(folder) as practice:
        with pytest.raises(RefusedError, match="database-not-damaged"):
            local(practice).call("POST", "/databases/practice/repair")
        assert not checked(practice).is_sound
        done = local(practice).call("POST", "/databases/practice/repair", answer=Repair)
        assert done.is_whole
        assert checked(practice).ok
        client = client_of(practice.url)
        patient_id = schaden(client)
        assert len(client.read_patient(patient_id).notes) == NOTES
        token = client.open_patient(patient_id).fencing_token
        client.add("notes", patient_id, token, text="danach")
        state = local(practice).call("GET", "/databases", answer=DatabaseList).databases[0]
        assert state.former_files == [str(before)]
        assert [run.work for run in state.runs[:3]] == ["check", "check", "repair"]
        said = local(practice).call("POST", "/audit/search", AuditSearch(limit=20), answer=AuditLines).items
        assert "database_repaired" in {line.action for line in said}


def test_where_rows_are_missing_nothing_is_switched(folder: DataFolder) -> None:
    damage(folder, "note")
    before = folder.database
    with running(folder) as practice:
        assert not checked(practice).is_sound
        done = local(practice).call("POST", "/databases/practice/repair", answer=Repair)
        assert not done.is_whole
        assert done.incomplete == ["note"]
        assert practice.folder.database == before
        assert practice.server.databases.has_damage
    with contextlib.closing(sqlite3mc.connect(done.path, key=folder.read_key(settings_for(folder)), is_read_only=True)) as readable:
        [(notes,)] = readable.rows("SELECT count(*) FROM note")
        assert 0 < notes < NOTES
        assert readable.rows("PRAGMA integrity_check") == [("ok",)]
    assert b"Befund" not in Path(done.path).read_bytes()


def test_the_command_line_repairs_without_a_server(folder: DataFolder) -> None:
    def miz(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "miz", "db", *words, "--data", str(folder.path)]
        environment = os.environ | {"MIZ_KEY_FILE": str(folder.path / "test.key"), "MIZ_LANG": "en"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)

    damage(folder, "ix_note_patient_id")
    found = miz("check", "--full")
    assert found.returncode == 17, found.stderr
    repaired = miz("repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "none is missing" in repaired.stdout
    assert miz("check", "--full").returncode == 0
    damage(DataFolder(folder.path), "note")
    assert miz("check", "--full").returncode == 17
    in_part = miz("repair")
    assert in_part.returncode == 17
    assert "note" in in_part.stderr
    assert "miz backup restore" in in_part.stderr


def test_a_list_of_tables_that_cannot_be_read_leads_to_the_backup(folder: DataFolder) -> None:
    with running(folder) as practice:
        folder_now = practice.server.databases
        folder_now._note(Check(FakeClock.instant, "full", ok=False, findings=["x"], seconds=0, is_sound=False))
        damage(folder, "sqlite_schema")
        with pytest.raises(RefusedError) as refused:
            local(practice).call("POST", "/databases/practice/repair")
        assert refused.value.problem["code"] == "database-not-repairable"
        assert list(folder.path.glob("practice-*.db")) == []


def test_where_rows_are_missing_the_last_proved_backup_leads_back(folder: DataFolder) -> None:
    def miz(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "miz", *words, "--data", str(folder.path)]
        environment = os.environ | {"MIZ_KEY_FILE": str(folder.path / "test.key"), "MIZ_LANG": "en"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)

    made = miz("backup", "create", "--json")
    assert made.returncode == 0, made.stderr
    damaged = folder.database
    damage(folder, "note")
    assert miz("db", "check", "--full").returncode == 17
    back = miz("backup", "restore", json.loads(made.stdout)["file"], "--confirm", "Testpraxis")
    assert back.returncode == 0, back.stderr
    assert damaged.exists()
    assert miz("db", "check", "--full").returncode == 0
    with running(DataFolder(folder.path)) as practice:
        client = client_of(practice.url)
        patient_id = schaden(client)
        assert len(client.read_patient(patient_id).notes) == NOTES
        token = client.open_patient(patient_id).fencing_token
        client.add("notes", patient_id, token, text="danach")
        assert not practice.server.databases.has_damage


def test_a_log_that_broke_off_is_told_where_people_look(folder: DataFolder) -> None:
    with running(folder) as practice:
        client = client_of(practice.url)
        patient_id = schaden(client)
        token = client.open_patient(patient_id).fencing_token
        for number in range(5):
            client.add("notes", patient_id, token, text=f"bestätigt {number}")
        log = folder.database.with_name(folder.database.name + "-wal")
        killed = folder.database.read_bytes(), log.read_bytes()
    folder.database.write_bytes(killed[0])
    broken = killed[1][:40] + bytes([killed[1][40] ^ 1]) + killed[1][41:]  # the first frame's salt
    log.write_bytes(broken)
    with running(folder) as again:
        practice_db = local(again).call("GET", "/databases", answer=DatabaseList).databases[0]
        assert practice_db.last_check is not None
        assert not practice_db.last_check.ok
        assert practice_db.last_check.lost_saves >= 4
        assert log.with_name(log.name + ".broken").read_bytes() == broken
        owner = Visitor(again.url)
        owner.sign_in("Dr. Prüfer")
        assert "bestätigte Einträge fehlen" in owner.get("/console/databases").text
        said = local(again).call("POST", "/audit/search", AuditSearch(limit=50), answer=AuditLines).items
        assert "log_broken" in {line.action for line in said}
        # The rows are whole, though older: people go on, and what is missing is entered again.
        client = client_of(again.url)
        token = client.open_patient(patient_id).fencing_token
        client.add("notes", patient_id, token, text="noch einmal")
