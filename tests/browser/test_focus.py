"""Whoever walks with the Tab key sees where: a ring at every stop, and never behind what stays on top of the page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Desk

STOPS = 10
WIDTHS = (1440, 400)

# Opened by the dentist, who is also the owner; below {patient} a patient is open.
PATHS = (
    "/", "/patients/new", "{patient}", "{patient}/anamnesis", "{patient}/allergies", "{patient}/history", "{patient}/identity",
    "{patient}/merge", "/reviews", "/own-drugs", "/account", "/console", "/console/applications", "/console/leases", "/console/mode",
    "/console/users", "/console/places", "/console/erasure", "/console/trail", "/console/certificate", "/console/settings", "/console/first-steps", "/help",
)  # fmt: skip

# What is wrong with the stop, or nothing: it has no ring, or parts of it lie outside the window or behind something else.
_STOP = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return "";
    const ringed = at.closest("label") ?? at;
    const hasRing = (part) => { const style = getComputedStyle(part); return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2; };
    const name = at.outerHTML.replace(/\\s+/g, " ").slice(0, 120);
    if (!hasRing(at) && !hasRing(ringed)) return `no ring: ${name}`;
    const box = at.getBoundingClientRect();
    const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1);
    // What is about as high as the window, as a long table, does not stand in it whole.
    const [first, last] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    const heights = box.height < innerHeight / 2 ? [box.top + 2, box.top + box.height / 2, box.bottom - 2] : [(first + last) / 2];
    const hidden = heights.filter((y) => {
        const top = document.elementFromPoint(x, y);
        return !top || !(at.contains(top) || top.contains(at) || ringed.contains(top));
    });
    return hidden.length ? `hidden at ${Math.round(box.top)}: ${name}` : "";
}"""


def walk(page: Page, key: str) -> list[str]:
    """What is wrong with the next stops in this direction."""
    found: list[str] = []
    for _stop in range(STOPS):
        page.keyboard.press(key)
        fault: str = page.evaluate(_STOP)
        if fault:
            found.append(fault)
    return found


def faults(page: Page) -> list[str]:
    """From the top downwards; then upwards to something far down, where a bar on top would cover the stop."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    found = walk(page, "Tab")
    page.evaluate("""() => {
        const stops = [...document.querySelectorAll("main :is(a[href], button, input, select, textarea, summary)")]
            .filter((part) => part.checkVisibility({ visibilityProperty: true }) && !part.disabled);
        stops.at(-1)?.focus();
        scrollTo(0, document.documentElement.scrollHeight);
    }""")
    return found + walk(page, "Shift+Tab")


def test_focus_is_seen(desk: Callable[..., Desk]) -> None:
    seat = desk()
    page = seat.page
    seat.open("Muster, Erika")
    expect(seat.page.locator("#lock .pill.mine")).to_be_visible()
    patient = page.url.removeprefix(seat.url)
    found = {}
    for path in PATHS:
        page.goto(f"{seat.url}{path.format(patient=patient)}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 700})
            if wrong := faults(page):
                found[path, width] = wrong
    assert found == {}, "\n".join(f"{at}: {wrong}" for at, wrong in found.items())


@pytest.mark.parametrize(
    "style",
    [
        "main a, main button { outline: none !important }",
        ".top, main { position: relative } .top::after { content: ''; position: fixed; inset: 0; z-index: 99 }",
    ],
)
def test_focus_that_is_not_seen_is_found(desk: Callable[..., Desk], style: str) -> None:
    page = desk(bypass_csp=True).page
    page.goto(f"{page.url}own-drugs")
    assert faults(page) == []
    page.add_style_tag(content=style)
    assert faults(page)
