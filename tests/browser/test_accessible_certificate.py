"""axe finds nothing on the page that shows how to trust the server, nor on the console's page of the certificate."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import LOCALES, WITH_AXE, check
from tests.browser.window import Desk


@dataclass
class Practice:
    """A demo that speaks TLS on this computer; `trust_page` is its page without."""

    server: DemoServer
    trust_page: str


@pytest.fixture(scope="module")
def practice() -> Iterator[Practice]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = DemoServer(MIZ_TLS="always", MIZ_HTTP_PORT=str(port))
    yield Practice(started, f"http://127.0.0.1:{port}/")
    started.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_that_shows_how_to_trust(browser: Browser, practice: Practice, locale: str) -> None:
    context = browser.new_context(locale=locale, **WITH_AXE)
    page = context.new_page()
    page.goto(practice.trust_page)
    expect(page.locator("html")).to_have_attribute("lang", locale[:2])
    check(page, "trust")
    for summary in page.locator("details summary").all():
        summary.click()
    check(page, "trust, all systems")
    page.locator("nav a").last.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_certificate_in_the_console(desk: Callable[..., Desk], practice: Practice, locale: str) -> None:
    # Whether it is trusted is asked elsewhere: from another computer.
    seat = desk(on=practice.server, locale=locale, is_new_session=True, ignore_https_errors=True, **WITH_AXE)
    page = seat.page
    page.goto(f"{seat.url}/console/certificate")
    expect(page.locator(".fingerprint")).to_be_visible()
    check(page, "console: certificate")
    page.locator("form[action$='/renewal'] button").click()
    expect(page.locator(".notice.green")).to_be_visible()
    check(page, "console: certificate renewed")
    page.locator("#names").fill("fremd.internal")
    page.locator("form[action$='/names'] [type=submit]").click()
    expect(page.locator("#summary")).to_be_visible()
    check(page, "console: certificate, errors")
