"""Rooms and workplaces: who is there is found under the new name at once, and what is in use stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from miz.infra.api_client import ApiClient
from tests.access.people import actions, items, person, refusal
from tests.support.practice import ServerThread, client_of, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def admin(server: ServerThread) -> ApiClient:
    return person(server, "Hr. Verwaltung")


def places(by: ApiClient) -> dict[str, str | None]:
    return {item["name"]: item["room"] for item in items(by, "/workplaces")}


def rooms(by: ApiClient) -> list[str]:
    return [item["name"] for item in items(by, "/rooms")]


def test_a_room_with_two_workplaces(admin: ApiClient) -> None:
    admin.call("POST", "/rooms", {"name": " Zimmer 3 "})
    made: Any = admin.call("POST", "/workplaces", {"name": "Stuhl 3", "room": "Zimmer 3"})
    admin.call("POST", "/workplaces", {"name": "Schreibtisch 3"})
    admin.call("PATCH", "/workplaces/Schreibtisch%203", {"room": "Zimmer 3"})
    assert places(admin) | {"Stuhl 3": "Zimmer 3", "Schreibtisch 3": "Zimmer 3"} == places(admin)
    admin.call("PATCH", f"/workplaces/{made['id']}", {"name": "Stuhl am Fenster"})
    assert places(admin)["Stuhl am Fenster"] == "Zimmer 3"
    admin.call("PATCH", "/workplaces/Schreibtisch%203", {"room": None})
    assert places(admin)["Schreibtisch 3"] is None
    assert refusal(admin, "DELETE", "/rooms/Zimmer%203") == (409, "room-in-use")
    admin.call("DELETE", f"/workplaces/{made['id']}")
    admin.call("DELETE", "/rooms/Zimmer%203")
    assert "Zimmer 3" not in rooms(admin)
    assert {"room_added", "workplace_added", "workplace_renamed", "workplace_moved", "workplace_removed", "room_removed"} <= set(
        actions(admin)
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/workplaces", {"name": "  "}, 422, "invalid-input"),
        ("POST", "/workplaces", {"name": "x" * 61}, 422, "invalid-input"),
        ("POST", "/workplaces", {"name": "EMPFANG"}, 409, "workplace-exists"),
        ("POST", "/workplaces", {"name": "Neu", "room": "Zimmer 99"}, 404, "room-not-found"),
        ("POST", "/rooms", {"name": "zimmer 1"}, 409, "room-exists"),
        ("PATCH", "/rooms/Zimmer%201", {"name": "Zimmer 2"}, 409, "room-exists"),
        ("PATCH", "/workplaces/Empfang", {"name": "Zimmer 1"}, 409, "workplace-exists"),
        ("PATCH", "/workplaces/Niemand", {"name": "Neu"}, 404, "workplace-not-found"),
        ("DELETE", "/workplaces/Niemand", None, 404, "workplace-not-found"),
        ("DELETE", "/rooms/Niemand", None, 404, "room-not-found"),
    ],
)
def test_what_cannot_be_is_refused(admin: ApiClient, method: str, path: str, body: Any, status: int, code: str) -> None:
    before = (places(admin), rooms(admin))
    assert refusal(admin, method, path, body) == (status, code)
    assert (places(admin), rooms(admin)) == before


def test_a_name_may_change_its_capitals_only(admin: ApiClient) -> None:
    admin.call("PATCH", "/workplaces/Empfang", {"name": "EMPFANG"})
    admin.call("PATCH", "/rooms/Zimmer%201", {"name": "ZIMMER 1"})
    assert ("EMPFANG" in places(admin), "ZIMMER 1" in rooms(admin)) == (True, True)


def test_others_find_a_colleague_under_the_new_name_of_the_room(server: ServerThread, admin: ApiClient) -> None:
    assistant, dentist = client_of(server.url, "Fr. Assistenz", "Zimmer 2"), client_of(server.url)
    patient = assistant.create_patient(family_name="Umzug", given_name="Ina", birth_date="1950")
    token = assistant.open_patient(patient.id).fencing_token
    admin.call("PATCH", "/rooms/Zimmer%202", {"name": "Prophylaxe"})
    holder = dentist.search("umzug")[0].holder
    assert holder is not None
    assert holder.workplace == "Prophylaxe"
    assistant.add("notes", patient.id, token, text="danach")
    own: Any = assistant.call("GET", "/sessions")
    assert [item["place"] for item in own["items"]] == ["Prophylaxe"]
    admin.call("PATCH", "/workplaces/Zimmer%202", {"room": None, "name": "Liege"})
    assert [line.holder.workplace for line in dentist.search("umzug") if line.holder] == ["Liege"]
    server.stop()
    server.start()
    again = person(server, "Dr. Prüfer")
    assert [line.holder.workplace for line in again.search("umzug") if line.holder] == ["Liege"]


def test_a_workplace_in_use_stays_and_the_history_keeps_the_name_of_one_that_went(server: ServerThread, admin: ApiClient) -> None:
    assistant = client_of(server.url, "Fr. Assistenz", "Empfang")
    patient = assistant.create_patient(family_name="Bleibt", given_name="Ina", birth_date="1950")
    assistant.add("notes", patient.id, assistant.open_patient(patient.id).fencing_token, text="hier")
    assert refusal(admin, "DELETE", "/workplaces/Empfang") == (409, "workplace-in-use")
    assistant.sign_out()
    admin.call("DELETE", "/workplaces/Empfang")
    assert "Empfang" not in places(admin)
    dentist = person(server, "Dr. Prüfer")
    assert {change.workplace for change in dentist.history(patient.id)} == {"Empfang"}


def test_a_place_with_a_device_stays(admin: ApiClient) -> None:
    admin.set_mode("setup", now=True)
    for kind, place in (("workplace", "Empfang"), ("display", "Zimmer 2")):
        admin.call("POST", "/devices", {"kind": kind, "place": place})
    assert refusal(admin, "DELETE", "/workplaces/Empfang") == (409, "workplace-in-use")
    admin.call("DELETE", "/workplaces/Zimmer%202")
    assert refusal(admin, "DELETE", "/rooms/Zimmer%202") == (409, "room-in-use")
    for place, path in (("Empfang", "/workplaces/Empfang"), ("Zimmer%202", "/rooms/Zimmer%202")):
        admin.call("DELETE", f"/devices/{place}")
        admin.call("DELETE", path)


@pytest.mark.parametrize("user", ["Fr. Assistenz", "Fr. Empfang", "Hr. Technik", "Fr. Datenschutz"])
def test_places_are_changed_by_owner_and_administrator(server: ServerThread, user: str) -> None:
    client = person(server, user)
    assert places(client)
    assert refusal(client, "POST", "/workplaces", {"name": "Neu"})[0] == 403
    assert refusal(client, "POST", "/rooms", {"name": "Neu"})[0] == 403
