"""Operating and setup mode, the control interval, messages to windows."""

import time
from collections.abc import Iterator

import pytest

from miz.infra.api_client import ApiClient
from miz.wire.client_protocol import Server
from tests.practice.people import Surgery, refused, verdict
from tests.support.practice import INTERVAL_S, client_of


@pytest.fixture
def console(surgery: Surgery) -> Iterator[ApiClient]:
    """The administrator; whatever a test did to the mode is undone."""
    client = client_of(surgery.server.url, "Hr. Verwaltung", "Empfang")
    yield client
    client.set_mode("operating")
    client.close_application()


def server_state(client: ApiClient) -> Server:
    return client.call("GET", "/server", answer=Server)


def pass_awake(surgery: Surgery, console: ApiClient, seconds: float) -> None:
    """Time passes while everybody gives signs of life."""
    for part in (seconds / 2, seconds / 2):
        surgery.server.pass_time(part)
        for client in (*surgery.clients.values(), console):
            client.heartbeat()


def test_setup_mode_frees_every_patient_and_opens_none(surgery: Surgery, console: ApiClient) -> None:
    patient_id, token = surgery.opened()
    assert console.set_mode("setup", now=True).mode == "setup"
    assert surgery.dentist.heartbeat().mode == "setup"
    assert surgery.dentist.heartbeat().lease is None
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")
    for work in (surgery.dentist.open_patient, surgery.dentist.take_over):
        refusal = refused(work, patient_id)
        assert (refusal.status, refusal.code) == (409, "mode-forbids")
        assert (refusal.problem["mode"], refusal.problem["needs"]) == ("setup", "operating")
    assert surgery.dentist.read_patient(patient_id).id == patient_id
    assert surgery.dentist.evaluate(patient_id).edition.id
    console.set_mode("operating")
    assert surgery.dentist.open_patient(patient_id).fencing_token != token


def test_the_notice_comes_before_the_mode(surgery: Surgery, console: ApiClient) -> None:
    patient_id, token = surgery.opened()
    announced = console.set_mode("setup")
    assert (announced.mode, announced.changes_to) == ("operating", "setup")
    notices = surgery.dentist.heartbeat().messages
    assert [notice.kind for notice in notices] == ["setup"]
    assert notices[0].ends_at == announced.changes_at
    pass_awake(surgery, console, 29)
    assert surgery.dentist.add("notes", patient_id, token, text="noch geht es").text
    pass_awake(surgery, console, 2)
    state = server_state(console)
    assert (state.mode, state.changes_to) == ("setup", None)
    assert surgery.dentist.heartbeat().messages == [], "what has happened is no notice any more"


def test_an_announced_change_is_taken_back(surgery: Surgery, console: ApiClient) -> None:
    console.set_mode("setup")
    assert console.set_mode("operating").changes_to is None
    pass_awake(surgery, console, 35)
    assert server_state(console).mode == "operating"
    assert surgery.dentist.heartbeat().messages == []


def test_in_setup_mode_nobody_falls_silent(surgery: Surgery, console: ApiClient) -> None:
    console.set_mode("setup", now=True)
    surgery.server.pass_time(INTERVAL_S * 10)
    assert surgery.dentist.heartbeat().mode == "setup"


def test_the_interval_changes_in_setup_mode_only(surgery: Surgery, console: ApiClient) -> None:
    refusal = refused(console.call, "PUT", "/server/control-interval", {"seconds": 60})
    assert (refusal.status, refusal.code) == (409, "mode-forbids")
    assert (refusal.problem["mode"], refusal.problem["needs"]) == ("operating", "setup")
    console.set_mode("setup", now=True)
    for wrong in (4, 301, 0, -5):
        assert verdict(console.call, "PUT", "/server/control-interval", {"seconds": wrong}) == (422, "invalid-input")
    changed = console.call("PUT", "/server/control-interval", {"seconds": 60}, answer=Server)
    assert (changed.heartbeat_interval_s, changed.lease_s) == (60, 240)
    assert surgery.second_window(surgery.dentist).heartbeat().mode == "setup"
    console.call("PUT", "/server/control-interval", {"seconds": INTERVAL_S})
    console.set_mode("operating")


def test_who_may_change_the_mode(surgery: Surgery) -> None:
    for client in (surgery.assistant, surgery.reception):
        assert verdict(client.set_mode, "setup", now=True) == (403, "not-permitted")
        assert verdict(client.call, "PUT", "/server/control-interval", {"seconds": 60}) == (403, "not-permitted")


@pytest.mark.parametrize("starts_in_operating", [True, False])
def test_a_restarted_server_keeps_its_mode_unless_it_starts_in_operating_mode(
    surgery: Surgery, console: ApiClient, *, starts_in_operating: bool
) -> None:
    console.call("PUT", "/server/start-mode", {"starts_in_operating": starts_in_operating})
    console.set_mode("setup", now=True)
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    again = client_of(surgery.server.url, "Hr. Verwaltung", "Empfang")
    assert server_state(again).mode == ("operating" if starts_in_operating else "setup")
    again.set_mode("operating")
    again.call("PUT", "/server/start-mode", {"starts_in_operating": True})
    again.close_application()
    console._send, console.token, console.application = again._send, again.token, again.register()


def test_a_message_stays_until_it_was_seen(surgery: Surgery, console: ApiClient) -> None:
    console.call("POST", "/messages", {"text": " Team um 13 Uhr "})
    console.call("POST", f"/applications/{surgery.assistant.application.id}/messages", {"text": "Bitte anrufen"})  # type: ignore[union-attr]
    assert [notice.text for notice in surgery.dentist.heartbeat().messages] == ["Team um 13 Uhr"]
    both = surgery.assistant.heartbeat().messages
    assert [(notice.text, notice.sender) for notice in both] == [("Team um 13 Uhr", "Hr. Verwaltung"), ("Bitte anrufen", "Hr. Verwaltung")]
    assert surgery.assistant.heartbeat(seen=[both[0].id]).messages == both[1:]
    assert surgery.assistant.heartbeat(seen=[both[1].id, "unknown"]).messages == []


def test_a_message_has_a_text_and_somebody_to_read_it(surgery: Surgery, console: ApiClient) -> None:
    for wrong in ("", "   ", "x" * 501):
        assert verdict(console.call, "POST", "/messages", {"text": wrong}) == (422, "invalid-input")
    assert verdict(console.call, "POST", "/applications/unknown/messages", {"text": "x"}) == (404, "application-not-found")
    assert verdict(surgery.reception.call, "POST", "/messages", {"text": "x"}) == (403, "not-permitted")


def test_a_window_is_disconnected_after_its_notice_and_does_not_come_back_by_itself(surgery: Surgery, console: ApiClient) -> None:
    patient_id, token = surgery.opened()
    application = surgery.dentist.application
    assert application is not None
    console.call("POST", f"/applications/{application.id}/disconnect", {"seconds": 10})
    assert [notice.kind for notice in surgery.dentist.heartbeat().messages] == ["disconnect"]
    surgery.server.pass_time(9)
    assert surgery.dentist.add("notes", patient_id, token, text="noch da").text
    surgery.server.pass_time(2)
    assert verdict(surgery.dentist.heartbeat) == (404, "application-disconnected")
    assert surgery.assistant.open_patient(patient_id).fencing_token != token
    surgery.dentist.register()
    assert surgery.dentist.heartbeat().messages == []


def test_the_event_stream_says_which_program_answers_and_when_it_stops(surgery: Surgery) -> None:
    import http.client
    from urllib.parse import urlsplit

    import miz

    where = urlsplit(surgery.server.url)
    stream = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    stream.request("GET", "/api/v1/events?topics=applications", headers={"Authorization": f"Bearer {surgery.dentist.token}"})
    answer = stream.getresponse()
    first = answer.fp.readline() + answer.fp.readline() + answer.fp.readline() + answer.fp.readline() + answer.fp.readline()
    assert f'"program":"{miz.__version__}"'.encode() in first
    loop = surgery.server.server._housekeeping.get_loop()
    loop.call_soon_threadsafe(surgery.server.server.broker.close)
    began = time.monotonic()
    rest = b""
    while b"stopping" not in rest:
        assert time.monotonic() - began < 5
        rest += answer.fp.readline()
    stream.close()
