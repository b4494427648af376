"""Every component in every state: axe finds nothing, and each is really drawn, in both themes and languages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from miz.ui.gallery import SHEETS
from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import LOCALES, THEMES, WITH_AXE, check

# What is drawn where: the size of each part, and its colours as the browser computed them.
PARTS = """[...document.querySelectorAll('[data-shows]')].map(part => {
    const box = part.getBoundingClientRect();
    return { name: part.dataset.shows, width: box.width, height: box.height, overflows: part.scrollWidth > part.clientWidth };
})"""

BACKGROUND = {"light": "rgb(243, 245, 247)", "dark": "rgb(17, 22, 28)"}


@pytest.fixture(scope="module")
def gallery() -> Iterator[DemoServer]:
    started = DemoServer(MIZ_GALLERY="1")
    yield started
    started.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_components(browser: Browser, gallery: DemoServer, locale: str) -> None:
    context = browser.new_context(locale=locale, **WITH_AXE)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    for sheet in SHEETS:
        page.goto(f"{gallery.url}/gallery/{sheet}")
        check(page, sheet)
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            parts = page.evaluate(PARTS)
            assert [part for part in parts if part["width"] < 40 or part["height"] < 40 or part["overflows"]] == [], (
                f"{sheet} at {width} px"
            )
            pictures = set()
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                assert page.evaluate("getComputedStyle(document.body).backgroundColor") == BACKGROUND[theme]
                pictures.add(page.screenshot(full_page=True))
            assert len(pictures) == len(THEMES), f"{sheet} looks the same in both themes"
    assert faults == []
    context.close()
