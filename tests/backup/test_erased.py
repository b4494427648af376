"""A restored backup does not bring back who was erased after it was made."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from miz.access.audit.model import Report
from miz.access.audit.tables import audit_entry
from miz.infra.api_client import ApiClient
from miz.infra.data_folder import DataFolder
from miz.kernel.clock import FakeClock
from tests.backup.test_backups import command, new_patient, practice_backup
from tests.practice.people import verdict
from tests.support.practice import ServerThread, client_of, recovery_key, served


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path, FakeClock()) as server:
        yield server


def erase(client: ApiClient, patient_id: str, name: str) -> None:
    client.call("PUT", f"/patients/{patient_id}/erasure", {"reason": "patient_request"})
    client.call("POST", f"/patients/{patient_id}/erasure/confirmation", {"name": name})


def restore(tmp_path: Path, file: str, target: Path) -> tuple[int, str]:
    (tmp_path / "recovery").write_text(recovery_key())
    told = command(
        "restore", file, "--data", str(target), "--recovery-key", str(tmp_path / "recovery"), "--json", key_file=target / "test.key"
    )
    return told.returncode, told.stderr


def test_an_older_backup_is_restored_without_the_erased(practice: ServerThread, tmp_path: Path) -> None:
    client = client_of(practice.url)
    erased, stays = new_patient(client, "GELOESCHT"), new_patient(client, "BLEIBT")
    made = practice_backup(practice)
    later = new_patient(client, "SPAETER")
    for patient_id, name in ((erased, "GELOESCHT, Erika"), (later, "SPAETER, Erika")):
        erase(client, patient_id, name)

    target = tmp_path / "new" / "practice"
    assert restore(tmp_path, made["file"], target) == (0, "")
    restored = ServerThread(DataFolder(target), FakeClock())
    restored.start()
    try:
        there = client_of(restored.url)
        assert there.read_patient(stays).family_name == "BLEIBT"
        assert verdict(there.read_patient, erased) == (404, "patient-not-found")
        assert there.call("POST", "/audit/verify", answer=Report).ok
        reader = restored.server.database.reader()
        entries = reader.execute(select(audit_entry.c.patient_id, audit_entry.c.detail).where(audit_entry.c.action == "erased")).all()
        assert {tuple(entry) for entry in entries} == {(erased, "restored"), (later, "restored")}
        # A backup from between, restored from here, would not bring back the second one either.
        assert restored.folder.erased_list.read_bytes() == practice.folder.erased_list.read_bytes()
    finally:
        restored.stop()


def test_the_list_of_the_practice_itself_counts_where_it_is_brought_back(tmp_path: Path) -> None:
    with served(tmp_path, FakeClock()) as practice:
        client = client_of(practice.url)
        erased = new_patient(client, "GELOESCHT")
        made = practice_backup(practice)
        erase(client, erased, "GELOESCHT, Erika")
    folder = practice.folder
    elsewhere = Path(shutil.copy(made["file"], tmp_path / "medium.mizbackup"))
    told = command("restore", str(elsewhere), "--data", str(folder.path), "--confirm", "Testpraxis", key_file=folder.path / "test.key")
    assert told.returncode == 0, told.stderr
    restored = ServerThread(folder, FakeClock())
    restored.start()
    try:
        there = client_of(restored.url)
        assert verdict(there.read_patient, erased) == (404, "patient-not-found")
        assert there.call("POST", "/audit/verify", answer=Report).ok
    finally:
        restored.stop()


def test_a_list_that_cannot_be_read_stops_the_restore_and_leaves_nothing(practice: ServerThread, tmp_path: Path) -> None:
    client = client_of(practice.url)
    patient_id = new_patient(client, "GELOESCHT")
    made = practice_backup(practice)
    erase(client, patient_id, "GELOESCHT, Erika")
    practice.folder.erased_list.write_bytes(b'["cut off')
    target = tmp_path / "new" / "practice"
    status, told = restore(tmp_path, made["file"], target)
    assert status == 17
    assert "erased patients cannot be read" in told
    assert not DataFolder(target).has_practice


def test_the_backups_list_is_not_confused_by_the_list_of_the_erased(practice: ServerThread) -> None:
    client = client_of(practice.url)
    patient_id = new_patient(client, "GELOESCHT")
    made = practice_backup(practice)
    erase(client, patient_id, "GELOESCHT, Erika")
    assert [one.id for one in practice.server.backups.list()] == [made["id"]]
    practice.server.backups.tidy()
    assert practice.folder.erased_list.exists()
    assert practice_backup(practice)["rehearsed_at"]  # a backup after the erasure has a sound trail
