"""Users from their one-time code to another role and switching off, and what is refused."""

import re
from typing import Any

import pyotp
import pytest

from miz.infra.api_client import ApiClient, HttpSender
from tests.apps.console.conftest import ADMIN, OWNER, Seat, seat_at
from tests.apps.console.test_applications import code_in, rows, sentences
from tests.practice.web.visitor import Answer, Visitor
from tests.support.practice import PASSWORD, ServerThread

PATH = "/console/users"


def id_of(visitor: Visitor, name: str) -> str:
    """The id of a user, as the forms of the page know it."""
    row = next(row for row in re.findall(r"<tr>.*?</tr>", visitor.get(PATH).text, re.DOTALL) if f"<b>{name}</b>" in row)
    found = re.search(rf"{PATH}/([^/]+)/code", row)
    assert found, row
    return found[1]


def add(visitor: Visitor, name: str, *roles: str) -> Answer:
    return visitor.post(PATH, {"name": name, **{f"role_{role}": "1" for role in roles}})


def row_of(visitor: Visitor, name: str) -> str:
    return next(row for row in rows(visitor.get(PATH).text) if row.startswith(name))


def test_everybody_is_listed_with_roles_and_state(admin: Visitor) -> None:
    assert row_of(admin, "Fr. Assistenz").startswith("Fr. Assistenz Assistenz kann sich anmelden Rollen …")
    own = row_of(admin, ADMIN)
    assert own.startswith("Hr. Verwaltung Sie Verwaltung kann sich anmelden")
    assert not re.search("Rollen …|Neuer Einmalcode|Abschalten", own)


def test_who_only_reads_finds_no_form(seats: Seat) -> None:
    auditor = seats("Fr. Datenschutz")
    text = auditor.get(PATH).text
    assert row_of(auditor, "Fr. Assistenz") == "Fr. Assistenz Assistenz kann sich anmelden"
    assert "<form" not in text.partition("<main")[2]
    for path in (PATH, f"{PATH}/x/code", f"{PATH}/x/roles", f"{PATH}/x/disable", f"{PATH}/x/enable"):
        assert auditor.post(path, {"name": "Neu", "role_assistant": "1"}).status == 403, path


def test_a_code_is_shown_once_and_sets_the_password(server: ServerThread, admin: Visitor) -> None:
    added = add(admin, " Fr. Neumann ", "assistant", "front_desk")
    assert added.status == 200
    assert "Einmalcode für Fr. Neumann" in added.text
    code = code_in(added)
    again = admin.get(PATH).text
    assert code not in again
    assert row_of(admin, "Fr. Neumann").startswith("Fr. Neumann Assistenz, Empfang Einmalcode wartet bis ")

    second = admin.post(f"{PATH}/{id_of(admin, 'Fr. Neumann')}/code")
    assert code_in(second) != code
    password = "vier Worte und eine Zahl 7"
    newcomer = Visitor(server.url)
    used = {"user": "Fr. Neumann", "password": password, "repeated": password}
    assert newcomer.post("/first-password", {**used, "code": code}).status == 401
    assert newcomer.post("/first-password", {**used, "code": code_in(second)}).status == 303
    assert newcomer.post("/sign-in", {"user": "Fr. Neumann", "password": password}).status == 303


@pytest.mark.parametrize(
    ("name", "roles", "status", "sentence"),
    [
        ("", ("assistant",), 422, "Ein Benutzer braucht einen Namen mit höchstens 100 Zeichen."),
        ("x" * 101, ("assistant",), 422, "Ein Benutzer braucht einen Namen mit höchstens 100 Zeichen."),
        ("fr. assistenz", ("assistant",), 409, "Einen Benutzer mit diesem Namen gibt es bereits."),
        ("Fr. Rollenlos", (), 422, "Ein Benutzer braucht mindestens eine Rolle."),
        ("Fr. Unbekannt", ("chief",), 422, "Ein Benutzer braucht mindestens eine Rolle."),
        ("Fr. Inhaberin", ("owner",), 403, "Ihre Rolle erlaubt das nicht."),
    ],
)
def test_what_is_no_user_is_said_and_what_was_typed_stays(
    admin: Visitor, name: str, roles: tuple[str, ...], status: int, sentence: str
) -> None:
    before = rows(admin.get(PATH).text)
    answer = add(admin, name, *roles)
    assert answer.status == status
    assert sentence in sentences(answer)
    assert rows(admin.get(PATH).text) == before
    assert f'value="{name}"' in answer.text
    if "assistant" in roles:
        assert 'id="role-new-assistant" checked' in answer.text
    if status == 422 and roles == ("assistant",):
        assert 'href="#name"' in answer.text


def test_other_roles_end_the_sessions(server: ServerThread, admin: Visitor) -> None:
    assert admin.post(f"{PATH}/{id_of(admin, 'Fr. Empfang')}/roles", {}).status == 422
    reception = seat_at(server.url, "Fr. Empfang")
    assert reception.get("/").status == 200
    changed = admin.post(f"{PATH}/{id_of(admin, 'Fr. Empfang')}/roles", {"role_assistant": "1"})
    assert (changed.status, changed.headers["location"]) == (303, f"{PATH}?done=roles")
    assert "Die Rollen sind geändert." in admin.get(changed.headers["location"]).text
    assert row_of(admin, "Fr. Empfang").startswith("Fr. Empfang Assistenz ")
    assert reception.get("/").status == 303
    admin.post(f"{PATH}/{id_of(admin, 'Fr. Empfang')}/roles", {"role_front_desk": "1"})


def test_who_is_switched_off_is_out_at_once_and_can_come_back(server: ServerThread, admin: Visitor) -> None:
    reception = seat_at(server.url, "Fr. Empfang")
    user_id = id_of(admin, "Fr. Empfang")
    gone = admin.post(f"{PATH}/{user_id}/disable")
    assert (gone.status, gone.headers["location"]) == (303, f"{PATH}?done=disabled")
    assert "Das Konto ist abgeschaltet." in admin.get(gone.headers["location"]).text
    assert "abgeschaltet" in row_of(admin, "Fr. Empfang")
    assert reception.get("/").status == 303
    back = admin.post(f"{PATH}/{user_id}/enable")
    assert back.headers["location"] == f"{PATH}?done=enabled"
    assert "Die Anmeldung ist wieder möglich." in admin.get(back.headers["location"]).text
    assert seat_at(server.url, "Fr. Empfang").get("/").status == 200


def test_nobody_reaches_above_the_own_role(owner: Visitor, admin: Visitor) -> None:
    assert not re.search("Rollen …|Neuer Einmalcode|Abschalten", row_of(admin, OWNER))
    own_id, owner_id = id_of(owner, ADMIN), re.findall(r'data-user="([^"]+)"', owner.get(PATH).text)[0]
    for path, form in (("code", {}), ("roles", {"role_assistant": "1"}), ("disable", {}), ("enable", {})):
        refused = admin.post(f"{PATH}/{owner_id}/{path}", form)
        assert refused.status == 403, path
        assert "Ihre Rolle erlaubt das nicht." in sentences(refused)
    assert admin.post(f"{PATH}/{own_id}/roles", {"role_owner": "1"}).status == 403
    assert admin.post(f"{PATH}/{own_id}/roles", {"role_technician": "1"}).status == 403
    assert admin.post(f"{PATH}/{own_id}/code").status == 403
    assert 'name="role_owner"' not in admin.get(PATH).text
    assert 'name="role_owner"' in owner.get(PATH).text


def test_the_last_owner_stays(owner: Visitor) -> None:
    own_id = re.findall(r'data-user="([^"]+)"', owner.get(PATH).text)[0]
    for path, form, sentence in (
        ("roles", {"role_dentist": "1"}, "Der letzte Inhaber bleibt Inhaber."),
        ("disable", {}, "Der letzte Inhaber kann nicht abgeschaltet werden."),
    ):
        refused = owner.post(f"{PATH}/{own_id}/{path}", form)
        assert refused.status == 409, path
        assert sentence in sentences(refused)


def test_an_unknown_user_is_not_found(admin: Visitor) -> None:
    for path, form in (("code", {}), ("roles", {"role_assistant": "1"}), ("disable", {}), ("enable", {})):
        assert admin.post(f"{PATH}/nobody/{path}", form).status == 404, path


def test_who_has_a_second_factor_is_seen_and_a_lost_one_reset(server: ServerThread, owner: Visitor, admin: Visitor) -> None:
    assert row_of(owner, ADMIN).startswith(f"{ADMIN} Verwaltung kann sich anmelden, ohne zweiten Faktor")
    assert "Faktor" not in row_of(owner, "Fr. Empfang"), "nobody is reminded whose roles do not ask for one"
    client = ApiClient(HttpSender(server.url))
    client.sign_in("Fr. Empfang", PASSWORD)
    begun: Any = client.call("POST", "/account/second-factor", {"password": PASSWORD})
    client.call("POST", "/account/second-factor/activation", {"code": pyotp.TOTP(begun["secret"]).at(server.clock.instant)})
    shown = row_of(admin, "Fr. Empfang")
    assert "kann sich anmelden, mit zweitem Faktor" in shown
    assert "Zweiten Faktor zurücksetzen …" in shown
    reset = admin.post(f"{PATH}/{id_of(admin, 'Fr. Empfang')}/second-factor")
    assert (reset.status, reset.headers["location"]) == (303, f"{PATH}?done=second-factor")
    assert "Der zweite Faktor ist zurückgesetzt." in admin.get(reset.headers["location"]).text
    assert admin.post(f"{PATH}/{id_of(admin, 'Fr. Empfang')}/second-factor").status == 409
    assert "Die Zustimmung einer zweiten Person wird noch nicht verlangt." in admin.get(PATH).text
