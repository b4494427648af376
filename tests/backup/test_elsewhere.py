"""The second place of the backups: copied there and read there, found again when it comes back, and left alone where nothing can be taken away."""

import asyncio
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from miz.backup import elsewhere
from miz.backup.model import Plan
from miz.backup.package import read_manifest
from miz.infra.data_folder import DataFolder
from miz.kernel.clock import FakeClock
from miz.kernel.errors import MizError
from tests.backup.test_backups import command, new_patient, practice_backup
from tests.backup.test_erased import erase, restore
from tests.crash.disk import NoDiskError
from tests.crash.disk import disk as fresh_disk
from tests.practice.people import verdict
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, client_of, new_practice

ADMIN = "Hr. Verwaltung"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "disk"
    made.mkdir()
    return made


def follow(practice: ServerThread, **plan: object) -> None:
    client_of(practice.url, ADMIN, None).call("PUT", "/backups/plan", plan)


@pytest.fixture
def goes_there(practice: ServerThread, place: Path) -> ServerThread:
    """A practice whose backups are made by hand, and copied to the place."""
    follow(practice, is_on=False, second_place=str(place))
    return practice


@pytest.fixture
def full_of_old(tmp_path: Path) -> Iterator[Path]:
    """A folder in which files can be made, and nothing can be renamed or removed."""
    try:
        with fresh_disk(tmp_path) as disk:
            folder = disk.place / "only-grows"
            folder.mkdir()
            asked = subprocess.run(["chattr", "+a", str(folder)], check=False, capture_output=True, text=True)
            if asked.returncode:
                pytest.skip(f"no folder can be made append-only here: {asked.stderr.strip()}")
            try:
                yield folder
            finally:
                subprocess.run(["chattr", "-a", str(folder)], check=True)
    except NoDiskError as error:
        pytest.skip(f"an append-only folder needs a disk of its own: {error}")


def keep_up(practice: ServerThread, *, hours: float) -> None:
    """What the server does beside its work, after so many hours; the first time at noon, days after the practice was made."""
    clock = practice.clock
    noon = (practice.folder.made_at + timedelta(days=2)).replace(hour=12)
    clock.instant = max(clock.instant + timedelta(hours=hours), noon)
    clock.steady += hours * 3_600
    asyncio.run_coroutine_threadsafe(practice.server._keep_backups(), practice.loop).result(60)
    while not practice.server._backing_up.done():  # the server may have begun by itself
        time.sleep(0.01)


def page(practice: ServerThread, address: str) -> str:
    """What the administrator sees there who comes now."""
    desk = Visitor(practice.url)
    desk.sign_in(ADMIN)
    return desk.get(address).text


def copies(place: Path) -> list[Path]:
    return sorted(place.glob("*.mizbackup"))


def test_each_nights_backup_goes_there_and_restores_from_there(practice: ServerThread, place: Path, tmp_path: Path) -> None:
    follow(practice, second_place=str(place))
    client = client_of(practice.url)
    stays, erased, later = (new_patient(client, name) for name in ("BLEIBT", "GELOESCHT", "SPAETER"))
    keep_up(practice, hours=2)
    (copy,) = copies(place)
    (listed,) = practice.server.backups.list()
    assert (listed.kind, listed.copy, listed.copy_fault) == ("nightly", str(copy), "")
    assert copy.read_bytes() == Path(listed.file).read_bytes()
    # Whom the copy must not bring back is there long before the next one.
    for patient_id, name in ((erased, "GELOESCHT, Erika"), (later, "SPAETER, Erika")):
        erase(client_of(practice.url), patient_id, name)
        keep_up(practice, hours=2)
    (listed_there,) = place.glob("erased-*.list")
    assert listed_there.read_bytes() == practice.folder.erased_list.read_bytes()
    assert len(copies(place)) == 1
    target = tmp_path / "new" / "practice"
    assert restore(tmp_path, str(copy), target) == (0, "")
    restored = ServerThread(DataFolder(target), FakeClock())
    restored.start()
    try:
        there = client_of(restored.url)
        assert there.read_patient(stays).family_name == "BLEIBT"
        for gone in (erased, later):
            assert verdict(there.read_patient, gone) == (404, "patient-not-found")
    finally:
        restored.stop()


def test_a_disk_that_is_not_connected_is_told_and_found_again(goes_there: ServerThread, place: Path) -> None:
    away = place.with_name("in-the-safe")
    place.rename(away)
    place.mkdir()  # what is left where a disk was mounted
    practice_backup(goes_there)
    keep_up(goes_there, hours=2)
    assert list(place.iterdir()) == []
    (listed,) = goes_there.server.backups.list()
    assert (listed.copy, listed.copy_fault) == ("", "backup-place-unknown")
    sentence = "Die neueste Sicherung ist nicht an ihrem zweiten Ort."
    assert sentence in page(goes_there, "/console/backups")
    assert sentence in page(goes_there, "/console")
    assert "nicht verbunden" in page(goes_there, "/problems/backup-place-unknown")
    place.rmdir()
    away.rename(place)
    keep_up(goes_there, hours=0.5)
    assert copies(place) == []
    keep_up(goes_there, hours=2)
    assert len(copies(place)) == 1
    assert sentence not in page(goes_there, "/console")
    assert "auch am zweiten Ort" in page(goes_there, "/console/backups")


def test_a_copy_that_is_not_what_was_copied_does_not_count(goes_there: ServerThread, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = elsewhere.copy_into

    def damaging(*arguments: object) -> Path:
        copy = real(*arguments)  # type: ignore[arg-type]
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 1
        copy.write_bytes(content)
        return copy

    practice_backup(goes_there)
    with monkeypatch.context() as patched:
        patched.setattr(elsewhere, "copy_into", damaging)
        keep_up(goes_there, hours=2)
    assert copies(place) == []
    assert goes_there.server.backups.copy_fault() == "backup-not-to-be-trusted"
    keep_up(goes_there, hours=2)
    assert len(copies(place)) == 1
    assert goes_there.server.backups.copy_fault() == ""


def test_old_copies_go_by_the_rule_and_what_is_not_ours_stays(practice: ServerThread, place: Path) -> None:
    follow(practice, days=2, weeks=0, months=0, second_place=str(place))
    foreign = place / "miz-00000000-2020-01-01T000000Z-abcd.mizbackup"
    foreign.write_bytes(b"of another practice")
    for _ in range(4):
        keep_up(practice, hours=24)
    assert foreign.exists()
    assert len(copies(place)) == 3


def test_a_place_from_which_nothing_can_be_taken_away(practice: ServerThread, full_of_old: Path) -> None:
    follow(practice, days=1, weeks=0, months=0, second_place=str(full_of_old))
    for _ in range(3):
        keep_up(practice, hours=24)
    assert len(copies(full_of_old)) == 3
    assert practice.server.backups.copy_fault() == ""
    by_hand = practice_backup(practice, to=str(full_of_old))
    assert by_hand["rehearsed_at"]
    # A copy that was cut off keeps its name for ever; the next one goes beside it.
    practice.clock.instant += timedelta(minutes=1)
    backup = Path(practice_backup(practice)["file"])
    (full_of_old / backup.name).write_bytes(backup.read_bytes()[:-9])
    keep_up(practice, hours=2)
    beside = full_of_old / f"{backup.stem}.2.mizbackup"
    assert beside.read_bytes() == backup.read_bytes()
    assert practice.server.backups.list()[0].copy == str(beside)


@pytest.mark.parametrize("cut_at", [1, 2, 3])
def test_who_stops_in_the_middle_leaves_nothing(
    goes_there: ServerThread, place: Path, monkeypatch: pytest.MonkeyPatch, cut_at: int
) -> None:
    monkeypatch.setattr(elsewhere, "_PIECE", 4_096)
    backup = Path(practice_backup(goes_there)["file"])
    count = itertools.count(1)

    def told(*_: object) -> None:
        if next(count) == cut_at:
            raise InterruptedError

    with pytest.raises(MizError):
        elsewhere.copy_into(place, backup, told)
    assert copies(place) == []


def test_what_can_be_no_second_place_is_refused(practice: ServerThread, tmp_path: Path) -> None:
    client = client_of(practice.url, ADMIN, None)
    for folder, status, code in (
        (practice.folder.backups, 422, "backup-place-same"),
        (practice.folder.path, 422, "backup-place-same"),
        (tmp_path / "nowhere", 503, "backup-place-not-writable"),
        (Path("disk"), 422, "invalid-input"),
    ):
        assert verdict(client.call, "PUT", "/backups/plan", {"second_place": str(folder)}) == (status, code)
    desk = Visitor(practice.url)
    desk.sign_in(ADMIN)
    refused = desk.post("/console/backups/plan", {"second_place": str(practice.folder.path)})
    assert refused.status == 422
    assert "liegt im Ordner der Praxis selbst" in refused.text
    assert practice.server.backups.plan == Plan()


def test_a_cut_copy_is_no_backup(goes_there: ServerThread, place: Path) -> None:
    practice_backup(goes_there)
    keep_up(goes_there, hours=2)
    (copy,) = copies(place)
    content = copy.read_bytes()
    identities = goes_there.server.backups.practice.identities
    for length in (0, 1, len(content) // 2, len(content) - 1):
        copy.write_bytes(content[:length])
        with pytest.raises(MizError):
            read_manifest(copy, identities)


def test_the_plan_from_the_command_line(tmp_path: Path, place: Path) -> None:
    folder = new_practice(tmp_path)
    key_file = folder.path / "test.key"

    def plan(*words: str) -> str:
        told = command("plan", *words, "--data", str(folder.path), key_file=key_file)
        assert told.returncode == 0, told.stderr
        return told.stdout

    assert "There is no second place." in plan()
    said = plan("--at", "03:15", "--days", "5", "--second-place", str(place))
    assert "03:15" in said
    assert f"Copied to: {place}" in said
    kept = json.loads(plan("--off", "--json"))
    assert kept == {"is_on": False, "at": "03:15", "days": 5, "weeks": 8, "months": 12, "second_place": str(place)}
    assert "There is no second place." in plan("--second-place", "")
    assert command("plan", "--at", "25:00", "--data", str(folder.path), key_file=key_file).returncode == 10
