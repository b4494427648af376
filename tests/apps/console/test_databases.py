"""The console's databases: their state, checked and compacted from the page."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.databases.model import Check, Plan
from tests.apps.console.conftest import ADMIN, seat_at
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, is_on_server, served

PATH = "/console/databases"
WITHIN_S = 30


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[ServerThread]:
    if is_on_server():
        pytest.skip("a database server is looked after with its own tools")
    with served(tmp_path) as server:
        yield server


def finished(practice: ServerThread, visitor: Visitor) -> str:
    ends = time.monotonic() + WITHIN_S
    while practice.server.databases.is_running:
        assert time.monotonic() < ends
        time.sleep(0.01)
    return visitor.get(PATH).text


def test_checked_and_compacted_while_the_page_says_how_far(practice: ServerThread) -> None:
    admin = seat_at(practice.url, ADMIN)
    assert "noch nicht geprüft" in admin.get(PATH).text
    assert admin.post(PATH + "/check", {"full": "1"}).status == 303
    assert "in Ordnung" in finished(practice, admin)
    before = practice.folder.database
    assert admin.post(PATH + "/compaction").status == 303
    page = finished(practice, admin)
    assert practice.folder.database != before
    assert practice.folder.database.name in page
    assert "Letzte Verdichtung" in page


def test_damage_is_the_first_thing_that_is_said(practice: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice.server.databases, "_verify_rows", lambda: ["audit trail: altered 7"])
    admin = seat_at(practice.url, ADMIN)
    admin.post(PATH + "/check", {"full": "1"})
    page = finished(practice, admin)
    assert "Die letzte Prüfung hat etwas gefunden, das nicht sein darf" in page
    assert "audit trail: altered 7" in page
    assert "Die letzte Prüfung der Datenbank hat Schäden gefunden." in admin.get("/console").text


def test_the_way_back_from_damage_is_on_the_page(practice: ServerThread) -> None:
    admin = seat_at(practice.url, ADMIN)
    databases = practice.server.databases
    assert "Reparieren" not in admin.get(PATH).text
    databases._note(Check(practice.clock.now(), "full", ok=False, findings=["row 3 missing from index x"], seconds=0.1, is_sound=False))
    page = admin.get(PATH).text
    assert "Die Datenbank ist beschädigt: Was lesbar ist, wird gezeigt; Einträge werden nicht gespeichert." in page
    assert "row 3 missing from index x" in page
    before = practice.folder.database
    assert admin.post(PATH + "/repair").status == 303
    page = finished(practice, admin)
    assert "keine fehlt. Die beschädigte Datei bleibt" in page
    assert practice.folder.database != before
    assert before.name in page
    assert "Keine Prüfung hat einen Schaden gefunden" in admin.post(PATH + "/repair").text or "Keine Prüfung" in finished(practice, admin)


def test_moved_from_the_page_and_the_former_file_removed_by_its_name(practice: ServerThread, tmp_path: Path) -> None:
    admin = seat_at(practice.url, ADMIN)
    target, before = tmp_path / "other disk", practice.folder.database
    refused = admin.post(PATH + "/move", {"folder": str(target)})
    assert refused.status == 409
    assert "gibt es nicht" in refused.text
    assert str(target) in refused.text
    assert "liegt schon in" in admin.post(PATH + "/move", {"folder": str(before.parent)}).text
    assert "nicht der ganze Pfad" in admin.post(PATH + "/move", {"folder": "other"}).text
    target.mkdir()
    assert admin.post(PATH + "/move", {"folder": str(target)}).status == 303
    page = finished(practice, admin)
    assert practice.folder.database == target / "practice.db"
    assert str(target / "practice.db") in page
    assert "Umzug der Datenbank" in page
    assert admin.post(PATH + "/former", {"name": "anders"}).status == 422
    assert before.exists()
    assert admin.post(PATH + "/former", {"name": before.name}).status == 303
    assert not before.exists()
    technician = seat_at(practice.url, "Hr. Technik")
    assert "Datenbank umziehen" not in technician.get(PATH).text
    assert technician.post(PATH + "/move", {"folder": str(tmp_path)}).status == 403


def test_the_care_is_planned_on_the_page(practice: ServerThread) -> None:
    admin = seat_at(practice.url, ADMIN)
    form = {"is_on": "1", "quiet_from": "21:30", "quiet_until": "05:00", "compact_every_days": "30", "log_days": "10"}
    assert admin.post(PATH + "/plan", form).status == 303
    assert practice.server.care.plan == Plan(quiet_from="21:30", quiet_until="05:00", compact_every_days=30, log_days=10)
    assert admin.post(PATH + "/plan", form | {"log_days": "0"}).status == 422
    assert admin.post(PATH + "/plan", form | {"quiet_from": "25:00"}).status == 422
    assert practice.server.care.plan.log_days == 10


def test_a_monitor_hears_of_a_damaged_database_and_of_nothing_else(practice: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = seat_at(practice.url, ADMIN)
    ready = json.loads(admin.get("/health/ready").text)
    assert ready == {"status": "ready", "databases": {"practice": "open", "knowledge": "open"}, "is_backup_late": False}
    monkeypatch.setattr(practice.server.databases, "_verify_rows", lambda: ["audit trail: altered 7"])
    admin.post(PATH + "/check", {"full": "1"})
    finished(practice, admin)
    assert json.loads(admin.get("/health/ready").text)["databases"]["practice"] == "damaged"
