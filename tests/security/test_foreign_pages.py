"""Promise D4: no page of another site acts for a user. Every writing route of the running server refuses, and nothing is written."""

import asyncio
from collections.abc import Mapping

import pytest

from miz.infra import http
from miz.infra.http import Endpoint
from tests.security.people import Site, bearer
from tests.security.scenes import Scene
from tests.security.wire import FORM, Wire
from tests.support.practice import PASSWORD

EVIL = "https://evil.example"
# What a browser says when a page of another site has it send a request; `HOST` is the server's own authority.
FOREIGN: dict[str, Mapping[str, str]] = {
    "foreign origin": {"origin": EVIL},
    "origin null, as of a sandboxed frame": {"origin": "null"},
    "no origin at all": {},
    "empty origin": {"origin": ""},
    "an origin that is no address": {"origin": "http://[::"},
    "our host as part of another": {"origin": "http://HOST.evil.example"},
    "our host as user of another": {"origin": "http://HOST@evil.example"},
    "our host on another port": {"origin": "http://127.0.0.1:1"},
    "cross-site": {"sec-fetch-site": "cross-site", "origin": EVIL},
    "cross-site that claims our origin": {"sec-fetch-site": "cross-site", "origin": "http://HOST"},
    "a sister domain": {"sec-fetch-site": "same-site", "origin": "http://HOST"},
    "an unknown word": {"sec-fetch-site": "SAME-ORIGIN"},
    "form": {"content-type": FORM, "origin": EVIL},
    "form with files": {"content-type": "multipart/form-data; boundary=x", "origin": EVIL},
    "plain text": {"content-type": "text/plain", "origin": EVIL, "sec-fetch-site": "cross-site"},
}
BOUND_NAME = {"host": "evil.example", "origin": "http://evil.example", "sec-fetch-site": "same-origin"}


def writing(site: Site) -> list[Endpoint]:
    return [endpoint for endpoint in site.server.server.endpoints() if endpoint.method != "GET"]


async def _accepted(site: Site, kinds: Mapping[str, Mapping[str, str]], *, with_cookie: bool = True) -> tuple[list[str], int]:
    """Who of the foreign pages got in where, and how many have tried."""
    accepted, tried = [], 0
    cookie = {"cookie": f"{site.session_cookie}={site.session_of('Nur owner')}"} if with_cookie else {}
    before = site.fingerprint()
    async with Wire(site.server.url) as wire:
        for endpoint in writing(site):
            for kind, said in kinds.items():
                headers = cookie | {name: value.replace("HOST", wire.authority) for name, value in said.items()}
                answer = await Scene(headers, endpoint.is_page, {"user": "Nur owner", "new_name": "Fremd"}).ask(wire, endpoint)
                tried += 1
                if (answer.status, answer.code) not in ((403, "foreign-page"), (421, "foreign-host")):
                    accepted.append(f"{endpoint.method} {endpoint.path}: {kind}: {answer.status} {answer.code}")
    assert site.fingerprint() == before or accepted
    return accepted, tried


def test_every_writing_route_refuses_every_foreign_page(site: Site) -> None:
    accepted, tried = asyncio.run(_accepted(site, FOREIGN))
    assert accepted == []
    print(f"foreign pages: {len(writing(site))} writing routes, {tried} requests")  # noqa: T201
    assert tried > 1_500


def test_a_foreign_name_for_this_server_is_no_own_page(site: Site) -> None:
    """A page that bends its own name to this address is, to the browser, of one origin with it."""
    assert asyncio.run(_accepted(site, {"bound name": BOUND_NAME}))[0] == []


def test_without_a_cookie_a_foreign_page_guesses_no_passwords(site: Site) -> None:
    """It could have each workplace of the practice try, and switch accounts off by it."""
    said = {kind: headers for kind, headers in FOREIGN.items() if headers.get("origin") or "sec-fetch-site" in headers}
    assert asyncio.run(_accepted(site, said, with_cookie=False))[0] == []


def test_programs_name_no_page_and_own_pages_come_in(site: Site) -> None:
    async def statuses() -> list[int]:
        token = site.session_of("Nur dentist")
        async with Wire(site.server.url) as wire:
            own = [{"origin": f"http://{wire.authority}"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]
            body = b'{"q":"probe"}'
            found = [
                await wire.ask("POST", "/api/v1/patients/search", {"cookie": f"{site.session_cookie}={token}", **said}, body)
                for said in own
            ]
            found += [await wire.ask("POST", "/api/v1/patients/search", {**bearer(token), **said}, body) for said in ({}, {"origin": EVIL})]
            sign_in = b'{"user":"Nur dentist","password":"%s"}' % PASSWORD.encode()
            found += [await wire.ask("POST", "/api/v1/session", said, sign_in) for said in ({}, own[0])]
        return [answer.status for answer in found]

    assert asyncio.run(statuses()) == [200, 200, 200, 200, 200, 201, 201]


def test_without_the_check_foreign_pages_act_for_the_user(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "refuse_foreign_page", lambda *_, **__: None)
    accepted, _ = asyncio.run(_accepted(site, {"foreign origin": FOREIGN["foreign origin"]}))
    assert {f"POST {path}" for path in ("/patients", "/api/v1/patients", "/own-drugs")} <= {line.partition(":")[0] for line in accepted}
