"""Windows that are online, messages and disconnecting; devices from their code to their end."""

import re

import pytest

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from tests.apps.console.conftest import DENTIST, Seat
from tests.practice.web.visitor import Answer, Visitor
from tests.support.practice import ServerThread

PATH = "/console/applications"


def rows(text: str, table: int = 0) -> list[str]:
    """The rows of a table of the page, without markup; `table` counts from the top."""
    body = re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)[table]
    return [re.sub(r"(?:<[^>]+>|\s)+", " ", row).strip() for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]


def sentences(answer: Answer) -> str:
    """What the page says has gone wrong."""
    found = re.search(r'id="summary".*?</ul>', answer.text, re.DOTALL)
    return re.sub(r"(?:<[^>]+>|\s)+", " ", found[0]) if found else ""


def register(admin: Visitor, place: str, name: str = "") -> Answer:
    """Ask for a code for a device at the place of this name in the list."""
    known = dict(re.findall(r'<option value="((?:display|workplace):[^"]+)">([^<]+)</option>', admin.get(PATH).text))
    value = next(value for value, word in known.items() if word == place)
    return admin.post(f"{PATH}/devices", {"place": value, "device_name": name})


def code_in(answer: Answer) -> str:
    found = re.search(r'class="one-time-code">([^<]+)<', answer.text)
    assert found, answer.text
    return found[1]


def device_id(admin: Visitor, name: str) -> str:
    row = next(row for row in re.findall(r"<tr>.*?</tr>", admin.get(PATH).text, re.DOTALL) if f"<b>{name}</b>" in row)
    found = re.search(r"/devices/([^/]+)/code", row)
    assert found
    return found[1]


def test_windows_are_listed_with_what_they_have_open(owner: Visitor, admin: Visitor, seats: Seat, patient_id: str) -> None:
    assert rows(owner.get(PATH).text)[0].startswith("Zimmer 2 MIZ Fr. Assistenz Sesselmann, Ina ")
    assert rows(admin.get(PATH).text)[0].startswith("Zimmer 2 MIZ Fr. Assistenz eine Akte ")
    dentist = seats(DENTIST).get(PATH).text
    assert rows(dentist)[0].startswith("Zimmer 2 MIZ Fr. Assistenz Sesselmann, Ina ")
    assert "<form" not in dentist.partition("<main")[2]
    assert patient_id not in dentist


def test_nobody_online_is_said(admin: Visitor) -> None:
    assert rows(admin.get(PATH).text) == ["Niemand ist online."]


def test_a_message_reaches_one_window_or_all(server: ServerThread, admin: Visitor, window: ApiClient) -> None:
    other = ApiClient(HttpSender(server.url), token=window.token)
    other.register()
    sent = admin.post(f"{PATH}/message", {"to": window.application.id if window.application else "", "text": " Bitte an das Telefon "})
    assert (sent.status, sent.headers["location"]) == (303, f"{PATH}?done=sent")
    assert "Die Nachricht wurde gesendet." in admin.get(sent.headers["location"]).text
    assert [(notice.text, notice.sender) for notice in window.heartbeat().messages] == [("Bitte an das Telefon", "Hr. Verwaltung")]
    assert other.heartbeat().messages == []
    assert admin.post(f"{PATH}/message", {"text": "Besprechung um 12"}).status == 303
    for client in (window, other):
        assert client.heartbeat().messages[-1].text == "Besprechung um 12"
    other.close_application()


@pytest.mark.parametrize("text", ["", "   ", "x" * 501])
def test_a_message_without_words_or_too_long_is_refused(admin: Visitor, window: ApiClient, text: str) -> None:
    answer = admin.post(f"{PATH}/message", {"text": text})
    assert answer.status == 422
    assert "Eine Nachricht hat 1 bis 500 Zeichen." in sentences(answer)
    assert window.heartbeat().messages == []


def test_a_window_is_disconnected_after_its_notice(server: ServerThread, admin: Visitor, window: ApiClient, patient_id: str) -> None:
    assert window.application
    warned = admin.post(f"{PATH}/{window.application.id}/disconnect", {"seconds": "60"})
    assert (warned.status, warned.headers["location"]) == (303, f"{PATH}?done=warned")
    for _ in range(4):
        server.pass_time(14)
        assert [notice.kind for notice in window.heartbeat().messages] == ["disconnect"]
    server.pass_time(5)
    with pytest.raises(RefusedError) as refusal:
        window.heartbeat()
    assert refusal.value.code == "application-disconnected"
    assert rows(admin.get(PATH).text) == ["Niemand ist online."]
    assert "Keine Akte ist geöffnet." in admin.get("/console/leases").text


def test_an_unknown_window_or_notice_disconnects_nobody(server: ServerThread, admin: Visitor, window: ApiClient) -> None:
    assert window.application
    unknown = admin.post(f"{PATH}/nobody/disconnect", {"seconds": "30"})
    assert unknown.status == 404
    assert "Diese Anwendung ist nicht angemeldet." in sentences(unknown)
    for seconds in ("301", "bald", "", "99999999999999999999"):
        answer = admin.post(f"{PATH}/{window.application.id}/disconnect", {"seconds": seconds})
        assert answer.status == 422, seconds
        assert "Die Vorwarnung beträgt 0 bis 300 Sekunden." in sentences(answer)
    assert window.heartbeat().messages == []


def test_devices_are_registered_in_setup_mode_only(admin: Visitor) -> None:
    page = admin.get(PATH).text
    assert "Geräte werden im Anmeldungs- und Einstellungsmodus angemeldet." in page
    assert re.search(r'<button class="button primary" type="submit" disabled>Kopplungscode ausstellen', page)
    refused = register(admin, "Viewer Zimmer 1", "Zu früh")
    assert refused.status == 409
    assert "Der Modus des Servers lässt das nicht zu." in sentences(refused)
    assert "Zu früh" not in rows(refused.text, 1)[0]


def test_a_device_from_its_code_to_its_end(server: ServerThread, admin: Visitor, setup_mode: None) -> None:
    issued = register(admin, "Viewer Zimmer 2", "Wand")
    assert issued.status == 200
    assert "Kopplungscode für Wand" in issued.text
    code = code_in(issued)
    assert code not in admin.get(PATH).text
    assert [row for row in rows(admin.get(PATH).text, 1) if row.startswith("Wand Viewer Zimmer 2 wartet")]

    paired = Visitor(server.url).post("/pair", {"code": code})
    assert paired.status == 303
    display = Visitor(server.url)
    display.cookie = paired.headers["set-cookie"].split(";")[0]
    assert display.get("/viewer?room=2").status == 200
    assert [row for row in rows(admin.get(PATH).text, 1) if "gekoppelt" in row]

    again = admin.post(f"{PATH}/devices/{device_id(admin, 'Wand')}/code")
    assert again.status == 200
    assert code_in(again) != code
    revoked = admin.post(f"{PATH}/devices/{device_id(admin, 'Wand')}/revocation")
    assert (revoked.status, revoked.headers["location"]) == (303, f"{PATH}?done=revoked")
    assert display.get("/viewer?room=2").status == 401


def test_what_cannot_be_a_device_is_said(admin: Visitor, setup_mode: None) -> None:
    assert register(admin, "Viewer Zimmer 1").status == 200
    twice = register(admin, "Viewer Zimmer 1")
    assert twice.status == 409
    assert "Es gibt schon ein Gerät mit diesem Namen." in sentences(twice)
    assert admin.post(f"{PATH}/devices", {"place": "display:nowhere", "device_name": "Irgendwo"}).status == 404
    assert admin.post(f"{PATH}/devices", {}).status == 404
    assert admin.post(f"{PATH}/devices/nobody/code").status == 404
    assert admin.post(f"{PATH}/devices/nobody/revocation").status == 404
    long = register(admin, "Empfang", "x" * 61)
    assert long.status == 422
    assert 'href="#device_name"' in long.text
