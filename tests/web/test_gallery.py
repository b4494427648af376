"""The gallery: there only where it is asked for, and complete."""

import re
from pathlib import Path

import pytest

from miz.infra.settings import Settings, read_settings
from miz.ui.gallery import SHEETS
from miz.ui.i18n import LOCALE_FOLDER
from tests.practice.web.visitor import Visitor
from tests.support.practice import served

TEMPLATES = LOCALE_FOLDER.parent / "templates"
STATIC = LOCALE_FOLDER.parent / "static"
GALLERY = (TEMPLATES / "gallery.html").read_text(encoding="utf-8")
PART = re.compile(r'call part\("([\w -]+)"\)')


def test_every_macro_has_its_entry() -> None:
    entries = {name for names in PART.findall(GALLERY) for name in names.split()}
    macros = {
        name
        for source in ("components.html", "gate.html")
        for name in re.findall(r"\{% macro (\w+)\(", (TEMPLATES / source).read_text(encoding="utf-8"))
    }
    assert macros - entries == set()
    assert {name for name in entries & macros if f"{name}(" not in GALLERY} <= {
        "language_choice",
        "theme_choice",
        "gate_choices",
    }


def test_every_component_of_the_pages_has_its_entry() -> None:
    """Those that no macro makes, because their words are a page's own; each is a class of a style sheet."""
    shown = {name for names in PART.findall(GALLERY) for name in names.split()}
    sheets = "".join((STATIC / name).read_text(encoding="utf-8") for name in ("miz.css", "console.css", "evaluation.css"))
    components = {
        "patient-bar", "allergies", "pill", "combobox", "medication", "own-drugs", "toast", "chips", "listing", "fold", "button",
        "tiles", "health", "table-scroll", "inline-form", "one-time-code", "facts", "level-group", "ground", "computed", "statements",
    }  # fmt: skip
    assert components - shown == set()
    assert {name for name in components if not re.search(rf"\.{name}\b", sheets)} == set()


def test_a_practice_does_not_show_it(tmp_path: Path) -> None:
    assert not Settings().gallery
    with served(tmp_path) as server:
        assert Visitor(server.url).get("/gallery").status == 404


def test_who_asks_for_it_sees_every_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIZ_GALLERY", "1")
    assert read_settings().gallery
    with served(tmp_path) as server:
        for sheet in SHEETS:
            assert Visitor(server.url).get(f"/gallery/{sheet}").status == 200
        assert Visitor(server.url).get("/gallery/nothing").status == 404
