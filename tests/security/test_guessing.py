"""Promise D2: guessing finds no password, PIN or code, holds up nobody else, and never locks the owner out at the server itself.

Guesses come over HTTP from addresses of their own: to the server every `127.x.y.z` but one is the network. Time is the server's own clock,
which the tests move. Comparing a password is replaced by counting, so that what an attack costs is a number and no time.
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from miz.access.attempts import PER_ADDRESS, PER_PAIRING, PER_PAIRING_ADDRESS, PER_STRANGERS, Attempts
from miz.access.codes import ALPHABET, GROUP
from miz.access.errors import TooManyAttemptsError
from miz.access.passwords import PasswordDesk
from miz.access.roles import ROLES
from miz.access.users import FAILURES_UNTIL_DISABLED, PIN_FAILURES_UNTIL_VOID
from miz.kernel.clock import FakeClock
from tests.security.people import OWN_PAGE, Site, bearer, user_name
from tests.security.scenes import PIN
from tests.security.wire import Wire
from tests.support.practice import PASSWORD, ServerThread, served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the whole net 127.0.0.0/8")

VICTIM = user_name("dentist")
OWNER = user_name("owner")
Attack = Callable[["Siege"], Coroutine[Any, Any, None]]


@dataclass
class Siege:
    """A server under attack, and what the attack has cost it."""

    site: Site
    hashes: list[str] = field(default_factory=list)
    wires: dict[str, Wire] = field(default_factory=dict)

    @property
    def server(self) -> ServerThread:
        return self.site.server

    def wire(self, address: str) -> Wire:
        if address not in self.wires:
            self.wires[address] = Wire(self.server.url, connections=2, address=address)
        return self.wires[address]

    async def guess(self, name: str, password: str, address: str) -> int:
        body = msgspec.json.encode({"user": name, "password": password})
        return (await self.wire(address).ask("POST", "/api/v1/session", {}, body)).status

    async def sign_in_at(self, address: str, name: str = VICTIM) -> int:
        return await self.guess(name, PASSWORD, address)

    def minute(self) -> None:
        self.server.clock.steady += 60


def addresses(count: int, net: int) -> Iterator[str]:
    """Different ones, none of them the server's own; each attack has a net to itself."""
    return (f"127.{net}.{number // 250}.{number % 250 + 2}" for number in range(count))


@pytest.fixture
def siege(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Siege]:
    """A fresh server whose comparisons are counted; only the password of the tests is right."""
    with served(tmp_path, FakeClock()) as server:
        site = Site(server)
        site.open()
        made = Siege(site)

        def counted(_: PasswordDesk, password_hash: str | None, password: str) -> bool:
            made.hashes.append(password)
            return bool(password_hash) and password in (PASSWORD, PIN)

        monkeypatch.setattr(PasswordDesk, "_fits", counted)
        site.forget_tries()
        yield made


def run(siege: Siege, attack: Attack) -> None:
    async def attacked() -> None:
        try:
            await attack(siege)
        finally:
            for wire in siege.wires.values():
                await wire.__aexit__()

    asyncio.run(attacked())


@pytest.mark.parametrize("count", [1, 50], ids=["one address", "many addresses"])
def test_an_account_is_tried_ten_times_a_minute(siege: Siege, count: int) -> None:
    async def attack(siege: Siege) -> None:
        origins = itertools.cycle(addresses(count, 20))
        for minute in range(1, 4):
            statuses = [await siege.guess(VICTIM, f"guess {number}", next(origins)) for number in range(60)]
            assert (statuses.count(401), statuses.count(429)) == (10, 50)
            assert len(siege.hashes) == 10 * minute
            siege.minute()

    run(siege, attack)


def test_after_a_hundred_wrong_guesses_nobody_gets_in_until_an_administrator_allows_it(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        origins = itertools.cycle(addresses(30, 21))
        for _ in range(30):
            for _ in range(12):
                await siege.guess(VICTIM, "falsch", next(origins))
            siege.minute()
        # From here on an account that is off is compared still, so that nobody sees from outside that it is.
        assert siege.hashes.count("falsch") == 300
        assert await siege.sign_in_at("127.22.0.2") == 401, "not even with the right password"
        siege.server.clock.steady += 86_400
        assert await siege.sign_in_at("127.22.0.2") == 401, "nor the next day"
        allowed = await siege.wire("").ask("POST", "/api/v1/users/Nur%20dentist/enable", bearer(siege.server.server.local_token))
        assert allowed.status == 204
        assert await siege.sign_in_at("127.22.0.2") == 201

    assert FAILURES_UNTIL_DISABLED == 100
    run(siege, attack)


def test_the_hundredth_guess_in_a_row_is_the_last_that_could_be_right(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        for number in range(100):
            if number % 10 == 0:
                siege.minute()
            assert await siege.guess(VICTIM, f"guess {number}", "127.23.0.2") == 401
        siege.minute()
        assert await siege.sign_in_at("127.23.0.2") == 401

    run(siege, attack)


def test_the_owner_signs_in_at_the_server_itself_while_and_after_strangers_guess(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        for _ in range(12):
            for number in range(12):
                await siege.guess(OWNER, f"guess {number}", "127.24.0.2")
            assert await siege.sign_in_at("", OWNER) == 201, "during the attack"
            siege.minute()
        for _ in range(11):
            for number in range(12):
                await siege.guess(OWNER, f"guess {number}", "127.24.0.2")
            siege.minute()
        assert await siege.sign_in_at("127.24.0.9", OWNER) == 401, "switched off for the network"
        assert await siege.sign_in_at("", OWNER) == 201, "and open at the server itself"

    run(siege, attack)


def test_guessing_at_all_accounts_and_at_names_that_are_none_costs_a_bounded_number_of_hashes(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        assert await siege.sign_in_at("127.26.0.2", OWNER) == 201
        siege.hashes.clear()
        names = [user_name(role) for role in ROLES if role != "owner"] + [f"Niemand {number}" for number in range(200)]
        for name, origin in zip(names * 2, itertools.cycle(addresses(200, 25)), strict=False):
            await siege.guess(name, "falsch", origin)
        assert len(siege.hashes) <= PER_STRANGERS
        # An address from which somebody has signed in stands in no line with strangers: one comparison, and in.
        siege.hashes.clear()
        assert await siege.sign_in_at("127.26.0.2", OWNER) == 201
        assert len(siege.hashes) == 1

    run(siege, attack)


def test_one_address_tries_sixty_times_a_minute_whatever_names_it_gives(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        assert await siege.sign_in_at("127.27.0.2") == 201
        statuses = [await siege.guess(f"Niemand {number}", "falsch", "127.27.0.2") for number in range(100)]
        assert statuses.count(401) == PER_ADDRESS - 1

    run(siege, attack)


def test_spelling_a_name_otherwise_opens_no_new_window(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        spelt = [VICTIM, VICTIM.upper(), f" {VICTIM} ", VICTIM.lower(), f"\t{VICTIM}\n", VICTIM.swapcase()]
        for number in range(60):
            await siege.guess(spelt[number % len(spelt)], "falsch", "127.28.0.2")
        assert len(siege.hashes) == 10

    run(siege, attack)


def test_all_secrets_of_an_account_share_its_ten_tries(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        first = {"user": VICTIM, "code": "KKKK-KKKK-KKKK-KKKK", "password": "ein neues Kennwort für Tests"}
        statuses = []
        for number in range(20):
            if number % 2:
                answer = await siege.wire("127.29.0.2").ask("POST", "/api/v1/first-password", {}, msgspec.json.encode(first))
                statuses.append(answer.status)
            else:
                statuses.append(await siege.guess(VICTIM, "falsch", "127.29.0.2"))
        assert statuses == [401] * 10 + [429] * 10

    run(siege, attack)


def test_one_time_codes_run_out_of_tries_like_passwords(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        local = bearer(siege.server.server.local_token)
        code = (await siege.wire("").ask("POST", "/api/v1/users/Nur%20dentist/code", local)).json["code"]
        wanted = {"user": VICTIM, "password": "ein neues Kennwort für Tests"}
        refused = 0
        for number in range(110):
            if number % 10 == 0:
                siege.minute()
            wrong = msgspec.json.encode(wanted | {"code": f"KKKK-KKKK-KKKK-{number:04}"})
            refused += (await siege.wire("127.30.0.2").ask("POST", "/api/v1/first-password", {}, wrong)).status == 401
        siege.minute()
        right = await siege.wire("127.30.0.2").ask("POST", "/api/v1/first-password", {}, msgspec.json.encode(wanted | {"code": code}))
        assert (refused, right.status) == (110, 401), "after a hundred wrong ones the right code opens nothing"

    run(siege, attack)


def test_a_pin_rests_after_five_wrong_ones(siege: Siege) -> None:
    async def attack(siege: Siege) -> None:
        device = siege.site.as_device("workplace")
        devices = (await siege.wire("").ask("GET", "/api/v1/devices", bearer(siege.server.server.local_token))).json["items"]
        token = siege.site.session_of(VICTIM, "Empfang", devices[0]["id"])
        set_pin = await siege.wire("").ask(
            "PUT", "/api/v1/account/pin", bearer(token), msgspec.json.encode({"password": PASSWORD, "pin": PIN})
        )
        assert set_pin.status == 204
        headers = {**OWN_PAGE, "cookie": f"{siege.site.session_cookie}={token}; {device['cookie']}"}
        siege.hashes.clear()
        for number in range(40):
            if number % 9 == 0:
                siege.minute()
            await siege.wire("127.31.0.2").form("/change-user", {"user": VICTIM, "pin": f"{number:06}"}, headers)
        siege.minute()
        right = await siege.wire("127.31.0.2").form("/change-user", {"user": VICTIM, "pin": PIN}, headers)
        assert right.status == 401
        assert PIN_FAILURES_UNTIL_VOID == 5

    run(siege, attack)


@pytest.mark.parametrize(("count", "most"), [(1, PER_PAIRING_ADDRESS), (40, PER_PAIRING)], ids=["one address", "many addresses"])
def test_pairing_codes_are_tried_so_seldom_that_none_is_found_in_its_ten_minutes(siege: Siege, count: int, most: int) -> None:
    async def attack(siege: Siege) -> None:
        origins = itertools.cycle(addresses(count, 32))
        statuses = []
        for number in range(120):
            wire = siege.wire(next(origins))
            statuses.append((await wire.form("/pair", {"code": f"KKKK-{number:04}"}, OWN_PAGE)).status)
        assert (statuses.count(401), statuses.count(429)) == (most, 120 - most)

    run(siege, attack)
    codes = len(ALPHABET) ** (2 * GROUP)
    assert 10 * PER_PAIRING / codes < 1e-8, "the chance of an attack over the whole life of a code"


def test_setting_the_clock_opens_no_window_and_keeps_none_closed() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    for _ in range(10):
        attempts.at_account("Anna", "127.33.0.2")
    clock.instant = clock.instant.replace(year=2027)
    with pytest.raises(TooManyAttemptsError):
        attempts.at_account("Anna", "127.33.0.2")
    clock.instant = clock.instant.replace(year=2020)
    clock.steady += 60
    attempts.at_account("Anna", "127.33.0.2")


def test_what_was_refused_is_not_kept_in_memory() -> None:
    attempts = Attempts(FakeClock())
    for number in range(5_000):
        with pytest.raises(TooManyAttemptsError) if number >= PER_STRANGERS else contextlib.nullcontext():
            attempts.at_account(f"Niemand {number}", f"10.0.{number // 250}.{number % 250}")
    assert len(attempts._tries) <= 2 * PER_STRANGERS + 1


def test_without_the_windows_every_guess_is_compared(siege: Siege, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attempts, "_count", lambda *_: None)

    async def attack(siege: Siege) -> None:
        for number in range(60):
            await siege.guess(VICTIM, f"guess {number}", "127.34.0.2")
        assert len(siege.hashes) == 60

    run(siege, attack)
