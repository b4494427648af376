"""The second factor: set up, signing in in two steps, codes that count once, recovery, recent codes, and who resets it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from cryptography.exceptions import InvalidTag

from miz.access import users
from miz.access.second_factor import model, store
from miz.access.second_factor.model import matching_step, step_at, typed_digits
from miz.access.second_factor.sealing import Seal
from miz.access.second_factor.service import SecondFactors
from miz.access.second_factor.web import qr_code
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from tests.access.people import Tab, actions, is_in, items, person, refusal
from tests.support.practice import PASSWORD, ServerThread, served

OWNER, ADMIN, ASSISTANT = "Dr. Prüfer", "Hr. Verwaltung", "Fr. Assistenz"
OWN = "/account/second-factor"
SHORT_PASSWORD = "8 Zeich."
# RFC 6238, appendix B, SHA-1; its eight digits end in the six that are asked for here.
RFC_SECRET = b"12345678901234567890"
RFC_VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


class Phone:
    """The app: shows the code of the server's present, or of another step."""

    def __init__(self, server: ServerThread, secret: str) -> None:
        self._server = server
        self._codes = pyotp.TOTP(secret)

    def code(self, *, steps: int = 0) -> str:
        return self._codes.at(self._server.clock.instant, counter_offset=steps)

    def next_code(self) -> str:
        """The code after the present one has been used."""
        self._server.clock.instant += timedelta(seconds=30)
        return self.code()


def set_up(server: ServerThread, user: str = OWNER) -> tuple[ApiClient, Phone, list[str]]:
    """Somebody with a second factor: the session it was set up in, the phone, the recovery codes."""
    client = person(server, user)
    begun: Any = client.call("POST", OWN, {"password": PASSWORD})
    phone = Phone(server, begun["secret"])
    made: Any = client.call("POST", f"{OWN}/activation", {"code": phone.code()})
    pass_minutes(server, 1)
    return client, phone, made["codes"]


def pass_minutes(server: ServerThread, minutes: float) -> None:
    server.clock.steady += minutes * 60
    server.clock.instant += timedelta(minutes=minutes)


def let_tries_be_forgotten(server: ServerThread) -> None:
    """A minute passes for the limits; the codes stay those of the moment."""
    server.clock.steady += 61


def signing_in(server: ServerThread, user: str = OWNER, password: str = PASSWORD, **more: str) -> tuple[int, str]:
    return refusal(ApiClient(HttpSender(server.url)), "POST", "/session", {"user": user, "password": password, **more})


def signed_in(server: ServerThread, code: str, user: str = OWNER, password: str = PASSWORD) -> ApiClient:
    client = ApiClient(HttpSender(server.url))
    client.sign_in(user, password, code=code)
    return client


# Codes and time.


@pytest.mark.parametrize(("seconds", "digits"), RFC_VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, digits: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert matching_step(RFC_SECRET, digits[-6:], now, after=-1) == seconds // 30


@pytest.mark.parametrize(
    ("late_s", "counts"),
    [(-31, False), (-30, True), (-1, True), (0, True), (29, True), (30, True), (59, True), (60, False)],
)
def test_a_code_counts_in_its_step_and_in_the_ones_beside_it(late_s: int, counts: bool) -> None:
    begins = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    code = pyotp.TOTP(model.text_of(RFC_SECRET)).at(begins)
    step = matching_step(RFC_SECRET, code, begins + timedelta(seconds=late_s), after=-1)
    assert step == (step_at(begins) if counts else None)


def test_a_step_that_was_used_counts_no_more_nor_do_those_before_it() -> None:
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    codes = pyotp.TOTP(model.text_of(RFC_SECRET))
    for steps, after, counts in ((0, 0, False), (-1, 0, False), (1, 0, True), (0, -1, True), (-1, -1, False)):
        found = matching_step(RFC_SECRET, codes.at(now, counter_offset=steps), now, after=step_at(now) + after)
        assert (found is not None) == counts, (steps, after)


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("123456", "123456"),
        (" 123 456\n", "123456"),
        ("123-456", "123456"),
        ("12345", None),
        ("1234567", None),
        ("١٢٣٤٥٦", None),
        ("K7QM-2XPD", None),
    ],
)
def test_what_is_typed_or_pasted_is_taken_as_people_do_it(typed: str, digits: str | None) -> None:
    assert typed_digits(typed) == digits


# Secrets.


def test_a_sealed_secret_opens_for_its_user_only() -> None:
    seal = Seal(bytes(32))
    sealed = seal.close(RFC_SECRET, "a")
    assert RFC_SECRET not in sealed
    assert seal.close(RFC_SECRET, "a") != sealed
    assert seal.open(sealed, "a") == RFC_SECRET
    for other, user in ((seal, "b"), (Seal(bytes(31) + b"1"), "a")):
        with pytest.raises(InvalidTag):
            other.open(sealed, user)


def test_the_secret_has_160_bits_and_is_shown_once_to_type_and_to_scan(server: ServerThread) -> None:
    client = person(server, OWNER)
    begun: Any = client.call("POST", OWN, {"password": PASSWORD})
    assert len(begun["secret"]) * 5 == 160
    parts = urlsplit(begun["address"])
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [begun["secret"]], "issuer": ["Testpraxis"]}
    again: Any = client.call("POST", OWN, {"password": PASSWORD})
    assert again["secret"] != begun["secret"]
    assert begun["secret"] not in str(client.call("GET", OWN))


def test_neither_secret_nor_code_stands_anywhere_in_clear(server: ServerThread) -> None:
    client, phone, recovery = set_up(server)
    code = phone.code()
    signed_in(server, code)
    row = server.write(lambda tx: store.factor_of(tx, users.find_user(tx.connection, OWNER).id))
    secret = phone._codes.byte_secret()
    assert secret not in row.sealed_secret
    dump = "\n".join(server.server.database.reader().exec_driver_sql("SELECT detail FROM audit_entry").scalars())
    told = dump + str(client.call("POST", "/audit/search", {"limit": 1000})) + str(client.call("GET", "/users"))
    for hidden in (phone._codes.secret, code, *recovery, *(one.replace("-", "") for one in recovery)):
        assert hidden not in told


def test_the_drawn_code_is_the_address(server: ServerThread) -> None:
    """A path of one square for each dark module, with a quiet zone of four around it."""
    drawn = qr_code("otpauth://totp/x")
    squares = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn.path)}
    assert {(x, y) for x in range(7) for y in (0, 6)} <= {(x - 4, y - 4) for x, y in squares}, "the corner that readers look for"
    assert all(4 <= x < drawn.size - 4 and 4 <= y < drawn.size - 4 for x, y in squares)


# Setting up.


def test_it_counts_only_after_one_right_code(server: ServerThread) -> None:
    client = person(server, OWNER)
    wrong = refusal(client, "POST", f"{OWN}/activation", {"code": "123456"})
    assert wrong == (409, "no-second-factor")
    begun: Any = client.call("POST", OWN, {"password": PASSWORD})
    phone = Phone(server, begun["secret"])
    for code in ("", "abc", phone.code(steps=7)):
        assert refusal(client, "POST", f"{OWN}/activation", {"code": code}) == (401, "wrong-second-factor")
    assert client.call("GET", OWN) == {"is_active": False, "active_since": None, "recovery_codes_left": 0}
    assert is_in(person(server, OWNER)), "until then the password is enough"
    made: Any = client.call("POST", f"{OWN}/activation", {"code": phone.code()})
    assert len(set(made["codes"])) == 10
    state: Any = client.call("GET", OWN)
    assert (state["is_active"], state["recovery_codes_left"]) == (True, 10)
    assert signing_in(server) == (401, "second-factor-needed")
    let_tries_be_forgotten(server)
    assert refusal(client, "POST", OWN, {"password": PASSWORD}) == (409, "second-factor-active")
    assert refusal(client, "POST", f"{OWN}/activation", {"code": phone.next_code()}) == (409, "second-factor-active")
    assert "second_factor_set" in actions(client)


def test_whoever_passes_by_an_open_window_sets_up_nothing(server: ServerThread) -> None:
    client = person(server, ASSISTANT)
    assert refusal(client, "POST", OWN, {"password": "geraten und falsch"}) == (401, "wrong-password")


def test_setting_it_up_ends_the_sessions_that_began_without_it(server: ServerThread) -> None:
    elsewhere = person(server, ADMIN)
    here, _, _ = set_up(server, ADMIN)
    assert (is_in(here), is_in(elsewhere)) == (True, False)


def test_everybody_may_have_one(server: ServerThread) -> None:
    _, phone, _ = set_up(server, ASSISTANT)
    assert signing_in(server, ASSISTANT) == (401, "second-factor-needed")
    assert is_in(signed_in(server, phone.code(), ASSISTANT))


# Signing in.


def test_there_is_no_session_before_both_are_right(server: ServerThread) -> None:
    client, phone, _ = set_up(server)
    code = phone.code()
    before = items(client, "/sessions")
    assert signing_in(server) == (401, "second-factor-needed")
    assert signing_in(server, code="000000" if code != "000000" else "111111") == (401, "wrong-second-factor")
    assert signing_in(server, password="geraten und falsch", code=code) == (401, "wrong-password"), "and the code is not used up"
    assert len(items(client, "/sessions")) == len(before)
    other = signed_in(server, code)
    assert is_in(other)
    assert other.token != client.token
    told = actions(client)
    assert {"second_factor_asked", "second_factor_refused"} <= set(told)


def test_who_has_none_signs_in_as_before_whatever_is_sent_along(server: ServerThread) -> None:
    assert is_in(signed_in(server, "123456", ASSISTANT))


def test_a_code_signs_in_once(server: ServerThread) -> None:
    _, phone, _ = set_up(server)
    code = phone.code()
    assert is_in(signed_in(server, code))
    assert signing_in(server, code=code) == (401, "wrong-second-factor")
    assert is_in(signed_in(server, phone.next_code()))


def test_without_the_step_that_was_used_a_code_would_sign_in_twice(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection taken away: the test above can fail."""
    _, phone, _ = set_up(server)
    monkeypatch.setattr(store, "keep_step", lambda *_: None)
    code = phone.code()
    assert all(is_in(signed_in(server, code)) for _ in range(2))


def test_the_code_that_set_it_up_does_not_sign_in(server: ServerThread) -> None:
    client = person(server, OWNER)
    begun: Any = client.call("POST", OWN, {"password": PASSWORD})
    code = Phone(server, begun["secret"]).code()
    client.call("POST", f"{OWN}/activation", {"code": code})
    assert signing_in(server, code=code) == (401, "wrong-second-factor")


def test_a_phone_that_is_half_a_minute_wrong_signs_in_and_one_minute_is_too_much(server: ServerThread) -> None:
    _, phone, _ = set_up(server)
    for steps, counts in ((-2, False), (2, False), (-1, True), (1, True)):
        if counts:
            assert is_in(signed_in(server, phone.code(steps=steps))), steps
        else:
            assert signing_in(server, code=phone.code(steps=steps)) == (401, "wrong-second-factor"), steps


def test_guessing_codes_is_slowed_like_guessing_passwords(server: ServerThread) -> None:
    _, phone, _ = set_up(server)
    let_tries_be_forgotten(server)
    # Password and code are a try each, ten a minute together.
    answers = [signing_in(server, code="000000") for _ in range(5)]
    assert answers == [(401, "wrong-second-factor")] * 5
    assert signing_in(server, code=phone.code()) == (429, "too-many-attempts")


def test_without_the_limit_guessing_would_go_on(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection taken away: the test above can fail."""
    set_up(server)
    monkeypatch.setattr("miz.access.attempts.Attempts.at_account", lambda *_: None)
    assert {signing_in(server, code="000000") for _ in range(12)} == {(401, "wrong-second-factor")}


def test_a_hundred_wrong_codes_in_a_row_switch_the_account_off_for_right_ones_too(server: ServerThread) -> None:
    """With the right password: else a stolen one could be guessed at for years."""
    client, phone, _ = set_up(server, ADMIN)
    let_tries_be_forgotten(server)
    user_id = users.find_user(server.server.database.reader(), ADMIN).id
    for _ in range(99):
        server.write(lambda tx: users.count_failure(tx, user_id))
    # The session is there still; what it guesses counts, too, and then nothing is right any more.
    assert refusal(client, "POST", "/session/second-factor", {"code": "000000"}) == (401, "wrong-second-factor")
    assert refusal(client, "POST", "/session/second-factor", {"code": phone.code()}) == (401, "wrong-second-factor")
    assert signing_in(server, ADMIN, code=phone.code()) == (401, "wrong-password")


def test_a_right_password_alone_forgives_no_wrong_codes(server: ServerThread) -> None:
    set_up(server)
    let_tries_be_forgotten(server)
    signing_in(server, code="000000")
    signing_in(server)
    assert users.find_user(server.server.database.reader(), OWNER).failures_in_row == 1


# The two pages of the sign-in.


def tab_at_code(server: ServerThread, user: str = OWNER) -> Tab:
    tab = Tab(server)
    assert tab.post("/sign-in", user=user, password=PASSWORD, next="/console/users")[0] == 303
    assert tab.location == "/sign-in/code?next=/console/users"
    return tab


def test_the_browser_asks_one_after_the_other(server: ServerThread) -> None:
    _, phone, _ = set_up(server)
    tab = tab_at_code(server)
    assert "miz_session" not in tab.cookies
    half = tab.cookies["miz_sign_in"]
    status, page = tab.get(tab.location)
    assert (status, "Dr. Prüfer, das Passwort stimmt." in page) == (200, True)
    for wish in ('inputmode="numeric"', 'autocomplete="one-time-code"', "autofocus", 'value="/console/users"'):
        assert wish in page
    status, page = tab.post("/sign-in/code", second_factor_code=phone.code(steps=9), next="/console/users")
    assert (status, "Dieser Code stimmt nicht" in page, "aria-invalid" in page) == (401, True, True)
    assert tab.post("/sign-in/code", second_factor_code=f" {phone.code()[:3]} {phone.code()[3:]} ", next="/console/users")[0] == 303
    assert tab.location == "/console/users"
    assert "miz_sign_in" not in tab.cookies
    assert tab.token != half, "what the browser had before is no session"
    assert tab.get(tab.location)[0] == 200
    tab.cookies["miz_sign_in"] = half
    assert tab.post("/sign-in/code", second_factor_code=phone.next_code())[0] == 303
    assert tab.location == "/sign-in?next=/", "a half counts once"


def test_half_a_sign_in_opens_nothing(server: ServerThread) -> None:
    set_up(server)
    tab = tab_at_code(server)
    half = tab.cookies["miz_sign_in"]
    tab.cookies["miz_session"] = half
    assert (tab.get("/account")[0], tab.location) == (303, "/sign-in?next=/account")
    assert refusal(ApiClient(HttpSender(server.url), token=half), "GET", "/account/second-factor") == (401, "not-signed-in")


def test_half_a_sign_in_waits_for_five_minutes(server: ServerThread) -> None:
    _, phone, _ = set_up(server)
    tab = tab_at_code(server)
    pass_minutes(server, 5)
    assert (tab.get("/sign-in/code")[0], tab.location) == (303, "/sign-in?next=/")
    assert (tab.post("/sign-in/code", second_factor_code=phone.code())[0], tab.location) == (303, "/sign-in?next=/")
    assert "miz_session" not in tab.cookies


def test_a_password_that_became_void_meanwhile_ends_half_a_sign_in(server: ServerThread) -> None:
    _, phone, _ = set_up(server, ADMIN)
    tab = tab_at_code(server, ADMIN)
    person(server, OWNER).call("POST", "/users/Hr.%20Verwaltung/code")
    assert (tab.post("/sign-in/code", second_factor_code=phone.code())[0], tab.location) == (303, "/sign-in?next=/")
    assert "miz_session" not in tab.cookies


def test_without_a_first_step_there_is_no_second(server: ServerThread) -> None:
    tab = Tab(server)
    assert (tab.get("/sign-in/code")[0], tab.location) == (303, "/sign-in?next=/")
    tab.cookies["miz_sign_in"] = "erfunden"
    assert (tab.post("/sign-in/code", second_factor_code="123456")[0], tab.location) == (303, "/sign-in?next=/")


# Recovery codes.


def test_a_recovery_code_signs_in_once_as_people_type_it(server: ServerThread) -> None:
    client, _, recovery = set_up(server)
    tab = tab_at_code(server)
    assert tab.post("/sign-in/code", second_factor_code="", second_factor_recovery_code=recovery[3].lower().replace("-", " "))[0] == 303
    assert is_in(tab.client())
    assert signing_in(server, code=recovery[3]) == (401, "wrong-second-factor")
    state: Any = client.call("GET", OWN)
    assert state["recovery_codes_left"] == 9
    assert "recovery_code_used" in actions(client)


def test_somebody_elses_recovery_code_is_none(server: ServerThread) -> None:
    set_up(server, OWNER)
    _, _, others = set_up(server, ADMIN)
    let_tries_be_forgotten(server)
    assert signing_in(server, OWNER, code=others[0]) == (401, "wrong-second-factor")


def test_new_recovery_codes_make_the_former_void(server: ServerThread) -> None:
    client, phone, recovery = set_up(server)
    assert refusal(client, "POST", f"{OWN}/recovery-codes", {"code": "000000"}) == (401, "wrong-second-factor")
    made: Any = client.call("POST", f"{OWN}/recovery-codes", {"code": phone.code()})
    let_tries_be_forgotten(server)
    assert signing_in(server, code=recovery[0]) == (401, "wrong-second-factor")
    assert is_in(signed_in(server, made["codes"][0]))


def test_only_hashes_of_recovery_codes_are_stored(server: ServerThread) -> None:
    _, _, recovery = set_up(server)
    stored = server.server.database.reader().exec_driver_sql("SELECT code_hash FROM recovery_code").scalars().all()
    assert len(stored) == 10
    assert all(len(code_hash) == 32 for code_hash in stored)
    assert not {code.replace("-", "").encode() for code in recovery} & {bytes(code_hash) for code_hash in stored}


# Removing and resetting.


def test_removing_asks_for_password_and_code(server: ServerThread) -> None:
    client, phone, _ = set_up(server)
    elsewhere = signed_in(server, phone.code())
    code = phone.next_code()
    let_tries_be_forgotten(server)
    for body, code_of in (
        ({"password": "geraten und falsch", "code": code}, "wrong-password"),
        ({"password": PASSWORD, "code": "000000"}, "wrong-second-factor"),
    ):
        assert refusal(client, "POST", f"{OWN}/removal", body) == (401, code_of)
    client.call("POST", f"{OWN}/removal", {"password": PASSWORD, "code": code})
    assert (is_in(client), is_in(elsewhere)) == (True, False)
    let_tries_be_forgotten(server)
    assert is_in(person(server, OWNER))
    assert refusal(client, "POST", f"{OWN}/removal", {"password": PASSWORD, "code": code}) == (409, "no-second-factor")


def test_who_manages_users_resets_it_for_others(server: ServerThread) -> None:
    lost, _, recovery = set_up(server, ASSISTANT)
    owner, admin = person(server, OWNER), person(server, ADMIN)
    assert next(item for item in items(admin, "/users") if item["name"] == ASSISTANT)["has_second_factor"]
    admin.call("POST", "/users/Fr.%20Assistenz/second-factor/reset")
    assert not is_in(lost)
    assert is_in(person(server, ASSISTANT))
    assert refusal(admin, "POST", "/users/Fr.%20Assistenz/second-factor/reset") == (409, "no-second-factor")
    assert is_in(signed_in(server, recovery[0], ASSISTANT)), "no code is asked for any more"
    assert "second_factor_reset" in actions(owner)


def test_neither_the_own_nor_an_owners_is_reset_by_an_administrator(server: ServerThread) -> None:
    set_up(server, OWNER)
    admin, phone, _ = set_up(server, ADMIN)
    admin.call("POST", "/session/second-factor", {"code": phone.code()})
    for name in ("Dr.%20Pr%C3%BCfer", "Hr.%20Verwaltung"):
        assert refusal(admin, "POST", f"/users/{name}/second-factor/reset") == (403, "not-permitted"), name
    assert refusal(person(server, "Fr. Datenschutz"), "POST", "/users/Hr.%20Verwaltung/second-factor/reset") == (403, "not-permitted")


def test_the_owner_is_helped_at_the_server_itself(server: ServerThread) -> None:
    set_up(server, OWNER)
    local = ApiClient(HttpSender(server.url), token=server.server.local_token)
    local.call("POST", "/users/Dr.%20Pr%C3%BCfer/second-factor/reset")
    let_tries_be_forgotten(server)
    assert is_in(person(server, OWNER))


# Shorter passwords beside it.


def test_with_it_eight_characters_are_enough_and_without_it_they_are_not(server: ServerThread) -> None:
    client, phone, _ = set_up(server, ASSISTANT)
    change = {"old_password": PASSWORD, "password": "7 Zeich"}
    assert refusal(client, "PUT", "/account/password", change) == (422, "weak-password")
    client.call("PUT", "/account/password", change | {"password": SHORT_PASSWORD})
    let_tries_be_forgotten(server)
    assert is_in(signed_in(server, phone.code(), ASSISTANT, SHORT_PASSWORD))
    removal = {"password": SHORT_PASSWORD, "code": phone.next_code()}
    assert refusal(client, "POST", f"{OWN}/removal", removal) == (422, "weak-password")
    other = person(server, "Fr. Empfang")
    assert refusal(other, "PUT", "/account/password", change | {"password": SHORT_PASSWORD}) == (422, "weak-password")


def test_a_short_password_does_not_sign_in_alone_after_a_reset(server: ServerThread) -> None:
    client, _, _ = set_up(server, ASSISTANT)
    client.call("PUT", "/account/password", {"old_password": PASSWORD, "password": SHORT_PASSWORD})
    admin = person(server, ADMIN)
    admin.call("POST", "/users/Fr.%20Assistenz/second-factor/reset")
    assert signing_in(server, ASSISTANT, SHORT_PASSWORD) == (401, "password-too-short-alone")
    issued: Any = admin.call("POST", "/users/Fr.%20Assistenz/code")
    used = {"user": ASSISTANT, "code": issued["code"], "password": SHORT_PASSWORD}
    assert refusal(ApiClient(HttpSender(server.url)), "POST", "/first-password", used) == (422, "weak-password")
    ApiClient(HttpSender(server.url)).call("POST", "/first-password", used | {"password": PASSWORD})
    assert is_in(person(server, ASSISTANT))


# Recent codes.

MANAGING: list[tuple[str, str, Any]] = [
    ("POST", "/users", {"name": "Fr. Neu", "roles": ["assistant"]}),
    ("PUT", "/users/Fr.%20Empfang/roles", {"roles": ["front_desk"]}),
    ("POST", "/users/Fr.%20Empfang/code", None),
    ("POST", "/users/Fr.%20Empfang/disable", None),
    ("POST", "/users/Fr.%20Empfang/enable", None),
    ("POST", "/users/Fr.%20Empfang/second-factor/reset", None),
]


def test_managing_users_asks_for_a_recent_code_from_who_has_a_second_factor(server: ServerThread) -> None:
    admin, phone, _ = set_up(server, ADMIN)
    pass_minutes(server, 10)
    for method, path, body in MANAGING:
        assert refusal(admin, method, path, body) == (403, "second-factor-recent-needed"), path
    assert items(admin, "/users"), "reading asks for none"
    assert refusal(admin, "POST", "/session/second-factor", {"code": "000000"}) == (401, "wrong-second-factor")
    assert refusal(admin, *MANAGING[0]) == (403, "second-factor-recent-needed")
    admin.call("POST", "/session/second-factor", {"code": phone.code()})
    for method, path, body in MANAGING[:-1]:
        admin.call(method, path, body)
    assert refusal(admin, *MANAGING[-1]) == (409, "no-second-factor")


def test_without_the_question_an_old_session_would_manage_users(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection taken away: the test above can fail."""
    admin, _, _ = set_up(server, ADMIN)
    pass_minutes(server, 11)
    monkeypatch.setattr(SecondFactors, "require_recent", lambda *_: None)
    assert admin.call("POST", "/users/Fr.%20Empfang/disable") is None


@pytest.mark.parametrize(("minutes", "is_recent"), [(9.99, True), (10.01, False)])
def test_a_code_counts_as_recent_for_ten_minutes(server: ServerThread, minutes: float, is_recent: bool) -> None:
    _, phone, _ = set_up(server, ADMIN)
    admin = signed_in(server, phone.code(), ADMIN)
    pass_minutes(server, minutes)
    if is_recent:
        admin.call("POST", "/users/Fr.%20Empfang/enable")
    else:
        assert refusal(admin, "POST", "/users/Fr.%20Empfang/enable") == (403, "second-factor-recent-needed")


def test_a_code_counts_in_its_own_session_only(server: ServerThread) -> None:
    admin, phone, _ = set_up(server, ADMIN)
    pass_minutes(server, 11)
    signed_in(server, phone.code(), ADMIN)
    assert refusal(admin, "POST", "/users/Fr.%20Empfang/enable") == (403, "second-factor-recent-needed")


def test_who_has_none_and_the_command_line_are_not_asked(server: ServerThread) -> None:
    local = ApiClient(HttpSender(server.url), token=server.server.local_token)
    for client in (person(server, ADMIN), local):
        client.call("POST", "/users/Fr.%20Empfang/enable")
    assert refusal(local, "POST", "/session/second-factor", {"code": "123456"}) == (403, "not-permitted")
    assert refusal(person(server, ADMIN), "POST", "/session/second-factor", {"code": "123456"}) == (409, "no-second-factor")


def test_a_restart_forgets_that_a_code_was_recent(server: ServerThread) -> None:
    admin, _, _ = set_up(server, ADMIN)
    server.stop()
    server.start()
    again = ApiClient(HttpSender(server.url), token=admin.token)
    assert refusal(again, "POST", "/users/Fr.%20Empfang/enable") == (403, "second-factor-recent-needed")


def hidden_fields(page: str) -> dict[str, str]:
    return {unescape(name): unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)}


def test_the_page_asks_for_a_code_and_goes_on_with_what_was_typed(server: ServerThread) -> None:
    _, phone, _ = set_up(server, ADMIN)
    tab = tab_at_code(server, ADMIN)
    tab.post("/sign-in/code", second_factor_code=phone.code())
    pass_minutes(server, 11)
    tab.get("/console/users")
    typed = {"name": 'Fr. "Neu" & <b>', "role_assistant": "1"}
    status, page = tab.post("/console/users", **typed)
    assert (status, "Mit einem Code bestätigen" in page) == (403, True)
    kept = hidden_fields(page)
    assert kept == {**typed, "second_factor_waiting": "/console/users", "second_factor_back": "/console/users"}
    assert 'href="/console/users"' in page
    status, page = tab.post("/second-factor", **kept, second_factor_code="000000")
    assert (status, "Dieser Code stimmt nicht" in page) == (401, True)
    assert hidden_fields(page) == kept
    assert 'Fr. "Neu"' not in str(items(person(server, OWNER), "/users"))
    sent = {**kept, "second_factor_code": phone.code()}
    assert (tab.post("/second-factor", **sent)[0], tab.location) == (307, "/console/users")
    status, page = tab.post(tab.location, **sent)
    assert (status, "Einmalcode für Fr. &#34;Neu&#34; &amp; &lt;b&gt;" in page) == (200, True)


def test_the_waiting_form_goes_to_this_server_only(server: ServerThread) -> None:
    _, phone, _ = set_up(server, ADMIN)
    tab = tab_at_code(server, ADMIN)
    tab.post("/sign-in/code", second_factor_code=phone.code())
    assert tab.post("/second-factor", second_factor_code=phone.next_code(), second_factor_waiting="//evil.example/x")[0] == 307
    assert tab.location == "/"


def test_quick_changes_of_user_and_unlocking_ask_for_no_code(server: ServerThread) -> None:
    client, _, _ = set_up(server, ADMIN)
    tab = Tab(server)
    tab.cookies["miz_session"] = client.token
    assert tab.post("/lock")[0] == 303
    assert (tab.post("/locked", password=PASSWORD)[0], tab.location) == (303, "/")
    assert is_in(client)


# The pages of the own account.


def test_the_pages_lead_from_setting_up_to_removing(server: ServerThread) -> None:
    tab = Tab(server)
    tab.post("/sign-in", user=OWNER, password=PASSWORD)
    assert "sollte er es sein" in tab.get("/account")[1]
    assert "Beginnen" in tab.get(OWN)[1]
    assert tab.post(OWN, password="geraten und falsch")[0] == 401
    status, page = tab.post(OWN, password=PASSWORD)
    assert (status, "<svg" in page, "style=" in page) == (200, True, False)
    secret = re.search(r'<code id="secret">([A-Z2-7 ]+)</code>', page)
    assert secret
    phone = Phone(server, secret[1].replace(" ", ""))
    status, page = tab.post(f"{OWN}/activation", code=phone.code(steps=9))
    assert (status, "noch nicht aktiv" in page, secret[1] in page, "qr-code" in page) == (401, True, False, False), "shown once"
    status, page = tab.post(f"{OWN}/activation", code=phone.code())
    assert status == 200
    first = re.findall(r"<li><code>([^<]+)</code>", page)
    assert (len(first), "data-print" in page) == (10, True)
    page = tab.get(OWN)[1]
    assert "Es sind noch 10 Ersatzcodes übrig." in page
    assert not any(code in page for code in first)
    assert "Mindestens 8 Zeichen" in tab.get("/account")[1]
    let_tries_be_forgotten(server)
    assert tab.post(f"{OWN}/recovery-codes", code="000000")[0] == 401
    status, page = tab.post(f"{OWN}/recovery-codes", code=first[0])
    assert (status, len(set(re.findall(r"<li><code>([^<]+)</code>", page)) - set(first))) == (200, 10)
    let_tries_be_forgotten(server)
    assert tab.post(f"{OWN}/removal", removal_password=PASSWORD, removal_code="000000")[0] == 401
    assert tab.post(f"{OWN}/removal", removal_password="geraten und falsch", removal_code=phone.next_code())[0] == 401
    assert tab.post(f"{OWN}/removal", removal_password=PASSWORD, removal_code=phone.next_code())[0] == 303
    assert "Der zweite Faktor ist entfernt." in tab.get(tab.location)[1]
    for path, form in (("recovery-codes", {"code": "1"}), ("removal", {"removal_password": PASSWORD}), ("activation", {"code": "123456"})):
        let_tries_be_forgotten(server)
        assert tab.post(f"{OWN}/{path}", **form)[0] == 409, path


def test_no_page_with_a_secret_is_kept_by_the_browser(server: ServerThread) -> None:
    tab = Tab(server)
    tab.post("/sign-in", user=OWNER, password=PASSWORD)
    tab.post(OWN, password=PASSWORD)
    assert {name.lower(): value for name, value in tab.headers.items()}["cache-control"] == "no-store"


def test_a_foreign_page_confirms_nothing(server: ServerThread) -> None:
    client, phone, _ = set_up(server)
    with pytest.raises(RefusedError) as caught:
        ApiClient(HttpSender(server.url)).call(
            "POST", "/session/second-factor", {"code": phone.code()}, Cookie=f"miz_session={client.token}", Sec_Fetch_Site="cross-site"
        )
    assert caught.value.code == "foreign-page"
