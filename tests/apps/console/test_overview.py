"""The first screen: one sentence of health, tiles, figures."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from miz.apps.console.traffic import MINUTES, Traffic
from miz.infra.certificates.folder import Certificates
from miz.infra.certificates.names import CertificateState
from miz.kernel.clock import FakeClock
from tests.apps.console.conftest import ADMIN, Seat, seat_at
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, served


def health(visitor: Visitor) -> tuple[str, str]:
    """How serious it is, and the sentence."""
    answer = visitor.get("/console")
    assert answer.status == 200
    found = re.search(r'<p class="health ?([a-z]*)">(.*?)</p>', answer.text, re.DOTALL)
    assert found
    return found[1], re.sub(r"(?:<[^>]+>|\s)+", " ", found[2]).strip()


def figures(visitor: Visitor) -> list[int]:
    """The table of requests, the newest first."""
    return [int(count) for count in re.findall(r"<tr><td>\d+</td><td>(\d+)</td></tr>", visitor.get("/console").text)]


def test_all_is_well_and_since_when(admin: Visitor) -> None:
    state, sentence = health(admin)
    assert state == ""
    assert re.fullmatch(r"Alles in Ordnung · läuft seit .*\d\d:\d\d", sentence)


def test_who_should_have_a_second_factor_is_told(owner: Visitor, admin: Visitor, seats: Seat) -> None:
    for visitor in (owner, admin, seats("Hr. Technik")):
        assert "Ihr Konto hat keinen zweiten Faktor" in visitor.get("/console").text
    assert 'href="/account/second-factor"' in owner.get("/console/first-steps").text


def test_the_tiles_say_where_how_large_and_how_many(server: ServerThread, admin: Visitor, patient_id: str) -> None:
    text = admin.get("/console").text
    assert server.server.database.source.shown in text
    assert re.search(r"Sperren</span><span class=\"figure\">1<", text)
    assert re.search(r'Anwendungen</span><span class="figure">1 online<', text)
    assert re.search(r"Arzneimitteldaten</span><span class=\"figure\">2026", text)
    assert re.search(r'class="figure">\d+,\d&nbsp;MB<', text)
    assert patient_id not in text


def test_who_may_not_search_patients_reads_no_name(owner: Visitor, admin: Visitor, seats: Seat, patient_id: str) -> None:
    assert "Sesselmann" in owner.get("/console").text
    shown = admin.get("/console").text
    assert "Sesselmann" not in shown
    assert re.search(r'data-label="Geöffnet">eine Akte<', shown)
    technician = seats("Hr. Technik").get("/console").text
    assert "Sesselmann" not in technician
    assert 'id="online"' not in technician
    assert "/disconnect" not in technician


def test_setup_mode_is_named_with_its_way_out(admin: Visitor, seats: Seat, setup_mode: None) -> None:
    assert health(admin) == ("late", "Anmeldungs- und Einstellungsmodus: Akten lassen sich nicht öffnen. Modus wechseln")
    assert "Modus wechseln" not in health(seats("Hr. Technik"))[1]


def test_a_missing_anchor_of_the_audit_trail_is_named(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        admin = seat_at(server.url, ADMIN)
        assert health(admin)[0] == ""
        server.folder.audit_anchor.unlink()
        assert health(admin) == ("failed", "Die Datei des Prüfpfads außerhalb der Datenbank fehlt. Prüfen")


@pytest.mark.sqlite_only("moves the SQLite file; tests/infra/test_postgres.py kills the PostgreSQL")
def test_a_database_that_does_not_answer_comes_first(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        admin = seat_at(server.url, ADMIN)
        aside = server.folder.path / "moved.db"
        server.folder.database.rename(aside)
        assert health(admin) == (
            "failed",
            "Die Datenbankdatei wurde bei laufendem Server verschoben oder ersetzt. Im Moment wird nichts gespeichert.",
        )
        aside.rename(server.folder.database)
        assert health(admin)[0] == ""


@pytest.mark.parametrize(
    ("day", "state", "sentence"),
    [
        (datetime(2027, 3, 10, 8, tzinfo=UTC), "late", "Die Arzneimitteldaten gelten bis 31.03.2027."),
        (datetime(2028, 1, 10, 8, tzinfo=UTC), "failed", "Die Arzneimitteldaten sind am 31.03.2027 abgelaufen."),
    ],
)
def test_drug_data_near_and_past_their_end_are_named(tmp_path: Path, day: datetime, state: str, sentence: str) -> None:
    with served(tmp_path, FakeClock(day)) as server:
        admin = seat_at(server.url, ADMIN)
        admin.post("/console/backups/plan")
        assert health(admin) == (state, sentence)


def test_requests_are_counted_by_the_minute(server: ServerThread, admin: Visitor) -> None:
    before = figures(admin)
    assert len(before) == MINUTES
    admin.get("/console/mode")
    assert figures(admin)[0] == before[0] + 2
    server.clock.steady += 60
    assert figures(admin)[:2] == [1, before[0] + 2]


def test_counts_leave_after_an_hour() -> None:
    traffic = Traffic()
    for second in (7_205, 7_210, 7_260):
        traffic.count(second)
    assert traffic.last_hour(7_265)[-3:] == [0, 2, 1]
    assert traffic.last_hour(7_265 + 58 * 60)[:2] == [2, 1]
    assert sum(traffic.last_hour(7_265 + 60 * 60)) == 0


@pytest.mark.parametrize(
    ("days", "state", "sentence"),
    [
        (-1, "failed", "Das Zertifikat des Servers ist am .* abgelaufen: Browser warnen davor. Zertifikat ansehen"),
        (20, "late", "Das Zertifikat des Servers gilt nur noch bis .* Zertifikat ansehen"),
        (200, "", "Alles in Ordnung · läuft seit .* · Zertifikat gültig bis .*"),
    ],
)
def test_a_certificate_that_ends_is_told_and_one_that_holds_is_dated(
    admin: Visitor, monkeypatch: pytest.MonkeyPatch, days: int, state: str, sentence: str
) -> None:
    ends = FakeClock().now() + timedelta(days=days)
    shown = CertificateState("local", ["server.internal"], [], is_in_use=True, valid_from=ends - timedelta(days=397), valid_until=ends)
    monkeypatch.setattr(Certificates, "state", lambda _: shown)
    told = health(admin)
    assert told[0] == state
    assert re.fullmatch(sentence, told[1])
