"""One table of keys: what stands in it works, and nothing else is bound."""

import re
from collections import Counter

import pytest

from miz.ui import assets
from miz.ui.i18n import translator
from miz.ui.render import TEMPLATE_FOLDERS, environment
from miz.ui.shortcuts import SHORTCUTS, Shortcut, attributes, shown_keys

SCRIPT = assets.files()["keys.js"].decode()
TEMPLATES = {
    path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for folder in TEMPLATE_FOLDERS for path in folder.rglob("*.html")
}
# Done by the script itself; all others press or focus the control that names them.
OWN = set(re.findall(r'^  "?([a-z-]+)"?: \(?\w', SCRIPT.partition("const OWN = {")[2].partition("\n};")[0], re.MULTILINE))


def named_in_templates() -> set[str]:
    """The actions that some control carries, the tabs' among them."""
    text = "\n".join(TEMPLATES.values())
    return set(re.findall(r'\{\{ shortcut\("([a-z-]+)"\) \}\}', text)) | set(re.findall(r'"action": "([a-z-]+)"', text))


def test_each_key_and_each_action_stands_once() -> None:
    keys = Counter(key for shortcut in SHORTCUTS for key in shortcut.keys)
    actions = Counter(shortcut.action for shortcut in SHORTCUTS)
    assert [name for name, count in (keys + actions).items() if count > 1] == []


def test_what_the_script_does_itself_stands_in_the_table() -> None:
    assert {"help", "next-area", "close"} <= OWN
    assert OWN - {shortcut.action for shortcut in SHORTCUTS} == set()


def test_every_shortcut_has_its_control_or_is_done_by_the_script() -> None:
    assert {shortcut.action for shortcut in SHORTCUTS} - OWN - named_in_templates() == set()


def test_every_control_is_in_the_table() -> None:
    assert named_in_templates() - {shortcut.action for shortcut in SHORTCUTS} == set()


def test_no_key_is_written_twice() -> None:
    """Neither script nor template names a key of the table; the display on the wall has a page and keys of its own."""
    keys = {key for shortcut in SHORTCUTS for key in shortcut.keys}
    assert [key for key in keys if f'"{key}"' in SCRIPT] == []
    written = {name for name, text in TEMPLATES.items() if re.search(r'aria-keyshortcuts="|kbd\("', text)}
    assert written - {"viewer.html"} == set()


def test_no_single_letter_and_nothing_that_is_the_browsers() -> None:
    keys = {key for shortcut in SHORTCUTS for key in shortcut.keys}
    assert [key for key in keys if len(key) == 1] == []
    theirs = {"F5", "F11", "F12", "Control+T", "Control+N", "Control+W", "Control+F", "Control+P", "Alt+ArrowLeft"}
    assert keys & theirs == set()


def test_keys_are_shown_as_they_are_printed() -> None:
    shortcut = Shortcut(("Control+Z", "Shift+Delete", "ArrowUp"), "Example", "rows", "example")
    assert shown_keys(shortcut, translator("de")) == ["Strg+Z", "Umschalt+Entf", "↑"]
    assert shown_keys(shortcut, translator("en")) == ["Ctrl+Z", "Shift+Del", "↑"]


def test_the_dialog_holds_every_key() -> None:
    page = environment("de").get_template("_shortcuts.html").render()
    assert set(re.findall(r'data-does="([a-z-]+)"', page)) == {shortcut.action for shortcut in SHORTCUTS}
    assert "Patient suchen" in page
    assert "<kbd>Alt+Umschalt+1</kbd>" in page


def test_an_unknown_action_is_refused() -> None:
    assert attributes("find") == 'data-action="find" aria-keyshortcuts="F2"'
    with pytest.raises(KeyError):
        attributes("nothing")
