"""Accounts and devices as people see them: register a workplace, take over its window by PIN, set the first password."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from miz.infra.api_client import ApiClient, HttpSender
from tests.browser.conftest import GERMAN, DemoServer
from tests.browser.test_accessibility import LOCALES, check
from tests.browser.window import Desk

PIN = "280519"


@pytest.fixture
def practice(own_server: Callable[..., DemoServer]) -> DemoServer:
    return own_server()


def owner_of(practice: DemoServer) -> ApiClient:
    client = ApiClient(HttpSender(practice.url))
    client.sign_in("Dr. Kern", practice.passwords["Dr. Kern"], "Zimmer 2")
    return client


def pairing_code(owner: ApiClient, place: str) -> str:
    owner.set_mode("setup", now=True)
    made: Any = owner.call("POST", "/devices", {"kind": "workplace", "place": place})
    owner.set_mode("operating")
    return str(made["code"])


def pair(page: Page, practice: DemoServer, code: str) -> None:
    page.goto(f"{practice.url}/pair")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{practice.url}/sign-in")


def sign_in(page: Page, name: str, password: str) -> None:
    expect(page.locator("#user")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_be_visible()


def test_another_user_goes_on_with_the_patient_and_what_was_typed(browser: Browser, practice: DemoServer) -> None:
    owner = owner_of(practice)
    owner.call("PUT", "/account/pin", {"password": practice.passwords["Dr. Kern"], "pin": PIN})
    context = browser.new_context(**GERMAN)
    page = context.new_page()
    pair(page, practice, pairing_code(owner, "Zimmer 1"))
    expect(page.locator("form[action='/sign-in']")).to_contain_text("Registrierter Arbeitsplatz: Zimmer 1")
    sign_in(page, "Fr. Berger", practice.passwords["Fr. Berger"])
    seat = Desk(page, practice.url)
    seat.open("Muster, Erika")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    application = page.evaluate("sessionStorage.getItem('miz.application')")
    page.keyboard.press("F3")
    page.keyboard.type("Tee vom Heilprakt")
    address = page.url

    page.locator(".top .menu summary").press("Enter")
    page.locator(".top .menu a[href='/change-user']").press("Enter")
    expect(page.locator("#user")).to_have_value("Dr. Kern")
    page.keyboard.press("Tab")
    page.keyboard.type("913642")
    page.keyboard.press("Enter")
    expect(page.locator("#summary")).to_contain_text("PIN stimmt nicht")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")

    expect(page).to_have_url(address)
    expect(page.locator(".top .menu summary")).to_contain_text("Dr. Kern")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    expect(page.locator("#add-text")).to_have_value("Tee vom Heilprakt")
    assert page.evaluate("sessionStorage.getItem('miz.application')") == application
    assert page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('miz.draft.')).length") == 1
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_axe_finds_nothing_on_the_pages_of_accounts_and_devices(browser: Browser, server: DemoServer, locale: str) -> None:
    owner = owner_of(server)
    name = f"Fr. Neu {locale}"
    added: Any = owner.call("POST", "/users", {"name": name, "roles": ["assistant"]})
    password = "ein neues Passwort 2026"
    context = browser.new_context(locale=locale, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{server.url}/pair")
    check(page, "pair")
    page.keyboard.type("AAAA-AAAA")
    page.keyboard.press("Enter")
    expect(page.locator("#summary")).to_be_visible()
    check(page, "pair with an error")
    page.goto(f"{server.url}/first-password")
    check(page, "first password")
    for field, typed in (("user", name), ("code", added["one_time_code"]["code"]), ("password", password), ("repeated", "vertippt")):
        page.locator(f"#{field}").fill(typed)
    page.keyboard.press("Enter")
    expect(page.locator("#summary")).to_be_visible()
    expect(page.locator("#code")).to_have_value(added["one_time_code"]["code"])
    check(page, "first password with an error")
    for field in ("password", "repeated"):
        page.locator(f"#{field}").fill(password)
    page.keyboard.press("Enter")
    expect(page.locator(".notice.green")).to_be_visible()
    check(page, "sign in with the new password")
    sign_in(page, name, password)
    page.goto(f"{server.url}/change-user")
    check(page, "change of user where nothing is registered")
    page.goto(f"{server.url}/account")
    check(page, "account")
    page.locator("#pin_password").fill(password)
    page.locator("#pin").fill("111111")
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_have_attribute("aria-invalid", "true")
    check(page, "account with an error")
    page.locator("#pin_password").fill(password)
    page.locator("#pin").fill(PIN)
    page.keyboard.press("Enter")
    expect(page.locator(".notice.green")).to_be_visible()
    check(page, "account with a PIN")
    context.close()


def test_axe_finds_nothing_where_users_change(browser: Browser, practice: DemoServer) -> None:
    owner = owner_of(practice)
    owner.call("PUT", "/account/pin", {"password": practice.passwords["Dr. Kern"], "pin": PIN})
    code = pairing_code(owner, "Zimmer 1")
    context = browser.new_context(**GERMAN, bypass_csp=True)
    page = context.new_page()
    pair(page, practice, code)
    check(page, "sign in at a registered workplace")
    sign_in(page, "Fr. Berger", practice.passwords["Fr. Berger"])
    page.goto(f"{practice.url}/locked")
    check(page, "locked")
    page.locator("a[href^='/change-user']").press("Enter")
    expect(page.locator("#pin")).to_be_visible()
    check(page, "change of user")
    page.locator("#pin").fill("913642")
    page.keyboard.press("Enter")
    expect(page.locator("#summary")).to_be_visible()
    check(page, "change of user with an error")
    context.close()
