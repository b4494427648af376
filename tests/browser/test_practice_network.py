"""Plain HTTP in the practice network: a name, no certificate, so no Web Locks and six connections per browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.conftest import GERMAN, DemoServer, leave
from tests.browser.window import BEFORE_THE_LEASE_ENDS_MS, PRACTICE_NAME, Desk, launch


@pytest.fixture
def page(playwright: Playwright) -> Iterator[Page]:
    browser = launch(playwright, f"--host-resolver-rules=MAP {PRACTICE_NAME} 127.0.0.1")
    # Waiting for a condition in the page needs `eval`, which its policy forbids.
    context = browser.new_context(**GERMAN, bypass_csp=True)
    yield context.new_page()
    for open_page in context.pages:
        leave(open_page)
    browser.close()


def test_eight_tabs_follow_live_over_plain_http(page: Page, server: DemoServer) -> None:
    seat = Desk(page, f"http://{PRACTICE_NAME}:{server.url.rpartition(':')[2]}")
    seat.sign_in("Fr. Berger", server.passwords["Fr. Berger"], "Zimmer 3")
    assert not page.evaluate("isSecureContext")
    seat.open("Schablone, Lena")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    others = [page.context.new_page() for _ in range(7)]
    for other in others:
        other.goto(f"{seat.url}/")
        expect(other.locator("#results")).to_be_visible()
    last = Desk(others[-1], seat.url)
    last.view("Schablone, Lena")
    expect(last.pill).to_contain_text("In Benutzung in Zimmer 3 (Fr. Berger)")
    page.get_by_role("button", name="Schließen").click()
    expect(last.pill).to_have_text("Frei", timeout=BEFORE_THE_LEASE_ENDS_MS)


def test_next_tab_takes_over_when_the_leading_tab_closes(page: Page, server: DemoServer) -> None:
    seat = Desk(page, f"http://{PRACTICE_NAME}:{server.url.rpartition(':')[2]}")
    seat.sign_in("Fr. Berger", server.passwords["Fr. Berger"], "Zimmer 3")
    page.wait_for_function("localStorage.getItem('miz.leader')")
    next_tab = page.context.new_page()
    next_tab.goto(f"{seat.url}/")
    before = page.evaluate("localStorage.getItem('miz.leader').split(' ')[0]")
    page.close()
    next_tab.wait_for_function("before => (localStorage.getItem('miz.leader') ?? before).split(' ')[0] !== before", arg=before)
    next_tab.wait_for_timeout(11_000)
    expect(next_tab.locator("#connection-lost")).to_be_hidden()
