"""axe finds nothing on any screen: three widths, both themes, both languages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DemoServer
from tests.browser.window import Desk

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1440, 820, 400)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = [("light", "de-DE"), ("dark", "de-DE"), ("light", "en-GB"), ("dark", "en-GB")]
# One for each look: nobody waits for a lease.
PATIENTS = {LOOKS[0]: "Beispiel, Karl", LOOKS[1]: "Vorlage, Heinz", LOOKS[2]: "Test, Ottilie", LOOKS[3]: "Entwurf, Renate"}


def findings(page: Page) -> list[str]:
    """What axe finds, each with its first place."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{rule['id']}: {rule['nodes'][0]['html'][:160]} {rule['nodes'][0].get('failureSummary', '')[:200]}" for rule in found["violations"]
    ]


def check(page: Page, name: str) -> None:
    """No finding at any width, and nothing that scrolls sideways except tables."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert findings(page) == [], f"{name} at {width} px"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    theme, language = request.param
    # The policy of the pages forbids foreign scripts; axe is one.
    return {"color_scheme": theme, "locale": language, "bypass_csp": True}


def test_gates(browser: Browser, server: DemoServer, look: dict[str, Any]) -> None:
    context = browser.new_context(**look)
    page = context.new_page()
    page.goto(f"{server.url}/sign-in")
    check(page, "sign in")
    page.locator("#user").fill("Niemand")
    page.locator("#password").fill("falsch")
    page.locator("form[action='/sign-in'] button").click()
    expect(page.locator("#summary")).to_be_visible()
    check(page, "sign in with an error")
    page.goto(f"{server.url}/nowhere")
    check(page, "not found")
    context.close()


def test_find_and_new(desk: Callable[..., Desk], look: dict[str, Any]) -> None:
    seat = desk(**look)
    page = seat.page
    check(page, "find")
    seat.find("Muster")
    check(page, "patients found")
    page.locator(".menu summary").click()
    check(page, "menu")
    page.goto(f"{seat.url}/patients/new")
    check(page, "new patient")
    page.locator("form.panel button[type=submit]").click()
    expect(page.locator("#summary")).to_be_visible()
    check(page, "new patient with errors")


def test_patient(desk: Callable[..., Desk], look: dict[str, Any]) -> None:
    first, second = desk(**look), desk("Fr. Berger", **look)
    patient = PATIENTS[look["color_scheme"], look["locale"]]
    first.open(patient)
    page = first.page
    first.plan("Implantat 14")
    check(page, "medication")
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = !part.closest('.menu'))")
    check(page, "medication, all cards open")
    page.keyboard.press("F3")
    page.keyboard.type("metop")
    expect(page.locator("#add-text")).to_have_value("metop")
    expect(page.locator("#add-text")).to_be_focused()
    expect(page.locator("#add-hits [role=option]").first).to_be_visible()
    assert findings(page) == [], "hits"
    page.keyboard.press("Enter")
    check(page, "dose line")
    page.locator("#list [data-row] [data-main]").first.press("Enter")
    expect(page.locator("[data-editing]")).to_be_visible()
    check(page, "edit in place")
    page.locator("[data-editing] [name=morning]").press("Escape")
    page.locator("#list [data-row] [data-main]").first.press("Delete")
    expect(page.locator("#dialog")).to_be_visible()
    check(page, "stop?")
    page.keyboard.press("Escape")
    second.view(patient)
    check(second.page, "read-only")
    for tab in ("anamnesis", "allergies", "history"):
        address = page.url.rstrip("/")
        page.goto(f"{address}/{tab}")
        expect(page.locator("#lock .pill.mine")).to_be_visible()
        check(page, tab)
        page.goto(address)
    page.goto(f"{page.url}/identity")
    check(page, "identity")
    page.evaluate("document.documentElement.dataset.connection = 'lost'; document.getElementById('connection-lost').hidden = false")
    check(page, "connection lost")
