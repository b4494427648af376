"""Who may make whom: users, roles, passwords; and requests that are sent twice."""

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.wire.client_protocol import NewPatient, Patient
from tests.support.practice import PASSWORD, PEOPLE, ServerThread, client_of, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("practice")) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: ServerThread) -> dict[str, ApiClient]:
    return {name: client_of(server.url, name) for name in PEOPLE if name != "Fr. Datenschutz"}


@pytest.fixture(scope="module")
def owner(people: dict[str, ApiClient]) -> ApiClient:
    return people["Dr. Prüfer"]


@pytest.fixture(scope="module")
def admin(people: dict[str, ApiClient]) -> ApiClient:
    return people["Hr. Verwaltung"]


def user(name: str = "", roles: tuple[str, ...] = ("assistant",), password: str = PASSWORD) -> dict[str, Any]:
    return {"name": name or f"Fr. Neu {uuid.uuid4()}", "roles": list(roles), "password": password}


def refusal(client: ApiClient, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        client.call(method, path, body, Idempotency_Key=key)
    return caught.value.status, caught.value.code


def test_a_new_user_can_sign_in(server: ServerThread, admin: ApiClient) -> None:
    added: Any = admin.call("POST", "/users", user("Fr. Frisch", ("front_desk", "assistant", "assistant")))
    assert (added["name"], added["roles"], added["is_disabled"]) == ("Fr. Frisch", ["assistant", "front_desk"], False)
    assert client_of(server.url, "fr. frisch").search("muster")


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        (user(password="zu kurz ist das"[:14]), 422, "weak-password"),
        (user(password="x" * 201), 422, "weak-password"),
        (user(name="Frau Langenfeld-Test", password="frau langenfeld-TEST"), 422, "weak-password"),
        (user(password="passwort" * 2), 422, "weak-password"),
        (user(password="Hallo Welt Hallo Welt Ha"), 422, "weak-password"),
        (user(password="1234567890123456"), 422, "weak-password"),
        (user(password="mnbvcxylkjhgfdsa"), 422, "weak-password"),
        (user(password="QWERTZUIOPASDFGH"), 422, "weak-password"),
        (user(password=" " * 20), 422, "weak-password"),
        (user(roles=()), 422, "invalid-input"),
        (user(roles=("emperor",)), 422, "invalid-input"),
        (user(roles=("local",)), 422, "invalid-input"),
        (user(name="x" * 101), 422, "invalid-input"),
        ({**user(), "name": "   "}, 422, "invalid-input"),
        (user(name="FR. ASSISTENZ"), 409, "user-exists"),
        ({**user(), "is_owner": True}, 422, "invalid-input"),
    ],
)
def test_a_user_that_cannot_be_is_refused(admin: ApiClient, wanted: dict[str, Any], status: int, code: str) -> None:
    known = len(admin.call("GET", "/users")["items"])
    assert refusal(admin, "POST", "/users", wanted) == (status, code)
    assert len(admin.call("GET", "/users")["items"]) == known


@pytest.mark.parametrize("password", ["fünfzehn Zeiche", "".join(map(str, range(300)))[-200:], "Umlaute äöü und 😀😀", "x" * 14 + "y"])
def test_a_long_enough_password_is_taken_as_it_is(admin: ApiClient, password: str) -> None:
    assert admin.call("POST", "/users", user(password=password))["id"]


def test_the_last_owner_cannot_be_switched_off(owner: ApiClient) -> None:
    assert refusal(owner, "POST", "/users/Dr.%20Pr%C3%BCfer/disable") == (409, "last-owner")
    assert owner.search("muster")
    owner.call("POST", "/users", user("Dr. Zweit", ("owner",)))
    owner.call("POST", "/users/Dr.%20Zweit/disable")
    assert refusal(owner, "POST", "/users/Dr.%20Pr%C3%BCfer/disable") == (409, "last-owner"), "one that is off does not count"


def test_an_administrator_cannot_touch_an_owner(owner: ApiClient, admin: ApiClient) -> None:
    assert refusal(admin, "POST", "/users", user(roles=("admin", "owner"))) == (403, "not-permitted")
    for action in ("disable", "enable"):
        assert refusal(admin, "POST", f"/users/Dr.%20Pr%C3%BCfer/{action}") == (403, "not-permitted")
    assert owner.search("muster")


def test_an_unknown_user_is_said_to_be_unknown(admin: ApiClient) -> None:
    assert refusal(admin, "POST", "/users/Niemand/disable") == (404, "user-not-found")


@pytest.mark.parametrize("name", ["Fr. Assistenz", "Fr. Empfang", "Hr. Technik"])
def test_who_does_not_manage_users_neither_sees_nor_makes_them(people: dict[str, ApiClient], name: str) -> None:
    assert refusal(people[name], "GET", "/users")[0] == 403
    assert refusal(people[name], "POST", "/users", user())[0] == 403


def test_no_list_shows_a_password_hash(admin: ApiClient) -> None:
    listed: Any = admin.call("GET", "/users")
    assert all(set(item) == {"id", "name", "roles", "is_disabled", "state", "code_until", "has_second_factor"} for item in listed["items"])


def new_patient(name: str) -> NewPatient:
    return NewPatient(family_name=name, given_name="Ina", birth_date="1950")


def test_a_request_sent_twice_acts_once_and_gets_its_first_answer(owner: ApiClient) -> None:
    key = str(uuid.uuid4())
    first, second = (owner.call("POST", "/patients", new_patient("Doppelt"), answer=Patient, Idempotency_Key=key) for _ in range(2))
    assert first == second
    assert len(owner.search("doppelt")) == 1


def test_a_replay_gets_the_first_answer_after_the_patient_was_released(owner: ApiClient) -> None:
    patient = owner.create_patient(family_name="Wieder", given_name="Ina", birth_date="1950")
    token, key = owner.open_patient(patient.id).fencing_token, str(uuid.uuid4())
    first = owner.add("notes", patient.id, token, idempotency_key=key, text="einmal")
    owner.release_patient(patient.id)
    assert owner.add("notes", patient.id, token, idempotency_key=key, text="einmal") == first
    assert [note.text for note in owner.read_patient(patient.id).notes] == ["einmal"]


def test_a_key_with_another_body_is_refused(owner: ApiClient) -> None:
    key = str(uuid.uuid4())
    owner.call("POST", "/patients", new_patient("Schlüssel"), Idempotency_Key=key)
    assert refusal(owner, "POST", "/patients", new_patient("Anders"), key=key) == (422, "idempotency-key-reused")
    assert owner.search("anders") == []


def test_a_key_belongs_to_its_user_and_its_route(owner: ApiClient, people: dict[str, ApiClient]) -> None:
    key = str(uuid.uuid4())
    mine = owner.call("POST", "/patients", new_patient("Eigen"), answer=Patient, Idempotency_Key=key)
    hers = people["Fr. Assistenz"].call("POST", "/patients", new_patient("Eigen"), answer=Patient, Idempotency_Key=key)
    assert mine.id != hers.id
    token = owner.open_patient(mine.id).fencing_token
    assert owner.add("notes", mine.id, token, idempotency_key=key, text="eigen").text == "eigen"


def test_a_refused_request_may_be_corrected_under_its_key(owner: ApiClient) -> None:
    key = str(uuid.uuid4())
    wrong = {"family_name": "Richtig", "given_name": "Ina", "birth_date": "31.02.1950"}
    assert refusal(owner, "POST", "/patients", wrong, key=key)[0] == 422
    assert owner.call("POST", "/patients", {**wrong, "birth_date": "28.02.1950"}, Idempotency_Key=key)["family_name"] == "Richtig"


def test_an_overlong_key_is_refused(owner: ApiClient) -> None:
    assert refusal(owner, "POST", "/patients", new_patient("Lang"), key="k" * 101)[0] == 422


def test_answers_are_kept_for_a_day(tmp_path: Path) -> None:
    key = str(uuid.uuid4())

    def send(server: ServerThread) -> str:
        client = ApiClient(HttpSender(server.url), token=token)
        return client.call("POST", "/patients", new_patient("Tag"), answer=Patient, Idempotency_Key=key).id

    def a_moment_later(server: ServerThread, passed: timedelta) -> str:
        """Sign in after `passed`, with the server's housekeeping done."""
        server.stop()
        server.clock.instant += passed
        server.start()
        return client_of(server.url).token

    with served(tmp_path) as server:
        token = client_of(server.url).token
        first = send(server)
        token = a_moment_later(server, timedelta(hours=23, minutes=59))
        time.sleep(0.8)
        assert send(server) == first
        token = a_moment_later(server, timedelta(minutes=2))
        until = time.monotonic() + 5
        while send(server) == first:
            assert time.monotonic() < until, "the answer is kept for ever"
            time.sleep(0.1)
