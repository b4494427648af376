"""Static files: small, complete, from nowhere else."""

import re

import pytest

from miz.ui import assets
from miz.ui.i18n import LOCALE_FOLDER
from miz.ui.render import TEMPLATE_FOLDERS

CSS_LIMIT_BYTES = {"miz.css": 30_000, "console.css": 8_000, "evaluation.css": 6_000}
FIRST_VISIT_LIMIT_BYTES = {"patient.html": 250_000, "console_overview.html": 300_000}
# An address in a template, the icons that every page draws on, an import of a script, a file of a style sheet.
_NAMED = re.compile(r"address\('([^']+)'\)|(?:from|import) \"\./([^\"]+)\"|url\(\"([^\"]+)\"\)")
_EXTENDED = re.compile(r'{% extends "([^"]+)" %}')


@pytest.mark.parametrize("sheet", CSS_LIMIT_BYTES)
def test_style_sheet_keeps_its_size(sheet: str) -> None:
    assert len(assets.files()[sheet]) <= CSS_LIMIT_BYTES[sheet]


def loaded_by(template: str) -> set[str]:
    """The static files that a page loads when it is first visited, by what its templates, scripts and style sheets name."""
    templates = {path.name: path.read_text() for folder in TEMPLATE_FOLDERS for path in folder.glob("*.html")}
    pages = [template]
    while found := _EXTENDED.search(templates[pages[-1]]):
        pages.append(found[1])
    loaded = {"vendor/icons.svg"}
    waiting = [templates[page] for page in pages]
    while waiting:
        named = {next(filter(None, names)) for names in _NAMED.findall(waiting.pop())} - loaded
        loaded |= named
        waiting += [assets.files()[name].decode() for name in named if name.endswith((".js", ".css")) and not name.startswith("vendor/")]
    return loaded


@pytest.mark.parametrize("page", FIRST_VISIT_LIMIT_BYTES)
def test_first_visit_keeps_its_size(page: str) -> None:
    loaded = loaded_by(page)
    assert {"miz.css", "live.js", "application.js", "vendor/htmx.min.js", "vendor/ibm-plex-sans-latin-wght-normal.woff2"} <= loaded
    assert ("vendor/uplot.js" in loaded) == page.startswith("console")
    assert sum(len(assets.files()[name]) for name in loaded) <= FIRST_VISIT_LIMIT_BYTES[page]


def test_nothing_is_loaded_from_elsewhere() -> None:
    own = {
        name: content.decode()
        for name, content in assets.files().items()
        if not name.startswith("vendor/") and name.endswith((".js", ".css"))
    }
    own |= {path.name: path.read_text() for folder in TEMPLATE_FOLDERS for path in folder.glob("*.html")}
    assert {name for name, text in own.items() if re.search(r"https?://(?!www\.w3\.org)", text)} == set()


def test_every_icon_used_is_in_the_sprite() -> None:
    sprite = assets.files()["vendor/icons.svg"].decode()
    listed = set((LOCALE_FOLDER.parent / "icons.txt").read_text().split())
    used = set()
    for folder in TEMPLATE_FOLDERS:
        for path in folder.glob("*.html"):
            text = path.read_text()
            used |= set(re.findall(r'icon\("([a-z-]+)"', text)) | set(
                re.findall(r'(?:notice|empty)\((?:"(?:amber|red|blue|green)", )?"([a-z-]+)"', text)
            )
            used |= set(re.findall(r'"(?:high|medium|low|avoid|possible|unchecked)": "([a-z-]+)"', text))
    assert used - listed == set(), "used, not listed"
    assert {name for name in listed if f'id="{name}"' not in sprite} == set(), "listed, not built"


def test_addresses_name_their_content() -> None:
    assert assets.address("miz.css") == f"/static/{assets.content_hash()}/miz.css"
