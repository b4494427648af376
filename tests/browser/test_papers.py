"""The menu of papers: by key and by pointer, on a patient's page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Desk


@pytest.fixture
def page(desk: Callable[..., Desk]) -> Page:
    seat = desk()
    seat.open("Vorlage, Heinz")
    expect(seat.page.locator("#lock .pill.mine")).to_be_visible()
    return seat.page


def test_the_key_opens_the_menu_and_the_arrow_of_tab_goes_through_it(page: Page) -> None:
    page.keyboard.press("F8")
    expect(page.get_by_role("link", name="Medikation und Bewertung")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Anamnesebogen, ausgefüllt")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#print-menu")).not_to_have_attribute("open", "")


@pytest.mark.parametrize("name", ["Medikation und Bewertung", "Anamnesebogen, ausgefüllt", "Anamnesebogen, leer"])
def test_a_paper_comes_in_a_tab_of_its_own(page: Page, name: str) -> None:
    here = page.url
    page.keyboard.press("F8")
    with page.context.expect_event("response", lambda response: "/papers/" in response.url) as arrived:
        page.get_by_role("link", name=name).click()
    assert arrived.value.headers["content-type"] == "application/pdf"
    assert arrived.value.status == 200
    assert page.url == here
    expect(page.locator("#lock .pill.mine")).to_be_visible()


def test_the_letter_asks_what_to_tell_and_comes_in_a_tab_of_its_own(page: Page) -> None:
    page.keyboard.press("F8")
    page.get_by_role("link", name="Mitteilung an Hausärztin oder Hausarzt …").click()
    expect(page.get_by_role("heading", name="Mitteilung an Hausärztin oder Hausarzt")).to_be_visible()
    expect(page.get_by_role("checkbox").first).to_be_checked()
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_label("Unsere Frage an Sie").fill("Kann die Medikation umgestellt werden?")
    with page.context.expect_event("response", lambda response: response.url.endswith("/letter")) as arrived:
        page.get_by_role("button", name="Mitteilung anzeigen").click()
    assert arrived.value.headers["content-type"] == "application/pdf"
    expect(page.get_by_label("Unsere Frage an Sie")).to_have_value("Kann die Medikation umgestellt werden?")


@pytest.mark.parametrize("width", [400, 820, 1440])
def test_the_menu_and_the_form_fit_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("#print-menu > summary").click()
    box = page.locator("#print-menu > div").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.get_by_role("link", name="Mitteilung an Hausärztin oder Hausarzt …").click()
    expect(page.get_by_role("button", name="Mitteilung anzeigen")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
