"""Templates read what their page has, and nothing else."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from jinja2 import nodes
from jinja2.meta import find_referenced_templates, find_undeclared_variables

import miz
from miz.ui.render import GLOBALS, TEMPLATE_FOLDERS, environment

ENVIRONMENT = environment("en")
ALL_TEMPLATES = sorted(path.name for folder in TEMPLATE_FOLDERS for path in folder.glob("*.html"))
# What extending templates and macro files bring along themselves.
_OWN = {"caller", "self", "loop"}


def pages() -> Iterator[Any]:
    """Every dataclass that names a template."""
    for module in pkgutil.walk_packages(miz.__path__, "miz."):
        if ".migrations" in module.name or module.name.endswith("__main__"):
            continue
        if not (module.name.startswith(("miz.ui", "miz.apps")) or "web" in module.name):
            continue
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if is_dataclass(found) and found.__module__ == module.name and hasattr(found, "template"):
                yield found


def source_of(template: str) -> nodes.Template:
    assert ENVIRONMENT.loader is not None
    return ENVIRONMENT.parse(ENVIRONMENT.loader.get_source(ENVIRONMENT, template)[0])


def read_names(template: str, seen: set[str]) -> set[str]:
    """The names a template reads, with those of what it extends and includes; imported macros get arguments only."""
    if template in seen:
        return set()
    seen.add(template)
    tree = source_of(template)
    imported = {node.template.value for node in tree.find_all(nodes.FromImport) if isinstance(node.template, nodes.Const)}
    names = find_undeclared_variables(tree)
    for other in find_referenced_templates(tree):
        if other is not None and other not in imported:
            names |= read_names(other, seen)
    # What a template imports or sets at its top is there for the blocks of those it extends.
    names -= {name if isinstance(name, str) else name[-1] for node in tree.find_all(nodes.FromImport) for name in node.names}
    return names - {macro.name for macro in tree.find_all(nodes.Macro)}


@pytest.mark.parametrize("template", ALL_TEMPLATES)
def test_every_template_compiles(template: str) -> None:
    ENVIRONMENT.get_template(template)


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.__name__)
def test_templates_read_what_their_page_has(page: Any) -> None:
    given = {field.name for field in fields(page)}
    read = read_names(page.template, set()) - GLOBALS - _OWN
    assert read - given == set(), "read by the template, not on the page"
    assert given - read == set(), "on the page, never read by the template"


def test_names_of_templates_are_unique() -> None:
    assert len(ALL_TEMPLATES) == len(set(ALL_TEMPLATES))


@pytest.mark.parametrize("template", ALL_TEMPLATES)
def test_no_inline_script_or_style(template: str) -> None:
    assert ENVIRONMENT.loader is not None
    text = ENVIRONMENT.loader.get_source(ENVIRONMENT, template)[0]
    assert not any(mark in text for mark in (" style=", "<style", "hx-on", "javascript:", " onclick"))
    assert "<script>" not in text
