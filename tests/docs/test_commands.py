"""Every command and option that the documents name exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dev import TASKS
from miz.apps.cli import app

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT.parent / "shared" / "contract.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = re.compile(r"^```[a-z]*\n(.*?)^```|(?<!`)`([^`\n]+)`", re.MULTILINE | re.DOTALL)
MIZ = re.compile(r"(?:^|[\s|/])miz ((?:[^\s|#]+ ?)+)")


def commands_in(text: str) -> Iterator[list[str]]:
    """The arguments of each `miz …` in code blocks and in quoted code."""
    for block, quoted in CODE.findall(text):
        for line in (block or quoted).splitlines():
            if found := MIZ.search(line.split(" #")[0]):
                yield shlex.split(found[1])


def is_known(arguments: list[str]) -> bool:
    """Whether the words before the first value lead to a command that has the named options."""
    command: Any = typer.main.get_command(app)
    while arguments and not arguments[0].startswith("-") and (group := getattr(command, "commands", None)):
        if arguments[0] not in group:
            return False
        command, arguments = group[arguments[0]], arguments[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    return all(word.split("=")[0] in options for word in arguments if word.startswith("--"))


def claimed() -> list[tuple[str, str]]:
    found = {
        (path.relative_to(ROOT).as_posix(), shlex.join(words))
        for path in DOCUMENTS
        for words in commands_in(path.read_text(encoding="utf-8"))
    }
    return sorted(found)


@pytest.mark.parametrize(("document", "command"), claimed())
def test_a_command_in_the_documents_exists(document: str, command: str) -> None:
    assert is_known(shlex.split(command)), f"{document}: miz {command}"


def test_the_documents_name_commands() -> None:
    assert len(claimed()) >= 4


@pytest.mark.parametrize("command", ["fly", "patient fly", "search Marcumar --fast"])
def test_a_claim_that_is_not_true_is_noticed(command: str) -> None:
    assert not is_known(shlex.split(command))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_task_in_the_documents_exists(path: Path) -> None:
    named = set(re.findall(r"dev\.py ([a-z]+)", path.read_text(encoding="utf-8")))
    assert named <= set(TASKS)


@pytest.mark.skipif(not CONTRACT.is_file(), reason="the shared contract lies beside the working tree only")
def test_commands_keep_the_options_of_the_contract() -> None:
    """What the contract lists and this version has, takes the options of the contract."""
    section = CONTRACT.read_text(encoding="utf-8").split("## 2.")[1].split("## 3.")[0]
    lines = [line for line in re.findall(r"miz ((?:[a-z]+)[^\n]*?)(?:   |\n)", section) if is_known(line.split()[:1])]
    assert len(lines) >= 4
    wrong = []
    for line in lines:
        name = line.split()[0]
        wrong += [f"{name} {option}" for option in re.findall(r"--[a-z-]+", line) if not is_known([name, option])]
    assert wrong == []
