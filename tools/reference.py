"""The reference pages that are made from the program itself: errors, settings, HTTP calls, what the check answers to its cases.

`python dev.py docs` writes them; `tests/docs/test_reference.py` fails when they no longer say what the program does.
"""

import importlib
import inspect
import pkgutil
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin

import miz
from miz.apps.demo import make_demo
from miz.infra.http import EVERYBODY, STATUS_OF, Endpoint
from miz.infra.settings import Settings
from miz.kernel.errors import EXIT_CODES, MizError
from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition
from tests.checks.scoring import LINES, expectations, rows
from tools.steps import ROOT

FOLDER = ROOT / "docs/reference"
MADE = "<!-- Made by `python3 dev.py docs`; change the program, not this page. -->"


def errors_page() -> str:
    """Every error a user, program or script may see."""
    rows = (
        (f"`{error.code}`", str(STATUS_OF[error.kind]), str(EXIT_CODES[error.kind]), error.title, error.hint)
        for error in sorted(_errors(), key=lambda error: (STATUS_OF[error.kind], error.code))
    )
    return _page(
        "Errors",
        "HTTP answers are RFC 9457 problem documents: `type` is `/problems/<code>`; `title`, `status`, `detail`, `instance`, "
        "and beside them `code`, `hint`, `request_id` and the error's own fields. Codes are stable and never translated; sentences "
        "are. A command ends with the exit code: 0 done, 1 done with warnings, 2 wrong usage or unexpected, else as below.",
        ("code", "HTTP", "exit", "what happened", "what to do"),
        rows,
    )


def settings_page() -> str:
    """Every setting of a server."""
    texts = dict(re.findall(r"^\s{4}(\w+): (.+(?:\n\s{8}.+)*)", Settings.__doc__ or "", re.MULTILINE))
    rows = (
        (f"`MIZ_{setting.name.upper()}`", f"`{setting.default}`" if setting.default != "" else "", " ".join(texts[setting.name].split()))
        for setting in fields(Settings)
    )
    return _page(
        "Settings",
        "Read from the environment at the start; a value that cannot be used stops the start and is named. "
        "`MIZ_LANG` (`de` or `en`) is the language of the command line.",
        ("variable", "preset", "meaning"),
        rows,
    )


def http_page() -> str:
    """Every call a program can make, and who may."""
    server, scratch = make_demo(None)
    try:
        endpoints = [endpoint for endpoint in server.endpoints() if endpoint.path.startswith("/api/")]
    finally:
        server.close()
        if scratch:
            scratch.cleanup()
    rows = (
        (f"`{endpoint.method} {endpoint.path}`", _roles(endpoint), _structure(endpoint.body), _structure(endpoint.answer), endpoint.summary)
        for endpoint in sorted(endpoints, key=lambda endpoint: (endpoint.path, endpoint.method))
    )
    return _page(
        "HTTP calls",
        "JSON in and out. `GET /api/v1/openapi.json` of the demo practice describes the structures field by field; they stand in "
        "`src/miz/wire/client_protocol.py`. Errors: [errors.md](errors.md).",
        ("call", "who may", "body", "answer", "what it does"),
        rows,
    )


def check_cases_page() -> str:
    """How much of what dentists expect the check says, by the cases written by hand."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edition.sqlite"
        compile_edition(path)
        edition = Edition.open(path)
        found = list(expectations(edition))
    missed = "".join(f"- `{one.miss.case}`: {one.miss.sort} {one.miss.wanted}\n" for one in found if one.miss)
    table = _page(
        "The check against its cases",
        f"{len(LINES)} cases stand in `tests/checks/cases.jsonl`: whole lines as they are typed at the desk, and what somebody who knows drugs "
        "expects of the answer. Most were written from professional knowledge and the tables before the program was asked. "
        "A finding counts when its kind and all its subjects appear, with at least the severity. A case is changed only when it was wrong. "
        f"Drug data {edition.id}.",
        ("what is counted", "how many", "share", "goal"),
        rows(found),
    )
    return f"{table}\n## What is missed\n\n{missed or 'Nothing.' + chr(10)}"


PAGES: dict[str, Callable[[], str]] = {
    "check-cases.md": check_cases_page,
    "errors.md": errors_page,
    "http.md": http_page,
    "settings.md": settings_page,
}


def write_pages() -> None:
    """Make all pages anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8", newline="\n")


def _errors() -> Iterator[type[MizError]]:
    for module in pkgutil.walk_packages(miz.__path__, "miz."):
        if not module.name.startswith("miz.migrations") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting: list[type[MizError]] = [MizError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if "code" in vars(error) and error.__module__.startswith("miz."):
            yield error


def _roles(endpoint: Endpoint) -> str:
    return "everybody" if endpoint.may is EVERYBODY else ", ".join(sorted(endpoint.may))


def _structure(kind: Any) -> str:
    if kind is None:
        return ""
    parts = [part for part in get_args(kind) if inspect.isclass(part)] if get_origin(kind) else [kind]
    return " or ".join(f"`{part.__name__}`" for part in parts) or f"`{kind}`"


def _page(title: str, text: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(columns)
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"# {title}\n\n{MADE}\n\n{text}\n\n{table}\n"


if __name__ == "__main__":
    write_pages()
