"""Promise D5 in Chromium: pages full of payloads open no dialog, run no script of theirs, and the content policy has nothing to stop."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Dialog, sync_playwright

from miz.ui import render
from tests.browser.window import launch
from tests.security.payloads import PRODUCT, STORED
from tests.security.people import Site
from tests.security.test_injection import CONSOLE, Haunted, haunt
from tests.security.wire import Wire

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Whatever a payload runs, it calls this; whatever the content policy stops is reported to the page itself.
WATCH = """
window.miz_pwn = () => { sessionStorage.setItem('pwn', location.pathname); };
addEventListener('securitypolicyviolation', (event) => {
  sessionStorage.setItem('stopped', `${location.pathname} ${event.violatedDirective} ${event.sourceFile}`);
});
"""


@dataclass
class Seen:
    """What happened in the browser that must not."""

    dialogs: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def haunted(site: Site) -> Haunted:
    """The practice with every payload in every place, made before the browser takes the thread."""

    async def fill() -> Haunted:
        async with Wire(site.server.url) as wire:
            return await haunt(site, wire)

    return asyncio.run(fill())


@pytest.fixture
def unescaped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Templates that take every text for HTML."""
    render.environment.cache_clear()
    monkeypatch.setattr(render.environment("de"), "autoescape", False)
    yield
    render.environment.cache_clear()


def visit(site: Site, made: Haunted, paths: list[str]) -> Seen:
    """Open the pages one after the other in one tab."""
    seen = Seen()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(locale="de-DE")
        context.add_init_script(WATCH)
        context.add_cookies([{"name": site.session_cookie, "value": made.token, "url": site.server.url}])
        page = context.new_page()

        def dismiss(dialog: Dialog) -> None:
            seen.dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", dismiss)
        page.on("request", lambda request: seen.left.append(request.url) if not request.url.startswith(site.server.url) else None)
        for path in paths:
            page.goto(site.server.url + path, wait_until="load")
            page.locator("body").press("Tab")
            assert PRODUCT not in page.content(), path
            for key, found in (("pwn", seen.executed), ("stopped", seen.stopped)):
                if told := page.evaluate(
                    "key => { const told = sessionStorage.getItem(key); sessionStorage.removeItem(key); return told }", key
                ):
                    found.append(told)
        browser.close()
    return seen


def test_no_page_with_payloads_does_anything(site: Site, haunted: Haunted) -> None:
    patients = [f"/patients/{patient_id}" for patient_id in haunted.patients.values()]
    tabs = [
        f"/patients/{haunted.patients[label]}{tab}"
        for label in ("script", "double quote", "htmx")
        for tab in ("/anamnesis", "/allergies", "/history")
    ]
    seen = visit(site, haunted, ["/", "/reviews", "/own-drugs", *patients, *tabs, *(f"/console{screen}" for screen in CONSOLE)])
    assert seen == Seen()
    assert len(patients) == len(STORED)


@pytest.mark.usefixtures("unescaped")
def test_without_escaping_the_content_policy_still_stops_them(site: Site, haunted: Haunted) -> None:
    seen = visit(site, haunted, [f"/patients/{haunted.patients['image']}", f"/patients/{haunted.patients['script']}"])
    assert seen.stopped, "without the first wall the second one has something to do"
    assert (seen.executed, seen.dialogs) == ([], [])
