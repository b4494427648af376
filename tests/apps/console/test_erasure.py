"""The console's erasures: a guided list, a search, a request, a second person who types the name."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from miz.access import users
from miz.access.passwords import PasswordDesk
from miz.infra.api_client import ApiClient
from miz.kernel.clock import FakeClock
from tests.apps.console.conftest import ADMIN, DENTIST, OWNER, seat_at
from tests.practice.web.visitor import Visitor
from tests.support.practice import PASSWORD, ServerThread, client_of, served

PATH = "/console/erasure"
NAME = "Quittenbaum, Ina"


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[ServerThread]:
    """A practice with one person who may erase."""
    with served(tmp_path, FakeClock()) as server:
        yield server


@pytest.fixture
def client(practice: ServerThread) -> ApiClient:
    return client_of(practice.url)


@pytest.fixture
def owner_seat(practice: ServerThread) -> Visitor:
    return seat_at(practice.url, OWNER)


@pytest.fixture
def patient_id(client: ApiClient) -> str:
    return client.create_patient(family_name="Quittenbaum", given_name="Ina", birth_date="1950-01-02").id


def with_second(practice: ServerThread) -> Visitor:
    password_hash = PasswordDesk().hash_now(PASSWORD)
    practice.write(lambda tx: users.add_user(tx, name=DENTIST, roles=["dentist"], password_hash=password_hash))
    return seat_at(practice.url, DENTIST)


def test_one_person_finds_requests_types_the_name_and_erases(practice: ServerThread, owner_seat: Visitor, patient_id: str) -> None:
    begun = owner_seat.get(PATH).text
    assert "deshalb beantragt und bestätigt eine Person" in begun
    assert "Es ist keine Löschung beantragt." in begun
    found = owner_seat.post(PATH, {"q": "quitten"}).text
    assert f'name="patient" value="{patient_id}"' in found
    assert "Die Aufbewahrungspflicht kann die Löschung verbieten" in found
    assert "retention_over" not in found
    assert f'name="patient" value="{patient_id}"' in owner_seat.post(PATH, {"q": patient_id}).text
    assert owner_seat.post(PATH + "/request", {"patient": patient_id, "reason": "weil"}).status == 422
    asked = owner_seat.post(PATH + "/request", {"patient": patient_id, "reason": "patient_request"})
    assert (asked.status, asked.headers["location"]) == (303, PATH + "?done=requested")
    waiting = owner_seat.get(PATH).text
    assert "Der Patient verlangt es" in waiting
    assert "Endgültig löschen" in waiting
    wrong = owner_seat.post(PATH + "/confirmation", {"patient": patient_id, "name": "Quittenbaum"})
    assert wrong.status == 422
    assert "Das ist nicht der Name des Patienten." in wrong.text
    assert owner_seat.post(PATH + "/confirmation", {"patient": patient_id, "name": NAME}).headers["location"] == PATH + "?done=erased"
    assert "Quittenbaum" not in owner_seat.get(PATH + "?done=erased").text
    assert "Patient gelöscht" in owner_seat.post("/console/trail", {"action": "erased"}).text
    assert patient_id in practice.folder.erased_list.read_text()


def test_the_second_person_sees_the_request_and_nothing_else(practice: ServerThread, owner_seat: Visitor, patient_id: str) -> None:
    dentist = with_second(practice)
    owner_seat.post(PATH + "/request", {"patient": patient_id, "reason": "other"})
    own = owner_seat.get(PATH).text
    assert "Das bestätigt eine andere Person" in own
    assert "Endgültig löschen" not in own
    refused = owner_seat.post(PATH + "/confirmation", {"patient": patient_id, "name": NAME})
    assert refused.status == 403
    assert "muss eine zweite Person bestätigen" in refused.text
    shown = dentist.get(PATH).text
    assert "Endgültig löschen" in shown
    assert 'name="q"' not in shown
    assert dentist.post(PATH, {"q": "quitten"}).status == 403
    assert dentist.post(PATH + "/confirmation", {"patient": patient_id, "name": NAME}).status == 303


def test_a_request_is_withdrawn_and_the_patient_stays(owner_seat: Visitor, client: ApiClient, patient_id: str) -> None:
    owner_seat.post(PATH + "/request", {"patient": patient_id, "reason": "other"})
    assert owner_seat.post(PATH + "/withdrawal", {"patient": patient_id}).headers["location"] == PATH + "?done=withdrawn"
    assert "Es ist keine Löschung beantragt." in owner_seat.get(PATH).text
    assert client.read_patient(patient_id).family_name == "Quittenbaum"


def test_an_open_patient_is_refused_with_who_has_it(owner_seat: Visitor, client: ApiClient, patient_id: str) -> None:
    owner_seat.post(PATH + "/request", {"patient": patient_id, "reason": "other"})
    client.open_patient(patient_id)
    refused = owner_seat.post(PATH + "/confirmation", {"patient": patient_id, "name": NAME})
    assert refused.status == 409
    assert "an einem anderen Platz geöffnet: Zimmer 1 (Dr. Prüfer)" in refused.text
    assert client.read_patient(patient_id).family_name == "Quittenbaum"


def test_whose_retention_is_over_is_listed_with_a_button(practice: ServerThread, owner_seat: Visitor, patient_id: str) -> None:
    assert "Alle Akten sind noch aufzubewahren." in owner_seat.get(PATH).text
    practice.clock.instant += timedelta(days=3_700)
    later = seat_at(practice.url, OWNER)
    listed = later.get(PATH).text
    assert re.search(rf'name="patient" value="{patient_id}"><input type="hidden" name="reason" value="retention_over"', listed)
    assert later.post(PATH + "/request", {"patient": patient_id, "reason": "retention_over"}).status == 303
    assert "Die Aufbewahrungspflicht kann" not in later.get(PATH).text


def test_the_page_says_how_long_backups_keep_the_record_and_that_a_former_file_does(practice: ServerThread, owner_seat: Visitor) -> None:
    plan = practice.server.backups.plan
    assert f"der letzten {plan.days} Tage, {plan.weeks} Wochen und {plan.months} Monate" in owner_seat.get(PATH).text
    assert "Eine frühere Datenbankdatei" not in owner_seat.get(PATH).text
    practice.folder.point_to(practice.folder.database)
    assert "Eine frühere Datenbankdatei" in owner_seat.get(PATH).text


def test_who_does_not_treat_sees_no_erasures(practice: ServerThread, patient_id: str) -> None:
    for user in (ADMIN, "Fr. Assistenz", "Fr. Datenschutz"):
        visitor = seat_at(practice.url, user)
        assert visitor.get(PATH).status == 403, user
        assert visitor.post(PATH + "/confirmation", {"patient": patient_id, "name": NAME}).status == 403, user
