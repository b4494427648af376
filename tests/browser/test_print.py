"""The patient's page on paper: who, when, from which data; nothing to press; black on white; nothing torn apart."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Desk


@pytest.fixture
def paper(desk: Callable[..., Desk]) -> Page:
    """A dark screen with a patient, as its printer sees it."""
    seat = desk(color_scheme="dark")
    seat.open("Vorlage, Heinz")
    expect(seat.page.locator("#lock .pill.mine")).to_be_visible()
    seat.plan("Extraktion 36")
    seat.page.emulate_media(media="print")
    seat.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    return seat.page


def test_a_page_being_printed_stays_as_it_is(paper: Page) -> None:
    paper.evaluate(
        "import(document.querySelector('script[src$=\"/miz.js\"]').src.replace('miz.js', 'live.js')).then(live => live.refresh())"
    )
    expect(paper.locator("[data-now]")).not_to_be_empty()


def computed(page: Page, selector: str, name: str, pseudo: str | None = None) -> Any:
    script = "([selector, name, pseudo]) => getComputedStyle(document.querySelector(selector), pseudo)[name]"
    return page.evaluate(script, [selector, name, pseudo])


def test_the_head_says_who_when_and_from_which_data(paper: Page) -> None:
    head = paper.locator(".patient-head")
    for text in ("VORLAGE, Heinz", "geb.", "Nr. 9", "Demopraxis", "gedruckt", "Dr. Kern", "Arzneimitteldaten 2026"):
        expect(head).to_contain_text(text)
    today = paper.evaluate("new Date().toLocaleDateString('de', {dateStyle: 'medium'})")
    expect(paper.locator("[data-now]")).to_contain_text(today)
    every_page = paper.evaluate("document.adoptedStyleSheets.flatMap(sheet => [...sheet.cssRules]).map(rule => rule.cssText).join()")
    assert "VORLAGE, Heinz · geb." in every_page


def test_there_is_nothing_to_press(paper: Page) -> None:
    pressable = "a.button, button.button, .tabs, .top, #q, #add-text, #plan-text, .acts, #toast, dialog, kbd"
    assert [element.inner_text() for element in paper.locator(pressable).all() if element.is_visible()] == []
    expect(paper.locator("#list .substance").first).to_be_visible()


def test_levels_are_words_and_allergies_are_framed(paper: Page) -> None:
    assert computed(paper, "#list .level", "content", "::before") == '"["'
    assert computed(paper, "#list .level", "content", "::after") == '"]"'
    expect(paper.locator("#list .level").first).to_contain_text("Hoch")
    assert paper.locator("#list .level svg").first.is_hidden()
    assert float(computed(paper, ".allergies", "borderTopWidth").removesuffix("px")) >= 1


def test_it_is_black_on_white(paper: Page) -> None:
    script = """[...document.querySelectorAll('.patient-head *, main *')].filter(element => element.checkVisibility())
        .flatMap(element => { const style = getComputedStyle(element); return [style.color, style.backgroundColor]; })"""
    assert set(paper.evaluate(script)) <= {"rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
    assert computed(paper, "body", "backgroundColor") == "rgb(255, 255, 255)"


def test_heads_repeat_rows_hold_together_and_all_is_unfolded(paper: Page) -> None:
    assert computed(paper, "#list thead", "display") == "table-header-group"
    assert computed(paper, "#list tbody tr", "breakInside") == "avoid"
    assert computed(paper, "#findings .card", "breakInside") == "avoid"
    assert paper.locator("main details:not([open])").count() == 0
    paper.evaluate("dispatchEvent(new Event('afterprint'))")
    assert paper.locator("main details:not([open])").count() > 0
    assert paper.pdf(format="A4").startswith(b"%PDF-")
