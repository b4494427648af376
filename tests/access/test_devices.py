"""Devices: a code pairs one of them once, its token is known only there, and revoking counts in the same moment."""

import http.client
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from miz.access.devices.cookie import COOKIE
from miz.access.devices.model import Device
from miz.access.devices.queries import find_device
from miz.infra.api_client import ApiClient
from tests.access.people import Tab, actions, is_in, items, person, refusal
from tests.support.practice import PASSWORD, ServerThread, served

DISPLAY = {"kind": "display", "place": "Zimmer 2"}
WORKPLACE = {"kind": "workplace", "place": "Zimmer 1"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def admin(server: ServerThread) -> ApiClient:
    client = person(server, "Hr. Verwaltung")
    client.set_mode("setup", now=True)
    return client


def issued(by: ApiClient, wanted: dict[str, str]) -> Any:
    return by.call("POST", "/devices", wanted)


def paired(server: ServerThread, code: str) -> Tab:
    tab = Tab(server)
    assert tab.post("/pair", code=code)[0] == 303
    return tab


def known(server: ServerThread, tab: Tab) -> Device | None:
    return find_device(server.server.database.reader(), tab.cookies[COOKIE])


def state_of(by: ApiClient, name: str) -> str:
    return next(str(item["state"]) for item in items(by, "/devices") if item["name"] == name)


def test_a_display_is_paired_with_a_code_and_goes_to_its_room(server: ServerThread, admin: ApiClient) -> None:
    code = issued(admin, DISPLAY)["code"]
    assert [len(group) for group in code.split("-")] == [4, 4]
    assert state_of(admin, "Zimmer 2") == "waiting"
    tab = Tab(server)
    assert "Dieses Gerät registrieren" in tab.get("/pair")[1]
    assert tab.post("/pair", code=code.lower().replace("-", " "))[0] == 303
    assert tab.location == "/viewer?room=Zimmer%202"
    cookie = tab.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=34560000"} <= set(cookie.split("; "))
    device = known(server, tab)
    assert device is not None
    assert (device.kind, device.room) == ("display", "Zimmer 2")
    found: Any = admin.call("GET", "/devices")
    assert (found["items"][0]["state"], found["items"][0]["paired_by"]) == ("paired", "Hr. Verwaltung")
    assert {"pairing_code_issued", "device_paired"} <= set(actions(admin))


def test_a_code_counts_once(server: ServerThread, admin: ApiClient) -> None:
    code = issued(admin, DISPLAY)["code"]
    paired(server, code)
    status, page = Tab(server).post("/pair", code=code)
    assert (status, "Dieser Code stimmt nicht" in page) == (401, True)


def test_a_code_counts_for_ten_minutes(server: ServerThread, admin: ApiClient) -> None:
    late, in_time = issued(admin, DISPLAY)["code"], issued(admin, WORKPLACE)["code"]
    server.clock.instant += timedelta(minutes=10) - timedelta(seconds=1)
    paired(server, in_time)
    server.clock.instant += timedelta(seconds=1)
    assert Tab(server).post("/pair", code=late)[0] == 401
    assert state_of(admin, "Zimmer 2") == "code_expired"


def test_neither_code_nor_token_is_stored(server: ServerThread, admin: ApiClient) -> None:
    code = issued(admin, WORKPLACE)["code"]
    tab = paired(server, issued(admin, DISPLAY)["code"])
    connection = server.server.database.reader()
    stored = connection.exec_driver_sql("SELECT code_hash FROM pairing_code UNION SELECT token_hash FROM device").scalars().all()
    assert len([secret for secret in stored if secret]) == 2
    assert not {code.replace("-", "").encode(), tab.cookies[COOKIE].encode()} & set(stored)


def test_guessing_pairing_codes_is_slowed(server: ServerThread, admin: ApiClient) -> None:
    code, tab = issued(admin, DISPLAY)["code"], Tab(server)
    assert [tab.post("/pair", code=f"AAAA-222{digit}")[0] for digit in range(2, 10)] == [401] * 8
    assert [tab.post("/pair", code="")[0] for _ in range(2)] == [401] * 2
    status, page = tab.post("/pair", code=code)
    assert (status, "eine Minute" in page) == (429, True)


def test_codes_are_issued_in_setup_mode_only(admin: ApiClient) -> None:
    device = issued(admin, DISPLAY)["device_id"]
    admin.set_mode("operating")
    assert refusal(admin, "POST", "/devices", WORKPLACE) == (409, "mode-forbids")
    assert refusal(admin, "POST", f"/devices/{device}/code") == (409, "mode-forbids")
    admin.call("DELETE", f"/devices/{device}")  # a lost device waits for no mode


@pytest.mark.parametrize("user", ["Fr. Assistenz", "Fr. Empfang", "Hr. Technik", "Fr. Datenschutz"])
def test_devices_are_for_owner_and_administrator(server: ServerThread, admin: ApiClient, user: str) -> None:
    client = person(server, user)
    assert refusal(client, "GET", "/devices")[0] == 403
    assert refusal(client, "POST", "/devices", DISPLAY)[0] == 403


def test_who_is_paired_anew_takes_the_token_from_whoever_had_it(server: ServerThread, admin: ApiClient) -> None:
    first = issued(admin, DISPLAY)
    old = paired(server, first["code"])
    again: Any = admin.call("POST", "/devices/Zimmer%202/code")
    assert known(server, old) is not None, "until the new code is used the device goes on"
    new = paired(server, again["code"])
    assert (known(server, old), getattr(known(server, new), "id", "")) == (None, first["device_id"])


def test_of_two_codes_for_a_device_the_newer_counts(server: ServerThread, admin: ApiClient) -> None:
    older = issued(admin, DISPLAY)["code"]
    newer: Any = admin.call("POST", "/devices/Zimmer%202/code")
    assert Tab(server).post("/pair", code=older)[0] == 401
    paired(server, newer["code"])


def test_a_revoked_device_is_nobody_within_a_second_and_listeners_are_told(server: ServerThread, admin: ApiClient) -> None:
    tab = paired(server, issued(admin, DISPLAY)["code"])
    device = known(server, tab)
    assert device is not None
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.request("GET", "/api/v1/events?topics=applications", headers={"Authorization": f"Bearer {admin.token}"})
    stream = connection.getresponse()
    assert b"retry" in stream.readline()
    began = time.monotonic()
    admin.call("DELETE", "/devices/Zimmer%202")
    assert known(server, tab) is None
    told = b""
    while device.id.encode() not in told:
        told = stream.readline()
    assert time.monotonic() - began < 1
    connection.close()
    assert refusal(admin, "DELETE", "/devices/Zimmer%202") == (404, "device-not-found")
    assert refusal(admin, "POST", f"/devices/{device.id}/code") == (404, "device-not-found")
    assert state_of(admin, "Zimmer 2") == "revoked"
    assert issued(admin, DISPLAY)["code"], "its name is free again"


def test_revoking_takes_back_a_code_that_waits(server: ServerThread, admin: ApiClient) -> None:
    made = issued(admin, DISPLAY)
    admin.call("DELETE", f"/devices/{made['device_id']}")
    assert Tab(server).post("/pair", code=made["code"])[0] == 401


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"kind": "display", "place": "Zimmer 99"}, 404, "room-not-found"),
        ({"kind": "workplace", "place": "Zimmer 99"}, 404, "workplace-not-found"),
        ({"kind": "toaster", "place": "Zimmer 1"}, 422, "invalid-input"),
        ({**DISPLAY, "name": "x" * 61}, 422, "invalid-input"),
        ({**DISPLAY, "name": " ZIMMER 1 "}, 409, "device-exists"),
    ],
)
def test_a_device_that_cannot_be_is_refused(admin: ApiClient, wanted: dict[str, str], status: int, code: str) -> None:
    issued(admin, WORKPLACE)
    assert refusal(admin, "POST", "/devices", wanted) == (status, code)
    assert len(items(admin, "/devices")) == 1


def test_a_registered_workplace_presets_itself_and_its_sessions_know_it(server: ServerThread, admin: ApiClient) -> None:
    tab = paired(server, issued(admin, {**WORKPLACE, "name": "Rechner am Fenster"})["code"])
    assert tab.location == "/sign-in"
    page = tab.get("/sign-in")[1]
    assert "Registrierter Arbeitsplatz: Zimmer 1" in page
    assert "<select" not in page
    empfang = next(item["id"] for item in items(admin, "/workplaces") if item["name"] == "Empfang")
    tab.post("/sign-in", user="Fr. Assistenz", password=PASSWORD, workplace=empfang)
    own: Any = tab.client().call("GET", "/sessions")
    assert [(item["place"], item["is_registered"]) for item in own["items"]] == [("Zimmer 1", True)]
    assert "Rechner am Fenster" in tab.get("/pair")[1]


def test_with_a_workplace_s_registration_its_sessions_end(server: ServerThread, admin: ApiClient) -> None:
    tab = paired(server, issued(admin, WORKPLACE)["code"])
    tab.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    elsewhere, here = person(server, "Fr. Assistenz"), tab.client()
    again: Any = admin.call("POST", "/devices/Zimmer%201/code")
    new = paired(server, again["code"])
    assert (is_in(here), is_in(elsewhere)) == (False, True)
    assert "<select" in tab.get("/sign-in")[1], "what was registered here has gone to another browser"
    new.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    here = new.client()
    admin.call("DELETE", "/devices/Zimmer%201")
    assert (is_in(here), is_in(elsewhere)) == (False, True)


def test_a_registered_workplace_survives_a_restart(server: ServerThread, admin: ApiClient) -> None:
    tab = paired(server, issued(admin, WORKPLACE)["code"])
    tab.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    server.stop()
    server.start()
    own: Any = tab.client().call("GET", "/sessions")
    assert [item["is_registered"] for item in own["items"]] == [True]
