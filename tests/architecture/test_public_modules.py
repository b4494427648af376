"""Another slice sees what a slice promises, never its tables, its writing SQL or its routes (ADR 0001).

import-linter looks at rooms and at the order within a slice; this looks across.
"""

from collections.abc import Iterator

import grimp
import pytest

ROOMS = ("access", "practice", "knowledge", "checks", "databases", "interfaces", "legacy", "exchange", "backup", "updates", "logs")
PRIVATE = {"api", "cli", "jobs", "store", "tables", "web"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("miz")


def slice_of(module: str, packages: set[str]) -> str:
    """The slice a module lives in: a folder of a room, else the room itself."""
    parts = module.split(".")
    folder = ".".join(parts[:3])
    return folder if folder in packages else ".".join(parts[:2])


def trespasses(graph: grimp.ImportGraph) -> Iterator[str]:
    packages = {module for module in graph.modules if graph.find_children(module)}
    for module in sorted(graph.modules):
        home = slice_of(module, packages)
        last = module.removeprefix(home).split(".")[-1]
        if module.split(".")[1:2] == [] or module.split(".")[1] not in ROOMS or (last not in PRIVATE and not last.startswith("_")):
            continue
        for importer in sorted(graph.find_modules_that_directly_import(module)):
            if not importer.startswith((f"{home}.", "miz.apps.")) and importer != home:
                yield f"{importer} imports {module}"


def test_slices_import_only_what_others_promise(graph: grimp.ImportGraph) -> None:
    assert list(trespasses(graph)) == []


@pytest.mark.parametrize("private", sorted(PRIVATE))
def test_a_trespass_is_noticed(graph: grimp.ImportGraph, private: str) -> None:
    planted = grimp.ImportGraph()
    for module in ("miz", "miz.practice", "miz.practice.openings", "miz.practice.patients", "miz.practice.openings.model"):
        planted.add_module(module)
    planted.add_module(f"miz.practice.patients.{private}")
    planted.add_import(importer="miz.practice.openings.model", imported=f"miz.practice.patients.{private}")
    assert len(list(trespasses(planted))) == 1
