"""One-time codes, roles, the own password and sessions: who may, and what ends at once."""

import http.client
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from miz.access import users
from miz.access.codes import ALPHABET
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from tests.access.people import NEW_PASSWORD, PIN, Tab, actions, is_in, items, person, refusal
from tests.support.practice import PASSWORD, ServerThread, served


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def owner(server: ServerThread) -> ApiClient:
    return person(server, "Dr. Prüfer")


@pytest.fixture
def admin(server: ServerThread) -> ApiClient:
    return person(server, "Hr. Verwaltung")


def stranger(server: ServerThread) -> ApiClient:
    return ApiClient(HttpSender(server.url))


def added(by: ApiClient, name: str = "Fr. Neu", *roles: str) -> str:
    """A new user without a password; returns the code."""
    answer: Any = by.call("POST", "/users", {"name": name, "roles": list(roles or ("assistant",))})
    return str(answer["one_time_code"]["code"])


def first_password(code: str, user: str = "Fr. Neu", password: str = NEW_PASSWORD) -> dict[str, str]:
    return {"user": user, "code": code, "password": password}


def listed(by: ApiClient, name: str) -> dict[str, Any]:
    return next(item for item in items(by, "/users") if item["name"] == name)


def test_a_user_sets_the_first_password_with_a_code_that_works_once(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    assert listed(admin, "Fr. Neu")["state"] == "code_issued"
    groups = code.split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4]
    assert set("".join(groups)) <= set(ALPHABET)
    assert refusal(stranger(server), "POST", "/session", {"user": "Fr. Neu", "password": ""}) == (401, "wrong-password")
    # Read aloud and typed as people type.
    stranger(server).call("POST", "/first-password", first_password(code.lower().replace("-", " "), user=" fr. neu "))
    assert is_in(person(server, "Fr. Neu", password=NEW_PASSWORD))
    assert refusal(stranger(server), "POST", "/first-password", first_password(code)) == (401, "wrong-code")
    assert listed(admin, "Fr. Neu")["state"] == "active"
    assert {"user_added", "code_issued", "code_used"} <= set(actions(admin))


def test_no_code_is_stored_and_no_list_shows_one(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    row = users.find_user(server.server.database.reader(), "Fr. Neu")
    assert code.replace("-", "").encode() not in row.code_hash
    assert code not in str(admin.call("GET", "/users"))


def test_a_code_counts_for_seven_days(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    server.clock.instant += timedelta(days=7)
    assert refusal(stranger(server), "POST", "/first-password", first_password(code)) == (401, "wrong-code")
    again = person(server, "Hr. Verwaltung")
    assert listed(again, "Fr. Neu")["state"] == "code_expired"
    second: Any = again.call("POST", "/users/Fr.%20Neu/code")
    server.clock.instant += timedelta(days=7) - timedelta(seconds=1)
    stranger(server).call("POST", "/first-password", first_password(second["code"]))


def test_a_weak_first_password_leaves_the_code_as_it_was(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    assert refusal(stranger(server), "POST", "/first-password", first_password(code, password="zu kurz")) == (422, "weak-password")
    stranger(server).call("POST", "/first-password", first_password(code))


def test_guessing_codes_is_slowed_and_counted_like_guessing_passwords(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    answers = [refusal(stranger(server), "POST", "/first-password", first_password("AAAA")) for _ in range(10)]
    assert answers == [(401, "wrong-code")] * 10
    assert users.find_user(server.server.database.reader(), "Fr. Neu").failures_in_row == 10
    assert refusal(stranger(server), "POST", "/first-password", first_password(code)) == (429, "too-many-attempts")
    assert refusal(stranger(server), "POST", "/first-password", first_password("AAAA", user="Niemand")) == (401, "wrong-code")


def test_a_user_who_is_switched_off_cannot_use_a_code(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    admin.call("POST", "/users/Fr.%20Neu/disable")
    assert refusal(stranger(server), "POST", "/first-password", first_password(code)) == (401, "wrong-code")


def test_a_code_for_a_forgotten_password_ends_everything_the_old_one_began(server: ServerThread, admin: ApiClient) -> None:
    assistant = person(server, "Fr. Assistenz")
    assistant.call("PUT", "/account/pin", {"password": PASSWORD, "pin": PIN})
    issued: Any = admin.call("POST", "/users/Fr.%20Assistenz/code")
    assert not is_in(assistant)
    assert refusal(stranger(server), "POST", "/session", {"user": "Fr. Assistenz", "password": PASSWORD}) == (401, "wrong-password")
    assert users.find_user(server.server.database.reader(), "Fr. Assistenz").pin_hash is None
    stranger(server).call("POST", "/first-password", first_password(issued["code"], user="Fr. Assistenz"))
    assert is_in(person(server, "Fr. Assistenz", password=NEW_PASSWORD))


def test_other_roles_end_the_sessions_and_count_from_the_next_one(server: ServerThread, admin: ApiClient) -> None:
    reception = person(server, "Fr. Empfang")
    assert refusal(reception, "PUT", "/users/Fr.%20Empfang/roles", {"roles": ["owner"]}) == (403, "not-permitted")
    admin.call("PUT", "/users/Fr.%20Empfang/roles", {"roles": ["auditor", "auditor"]})
    assert not is_in(reception)
    again = person(server, "Fr. Empfang")
    assert refusal(again, "POST", "/patients/search", {"q": "muster"}) == (403, "not-permitted")
    assert items(again, "/users")
    assert listed(admin, "Fr. Empfang")["roles"] == ["auditor"]
    assert "roles_changed" in actions(admin)


@pytest.mark.parametrize("roles", [[], ["emperor"], ["local"]])
def test_roles_that_are_none_are_refused(admin: ApiClient, roles: list[str]) -> None:
    assert refusal(admin, "PUT", "/users/Fr.%20Empfang/roles", {"roles": roles}) == (422, "invalid-input")


def test_the_last_owner_stays_an_owner(server: ServerThread, owner: ApiClient) -> None:
    path = "/users/Dr.%20Pr%C3%BCfer/roles"
    assert refusal(owner, "PUT", path, {"roles": ["dentist"]}) == (409, "last-owner")
    code = added(owner, "Dr. Zweit", "owner")
    assert refusal(owner, "PUT", path, {"roles": ["dentist"]}) == (409, "last-owner"), "one without a password cannot sign in"
    stranger(server).call("POST", "/first-password", first_password(code, user="Dr. Zweit"))
    owner.call("PUT", path, {"roles": ["dentist"]})
    assert not is_in(owner)


def test_an_administrator_touches_neither_owners_nor_the_own_roles(owner: ApiClient, admin: ApiClient) -> None:
    for method, path, body in (
        ("PUT", "/users/Dr.%20Pr%C3%BCfer/roles", {"roles": ["dentist"]}),
        ("POST", "/users/Dr.%20Pr%C3%BCfer/code", None),
        ("PUT", "/users/Fr.%20Empfang/roles", {"roles": ["owner"]}),
        ("PUT", "/users/Hr.%20Verwaltung/roles", {"roles": ["admin", "dentist"]}),
        ("POST", "/users/Hr.%20Verwaltung/code", None),
        ("POST", "/users", {"name": "Dr. Neu", "roles": ["owner"]}),
    ):
        assert refusal(admin, method, path, body) == (403, "not-permitted"), (method, path)
    owner.call("PUT", "/users/Hr.%20Verwaltung/roles", {"roles": ["admin", "front_desk"]})
    assert not is_in(admin)


def test_nobody_gets_a_code_instead_of_saying_the_old_password(owner: ApiClient) -> None:
    assert refusal(owner, "POST", "/users/Dr.%20Pr%C3%BCfer/code") == (403, "not-permitted")


def test_a_new_password_ends_the_other_sessions(server: ServerThread) -> None:
    here, elsewhere = person(server, "Fr. Assistenz"), person(server, "Fr. Assistenz")
    wrong = {"old_password": "geraten und falsch", "password": NEW_PASSWORD}
    assert refusal(here, "PUT", "/account/password", wrong) == (401, "wrong-password")
    short = {"old_password": PASSWORD, "password": "zu kurz"}
    assert refusal(here, "PUT", "/account/password", short) == (422, "weak-password")
    assert is_in(elsewhere)
    here.call("PUT", "/account/password", {"old_password": PASSWORD, "password": NEW_PASSWORD})
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert refusal(stranger(server), "POST", "/session", {"user": "Fr. Assistenz", "password": PASSWORD}) == (401, "wrong-password")


def test_one_sees_where_one_is_signed_in_and_ends_a_session_elsewhere(server: ServerThread) -> None:
    here, elsewhere = person(server, "Fr. Assistenz", place="Zimmer 1"), person(server, "Fr. Assistenz", place="Zimmer 2")
    other = person(server, "Fr. Empfang")
    found: Any = here.call("GET", "/sessions")
    assert {(item["place"], item["is_current"]) for item in found["items"]} == {("Zimmer 1", True), ("Zimmer 2", False)}
    session = next(item["id"] for item in found["items"] if not item["is_current"])
    assert refusal(other, "DELETE", f"/sessions/{session}") == (404, "session-not-found")
    assert is_in(elsewhere)
    here.call("DELETE", f"/sessions/{session}")
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert refusal(here, "DELETE", f"/sessions/{session}") == (404, "session-not-found")


def test_the_event_stream_of_a_session_ends_with_it(server: ServerThread, admin: ApiClient) -> None:
    tab = Tab(server)
    tab.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=3)
    connection.request("GET", "/api/v1/events?topics=applications", headers={"Authorization": f"Bearer {tab.token}"})
    stream = connection.getresponse()
    assert b"retry" in stream.readline()
    admin.call("POST", "/users/Fr.%20Assistenz/disable")
    stream.read()  # ends, else the time limit of the connection does
    connection.close()


@pytest.mark.parametrize("pin", ["000000", "121212", "123456", "987654", "890123", "12345", "1234567", "12a456", "١٢٣٤٥٩", ""])
def test_a_pin_that_everybody_tries_first_is_refused(admin: ApiClient, pin: str) -> None:
    assert refusal(admin, "PUT", "/account/pin", {"password": PASSWORD, "pin": pin}) == (422, "weak-pin")


def test_the_command_line_has_no_account_of_its_own(server: ServerThread) -> None:
    local = ApiClient(HttpSender(server.url), token=server.server.local_token)
    for method, path in (("GET", "/sessions"), ("DELETE", "/account/pin")):
        assert refusal(local, method, path) == (403, "not-permitted")


def test_the_pages_lead_from_a_code_to_the_first_session(server: ServerThread, admin: ApiClient) -> None:
    code = added(admin)
    tab = Tab(server)
    assert "/first-password" in tab.get("/sign-in")[1]
    assert tab.get("/first-password")[0] == 200
    status, page = tab.post("/first-password", user="Fr. Neu", code=code, password=NEW_PASSWORD, repeated="vertippt")
    assert (status, "zweimal gleich" in page, 'value="Fr. Neu"' in page) == (422, True, True)
    status, page = tab.post("/first-password", user="Fr. Neu", code="AAAA", password=NEW_PASSWORD, repeated=NEW_PASSWORD)
    assert (status, "Benutzername oder Code" in page) == (401, True)
    assert NEW_PASSWORD not in page
    assert tab.post("/first-password", user="Fr. Neu", code=code, password=NEW_PASSWORD, repeated=NEW_PASSWORD)[0] == 303
    assert "Passwort ist festgelegt" in tab.get(tab.location)[1]
    assert tab.post("/sign-in", user="Fr. Neu", password=NEW_PASSWORD)[0] == 303
    assert is_in(tab.client())


def test_the_page_of_the_own_account(server: ServerThread) -> None:
    tab, elsewhere = Tab(server), person(server, "Fr. Assistenz", place="Zimmer 2")
    tab.post("/sign-in", user="Fr. Assistenz", password=PASSWORD)
    page = tab.get("/account")[1]
    assert "Zimmer 2" in page
    assert "PIN entfernen" not in page
    assert tab.post("/account/pin", pin_password=PASSWORD, pin="111111")[0] == 422
    assert tab.post("/account/pin", pin_password="falsch", pin=PIN)[0] == 401
    assert tab.post("/account/pin", pin_password=PASSWORD, pin=PIN)[0] == 303
    page = tab.get(tab.location)[1]
    assert "PIN ist festgelegt" in page
    assert "PIN entfernen" in page
    assert tab.post("/account/pin/removal")[0] == 303
    status, page = tab.post("/account/password", old_password=PASSWORD, password=NEW_PASSWORD, repeated="vertippt")
    assert (status, "zweimal gleich" in page) == (422, True)
    assert is_in(elsewhere)
    assert tab.post("/account/password", old_password=PASSWORD, password=NEW_PASSWORD, repeated=NEW_PASSWORD)[0] == 303
    assert not is_in(elsewhere)
    third = person(server, "Fr. Assistenz", password=NEW_PASSWORD)
    session = next(item["id"] for item in items(tab.client(), "/sessions") if not item["is_current"])
    assert tab.post(f"/account/sessions/{session}/end")[0] == 303
    assert not is_in(third)
    assert tab.post(f"/account/sessions/{session}/end")[0] == 404


def test_who_has_nothing_to_do_with_patients_begins_in_the_console(server: ServerThread) -> None:
    tab = Tab(server)
    tab.post("/sign-in", user="Hr. Verwaltung", password=PASSWORD)
    assert tab.location == "/console"
    tab.post("/sign-in", user="Fr. Empfang", password=PASSWORD)
    assert tab.location == "/"


def test_a_page_of_another_site_changes_no_password(server: ServerThread) -> None:
    client = person(server, "Fr. Assistenz")
    with pytest.raises(RefusedError) as caught:
        ApiClient(HttpSender(server.url)).call("DELETE", "/account/pin", Cookie=f"miz_session={client.token}", Sec_Fetch_Site="cross-site")
    assert caught.value.code == "foreign-page"
