"""A quick change of user at a registered workplace: by PIN, on a day of the password, with everything that is open."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miz.infra.api_client import ApiClient
from miz.wire.client_protocol import Patient, RegisteredApplication
from tests.access.people import NEW_PASSWORD, PIN, Tab, actions, is_in, person, refusal
from tests.support.practice import PASSWORD, ServerThread, served

WRONG = "913642"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def tab(server: ServerThread) -> Tab:
    """The browser of the registered workplace in room 1, where the assistant is signed in."""
    admin = person(server, "Hr. Verwaltung")
    admin.set_mode("setup", now=True)
    made: Any = admin.call("POST", "/devices", {"kind": "workplace", "place": "Zimmer 1"})
    admin.set_mode("operating")
    paired = Tab(server)
    paired.post("/pair", code=made["code"])
    paired.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    return paired


def with_pin(server: ServerThread, user: str = "Dr. Prüfer") -> ApiClient:
    """Somebody who has signed in with the password elsewhere today, and has a PIN."""
    client = person(server, user, place="Zimmer 2")
    client.call("PUT", "/account/pin", {"password": PASSWORD, "pin": PIN})
    return client


def change(tab: Tab, user: str = "Dr. Prüfer", pin: str = PIN, **fields: str) -> int:
    return tab.post("/change-user", user=user, pin=pin, **fields)[0]


def with_window(tab: Tab) -> ApiClient:
    client = tab.client()
    client.register()
    return client


def same_window(tab: Tab, application: RegisteredApplication | None) -> ApiClient:
    """The window as it was, for whoever is signed in now."""
    client = tab.client()
    client.application = application
    return client


def new_patient(client: ApiClient) -> Patient:
    return client.create_patient(family_name="Sitz", given_name="Ina", birth_date="1950")


def test_the_window_keeps_its_lease_and_token_and_the_session_is_a_new_one(server: ServerThread, tab: Tab) -> None:
    dentist = with_pin(server)
    before = with_window(tab)
    patient = new_patient(before)
    token = before.open_patient(patient.id).fencing_token
    before.add("notes", patient.id, token, text="von der Assistenz")
    tab.came_from = f"/patients/{patient.id}"
    assert "Dr. Prüfer" in tab.get("/change-user")[1]
    tab.came_from = f"/patients/{patient.id}"
    assert change(tab) == 303
    assert tab.location == f"/patients/{patient.id}"
    assert not is_in(before)
    after = same_window(tab, before.application)
    lease = after.heartbeat().lease
    assert lease is not None
    assert (lease.patient_id, lease.fencing_token) == (patient.id, token)
    after.add("notes", patient.id, token, text="vom Zahnarzt")
    assert [(note.text, note.changed_by) for note in after.read_patient(patient.id).notes] == [
        ("von der Assistenz", "Fr. Assistenz"),
        ("vom Zahnarzt", "Dr. Prüfer"),
    ]
    holder = dentist.search("sitz")[0].holder
    assert holder is not None
    assert (holder.user, holder.workplace) == ("Dr. Prüfer", "Zimmer 1")
    own: Any = after.call("GET", "/sessions")
    assert [(item["place"], item["is_registered"]) for item in own["items"] if item["is_current"]] == [("Zimmer 1", True)]
    assert "user_changed" in actions(dentist)


def test_the_lease_survives_a_restart_after_the_change(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    before = with_window(tab)
    patient = new_patient(before)
    token = before.open_patient(patient.id).fencing_token
    change(tab)
    server.stop()
    server.start()
    after = same_window(tab, before.application)
    after.add("notes", patient.id, token, text="nach dem Neustart")
    assert after.heartbeat().lease is not None


def test_the_change_works_on_the_locked_screen_and_unlocks_it(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    tab.post("/lock")
    assert tab.get("/")[0] == 303
    assert "/change-user" in tab.get("/locked")[1]
    assert tab.get("/change-user")[0] == 200
    assert change(tab, next="/patients/new") == 303
    assert tab.location == "/patients/new"
    assert tab.get("/")[0] == 200


def test_a_wrong_pin_changes_nothing(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    before = with_window(tab)
    status, page = tab.post("/change-user", user="Dr. Prüfer", pin=WRONG)
    assert (status, "PIN stimmt nicht" in page) == (401, True)
    assert WRONG not in page
    assert is_in(before)


def test_after_five_wrong_pins_the_pin_rests(server: ServerThread, tab: Tab) -> None:
    dentist = with_pin(server)
    assert [change(tab, pin=WRONG) for _ in range(5)] == [401] * 5
    assert "Dr. Prüfer" not in tab.get("/change-user")[1]
    assert change(tab) == 401
    assert actions(dentist).count("pin_void") == 1


def test_the_right_pin_forgives_four_wrong_ones(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    assert [change(tab, pin=WRONG) for _ in range(4)] == [401] * 4
    assert [change(tab), change(tab, pin=WRONG), change(tab)] == [303, 401, 303]


def test_a_resting_pin_counts_again_after_a_sign_in(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    assert [change(tab, pin=WRONG) for _ in range(5)] == [401] * 5
    assert change(tab) == 401
    person(server, "Dr. Prüfer")
    assert change(tab) == 303


def test_guessing_pins_is_slowed_like_guessing_passwords(server: ServerThread, tab: Tab) -> None:
    assert [change(tab, user="Fr. Empfang", pin=WRONG) for _ in range(10)] == [401] * 10
    assert change(tab, user="Fr. Empfang", pin=WRONG) == 429


@pytest.mark.parametrize("user", ["Fr. Empfang", "Niemand", ""])
def test_without_a_pin_nobody_takes_a_window(tab: Tab, user: str) -> None:
    assert change(tab, user=user) == 401
    assert change(tab, user=user, pin="") == 401


def test_a_pin_counts_within_a_session_s_time_after_the_password(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    server.clock.instant += timedelta(hours=12)
    assert "Dr. Prüfer" not in tab.get("/change-user")[1]
    assert change(tab) == 401


def test_a_session_by_pin_ends_when_one_by_password_would_have(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    server.clock.instant += timedelta(hours=11)
    server.clock.steady += 3_600 * 11
    tab.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    change(tab)
    after = tab.client()
    assert is_in(after)
    server.clock.instant += timedelta(hours=1)
    server.clock.steady += 3_600
    assert not is_in(after)


def test_a_pin_counts_at_registered_workplaces_only(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    anywhere = Tab(server)
    anywhere.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    assert "nicht am Server registriert" in anywhere.get("/change-user")[1]
    assert change(anywhere) == 409
    stolen = Tab(server)
    stolen.cookies["miz_session"] = tab.token
    assert change(stolen) == 409, "a session without the device's own cookie is not the device"
    assert change(tab) == 303


def test_without_a_session_there_is_no_window_to_take(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    tab.post("/sign-out")
    assert change(tab) == 401
    assert "miz_session" not in tab.cookies


def test_a_void_password_or_a_switched_off_account_takes_the_pin_along(server: ServerThread, tab: Tab) -> None:
    with_pin(server, "Fr. Empfang")
    admin = person(server, "Hr. Verwaltung")
    admin.call("POST", "/users/Fr.%20Empfang/disable")
    assert change(tab, user="Fr. Empfang") == 401
    admin.call("POST", "/users/Fr.%20Empfang/enable")
    code: Any = admin.call("POST", "/users/Fr.%20Empfang/code")
    admin.call("POST", "/first-password", {"user": "Fr. Empfang", "code": code["code"], "password": NEW_PASSWORD})
    person(server, "Fr. Empfang", password=NEW_PASSWORD)
    assert change(tab, user="Fr. Empfang") == 401


def test_who_may_not_read_patients_gets_no_open_patient(server: ServerThread, tab: Tab) -> None:
    with_pin(server, "Hr. Verwaltung")
    dentist = person(server, "Dr. Prüfer")
    before = with_window(tab)
    patient = new_patient(before)
    token = before.open_patient(patient.id).fencing_token
    assert change(tab, user="Hr. Verwaltung") == 303
    assert dentist.search("sitz")[0].holder is None
    dentist.register()
    assert dentist.open_patient(patient.id).fencing_token != token


def test_the_same_change_sent_twice_leaves_one_session_with_the_window(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    before = with_window(tab)
    twin = Tab(server)
    twin.cookies |= tab.cookies
    assert change(tab) == 303
    assert change(twin) == 401
    assert same_window(tab, before.application).heartbeat().lease is None


def test_the_pin_opens_nothing_but_the_window(server: ServerThread, tab: Tab) -> None:
    with_pin(server)
    assert refusal(person(server, "Fr. Empfang"), "POST", "/session", {"user": "Dr. Prüfer", "password": PIN}) == (401, "wrong-password")
    change(tab)
    after = tab.client()
    assert refusal(after, "PUT", "/account/password", {"old_password": PIN, "password": NEW_PASSWORD}) == (401, "wrong-password")
    assert refusal(after, "PUT", "/account/pin", {"password": PIN, "pin": WRONG}) == (401, "wrong-password")
