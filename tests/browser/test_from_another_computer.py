"""The practice from another computer: it learns to trust the server, works there, and hears nothing without TLS but how to trust."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, Playwright, expect

from miz.infra.api_client import ApiClient, HttpSender
from tests.browser.another_computer import Computer, why_not
from tests.browser.conftest import GERMAN
from tests.browser.window import Desk
from tests.support.practice import PASSWORD, ServerProcess, new_practice

NAME = "miz.internal"
TABS = 12
pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can run")


@pytest.fixture(scope="module")
def computer() -> Iterator[Computer]:
    with Computer().connected() as made:
        yield made


@pytest.fixture(scope="module")
def http_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(computer: Computer, http_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = new_practice(tmp_path_factory.mktemp("network"))
    with ServerProcess(folder, host=computer.server_address, MIZ_HTTP_PORT=str(http_port), MIZ_SERVER_NAMES=NAME) as running:
        yield running


def colleague(server: ServerProcess) -> ApiClient:
    """Somebody else in the practice, by the interface, who trusts the authority, too."""
    control = server.folder.read_control()
    assert control is not None
    client = ApiClient(HttpSender(server.url, certificate=control.certificate))
    client.sign_in("Fr. Assistenz", PASSWORD, "Zimmer 2")
    client.register()
    return client


def command(server: ServerProcess, name: str) -> dict[str, str]:
    """What `miz certificate` says on the server's own screen."""
    arguments = [sys.executable, "-m", "miz", "certificate", name, "--json", "--data", str(server.folder.path)]
    said: dict[str, str] = json.loads(subprocess.run(arguments, capture_output=True, check=True).stdout)
    return said


def test_a_browser_learns_to_trust_the_server_and_works_with_twelve_tabs(
    computer: Computer, server: ServerProcess, http_port: int, playwright: Playwright, tmp_path: Path
) -> None:
    assert urlsplit(server.url).scheme == "https"
    with computer.browser(playwright, NAME, **GERMAN) as stranger:
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            stranger.new_page().goto(server.url)
        page = stranger.new_page()
        page.goto(f"http://{NAME}:{http_port}/")
        shown = page.locator("#fingerprint").inner_text()
        assert shown == command(server, "show")["fingerprint"]
        with page.expect_download() as loading:
            page.get_by_role("link", name="miz-ca.crt").click()
        loading.value.save_as(tmp_path / "miz-ca.crt")
        there = page.get_by_role("link", name="Zum Server").get_attribute("href") or ""
        assert stranger.cookies() == []
    computer.trust(tmp_path / "miz-ca.crt")

    with computer.browser(playwright, NAME, **GERMAN) as trusting:
        first = Desk(trusting.new_page(), there.rstrip("/"))
        first.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
        cookies = {cookie["name"]: cookie for cookie in trusting.cookies() if cookie.get("httpOnly")}
        assert set(cookies) == {"__Host-miz_session"}
        assert cookies["__Host-miz_session"]["secure"]
        assert cookies["__Host-miz_session"]["sameSite"] == "Strict"
        assert first.page.evaluate("isSecureContext")
        assert first.page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
        first.open("Muster")
        first.add_medicine("Falithrom", "Falithrom")

        tabs = [trusting.new_page() for _ in range(TABS - 1)]
        other = colleague(server)
        patient = other.create_patient(family_name="Zwölf", given_name="Tabea", birth_date="1961")
        for tab in tabs:
            Desk(tab, first.url).view("Zwölf")
        token = other.open_patient(patient.id).fencing_token
        other.add("medication", patient.id, token, text="Marcumar")
        for tab in tabs:
            expect(tab.locator("#list")).to_contain_text("Marcumar", ignore_case=True)
            expect(tab.locator("#lock .pill")).to_contain_text("In Benutzung in Zimmer 2")

        # Longer than a lease (four intervals of five seconds): whoever is not kept alive has gone from the list.
        for _ in range(5):
            first.page.wait_for_timeout(5_000)
            other.heartbeat()
        at_first = [line for line in applications(server) if line["user"] == "Dr. Prüfer"]
        assert len(at_first) == TABS
        expect(first.pill).to_contain_text("Sie bearbeiten")
        other.add("medication", patient.id, token, text="Ramipril")
        for tab in tabs:
            expect(tab.locator("#list")).to_contain_text("Ramipril", ignore_case=True)
            expect(tab.locator("#connection-lost")).to_be_hidden()

        # Nobody notices that the certificate is renewed meanwhile.
        command(server, "renew")
        other.add("medication", patient.id, token, text="Metoprolol")
        for tab in tabs:
            expect(tab.locator("#list")).to_contain_text("Metoprolol", ignore_case=True)
            expect(tab.locator("#connection-lost")).to_be_hidden()
        expect(first.pill).to_contain_text("Sie bearbeiten")

    with computer.browser(playwright, "evil.example", **GERMAN) as elsewhere:
        page = elsewhere.new_page()
        with pytest.raises(Error, match="ERR_CERT_COMMON_NAME_INVALID"):
            page.goto(f"https://evil.example:{urlsplit(server.url).port}/")


def applications(server: ServerProcess) -> list[dict[str, str]]:
    control = server.folder.read_control()
    assert control is not None
    listed: dict[str, list[dict[str, str]]] = ApiClient(HttpSender(control.url, certificate=control.certificate), token=control.token).call(
        "GET", "/applications"
    )
    return listed["items"]


def request(line: str, host: str, body: bytes = b"", *headers: str) -> bytes:
    head = [f"{line} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, *([f"Content-Length: {len(body)}"] if body else [])]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


SIGN_IN = json.dumps({"user": "Dr. Prüfer", "password": PASSWORD}).encode()
ATTEMPTS = {
    "sign-in page": ("GET /sign-in", b"", ()),
    "sign-in form": ("POST /sign-in", b"user=a&password=b", ("Content-Type: application/x-www-form-urlencoded",)),
    "sign-in by program": ("POST /api/v1/session", SIGN_IN, ("Content-Type: application/json",)),
    "viewer": ("GET /viewer", b"", ()),
    "viewer stream": ("GET /viewer/events", b"", ()),
    "patients": ("POST /api/v1/patients/search", b'{"q":"a"}', ("Content-Type: application/json",)),
    "health": ("GET /health/ready", b"", ()),
    "interface": ("GET /api/v1/openapi.json", b"", ()),
    "script": ("GET /static/x/miz.js", b"", ()),
    "path tricks": ("GET /../../etc/passwd", b"", ()),
    "encoded path tricks": ("GET /static/%2e%2e/%2e%2e/practice.db", b"", ()),
    "other scheme": ("GET https://bank.example/", b"", ()),
    "trace": ("TRACE /", b"", ("X-Secret: 1",)),
    "connect": ("CONNECT bank.example:443", b"", ()),
    "put": ("PUT /miz-ca.crt", b"x", ()),
    "delete": ("DELETE /", b"", ()),
    "options": ("OPTIONS *", b"", ()),
    "upgrade": ("GET /", b"", ("Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13")),
    "huge header": ("GET /", b"", (f"X-Large: {'x' * 1_000_000}",)),
    "many headers": ("GET /", b"", tuple(f"X-{number}: 1" for number in range(5_000))),
    "huge address": (f"GET /{'a' * 500_000}", b"", ()),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_without_tls_there_is_nothing_but_how_to_trust(computer: Computer, server: ServerProcess, http_port: int, attempt: str) -> None:
    line, body, headers = ATTEMPTS[attempt]
    heard = computer.say(http_port, request(line, f"{computer.server_address}:{http_port}", body, *headers))
    head, _, content = heard.partition(b"\r\n\r\n")
    assert not re.search(rb"(?i)^(set-cookie|location|www-authenticate):", head, re.MULTILINE)
    assert b"token" not in content.lower()
    assert b"X-Secret" not in content
    if b"<title>" in content:
        assert b"Diesem Server vertrauen" in content
        assert not re.search(rb"<form|<script|<input", content)
    else:
        status = int(head.split()[1]) if head else 0
        assert status == 0 or status >= 400, heard[:300]
        assert b"Testpraxis" not in content
    # And the server works on.
    assert computer.say(http_port, request("HEAD /", computer.server_address)).startswith(b"HTTP/1.1 200")


def test_the_port_with_tls_says_nothing_without(computer: Computer, server: ServerProcess) -> None:
    port = urlsplit(server.url).port or 0
    heard = computer.say(port, request("GET /sign-in", computer.server_address))
    assert b"<" not in heard
    assert b"Testpraxis" not in heard


def test_a_foreign_name_is_refused_without_tls_too(computer: Computer, server: ServerProcess, http_port: int) -> None:
    assert computer.say(http_port, request("GET /", "evil.example")).startswith(b"HTTP/1.1 421")
    assert computer.say(http_port, request("GET /", f"{computer.server_address}:{http_port}")).startswith(b"HTTP/1.1 200")
