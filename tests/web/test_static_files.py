"""Static files: small, complete, from nowhere else."""

import re

import pytest

from miz.ui import assets
from miz.ui.i18n import LOCALE_FOLDER
from miz.ui.render import TEMPLATE_FOLDERS

CSS_LIMIT_BYTES = 30_000
FIRST_VISIT_LIMIT_BYTES = {"patient": 250_000, "console": 300_000}
# What only other pages load.
_NOT_ON = {"patient": ("viewer", "console", "help.css", "gallery", "vendor/uplot"), "console": ("viewer", "help.css", "gallery")}


def test_style_sheet_keeps_its_size() -> None:
    assert len(assets.files()["miz.css"]) <= CSS_LIMIT_BYTES


@pytest.mark.parametrize("page", FIRST_VISIT_LIMIT_BYTES)
def test_first_visit_keeps_its_size(page: str) -> None:
    loaded = [name for name in assets.files() if name.endswith((".js", ".css", ".svg", "latin-wght-normal.woff2"))]
    size = sum(len(assets.files()[name]) for name in loaded if not name.startswith(_NOT_ON[page]))
    assert size <= FIRST_VISIT_LIMIT_BYTES[page]


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
