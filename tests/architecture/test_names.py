"""One word per thing (docs/glossary.md), and no drawers for odds and ends."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "data", "handle", "process"}


def refused_words() -> set[str]:
    """The words in the column "not in names" of the glossary, as parts of an identifier: `drug_list`."""
    rows = re.findall(r"^\|[^|]*\|[^|]*\|[^|]*\|([^|]*)\|$", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`(\w+)`", row)}


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def offences(source: str) -> list[str]:
    words = refused_words()
    found = []
    for name in names_in(ast.parse(source)):
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        found += [name for word in words if f"_{word}_" in f"_{snake}_"]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_are_those_of_the_glossary(path: Path) -> None:
    assert offences(path.read_text(encoding="utf-8")) == []


def test_a_refused_word_is_noticed() -> None:
    assert "customer" in refused_words()
    assert offences("class Customer: ...\ndef show(drug_list): dump = 1") == ["Customer", "drug_list", "dump"]


def test_no_module_is_a_drawer() -> None:
    drawers = [path.relative_to(ROOT).as_posix() for path in SOURCES if DRAWERS & {path.stem, path.parent.name}]
    assert drawers == []
