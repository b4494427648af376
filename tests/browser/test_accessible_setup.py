"""axe finds nothing in the states that change the whole server or issue a code: they have a practice of their own."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import LOCALES, WITH_AXE, check
from tests.browser.window import Desk

TO_SETUP = "form[action='/console/mode']:has([name=mode][value=setup])"
TO_OPERATING = "form[action='/console/mode']:has([name=mode][value=operating]) button"


@pytest.fixture(scope="module")
def practice() -> Iterator[DemoServer]:
    started = DemoServer()
    yield started
    started.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_setup_mode_announced_and_begun(desk: Callable[..., Desk], practice: DemoServer, locale: str) -> None:
    owner, window = (desk(name, on=practice, locale=locale, **WITH_AXE) for name in ("Dr. Kern", "Fr. Berger"))
    window.view("Muster, Erika")
    expect(window.page.locator("#lock .pill.free")).to_be_visible()
    expect(window.page).to_have_url(re.compile(r"/patients/[^/]+$"))
    home = window.page.url
    check(window.page, "patient: free")
    page = owner.page
    page.goto(f"{practice.url}/console/mode")
    page.locator(f"{TO_SETUP}:not(:has([name=now])) button").click()
    expect(page.locator(TO_OPERATING)).to_be_visible()
    check(page, "console: change of mode announced")
    page.locator(TO_OPERATING).click()
    page.locator(f"{TO_SETUP}:has([name=now]) button").click()
    expect(page.locator(TO_SETUP)).to_have_count(0)
    check(page, "console: mode, setup")
    expect(window.page.locator("#setup-mode")).to_be_visible()
    check(window.page, "patient: setup mode")
    for tab in ("anamnesis", "allergies", "history"):
        window.page.goto(f"{home}/{tab}")
        check(window.page, f"{tab}: setup mode")
    window.page.goto(f"{practice.url}/")
    check(window.page, "find: setup mode")
    page.goto(f"{practice.url}/console")
    check(page, "console: overview, setup")
    page.goto(f"{practice.url}/console/applications")
    add = page.locator("form[action$='/devices']")
    for state in ("#pairing-code", "#summary"):
        add.locator("#device_name").fill(f"Wand {locale}")
        add.locator("[type=submit]").click()
        expect(page.locator(state)).to_be_visible()
        page.locator("tr:has(form[action*='/devices/']) summary").first.click()
        check(page, f"console: applications, {state}, revoke?")
    page.goto(f"{practice.url}/console/mode")
    page.locator("#seconds").fill("1")
    page.locator("form[action$='/interval'] button").click()
    expect(page.locator("#summary")).to_be_visible()
    check(page, "console: mode, errors")
    page.goto(f"{practice.url}/console/mode")
    page.locator(TO_OPERATING).click()
    expect(page.locator(TO_SETUP).first).to_be_visible()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_user_is_added(desk: Callable[..., Desk], practice: DemoServer, locale: str) -> None:
    page = desk(on=practice, locale=locale, **WITH_AXE).page
    page.goto(f"{practice.url}/console/users")
    add = page.locator("form[action='/console/users']")
    add.locator("#name").fill("Dr. Kern")
    add.locator("[type=submit]").click()
    expect(page.locator("#summary")).to_be_visible()
    check(page, "console: users, errors")
    add.locator("#name").fill(f"Fr. Neu {locale}")
    add.locator("[type=checkbox]").last.check()
    add.locator("[type=submit]").click()
    expect(page.locator("#one-time-code")).to_be_visible()
    page.locator("#users details summary").last.click()
    check(page, "console: one-time code shown, roles open")
