"""The second factor as people meet it: set up with a phone, sign in in two steps, confirm what asks for a recent code."""

from collections.abc import Callable
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import GERMAN, DemoServer
from tests.browser.test_accessibility import LOCALES, check

OWNER = "Dr. Kern"


class Phone:
    """The app on the phone: the code of this moment, then the ones behind it, as none counts twice."""

    def __init__(self, secret: str) -> None:
        self._codes = pyotp.TOTP(secret.replace(" ", ""))
        self._begun = datetime.now(UTC)

    def code(self, *, steps: int = 0) -> str:
        return self._codes.at(self._begun, counter_offset=steps)


@pytest.fixture
def practice(own_server: Callable[..., DemoServer]) -> DemoServer:
    return own_server()


def type_in(page: Page, *words: str) -> None:
    """Each word into a field, Tab between them, Enter behind the last."""
    for at, word in enumerate(words):
        if at:
            page.keyboard.press("Tab")
        page.keyboard.type(word)
    page.keyboard.press("Enter")


def sign_in(page: Page, practice: DemoServer) -> None:
    page.goto(f"{practice.url}/sign-in")
    expect(page.locator("#user")).to_be_focused()
    type_in(page, OWNER, practice.passwords[OWNER])


def begin(page: Page, practice: DemoServer) -> Phone:
    page.goto(f"{practice.url}/account/second-factor")
    expect(page.locator("#password")).to_be_focused()
    type_in(page, practice.passwords[OWNER])
    expect(page.locator("#code")).to_be_focused()
    return Phone(page.locator("#secret").inner_text())


def activate(page: Page, phone: Phone) -> list[str]:
    """The first right code; the recovery codes that are shown then."""
    type_in(page, phone.code())
    expect(page.locator(".notice.green")).to_be_visible()
    codes = page.locator(".recovery-codes code").all_inner_texts()
    assert len(codes) == 10
    return codes


def forget_recent_codes(practice: DemoServer) -> None:
    """A restart of the server does; the sessions go on."""
    practice.stop()
    practice.start()


def test_from_the_phone_to_the_next_sign_in(browser: Browser, practice: DemoServer) -> None:
    context = browser.new_context(**GERMAN)
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    sign_in(page, practice)
    expect(page.locator("#q")).to_be_visible()
    page.goto(f"{practice.url}/console")
    page.get_by_role("link", name="Zweiten Faktor einrichten").press("Enter")
    phone = begin(page, practice)
    expect(page.locator("svg.qr-code")).to_be_visible()
    type_in(page, phone.code(steps=9))
    expect(page.locator("#summary")).to_contain_text("Dieser Code stimmt nicht")
    expect(page.locator("svg.qr-code")).to_have_count(0)
    activate(page, phone)
    page.emulate_media(media="print")
    expect(page.locator(".recovery-codes code").first).to_be_visible()
    expect(page.locator("[data-print]")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Ich habe sie aufbewahrt").press("Enter")
    expect(page.locator("#state-title")).to_have_text("Aktiv")

    page.goto("about:blank")  # a page that hears of its ended session would go to sign in by itself
    context.clear_cookies()
    sign_in(page, practice)
    field = page.locator("#second_factor_code")
    expect(field).to_be_focused()
    type_in(page, phone.code())
    expect(page.locator("#summary")).to_contain_text("Dieser Code stimmt nicht oder wurde schon benutzt.")
    expect(field).to_be_focused()
    code = phone.code(steps=1)
    page.evaluate("text => document.execCommand('insertText', false, text)", f"{code[:3]} {code[3:]}")  # as apps copy it
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_be_visible()
    assert refused == []
    context.close()


def test_what_was_typed_waits_for_a_recent_code(browser: Browser, practice: DemoServer) -> None:
    context = browser.new_context(**GERMAN)
    page = context.new_page()
    sign_in(page, practice)
    expect(page.locator("#q")).to_be_visible()
    recovery = activate(page, begin(page, practice))
    forget_recent_codes(practice)
    page.goto(f"{practice.url}/console/users")
    form = page.locator("form[action='/console/users']")
    form.locator("#name").fill("Fr. Probe")
    form.locator("#role-new-assistant").check()
    form.locator("#name").press("Enter")
    expect(page.locator("h1")).to_have_text("Mit einem Code bestätigen")
    expect(page.locator("#second_factor_code")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#second_factor_recovery_code")).to_be_focused()
    type_in(page, recovery[0].lower())
    expect(page.locator("#one-time-code")).to_contain_text("Einmalcode für Fr. Probe")
    expect(page.locator("#users tr", has_text=OWNER)).to_contain_text("mit zweitem Faktor")
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_axe_finds_nothing_in_the_own_account(browser: Browser, practice: DemoServer, locale: str) -> None:
    context = browser.new_context(locale=locale, bypass_csp=True)
    page = context.new_page()
    sign_in(page, practice)
    expect(page.locator("#q")).to_be_visible()
    page.goto(f"{practice.url}/account")
    check(page, "account without a second factor")
    page.goto(f"{practice.url}/account/second-factor")
    check(page, "second factor: none")
    type_in(page, "geraten und falsch")
    expect(page.locator("#summary")).to_be_visible()
    check(page, "second factor: none, with an error")
    begin(page, practice)
    check(page, "second factor: set up")
    type_in(page, "000000")
    expect(page.locator("#summary")).to_be_visible()
    check(page, "second factor: set up, with an error")
    activate(page, begin(page, practice))
    check(page, "recovery codes")
    page.goto(f"{practice.url}/account/second-factor")
    expect(page.locator("#state-title")).to_be_visible()
    check(page, "second factor: active")
    page.locator("#removal_password").fill(practice.passwords[OWNER])
    page.locator("#removal_code").fill("000000")
    page.locator("#removal_code").press("Enter")
    expect(page.locator("#summary")).to_be_visible()
    check(page, "second factor: active, with an error")
    page.goto(f"{practice.url}/account")
    check(page, "account with a second factor")
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_axe_finds_nothing_where_a_code_is_asked_for(browser: Browser, practice: DemoServer, locale: str) -> None:
    context = browser.new_context(locale=locale, bypass_csp=True)
    page = context.new_page()
    field, folded = page.locator("#second_factor_code"), page.locator("main details summary")
    sign_in(page, practice)
    expect(page.locator("#q")).to_be_visible()
    recovery = activate(page, begin(page, practice))
    page.goto("about:blank")  # a page that hears of its ended session would go to sign in by itself
    context.clear_cookies()
    sign_in(page, practice)
    expect(field).to_be_focused()
    type_in(page, "000000")
    expect(page.locator("#summary")).to_be_visible()
    check(page, "sign-in: code, with an error")
    folded.press("Enter")
    check(page, "sign-in: code or recovery code")
    page.locator("#second_factor_recovery_code").fill(recovery[0])
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_be_visible()
    page.goto(f"{practice.url}/console/first-steps")
    check(page, "first steps with a second factor")
    forget_recent_codes(practice)
    page.goto(f"{practice.url}/console/users")
    page.locator("form[action$='/code'] button").first.press("Enter")
    expect(field).to_be_focused()
    type_in(page, "000000")
    expect(page.locator("#summary")).to_be_visible()
    folded.press("Enter")
    check(page, "a recent code is asked for, with an error")
    context.close()
