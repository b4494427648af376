"""What every answer bears, whom the server answers to, and how its cookies are tied: with TLS and without, on every endpoint."""

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

import pytest

from miz.access.devices.cookie import COOKIE as DEVICE
from miz.access.sessions import COOKIE as SESSION
from miz.infra import web_server
from miz.infra.hosts import for_known_hosts
from miz.infra.http import CONTENT_POLICY, Answer, Call, Reply
from miz.ui.face import Face
from tests.apps.certificates.conftest import NAME, Heard, ask, heard_by
from tests.support.displays import paired
from tests.support.practice import PASSWORD, ServerThread

FACE = Face(version="test")
FOREIGN = [
    "evil.example", "evil.example:8484", "127.0.0.1.evil.example", "miz.internal.evil.example", "evil-miz.internal", "internal", "192.0.2.66", "127.0.0.2",
    "[::2]", "0", "localhost.", "user@localhost", "localhost/x", "localhost, evil.example", "[::1", "ŕ", "localhost:8484:1",
]  # fmt: skip


def endpoints(server: ServerThread) -> Iterator[tuple[str, str]]:
    """Every way into the server, and some that lead nowhere."""
    for endpoint in [*server.server.endpoints(), *server.server.viewer.endpoints()]:
        yield endpoint.method, re.sub(r"{\w+(:path)?}", "x", endpoint.path)
    yield from [
        ("GET", "/nowhere"),
        ("GET", "/api/v1/nowhere"),
        ("GET", "/viewer/nowhere"),
        ("DELETE", "/sign-in"),
        ("GET", "/static/x/miz.css"),
    ]


def lacking(heard: Heard) -> list[str]:
    """The standing headers that an answer does not bear as it should."""
    wanted = {
        "content-security-policy": CONTENT_POLICY, "x-content-type-options": "nosniff", "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }  # fmt: skip
    wrong = [name for name, value in wanted.items() if heard.headers.get(name) != value]
    is_kept = heard.headers.get("cache-control", "").endswith("immutable")
    return wrong if is_kept or heard.headers.get("cache-control") == "no-store" else [*wrong, "cache-control"]


def signed_in(server: ServerThread, user: str = "Dr. Prüfer") -> str:
    """The cookie of a new session, as a browser sends it."""
    form = urlencode({"user": user, "password": PASSWORD}, quote_via=quote).encode()
    heard = ask(server.url, "POST", "/sign-in", form, Sec_Fetch_Site="same-origin")
    assert heard.status == 303
    return heard.cookies[0].split(";")[0]


class TestStandingHeaders:
    def test_are_on_every_answer_with_tls(self, secure: ServerThread) -> None:
        asked = 0
        for method, path in endpoints(secure):
            heard = ask(secure.url, method, path, b"{}", Host=NAME, Sec_Fetch_Site="same-origin")
            assert lacking(heard) == [], (method, path)
            assert heard.headers["strict-transport-security"] == "max-age=31536000", (method, path)
            asked += 1
        assert asked > 150

    def test_are_on_every_page_of_somebody_signed_in_and_on_streams(self, secure: ServerThread) -> None:
        cookie = signed_in(secure)
        shown = 0
        for method, path in endpoints(secure):
            if method == "GET":
                heard = ask(secure.url, method, path, Cookie=cookie)
                assert lacking(heard) == [], path
                shown += heard.status == 200
        assert shown > 20
        display = paired(secure)
        viewing = f"__Host-{DEVICE}={display.token}"
        for path in ("/viewer?room=2", "/viewer/screen", "/viewer/events"):
            heard = ask(secure.url, "GET", path, Cookie=viewing)
            assert (heard.status, lacking(heard)) == (200, []), path

    def test_are_on_every_answer_without_tls_too(self, plain: ServerThread) -> None:
        for method, path in endpoints(plain):
            heard = ask(plain.url, method, path, b"{}", Sec_Fetch_Site="same-origin")
            assert lacking(heard) == [], (method, path)
            assert "strict-transport-security" not in heard.headers

    def test_ask_for_tls_for_ever_under_a_name_only(self, secure: ServerThread) -> None:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            assert "strict-transport-security" not in ask(secure.url, "GET", "/sign-in", Host=host).headers

    def test_are_missed_where_they_are_missing(self, plain: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_server, "SECURITY_HEADERS", ())
        assert len(lacking(ask(plain.url, "GET", "/sign-in"))) == 4


class TestForeignHosts:
    @pytest.mark.parametrize("host", FOREIGN)
    def test_are_refused(self, plain: ServerThread, host: str) -> None:
        for path in ("/sign-in", "/viewer", "/api/v1/server", "/health/live", "/static/x/miz.css"):
            heard = ask(plain.url, "GET", path, Host=host.encode().decode("latin-1"))
            assert heard.status in {400, 421}, path
            assert b"password" not in heard.content

    def test_are_refused_with_tls_and_by_every_endpoint(self, secure: ServerThread) -> None:
        cookie = signed_in(secure)
        for method, path in endpoints(secure):
            heard = ask(secure.url, method, path, b"{}", Host="evil.example", Cookie=cookie, Sec_Fetch_Site="same-origin")
            assert (heard.status, lacking(heard)) == (421, []), (method, path)
            assert "strict-transport-security" not in heard.headers

    def test_are_told_what_to_do(self, plain: ServerThread) -> None:
        page = ask(plain.url, "GET", "/sign-in", Host="evil.example", Accept_Language="de").content.decode()
        assert "Unter diesem Namen ist der Server nicht bekannt." in page
        assert "miz certificate names" in page

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:1", "localhost", "LOCALHOST:8484", "[::1]:8484", NAME, NAME.upper()])
    def test_are_not_the_servers_own(self, plain: ServerThread, host: str) -> None:
        assert ask(plain.url, "GET", "/sign-in", Host=host).status == 200

    def test_would_get_the_page_from_a_server_that_answers_to_anybody(self) -> None:
        async def app(call: Call) -> Answer:
            return Reply("password")

        open_door = for_known_hosts(app, answers_to=lambda _: True, face=FACE)
        closed_door = for_known_hosts(app, answers_to=lambda host: host == NAME, face=FACE)
        foreign = Call("GET", "/", {"host": "evil.example"})
        assert heard_by(open_door, foreign).content == "password"
        assert heard_by(closed_door, foreign).status == 421
        assert heard_by(open_door, Call("GET", "/", {})).status == 421


class TestCookies:
    def test_are_tied_to_the_host_and_to_tls(self, secure: ServerThread) -> None:
        form = urlencode({"user": "Fr. Assistenz", "password": PASSWORD}).encode()
        heard = ask(secure.url, "POST", "/sign-in", form, Sec_Fetch_Site="same-origin")
        (cookie,) = heard.cookies
        assert cookie.startswith(f"__Host-{SESSION}=")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert "domain" not in cookie.lower()

    def test_that_came_without_tls_count_for_nothing_with_it(self, secure: ServerThread) -> None:
        """Another server on the same host, or somebody in between without TLS, can set the plain name; never the tied one."""
        tied = signed_in(secure)
        tossed = tied.removeprefix("__Host-")
        assert ask(secure.url, "GET", "/account", Cookie=tied).status == 200
        assert ask(secure.url, "GET", "/account", Cookie=tossed).status == 303
        display = paired(secure)
        assert ask(secure.url, "GET", "/viewer/screen", Cookie=f"__Host-{DEVICE}={display.token}").status == 200
        assert ask(secure.url, "GET", "/viewer/screen", Cookie=f"{DEVICE}={display.token}").status == 401

    def test_without_tls_have_their_plain_name_on_this_computer(self, plain: ServerThread) -> None:
        cookie = signed_in(plain)
        assert cookie.startswith(f"{SESSION}=")
        assert ask(plain.url, "GET", "/account", Cookie=cookie).status == 200

    def test_go_away_at_sign_out_by_the_same_name(self, secure: ServerThread) -> None:
        cookie = signed_in(secure, "Fr. Empfang")
        heard = ask(secure.url, "POST", "/sign-out", Cookie=cookie, Sec_Fetch_Site="same-origin")
        assert heard.cookies[0].startswith(f"__Host-{SESSION}=; Max-Age=0")
        assert ask(secure.url, "GET", "/account", Cookie=cookie).status == 303


class TestTls:
    @pytest.mark.parametrize(
        ("version", "is_spoken"), [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)]
    )
    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    def test_is_of_a_version_that_counts_as_safe(self, secure: ServerThread, version: ssl.TLSVersion, is_spoken: bool) -> None:
        assert speaks(secure, version) is is_spoken

    @pytest.mark.parametrize("protocols", [["h2", "http/1.1"], ["h2"]])
    def test_offers_http_2(self, secure: ServerThread, protocols: list[str]) -> None:
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(protocols)
        with socket.create_connection(("127.0.0.1", urlsplit(secure.url).port or 0), 10) as raw, context.wrap_socket(raw) as connection:
            assert connection.selected_alpn_protocol() == "h2"


def speaks(server: ServerThread, version: ssl.TLSVersion) -> bool:
    context = ssl._create_unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), 10) as raw, context.wrap_socket(raw) as connection:
            return connection.version() is not None
    except ssl.SSLError:
        return False
