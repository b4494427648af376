"""The keys of the table, pressed in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from miz.ui.shortcuts import SHORTCUTS
from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import check
from tests.browser.window import Desk


def controls_on(page: Page) -> set[str]:
    found: list[str] = page.evaluate("[...document.querySelectorAll('[data-action]')].map(control => control.dataset.action)")
    return set(found)


def test_f1_opens_the_list_and_escape_closes_it(desk: Callable[..., Desk], server: DemoServer) -> None:
    page = desk(bypass_csp=True).page
    page.keyboard.press("F1")
    expect(page.locator("#shortcuts")).to_be_visible()
    expect(page.locator("#shortcuts tr", has_text="Patient suchen").locator("kbd")).to_have_text("F2")
    check(page, "list of keys")
    page.keyboard.press("F2")
    expect(page.locator("#q")).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("F2")
    expect(page.locator("#q")).to_be_focused()
    # Closed, it keeps its rows: they are what binds the keys.
    page.keyboard.press("F1")
    page.keyboard.press("F1")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.goto(f"{server.url}/sign-in")
    page.keyboard.press("F1")
    expect(page.locator("#shortcuts")).to_be_visible()


def test_the_list_begins_with_what_the_page_shows(desk: Callable[..., Desk]) -> None:
    seat = desk()
    captions = seat.page.locator("#shortcuts caption")
    seat.page.goto(f"{seat.url}/patients/new")
    seat.page.keyboard.press("F1")
    expect(captions.first).to_have_text("Überall")
    seat.open("Probe")
    expect(seat.page.locator("#lock .pill.mine")).to_be_visible()
    seat.page.keyboard.press("F1")
    expect(captions).to_have_text(["Beim Patienten", "In Tabellen und Trefferlisten", "Überall", "In Feldern und Dialogen"])


def test_every_control_of_the_table_is_on_its_page(desk: Callable[..., Desk]) -> None:
    seat = desk()
    page = seat.page
    seat.find("Probe")
    assert controls_on(page) >= {"help", "find", "open", "view"}
    seat.open("Probe")
    expect(page.locator("#lock .pill.mine")).to_be_visible()
    seat.add_medicine("Ramipril", "Ramipril")
    expect(page.locator("#toast [type=submit]")).to_be_visible()
    own = {"next-area", "row-down", "row-up", "close", "save"}
    assert {shortcut.action for shortcut in SHORTCUTS} - own - controls_on(page) == {"view"}


def test_keys_do_what_the_list_says(desk: Callable[..., Desk]) -> None:
    seat = desk()
    page = seat.page
    seat.open("Probe")
    expect(page.locator("#lock .pill.mine")).to_be_visible()
    home = page.url
    for key, path in (("Alt+2", "/anamnesis"), ("Alt+Shift+3", "/allergies"), ("Alt+4", "/history"), ("Alt+1", "")):
        page.keyboard.press(key)
        page.wait_for_url(f"{home}{path}")
    page.keyboard.press("F7")
    expect(page.locator("#plan-text")).to_be_focused()
    page.keyboard.press("F7")
    expect(page.locator("#check-text")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("F7")
    expect(page.locator("#plan-text")).to_be_focused()
    page.evaluate("window.print = () => document.body.dataset.printed = 'yes'")
    page.keyboard.press("F8")
    expect(page.get_by_role("link", name="Medikation und Bewertung")).to_be_focused()
    page.locator("#print-menu [data-print]").click()
    expect(page.locator("body")).to_have_attribute("data-printed", "yes")
    expect(page.locator("#print-menu")).not_to_have_attribute("open", "")
    page.keyboard.press("F9")
    expect(page.locator("#review")).to_contain_text("Zuletzt vollständig")
    page.keyboard.press("F6")
    assert page.evaluate("document.activeElement.dataset.area") is not None
    page.keyboard.press("Alt+2")
    page.wait_for_url(f"{home}/anamnesis")
    page.locator("#note-text").fill("Kommt mit dem Rollstuhl.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notes .lines")).to_contain_text("Kommt mit dem Rollstuhl.")
    page.locator("body").focus()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+Z")
    expect(page.locator("#notes")).not_to_contain_text("Kommt mit dem Rollstuhl.")
