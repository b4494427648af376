"""The console's databases: their state, checked and compacted from the page."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    monkeypatch.setattr(practice.server.databases, "_verify_trail", lambda: ["audit trail: altered 7"])
    admin = seat_at(practice.url, ADMIN)
    admin.post(PATH + "/check", {"full": "1"})
    page = finished(practice, admin)
    assert "Die letzte Prüfung hat Schäden gefunden." in page
    assert "audit trail: altered 7" in page
    assert "Die letzte Prüfung der Datenbank hat Schäden gefunden." in admin.get("/console").text
