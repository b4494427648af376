"""The keyboard, in one table. The F1 dialog, the hints at the controls and the bindings of `static/keys.js` come from it.

Not bound, because they are the browser's: F5, F11, F12, Ctrl+T, Ctrl+N, Ctrl+W, Ctrl+F, Ctrl+P, Alt+Left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from miz.ui.i18n import N_

Scope = Literal["everywhere", "patient", "rows", "fields"]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Keys as `aria-keyshortcuts` writes them, each of which does the same; what it does, as a message id; where; the control's name."""

    keys: tuple[str, ...]
    sentence: str
    scope: Scope
    action: str


SCOPES: dict[Scope, str] = {
    "everywhere": N_("Everywhere"),
    "patient": N_("At a patient"),
    "rows": N_("In tables and lists of hits"),
    "fields": N_("In fields and dialogs"),
}

SHORTCUTS = (
    Shortcut(("F1",), "Help and list of keys", "everywhere", "help"),
    Shortcut(("F2",), "Find a patient", "everywhere", "find"),
    Shortcut(("F6",), "Next area: bar, list, evaluation", "everywhere", "next-area"),
    Shortcut(("F3",), "Add a medicine", "patient", "add"),
    Shortcut(("F7",), "Plan a procedure or a medicine; twice: check another medicine", "patient", "plan"),
    Shortcut(("F8",), "Print", "patient", "print"),
    Shortcut(("F9",), "Looked through today", "patient", "review"),
    Shortcut(("Control+Z",), "Take the last change back", "patient", "undo"),
    # On Linux, Alt+digit changes the browser's tab before a page hears of it.
    Shortcut(("Alt+1", "Alt+Shift+1"), "Medication", "patient", "medication"),
    Shortcut(("Alt+2", "Alt+Shift+2"), "Medical history", "patient", "anamnesis"),
    Shortcut(("Alt+3", "Alt+Shift+3"), "Allergies", "patient", "allergies"),
    Shortcut(("Alt+4", "Alt+Shift+4"), "Changes", "patient", "history"),
    Shortcut(("ArrowDown",), "Next row, next hit", "rows", "row-down"),
    Shortcut(("ArrowUp",), "Row before, hit before", "rows", "row-up"),
    Shortcut(("Enter",), "Open, take over", "rows", "open"),
    Shortcut(("Shift+Enter",), "View only", "rows", "view"),
    Shortcut(("Delete",), "Stop or remove …", "rows", "end"),
    Shortcut(("Escape",), "Close, cancel, empty the field", "fields", "close"),
    Shortcut(("Control+Enter",), "Save and close", "fields", "save"),
)

_BY_ACTION = {shortcut.action: shortcut for shortcut in SHORTCUTS}
_SIGNS = {"ArrowDown": "↓", "ArrowUp": "↑", "Escape": "Esc"}


def attributes(action: str) -> Markup:
    """What a control carries to answer to its key. Raises `KeyError` for an action that is not in the table."""
    return Markup('data-action="{}" aria-keyshortcuts="{}"').format(action, " ".join(_BY_ACTION[action].keys))


def shown_keys(shortcut: Shortcut, translate: Callable[[str], str]) -> list[str]:
    """The keys as they are printed on the user's keyboard: `Strg+Enter`."""
    words = {"Control": translate("Ctrl"), "Shift": translate("Shift"), "Delete": translate("Del"), **_SIGNS}
    return ["+".join(words.get(part, part) for part in keys.split("+")) for keys in shortcut.keys]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The table in one language, for templates."""

    translate: Callable[[str], str]

    def hint(self, action: str) -> str:
        """The first key of an action, as it stands beside its control."""
        return shown_keys(_BY_ACTION[action], self.translate)[0]

    def groups(self) -> Iterator[tuple[Scope, str, list[tuple[Shortcut, str, list[str]]]]]:
        """Each scope, its name, and its shortcuts with their sentences and keys."""
        for scope, words in SCOPES.items():
            rows = [(one, self.translate(one.sentence), shown_keys(one, self.translate)) for one in SHORTCUTS if one.scope == scope]
            yield scope, self.translate(words), rows
