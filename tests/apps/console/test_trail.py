"""The audit trail's page: filters, names, whether the chain holds, and the export."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from miz.access.audit.tables import audit_entry
from miz.apps.console import trail
from miz.infra.api_client import ApiClient
from tests.apps.console.conftest import ADMIN, DENTIST, OWNER, Seat, seat_at
from tests.apps.console.test_applications import rows
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, client_of, served

PATH = "/console/trail"
WITHIN_S = 5
FAMILY = "Sesselmann"


def soon(is_so: Callable[[], bool]) -> None:
    """What is noted is sealed within a second, aside from what people wait for."""
    until = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def shown(visitor: Visitor, **wanted: str) -> list[str]:
    answer = visitor.post(PATH, wanted)
    assert answer.status == 200
    return rows(answer.text)


@pytest.fixture
def read(owner: Visitor, window: ApiClient, patient_id: str) -> str:
    """A patient's record that somebody has read."""
    window.read_patient(patient_id)
    soon(lambda: any("Akte gelesen" in row for row in shown(owner, patient=patient_id)))
    return patient_id


@pytest.mark.parametrize("form", ["", "/verification", "/export"])
def test_only_who_may_reads_the_trail(seats: Seat, form: str) -> None:
    for user in (DENTIST, "Hr. Technik", "Fr. Assistenz", "Fr. Empfang"):
        assert seats(user).post(PATH + form).status == 403, user


def test_names_stand_there_for_those_who_may_search_patients(owner: Visitor, admin: Visitor, seats: Seat, read: str) -> None:
    assert any(f"{FAMILY}, Ina" in row for row in shown(owner, patient=read))
    assert 'id="q"' in owner.get(PATH).text
    for visitor in (admin, seats("Fr. Datenschutz")):
        lines = shown(visitor, action="read")
        assert any("Fr. Assistenz Assistenz Zimmer 2 Akte gelesen eine Akte" in line for line in lines)
        page = visitor.post(PATH, {"action": "read", "q": FAMILY}).text
        assert f"{FAMILY}, Ina" not in page
        assert "Welche Akte?" not in page
        assert 'id="q"' not in page
        assert read not in page


def test_a_typed_name_leads_to_its_entries(owner: Visitor, read: str) -> None:
    found = owner.post(PATH, {"q": FAMILY}).text
    assert "Welche Akte?" in found
    assert re.search(rf'name="patient" value="{read}"><button[^>]*><b>{FAMILY}, Ina</b>, 02.01.1950', found)
    chosen = owner.post(PATH, {"patient": read}).text
    assert f"{FAMILY}, Ina" in re.findall(r"<h2>(.*?)</h2>", chosen)[-1]
    assert {f"{FAMILY}, Ina" in row for row in rows(chosen)} == {True}
    assert "Keine Akte zu „Nirgendwo“ gefunden." in owner.post(PATH, {"q": "Nirgendwo"}).text


def test_filters_narrow_what_is_shown(server: ServerThread, owner: Visitor, read: str) -> None:
    assert {"Fr. Assistenz" in row for row in shown(owner, user="Fr. Assistenz")} == {True}
    assert {"Akte gelesen" in row for row in shown(owner, action="read")} == {True}
    day = server.clock.instant.date()
    before, today, after = ((day + timedelta(days=days)).isoformat() for days in (-1, 0, 1))
    hers = shown(owner, user="Fr. Assistenz")
    assert shown(owner, user="Fr. Assistenz", since=today, until=today) == hers
    for nothing in ({"until": before}, {"since": after}, {"action": "nothing"}):
        assert shown(owner, user="Fr. Assistenz", **nothing) == ["Keine Einträge."], nothing
    assert shown(owner, user="Niemand") == ["Keine Einträge."]
    everything = shown(owner)
    for unreadable in ({"since": "gestern"}, {"until": "31.12.2026"}, {"before": "x"}, {"before": "9" * 30}):
        assert shown(owner, **unreadable)[-1] == everything[-1], unreadable


def test_no_id_is_longer_than_a_person_reads(owner: Visitor, read: str) -> None:
    lines = rows(owner.post(PATH, {"patient": read, "action": "created"}).text)
    assert re.search(r" patient [0-9a-f]{8}$", lines[-1])


def test_older_entries_follow_in_pages(server: ServerThread, owner: Visitor, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "SHOWN", 2)
    created = server.server.database.reader().scalar(select(func.count()).where(audit_entry.c.action == "created")) or 0
    assert created > trail.SHOWN
    page = owner.post(PATH, {"action": "created"}).text
    lines = rows(page)
    assert len(lines) == trail.SHOWN
    while further := re.search(r'name="before" value="(\d+)"', page):
        assert '<input type="hidden" name="action" value="created">' in page
        page = owner.post(PATH, {"action": "created", "before": further[1]}).text
        lines += rows(page)
    assert len(lines) == created
    assert {" erfasst " in line for line in lines} == {True}


def test_the_export_holds_what_is_shown_and_is_an_entry_itself(owner: Visitor, admin: Visitor, read: str) -> None:
    answer = owner.post(f"{PATH}/export", {"patient": read, "action": "read"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-trail.jsonl"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {(line["action"], line["patient_id"]) for line in lines} == {("read", read)}
    assert FAMILY not in answer.text
    soon(lambda: any("exportiert" in row for row in shown(owner, action="audit_exported", patient=read)))
    assert len(admin.post(f"{PATH}/export").text.splitlines()) > len(lines)


def test_nobody_asks_about_a_patient_by_address(owner: Visitor, read: str) -> None:
    assert "Wer hat was von" in owner.post(PATH, {"patient": read}).text
    assert "Wer hat was von" not in owner.get(f"{PATH}?patient={read}&action=read").text
    assert any("angemeldet" in row for row in rows(owner.get(f"{PATH}?patient={read}").text))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ServerThread]:
    """A practice whose trail is tampered with."""
    with served(tmp_path) as running:
        yield running


def test_a_chain_is_verified_and_what_was_altered_is_named(own: ServerThread) -> None:
    client = client_of(own.url)
    patient = client.create_patient(family_name=FAMILY, given_name="Ina", birth_date="1950-01-02")
    admin, owner = seat_at(own.url, ADMIN), seat_at(own.url, OWNER)
    for visitor in (admin, owner):
        report = visitor.post(f"{PATH}/verification").text
        assert re.search(r'class="notice green"[^>]* id="report".*?Kette geprüft: \d+ Einträge, unverändert\.', report, re.DOTALL)
        assert 'role="alert"' not in report.partition("<main")[2]

    victim = own.server.database.reader().scalar(
        select(audit_entry.c.id).where(audit_entry.c.patient_id == patient.id, audit_entry.c.action == "created")
    )
    own.write(lambda tx: tx.connection.execute(update(audit_entry).where(audit_entry.c.id == victim).values(user_id="jemand anders")))
    report = admin.post(f"{PATH}/verification").text
    assert re.search(r'class="notice red"[^>]* id="report" role="alert"', report)
    assert "Dem Prüfpfad ist nicht zu trauen." in report
    assert re.search(rf"<li>[^<]*{victim}: der Eintrag wurde verändert</li>", report)
    assert FAMILY not in report
    soon(lambda: any("Prüfpfad geprüft" in row for row in shown(owner, action="audit_verified")))
