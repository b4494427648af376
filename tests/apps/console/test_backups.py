"""The console's backups: made and rehearsed from the page, planned, and honest about what failed."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from miz.kernel.clock import FakeClock
from tests.apps.console.conftest import ADMIN, seat_at
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, is_on_server, served

PATH = "/console/backups"
WITHIN_S = 30


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def practice(tmp_path: Path, clock: FakeClock) -> Iterator[ServerThread]:
    if is_on_server():
        pytest.skip("backups are made of the SQLite file; a database server has tools of its own")
    with served(tmp_path, clock) as server:
        yield server


@pytest.fixture
def somebody(practice: ServerThread) -> Visitor:
    return seat_at(practice.url, ADMIN)


def finished(practice: ServerThread, visitor: Visitor) -> str:
    ends = time.monotonic() + WITHIN_S
    while practice.server.backups.is_running:
        assert time.monotonic() < ends
        time.sleep(0.01)
    return visitor.get(PATH).text


def test_a_backup_is_made_shown_and_rehearsed(practice: ServerThread, somebody: Visitor) -> None:
    assert "Es gibt noch keine Sicherung." in somebody.get(PATH).text
    assert somebody.post(PATH).headers["location"] == PATH + "?done=begun"
    page = finished(practice, somebody)
    (made,) = practice.server.backups.list()
    assert made.rehearsed
    assert Path(made.file).name in page
    assert "Rücksicherung proben" in page
    assert somebody.post(PATH + "/rehearsal", {"backup": made.id}).status == 303
    finished(practice, somebody)
    (again,) = practice.server.backups.list()
    assert again.rehearsed_at is not None
    assert again.rehearsed_at >= (made.rehearsed_at or again.rehearsed_at)


def test_a_failure_is_said_and_the_list_keeps_it(practice: ServerThread, somebody: Visitor) -> None:
    somebody.post(PATH)
    finished(practice, somebody)
    (made,) = practice.server.backups.list()
    Path(made.file).write_bytes(Path(made.file).read_bytes()[:-9])
    somebody.post(PATH + "/rehearsal", {"backup": made.id})
    page = finished(practice, somebody)
    assert "nicht zu trauen" in page
    assert "nicht vertrauenswürdig" in page
    assert practice.server.backups.last_proved() is None


def test_the_plan_is_kept_and_a_wrong_one_refused(practice: ServerThread, somebody: Visitor) -> None:
    plan = {"is_on": "1", "at": "03:30", "days": "7", "weeks": "4", "months": "6"}
    assert somebody.post(PATH + "/plan", plan).headers["location"] == PATH + "?done=planned"
    assert 'value="03:30"' in somebody.get(PATH).text
    assert somebody.post(PATH + "/plan", plan | {"at": "25:00"}).status == 422
    assert somebody.post(PATH + "/plan", plan | {"days": "viele"}).status == 422
    assert practice.server.backups.plan.at == "03:30"
    somebody.post(PATH + "/plan", {key: value for key, value in plan.items() if key != "is_on"})
    assert "Nächtliche Sicherungen sind ausgeschaltet." in somebody.get(PATH).text


def test_a_late_backup_is_the_sentence_of_the_overview(practice: ServerThread, clock: FakeClock, somebody: Visitor) -> None:
    sentence = "keine Sicherung mit gelungener Probe-Rücksicherung"
    clock.instant = practice.folder.made_at + timedelta(hours=30)
    assert sentence not in somebody.get("/console").text
    clock.instant += timedelta(hours=10)
    assert sentence in somebody.get("/console").text
    assert sentence in somebody.get(PATH).text
    somebody.post(PATH)
    finished(practice, somebody)
    assert sentence not in somebody.get("/console").text


def test_the_technician_starts_but_does_not_plan(practice: ServerThread) -> None:
    page = seat_at(practice.url, "Hr. Technik").get(PATH).text
    assert "Jetzt sichern" in page
    assert "Behalten wird" not in page
    auditor = seat_at(practice.url, "Fr. Datenschutz").get(PATH).text
    assert "Jetzt sichern" not in auditor
