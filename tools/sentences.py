"""Every sentence that a person may see, found in templates and code, and those that have no German.

`python -m tools.sentences` fails when one has none; so does every build.
"""

import ast
import sys
from collections.abc import Iterator, Mapping

from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from tools.steps import ROOT

PACKAGE = ROOT / "src/miz"
GERMAN = PACKAGE / "ui/locale/de/LC_MESSAGES/miz.po"
_GETTEXT = {"_", "gettext", "ngettext", "translate", "N_"}
_ERROR_ATTRIBUTES = {"title", "hint"}


def without_german() -> dict[str, str]:
    """Sentences that the German catalogue lacks, has empty or only guesses at, each with a place where it is used."""
    known = german()
    return {message: place for message, place in (*template_messages(), *code_messages()) if not known.get(message)}


def german() -> Mapping[str, str]:
    """German by English id; of a plural the singular, and nothing unless all its forms are there."""
    with GERMAN.open("rb") as stream:
        return {
            _forms(entry.id)[0]: "" if entry.fuzzy else _whole(_forms(entry.string)) for entry in read_po(stream, locale="de") if entry.id
        }


def _whole(forms: tuple[str, ...]) -> str:
    return forms[0] if all(forms) else ""


def _forms(texts: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts) if texts else ("",)


def template_messages() -> Iterator[tuple[str, str]]:
    """Message ids of the templates, with the place of each; a plural stands as its singular."""
    for path in sorted(PACKAGE.rglob("*.html")):
        with path.open("rb") as stream:
            for line, _, message, _ in babel_extract(
                stream, ["_", "gettext", "ngettext"], [], {"trim_blocks": "true", "lstrip_blocks": "true"}
            ):
                yield str(message[0] if isinstance(message, tuple) else message), f"{path.name}:{line}"


def code_messages() -> Iterator[tuple[str, str]]:
    """Message ids in code: titles and hints of errors, details given to errors, arguments of the translating functions."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for message in _messages_of(node):
                yield message, f"{path.relative_to(PACKAGE)}:{node.lineno}"  # type: ignore[attr-defined]


def _messages_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
        for line in node.body:
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id in _ERROR_ATTRIBUTES:
                yield from _strings(line.value)
    elif isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        is_error = name.endswith("Error") and name[0].isupper() and name not in ("ValueError", "TypeError", "KeyError")
        if node.args and (name in _GETTEXT or is_error):
            yield from _strings(node.args[0])
        elif isinstance(node.func, ast.Call) and node.args:
            inner = node.func.func
            if "translator" in (getattr(inner, "id", ""), getattr(inner, "attr", "")):
                yield from _strings(node.args[0])
        if name == "Shortcut" and len(node.args) > 1:
            yield from _strings(node.args[1])
        if name in ("_done", "done") and len(node.args) == 4:
            yield from _strings(node.args[3])


def _strings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


if __name__ == "__main__":
    missing = without_german()
    lines = [f"{place}: {sentence}" for sentence, place in missing.items()]
    if lines:
        sys.exit("\n".join([*lines, "", f"Sentences without German: {len(lines)}. Add them to {GERMAN.relative_to(ROOT).as_posix()}."]))
