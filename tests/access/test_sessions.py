"""Who may come in, for how long, and how a session ends."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from miz.access import users
from miz.access.errors import TooManyAttemptsError, WrongPasswordError
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from tests.support.browsing import Browser
from tests.support.practice import PASSWORD, ServerThread, client_of, served

T = TypeVar("T")
FROM_HERE, FROM_NETWORK = "127.0.0.1", "192.168.7.20"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


def within(server: ServerThread, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, server.server._housekeeping.get_loop()).result(20)


def sign_in(server: ServerThread, address: str, *, name: str = "Fr. Assistenz", password: str = PASSWORD) -> str:
    return within(server, server.server.signing_in.sign_in(name=name, password=password, place=None, address=address))[0]


def again(server: ServerThread, client: ApiClient) -> ApiClient:
    """The same session and application, connected to where the server is now."""
    known = ApiClient(HttpSender(server.url), token=client.token)
    known.application = client.application
    return known


def refusal(work: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        work(*arguments)
    return caught.value.status, caught.value.code


def fails(server: ServerThread, name: str, count: int) -> None:
    async def count_all() -> None:
        user_id = users.find_user(server.server.database.reader(), name).id
        for _ in range(count):
            await server.server.writer.run(lambda tx: users.count_failure(tx, user_id))

    within(server, count_all())


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(server: ServerThread) -> None:
    answers = []
    for user, password in (("Dr. Prüfer", "ganz falsch geraten"), ("Dr. Niemand", PASSWORD)):
        with pytest.raises(RefusedError) as caught:
            ApiClient(HttpSender(server.url)).sign_in(user, password)
        answers.append((caught.value.status, caught.value.problem))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["code"]) == (401, "wrong-password")


def test_signing_in_takes_the_name_as_people_type_it_and_a_workplace_that_exists(server: ServerThread) -> None:
    client = ApiClient(HttpSender(server.url))
    client.sign_in("  dr. prüfer ", PASSWORD, "Zimmer 2")
    assert client.register().lease_s == 20
    assert refusal(client.sign_in, "Dr. Prüfer", PASSWORD, "Zimmer 99") == (404, "workplace-not-found")


def test_each_sign_in_has_a_token_of_its_own_and_only_its_hash_is_stored(server: ServerThread) -> None:
    tokens = {sign_in(server, FROM_HERE) for _ in range(2)}
    assert len(tokens) == 2
    hashes = server.server.database.reader().exec_driver_sql("SELECT token_hash FROM user_session").scalars().all()
    assert len(hashes) == 2
    assert not {token.encode() for token in tokens} & set(hashes)


def test_guessing_from_the_network_is_slowed_and_the_server_itself_stays_open(server: ServerThread) -> None:
    for _ in range(10):
        with pytest.raises(WrongPasswordError):
            sign_in(server, FROM_NETWORK, password="geraten und falsch")
    for address in (FROM_NETWORK, "192.168.7.21"):
        with pytest.raises(TooManyAttemptsError) as caught:
            sign_in(server, address)
        assert caught.value.fields["retry_after_s"] == 60
    assert sign_in(server, FROM_HERE)
    assert sign_in(server, FROM_NETWORK, name="Fr. Empfang"), "others are not slowed"


def test_the_hundredth_failure_in_a_row_switches_the_account_off(server: ServerThread) -> None:
    fails(server, "Fr. Assistenz", 99)
    with pytest.raises(WrongPasswordError):
        sign_in(server, FROM_HERE, password="geraten und falsch")
    with pytest.raises(WrongPasswordError):
        sign_in(server, FROM_HERE)
    client_of(server.url, "Hr. Verwaltung").call("POST", "/users/Fr.%20Assistenz/enable")
    assert sign_in(server, FROM_HERE)


def test_the_right_password_forgives_the_failures_before(server: ServerThread) -> None:
    fails(server, "Fr. Assistenz", 99)
    assert sign_in(server, FROM_HERE)
    with pytest.raises(WrongPasswordError):
        sign_in(server, FROM_HERE, password="geraten und falsch")
    assert sign_in(server, FROM_HERE)


def test_guessing_never_locks_the_owner_out_of_the_server_itself(server: ServerThread) -> None:
    fails(server, "Dr. Prüfer", 100)
    with pytest.raises(WrongPasswordError):
        sign_in(server, FROM_NETWORK, name="Dr. Prüfer")
    with pytest.raises(WrongPasswordError):
        sign_in(server, FROM_HERE, name="Dr. Prüfer", password="geraten und falsch")
    assert sign_in(server, FROM_HERE, name="Dr. Prüfer")
    assert sign_in(server, FROM_NETWORK, name="Dr. Prüfer")


def test_a_user_who_is_switched_off_is_out_at_once_and_the_patient_is_free(server: ServerThread) -> None:
    admin, assistant, dentist = (client_of(server.url, user) for user in ("Hr. Verwaltung", "Fr. Assistenz", "Dr. Prüfer"))
    patient = assistant.create_patient(family_name="Frei", given_name="Ina", birth_date="1950")
    assistant.open_patient(patient.id)
    assert refusal(dentist.open_patient, patient.id)[0] == 409
    admin.call("POST", "/users/Fr.%20Assistenz/disable")
    assert refusal(assistant.read_patient, patient.id) == (401, "not-signed-in")
    assert dentist.open_patient(patient.id).patient.id == patient.id
    with pytest.raises(WrongPasswordError):
        sign_in(server, FROM_HERE)


def test_signing_out_ends_the_session_and_frees_the_patient(server: ServerThread) -> None:
    assistant, dentist = client_of(server.url, "Fr. Assistenz"), client_of(server.url)
    patient = assistant.create_patient(family_name="Frei", given_name="Ina", birth_date="1950")
    assistant.open_patient(patient.id)
    token = assistant.token
    assistant.sign_out()
    assert refusal(ApiClient(HttpSender(server.url), token=token).read_patient, patient.id)[0] == 401
    assert dentist.read_patient(patient.id).holder is None
    assert dentist.open_patient(patient.id).fencing_token
    server.stop()
    server.start()
    assert refusal(ApiClient(HttpSender(server.url), token=token).read_patient, patient.id)[0] == 401


def test_a_session_ends_after_its_hours_whatever_happens(server: ServerThread) -> None:
    assistant = client_of(server.url, "Fr. Assistenz")
    patient = assistant.create_patient(family_name="Frei", given_name="Ina", birth_date="1950")
    server.pass_time(12 * 3_600 - 10)
    assistant.register()
    assistant.open_patient(patient.id)
    server.clock.steady += 9
    assert assistant.heartbeat().lease is not None
    server.clock.steady += 1
    assert refusal(assistant.heartbeat) == (401, "not-signed-in")
    dentist = client_of(server.url)
    until = time.monotonic() + 5
    while dentist.read_patient(patient.id).holder is not None:
        assert time.monotonic() < until, "the end of a session frees its patient"
        time.sleep(0.05)


def test_an_idle_screen_locks_and_goes_on_with_the_password(server: ServerThread) -> None:
    browser = Browser(server.url, sign_in(server, FROM_HERE))
    browser.register(workplace="Zimmer 1")
    patient = browser.create_patient(family_name="Ruhe", given_name="Ina", birth_date="1950")
    token = browser.open_patient(patient.id).fencing_token
    for _ in range(61):
        server.clock.steady += 15
        assert browser.heartbeat().lease is not None
    assert refusal(browser.read_patient, patient.id) == (401, "screen-locked")
    assert refusal(browser.open_patient, patient.id) == (401, "screen-locked")
    assert "Ruhe" not in browser.page(f"/patients/{patient.id}")[1]
    lease = browser.heartbeat().lease
    assert lease is not None
    assert lease.fencing_token == token, "lease and session outlive the lock"
    assert browser.submit("/locked", password="geraten und falsch")[0] == 401
    assert refusal(browser.read_patient, patient.id)[0] == 401
    assert browser.submit("/locked", password=PASSWORD)[0] == 303
    assert browser.add("notes", patient.id, token, text="weiter").text == "weiter"


def test_input_keeps_the_screen_open_and_background_calls_do_not(server: ServerThread) -> None:
    browser = Browser(server.url, sign_in(server, FROM_HERE))
    for _ in range(4):
        server.clock.steady += 14 * 60
        browser.search("muster")
    server.clock.steady += 14 * 60
    browser.call("GET", "/workplaces", Miz_Background="1")
    server.clock.steady += 2 * 60
    assert refusal(browser.search, "muster") == (401, "screen-locked")


def test_a_screen_is_locked_by_hand(server: ServerThread) -> None:
    browser = Browser(server.url, sign_in(server, FROM_HERE))
    browser.submit("/lock")
    assert refusal(browser.search, "muster") == (401, "screen-locked")


@pytest.mark.parametrize("is_idle", [False, True])
def test_a_locked_screen_is_locked_after_a_restart_and_an_unlocked_one_is_not(server: ServerThread, *, is_idle: bool) -> None:
    tokens = [sign_in(server, FROM_HERE) for _ in range(3)]
    left, unlocked, at_work = (Browser(server.url, token) for token in tokens)
    for browser in (left, unlocked, at_work):
        browser.search("muster")
    if is_idle:
        server.clock.steady += 10 * 60
        at_work.search("muster")
        server.clock.steady += 10 * 60
    else:
        left.submit("/lock")
        unlocked.submit("/lock")
    within(server, server.server.sessions.store_locks())
    unlocked.submit("/locked", password=PASSWORD)
    within(server, server.server.sessions.store_locks())
    server.stop()
    server.start()
    left, unlocked, at_work = (Browser(server.url, token) for token in tokens)
    # Not even as a program would show the token of a browser.
    assert refusal(ApiClient(HttpSender(server.url), token=tokens[0]).search, "muster") == (401, "screen-locked")
    assert refusal(left.search, "muster") == (401, "screen-locked")
    assert unlocked.search("muster") == at_work.search("muster")
    assert left.submit("/locked", password=PASSWORD)[0] == 303
    assert left.search("muster") == at_work.search("muster")


def test_a_program_with_a_token_has_no_screen_to_lock(server: ServerThread) -> None:
    client = client_of(server.url)
    server.clock.steady += 24 * 60
    assert client.search("muster")


@pytest.mark.parametrize("jump", [timedelta(days=365), timedelta(days=-365), timedelta(hours=1)])
def test_a_wall_clock_that_jumps_signs_nobody_out_and_lets_nobody_stay(server: ServerThread, jump: timedelta) -> None:
    assistant = client_of(server.url, "Fr. Assistenz")
    server.clock.instant += jump
    server.sweep()
    assert assistant.heartbeat().lease is None
    server.clock.steady += 12 * 3_600
    assert refusal(assistant.heartbeat) == (401, "not-signed-in")


def test_a_restart_of_the_server_keeps_sessions(server: ServerThread) -> None:
    client = client_of(server.url, "Fr. Assistenz")
    server.stop()
    server.start()
    restarted = again(server, client)
    assert restarted.search("muster")
    assert restarted.heartbeat().lease is None


def test_a_restart_brings_no_ended_session_back(server: ServerThread) -> None:
    assistant, admin = client_of(server.url, "Fr. Assistenz"), client_of(server.url, "Hr. Verwaltung")
    expired = client_of(server.url)
    admin.call("POST", "/users/Fr.%20Assistenz/disable")
    server.stop()
    server.clock.instant = server.clock.instant.replace(hour=20)
    server.start()
    for client in (assistant, expired):
        assert refusal(again(server, client).search, "muster")[0] == 401
