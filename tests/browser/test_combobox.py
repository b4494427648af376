"""The field with hits follows the ARIA combobox pattern: what is open, which hit is marked and how many there are can be heard."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Desk


@pytest.fixture
def field(desk: Callable[..., Desk]) -> Any:
    seat = desk()
    seat.open("Beispiel, Karl")
    expect(seat.page.locator("#lock .pill.mine")).to_be_visible()
    made = seat.page.locator("#add-text")
    made.focus()
    return made


def options(page: Page) -> Any:
    return page.locator("#add-hits [role=option]")


def expect_marked(field: Any, place: int) -> None:
    """The hit at `place` is the marked one, for eyes and for screen readers."""
    option = options(field.page).nth(place)
    expect(option).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(option.get_attribute("id")))
    expect(field.page.locator("#add-hits [aria-selected=true]")).to_have_count(1)
    expect(field).to_be_focused()


def test_hits_are_counted_and_controlled(field: Any) -> None:
    page = field.page
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_attribute("aria-controls", "add-hits")
    expect(page.locator("#add-hits")).to_have_attribute("role", "listbox")
    field.press_sequentially("ramip")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect_marked(field, 0)
    count = options(page).count() - 1  # the last line takes the text as typed
    expect(page.locator("#add-text-count")).to_have_text(f"{count} Treffer")
    expect(page.locator("#add-text-count")).to_have_role("status")


def test_keys_move_the_mark_and_never_the_focus(field: Any) -> None:
    page = field.page
    field.press_sequentially("meto")
    expect_marked(field, 0)
    last = options(page).count() - 1
    assert last >= 2
    for key, place in (("ArrowDown", 1), ("End", last), ("ArrowDown", 0), ("ArrowUp", last), ("Home", 0)):
        page.keyboard.press(key)
        expect_marked(field, place)


def test_escape_closes_then_empties(field: Any) -> None:
    page = field.page
    field.press_sequentially("meto")
    expect_marked(field, 0)
    page.keyboard.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    assert field.get_attribute("aria-activedescendant") is None
    expect(field).to_have_value("meto")
    expect(page.locator("#add-text-count")).to_have_text("")
    page.keyboard.press("Alt+ArrowDown")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect_marked(field, 0)
    page.keyboard.press("Alt+ArrowUp")
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")


def test_nothing_found_is_said_and_only_enter_takes(field: Any) -> None:
    page = field.page
    field.press_sequentially("qqqxyz")
    expect(page.locator("#add-text-count")).to_contain_text("Kein Arzneimittel zu „qqqxyz“ gefunden.")
    expect(page.locator("#add-hits [aria-selected=true]")).to_have_count(0)
    page.keyboard.press("End")
    expect_marked(field, 0)
    page.keyboard.press("Tab")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#add .dose-line")).to_be_hidden()
    field.fill("")
