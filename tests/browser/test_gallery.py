"""Every component in every state: axe finds nothing, and each is really drawn, in both themes and languages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from miz.ui.gallery import SHEETS
from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import LOOKS, check

# What is drawn where: the size of each part, and its colours as the browser computed them.
PARTS = """[...document.querySelectorAll('[data-shows]')].map(part => {
    const box = part.getBoundingClientRect();
    return { name: part.dataset.shows, width: box.width, height: box.height, overflows: part.scrollWidth > part.clientWidth };
})"""


@pytest.fixture(scope="module")
def gallery() -> Iterator[DemoServer]:
    started = DemoServer(MIZ_GALLERY="1")
    yield started
    started.close()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def test_components(browser: Browser, gallery: DemoServer, look: tuple[str, str], tmp_path: Path) -> None:
    theme, language = look
    options: dict[str, Any] = {"color_scheme": theme, "locale": language, "bypass_csp": True}
    context = browser.new_context(**options)
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
            picture = tmp_path / f"{sheet}-{width}.png"
            page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 10_000
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(243, 245, 247)", "dark": "rgb(17, 22, 28)"}[theme]
    assert faults == []
    context.close()
