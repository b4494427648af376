"""Promise D3: a session cannot be chosen by somebody else, kept after its end, or taken out of a locked screen."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from miz.access.sessions import Sessions
from tests.security.people import OWN_PAGE, Site, bearer, user_name
from tests.security.scenes import NEW_PASSWORD, PIN
from tests.security.wire import Answer, Wire
from tests.support.practice import PASSWORD, served

Cookies = dict[str, str]


def cookie_of(answer: Answer, site: Site) -> str:
    """The session that the browser is asked to keep."""
    kept = answer.cookies()[site.session_cookie]
    return kept.partition("=")[2].partition(";")[0]


async def sign_in(wire: Wire, name: str, headers: dict[str, str] | None = None) -> Answer:
    return await wire.form("/sign-in", {"user": name, "password": PASSWORD}, OWN_PAGE | (headers or {}))


async def is_in(wire: Wire, headers: Any) -> bool:
    return (await wire.ask("GET", "/api/v1/workplaces", headers)).status == 200


def fresh(site: Site, role: str = "assistant") -> str:
    """A user of this test alone."""
    fresh.number += 1  # type: ignore[attr-defined]
    name = f"Sitzung {fresh.number}"  # type: ignore[attr-defined]
    site.add_user(name, [role])
    return name


fresh.number = 0  # type: ignore[attr-defined]


def run(work: Callable[[Wire], Awaitable[None]], site: Site) -> None:
    async def connected() -> None:
        async with Wire(site.server.url) as wire:
            await work(wire)

    asyncio.run(connected())


def test_a_session_that_somebody_has_chosen_is_never_taken_up(site: Site) -> None:
    async def work(wire: Wire) -> None:
        name = fresh(site)
        for chosen in ("chosen-by-the-attacker", "", site.session_of("Nur auditor"), "x" * 4_000):
            answer = await sign_in(wire, name, {"cookie": f"{site.session_cookie}={chosen}"})
            assert cookie_of(answer, site) not in ("", chosen)
            assert not await is_in(wire, bearer(chosen))
        by_address = await wire.form(f"/sign-in?{site.session_cookie}=chosen", {"user": name, "password": PASSWORD}, OWN_PAGE)
        assert cookie_of(by_address, site) != "chosen"

    run(work, site)


def test_each_sign_in_makes_a_new_session_and_ends_the_browser_s_former_one(site: Site) -> None:
    async def work(wire: Wire) -> None:
        name = fresh(site)
        first = cookie_of(await sign_in(wire, name), site)
        second = cookie_of(await sign_in(wire, name, site.as_page(first)), site)
        elsewhere = cookie_of(await sign_in(wire, name), site)
        assert len({first, second, elsewhere}) == 3
        assert [await is_in(wire, bearer(token)) for token in (first, second, elsewhere)] == [False, True, True]

    run(work, site)


def test_tokens_are_long_and_never_come_twice(site: Site) -> None:
    tokens = {site.session_of("Nur dentist") for _ in range(200)}
    assert len(tokens) == 200
    assert all(re.fullmatch(r"[\w-]{43}", token) for token in tokens), "256 bits"


async def _disable(wire: Wire, name: str, local: dict[str, str]) -> None:
    await wire.ask("POST", f"/api/v1/users/{name.replace(' ', '%20')}/disable", local)


async def _other_roles(wire: Wire, name: str, local: dict[str, str]) -> None:
    await wire.ask("PUT", f"/api/v1/users/{name.replace(' ', '%20')}/roles", local, b'{"roles":["front_desk"]}')


async def _code(wire: Wire, name: str, local: dict[str, str]) -> None:
    await wire.ask("POST", f"/api/v1/users/{name.replace(' ', '%20')}/code", local)


@pytest.mark.parametrize("act", [_disable, _other_roles, _code], ids=["switched off", "other roles", "a code instead of the password"])
def test_what_is_done_to_an_account_ends_all_its_sessions_at_once(site: Site, act: Any) -> None:
    async def work(wire: Wire) -> None:
        name = fresh(site)
        tokens = [site.session_of(name) for _ in range(3)]
        assert all([await is_in(wire, bearer(token)) for token in tokens])
        await act(wire, name, bearer(site.server.server.local_token))
        for token in tokens:
            assert not await is_in(wire, bearer(token))
            assert not await is_in(wire, site.as_page(token))

    run(work, site)


def test_sign_out_and_a_new_password_end_sessions_at_once(site: Site) -> None:
    async def work(wire: Wire) -> None:
        name = fresh(site)
        here, there = site.session_of(name), site.session_of(name)
        body = msgspec.json.encode({"old_password": PASSWORD, "password": NEW_PASSWORD})
        assert (await wire.ask("PUT", "/api/v1/account/password", bearer(here), body)).status == 204
        assert [await is_in(wire, bearer(token)) for token in (here, there)] == [True, False]
        answer = await wire.form("/sign-out", {}, site.as_page(here))
        assert "Max-Age=0" in answer.cookies()[site.session_cookie]
        assert not await is_in(wire, bearer(here))

    run(work, site)


def test_a_locked_screen_stays_locked_however_its_token_is_shown(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        site = Site(server)
        site.open()

        async def work(wire: Wire) -> None:
            token = site.session_of("Nur dentist")
            browser = site.as_page(token)
            assert await is_in(wire, browser)
            server.clock.steady += 15 * 60 + 1
            for headers in (bearer(token), browser, bearer(token) | browser):
                answer = await wire.ask("GET", "/api/v1/workplaces", headers)
                assert (answer.status, answer.code) == (401, "screen-locked")
            assert (await wire.form("/locked", {"password": "falsch"}, browser)).status == 401
            assert not await is_in(wire, bearer(token))
            assert (await wire.form("/locked", {"password": PASSWORD}, browser)).status == 303
            assert await is_in(wire, browser)

        run(work, site)


def test_a_session_ends_after_twelve_hours_whatever_its_user_does(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        site = Site(server)
        site.open()

        async def work(wire: Wire) -> None:
            token = site.session_of("Nur dentist")
            for _ in range(12 * 6 - 1):
                server.clock.steady += 600
                assert await is_in(wire, site.as_page(token))
            server.clock.steady += 601
            assert not await is_in(wire, site.as_page(token))
            assert not await is_in(wire, bearer(token))

        run(work, site)


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(site: Site) -> None:
    async def work(wire: Wire) -> None:
        answer = await sign_in(wire, user_name("dentist"))
        (kept,) = (value for name, value in answer.headers if name == "set-cookie")
        attributes = {part.strip().lower() for part in kept.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)
        assert cookie_of(answer, site) not in answer.text + answer.header("location")

    run(work, site)


def test_under_tls_the_cookie_is_tied_to_host_and_tls(tmp_path: Path) -> None:
    with served(tmp_path, is_secure=True) as server:
        site = Site(server)
        site.open()

        async def work(wire: Wire) -> None:
            kept = (await sign_in(wire, user_name("dentist"))).cookies()[site.session_cookie]
            assert site.session_cookie.startswith("__Host-")
            assert {"Secure", "Path=/"} <= {part.strip() for part in kept.split(";")}

        run(work, site)


@pytest.mark.parametrize(
    "wish",
    ["//evil.example", "/\t/evil.example", "/\n/evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "/x\r\nSet-Cookie: a=b",
     "javascript:alert(1)", " //evil.example", "/\x00/evil.example", "///evil.example", "/\u2215evil.example", "evil", ""],
)  # fmt: skip
def test_nobody_is_led_to_another_site_after_signing_in(site: Site, wish: str) -> None:
    async def work(wire: Wire) -> None:
        token = site.session_of("Nur dentist")
        ways: list[tuple[str, dict[str, str]]] = [("/lock", {})]
        if wish.startswith("//"):  # the others take the same way, and each password costs its time
            ways += [("/sign-in", {"user": fresh(site), "password": PASSWORD}), ("/locked", {"password": PASSWORD})]
        for path, fields in ways:
            headers = OWN_PAGE if path == "/sign-in" else site.as_page(token)
            answer = await wire.form(path, fields | {"next": wish}, headers)
            is_here = (answer.status, answer.header("location")) in ((303, "/"), (303, "/locked?next=/"))
            assert is_here or (answer.status, "\0" in wish) == (400, True), path
            assert set(answer.cookies()) <= {site.session_cookie}
            site.forget_tries()

    run(work, site)


def test_changing_the_user_by_pin_makes_a_new_session(site: Site) -> None:
    async def work(wire: Wire) -> None:
        device = site.as_device("workplace")
        (device_id,) = [item["id"] for item in (await _devices(wire, site)) if item["kind"] == "workplace"]
        name = fresh(site)
        first = site.session_of(name, "Empfang", device_id)
        body = msgspec.json.encode({"password": PASSWORD, "pin": PIN})
        assert (await wire.ask("PUT", "/api/v1/account/pin", bearer(first), body)).status == 204
        headers = {**OWN_PAGE, "cookie": f"{site.session_cookie}={first}; {device['cookie']}"}
        answer = await wire.form("/change-user", {"user": name, "pin": PIN}, headers)
        assert answer.status == 303
        assert not await is_in(wire, bearer(first))
        assert await is_in(wire, bearer(cookie_of(answer, site)))

    run(work, site)


async def _devices(wire: Wire, site: Site) -> list[dict[str, str]]:
    found = await wire.ask("GET", "/api/v1/devices", bearer(site.server.server.local_token))
    return list(found.json["items"])


def test_without_the_end_of_sessions_a_switched_off_user_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(Sessions, "end_sessions_of", nothing)

    async def work(wire: Wire) -> None:
        name = fresh(site)
        token = site.session_of(name)
        await _disable(wire, name, bearer(site.server.server.local_token))
        assert await is_in(wire, bearer(token)), "without the protection the session lives on"

    run(work, site)


def test_without_the_lock_s_rule_the_token_of_a_locked_screen_opens_everything(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sessions, "_keep_lock", lambda *_, **__: None)

    async def work(wire: Wire) -> None:
        token = site.session_of("Nur dentist")
        await wire.form("/lock", {}, site.as_page(token))
        assert await is_in(wire, bearer(token))

    run(work, site)
