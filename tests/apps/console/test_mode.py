"""The mode, the mode of the start, the control interval."""

import re

import pytest

from miz.infra.api_client import ApiClient
from miz.wire.client_protocol import Server
from tests.apps.console.test_applications import sentences
from tests.practice.web.visitor import Visitor
from tests.support.practice import INTERVAL_S, ServerThread

PATH = "/console/mode"


def shown_mode(visitor: Visitor) -> str:
    found = re.search(r'id="mode-title">([^<]+)<', visitor.get(PATH).text)
    assert found
    return found[1]


def interval(window: ApiClient) -> int:
    """What the server tells its windows."""
    return window.call("GET", "/server", answer=Server).heartbeat_interval_s


def test_who_has_a_patient_open_is_said_before_the_change(admin: Visitor, patient_id: str) -> None:
    text = admin.get(PATH).text
    assert "1 Akte ist geöffnet: Zimmer 2 (Fr. Assistenz)." in re.sub(r"\s+", " ", text)
    assert "Die Kontrolle läuft" in text


def test_a_change_is_announced_and_can_be_taken_back(server: ServerThread, admin: Visitor, window: ApiClient) -> None:
    assert admin.post(PATH, {"mode": "setup"}).headers["location"] == PATH
    assert shown_mode(admin) == "Betriebsmodus"
    assert "Im Betriebsmodus bleiben" in admin.get(PATH).text
    assert [notice.kind for notice in window.heartbeat().messages] == ["setup"]
    admin.post(PATH, {"mode": "operating"})
    assert "Im Betriebsmodus bleiben" not in admin.get(PATH).text
    assert window.heartbeat().messages == []
    server.pass_time(31)
    assert shown_mode(admin) == "Betriebsmodus"


def test_an_announced_change_comes_after_thirty_seconds(server: ServerThread, admin: Visitor) -> None:
    admin.post(PATH, {"mode": "setup"})
    server.pass_time(29)
    assert shown_mode(admin) == "Betriebsmodus"
    server.pass_time(2)
    assert shown_mode(admin) == "Anmeldungs- und Einstellungsmodus"
    assert "Die Kontrolle ruht" in admin.get(PATH).text


def test_setup_mode_at_once_closes_every_patient(admin: Visitor, window: ApiClient, patient_id: str) -> None:
    admin.post(PATH, {"mode": "setup", "now": "1"})
    assert shown_mode(admin) == "Anmeldungs- und Einstellungsmodus"
    beat = window.heartbeat()
    assert (beat.mode, beat.lease) == ("setup", None)
    admin.post(PATH, {"mode": "operating"})
    assert shown_mode(admin) == "Betriebsmodus"
    assert window.open_patient(patient_id).fencing_token


def test_the_mode_of_the_start_is_a_switch(admin: Visitor) -> None:
    def is_on() -> bool:
        return re.search(r'name="starts_in_operating" value="1" checked', admin.get(PATH).text) is not None

    assert is_on()
    assert admin.post(f"{PATH}/start").headers["location"] == f"{PATH}?done=start"
    assert not is_on()
    admin.post(f"{PATH}/start", {"starts_in_operating": "1"})
    assert is_on()


def test_the_interval_waits_for_setup_mode(admin: Visitor, window: ApiClient) -> None:
    text = admin.get(PATH).text
    assert re.search(r'<input id="seconds"[^>]* disabled>', text)
    assert "Es lässt sich im Anmeldungs- und Einstellungsmodus ändern." in text
    refused = admin.post(f"{PATH}/interval", {"seconds": "20"})
    assert refused.status == 409
    assert "Der Modus des Servers lässt das nicht zu." in sentences(refused)
    assert interval(window) == INTERVAL_S


def test_the_interval_changes_in_setup_mode(admin: Visitor, window: ApiClient, setup_mode: None) -> None:
    assert not re.search(r'<input id="seconds"[^>]* disabled>', admin.get(PATH).text)
    changed = admin.post(f"{PATH}/interval", {"seconds": " 20 "})
    assert (changed.status, changed.headers["location"]) == (303, f"{PATH}?done=interval")
    assert interval(window) == 20
    assert "also nach 80 s" in admin.get(PATH).text
    admin.post(f"{PATH}/interval", {"seconds": str(INTERVAL_S)})


@pytest.mark.parametrize("seconds", ["4", "301", "", "bald", "-5", "7,5", "9999999999", "²"])
def test_what_is_no_interval_is_refused(admin: Visitor, window: ApiClient, setup_mode: None, seconds: str) -> None:
    answer = admin.post(f"{PATH}/interval", {"seconds": seconds})
    assert answer.status == 422
    assert 'href="#seconds"' in answer.text
    assert interval(window) == INTERVAL_S
