"""Rooms and workplaces from the console."""

import re

import pytest

from tests.apps.console.conftest import DENTIST, Seat
from tests.apps.console.test_applications import rows, sentences
from tests.practice.web.visitor import Answer, Visitor
from tests.support.practice import ServerThread, client_of

PATH = "/console/places"
FORMS = ("rooms", "rooms/x", "rooms/x/removal", "workplaces", "workplaces/x", "workplaces/x/removal")


def id_of(visitor: Visitor, kind: str, name: str) -> str:
    """The id of a room or workplace, as the forms of the page know it."""
    for row in re.findall(r"<tr>.*?</tr>", visitor.get(PATH).text, re.DOTALL):
        if f"<b>{name}</b>" in row and (found := re.search(rf"{PATH}/{kind}/([^/]+)/removal", row)):
            return found[1]
    raise LookupError(name)


def told(visitor: Visitor, answer: Answer) -> str:
    """What the page says after it was led on."""
    assert answer.status == 303, answer.text
    found = re.search(r'class="notice green".*?<p>(.*?)</p>', visitor.get(answer.headers["location"]).text, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("form", FORMS)
def test_only_administrators_change_places(seats: Seat, form: str) -> None:
    for user in (DENTIST, "Hr. Technik", "Fr. Datenschutz", "Fr. Assistenz"):
        assert seats(user).post(f"{PATH}/{form}", {"name": "Keller"}).status == 403, user


def test_a_room_and_its_workplace_from_beginning_to_end(admin: Visitor) -> None:
    assert told(admin, admin.post(f"{PATH}/rooms", {"room_name": " Zimmer 4 "})) == "Hinzugefügt."
    room = id_of(admin, "rooms", "Zimmer 4")
    assert told(admin, admin.post(f"{PATH}/workplaces", {"workplace_name": "Stuhl 4", "room": room})) == "Hinzugefügt."
    assert "Stuhl 4 Zimmer 4 Ändern … Stuhl 4" in " ".join(rows(admin.get(PATH).text))

    in_use = admin.post(f"{PATH}/rooms/{room}/removal")
    assert in_use.status == 409
    assert "Das Zimmer wird benutzt" in sentences(in_use)

    assert told(admin, admin.post(f"{PATH}/rooms/{room}", {"name": "Prophylaxe"})).startswith("Geändert.")
    place = id_of(admin, "workplaces", "Stuhl 4")
    assert [row for row in rows(admin.get(PATH).text) if row.startswith("Stuhl 4 Prophylaxe ")]
    assert told(admin, admin.post(f"{PATH}/workplaces/{place}", {"name": "Stuhl 4", "room": ""})).startswith("Geändert.")
    assert [row for row in rows(admin.get(PATH).text) if row.startswith("Stuhl 4 in keinem Zimmer ")]
    assert told(admin, admin.post(f"{PATH}/workplaces/{place}", {"name": "Stuhl vier", "room": room})).startswith("Geändert.")
    assert [row for row in rows(admin.get(PATH).text) if row.startswith("Stuhl vier Prophylaxe ")]

    assert told(admin, admin.post(f"{PATH}/workplaces/{place}/removal")).startswith("Entfernt.")
    assert told(admin, admin.post(f"{PATH}/rooms/{room}/removal")).startswith("Entfernt.")
    assert not re.search("Stuhl vier|Prophylaxe", admin.get(PATH).text)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_what_is_no_name_is_said_at_its_field_and_stays_there(admin: Visitor, name: str) -> None:
    sentence = "Ein Zimmer oder Arbeitsplatz braucht einen Namen mit bis zu 60 Zeichen."
    for form, field in (("rooms", "room_name"), ("workplaces", "workplace_name")):
        room = id_of(admin, "rooms", "Zimmer 2")
        refused = admin.post(f"{PATH}/{form}", {field: name, "room": room})
        assert refused.status == 422, form
        assert f'<a href="#{field}">{sentence}</a>' in refused.text
        assert re.search(rf'id="{field}" name="{field}" type="text" value="{name}"[^>]* aria-invalid="true"', refused.text)
        chosen = re.search(r'<select id="room".*?</select>', refused.text, re.DOTALL)
        assert chosen
        assert f'value="{room}" selected' in chosen[0]


def test_names_are_taken_once(admin: Visitor) -> None:
    for form, field, sentence in (
        ("rooms", "room_name", "Es gibt schon ein Zimmer mit diesem Namen."),
        ("workplaces", "workplace_name", "Es gibt schon einen Arbeitsplatz mit diesem Namen."),
    ):
        refused = admin.post(f"{PATH}/{form}", {field: "zimmer 1"})
        assert refused.status == 409
        assert sentence in sentences(refused)
        kind_id = id_of(admin, form, "Zimmer 2")
        assert admin.post(f"{PATH}/{form}/{kind_id}", {"name": "Zimmer 1"}).status == 409


def test_where_somebody_is_signed_in_the_workplace_stays(server: ServerThread, admin: Visitor) -> None:
    client = client_of(server.url, "Fr. Empfang", "Empfang")
    refused = admin.post(f"{PATH}/workplaces/{id_of(admin, 'workplaces', 'Empfang')}/removal")
    assert refused.status == 409
    assert "Der Arbeitsplatz wird benutzt" in sentences(refused)
    client.sign_out()
    assert "<b>Empfang</b>" in admin.get(PATH).text


def test_what_is_not_there_is_not_found(admin: Visitor) -> None:
    for form in FORMS:
        if "/x" in form:
            assert admin.post(f"{PATH}/{form}", {"name": "Keller"}).status == 404, form
    assert admin.post(f"{PATH}/workplaces", {"workplace_name": "Keller", "room": "nowhere"}).status == 404
    assert "Keller" not in " ".join(rows(admin.get(PATH).text))
