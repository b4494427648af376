"""Promises D6 and D7, as far as something exists that they are about: no name from outside decides what is read or written.

Names come in by addresses of static files, help topics, problem codes, patients, entries, by the Host header, and by the command line.
"""

import ast
import asyncio
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import miz
from miz.ui import assets
from tests.security.people import Site, bearer, user_name
from tests.security.wire import Answer, Wire

ROOT = Path(miz.__file__).parent
# What lies in files that no address may reach.
CONTENT_OF_OTHERS = (b"root:", b"[project]", b"SQLite format", b"def ", b"import ")

NAMES = [
    "..", ".", "../", "../../pyproject.toml", "../templates/base.html", "../../../../../../../../etc/passwd", "....//....//etc/passwd",
    "..;/etc/passwd", "./miz.css/../../i18n.py", "vendor/../../__init__.py", "/etc/passwd", "//etc/passwd", "///etc/passwd",
    "%2e%2e/%2e%2e/pyproject.toml", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2fi18n.py", "..%5c..%5cpyproject.toml", "%252e%252e%252fi18n.py",
    "%c0%ae%c0%ae/i18n.py", "%c0%2e%c0%2e%c0%afetc", "%e0%80%ae%e0%80%ae/i18n.py", "..%c0%afi18n.py", "..%255ci18n.py",
    "C:/Windows/win.ini", "C:%5cWindows%5cwin.ini", "c:miz.css", "%5c%5cserver%5cshare%5cx", "//server/share/x", "%5c%5c?%5cC:%5cx", "%5c%5c.%5cPhysicalDrive0",
    "file:///etc/passwd", "http://evil.example/x.js", "//evil.example/x.js", "\\evil.example\\x",
    "CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "con.txt", "nul.css", "COM%C2%B9", "CONIN$", "CLOCK$",
    "miz.css.", "miz.css ", "miz.css%20", "miz.css%20.", "miz.css...", "miz.css::$DATA", "miz.css:stream", "miz.css%00.html", "%00", "miz.css%0a", "miz.css%0d%0aX: y",
    "miz.css%3f", "miz.css%23x", "miz.css~1", "MIZ~1.CSS", "MIZ.CSS", "ｍｉｚ.css", "miz\u2024css", "..\u2215i18n.py", "\u202egnp.exe", "\uff0e\uff0e/i18n.py",
    "miz.css\u200b", "mi\u0307z.css", "a" * 4_000, "%2e" * 500, "../" * 300 + "etc/passwd", "x/" * 500, "?", "#", "*", "<x>", "|id", "$(id)", "~root/x", "~", "-rf", "--help",
]  # fmt: skip
"""Names as they stand in an address; blanks and letters that no address may hold are sent percent-encoded."""

HOSTS = [
    "evil.example", "evil.example:8484", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "localhost.evil.example", "localhost:80@evil.example",
    "", " ", "/", "..", "127.0.0.1/..", "127.0.0.1\\evil.example", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:evil]", "[", "127.0.0.1:x", "127.0.0.1:99999999",
    "127.0.0.1, evil.example", "127.0.0.1 evil.example", "ⅼocalhost", "localhost.", "LOCALHOST%00", "a" * 300 + ".example", "-", "169.254.169.254", "metadata.google.internal",
]  # fmt: skip


def encoded(name: str) -> str:
    """As a client must send it: what an address cannot hold is percent-encoded, what is encoded already stays."""
    return "".join(letter if letter in string.ascii_letters + string.digits + "%/.:;?#*~|$()-_@[]!&'+,=" else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in name)  # fmt: skip


def places() -> Iterator[str]:
    """Addresses in which a name from outside stands."""
    yield from (
        "/static/x/{}",
        f"/static/{assets.content_hash()}/{{}}",
        "/static/{}/miz.css",
        "/help/{}",
        "/problems/{}",
        "/{}",
        "/patients/{}",
    )
    yield from ("/patients/x/{}", "/api/v1/patients/{}", "/console/{}", "/viewer/{}", "/api/v1/{}")


async def _ask_all(site: Site) -> list[tuple[str, Answer]]:
    async with Wire(site.server.url) as wire:
        headers = site.as_page(site.session_of(user_name("owner")))
        return [(place.format(name), await wire.ask("GET", place.format(encoded(name)), headers)) for place in places() for name in NAMES]


def test_no_name_in_an_address_reaches_a_file_that_is_not_served(site: Site) -> None:
    answers = asyncio.run(_ask_all(site))
    served = set(assets.files().values())
    faults = []
    for address, answer in answers:
        if answer.status >= 500:
            faults.append(f"{address[:80]}: {answer.status}")
        is_static = address.startswith("/static/")
        if is_static and answer.status == 200 and answer.content not in served:
            faults.append(f"{address[:80]}: something else than a static file")
        if not is_static and any(answer.content.startswith(mark) for mark in CONTENT_OF_OTHERS):
            faults.append(f"{address[:80]}: a file")
        if 300 <= answer.status < 400 and not re.match(r"/(?![/\\])", answer.header("location")):
            faults.append(f"{address[:80]}: leads to {answer.header('location')[:60]}")
    assert faults == []
    assert len(NAMES) >= 60
    print(f"names: {len(NAMES)}, addresses: {len(answers)}")  # noqa: T201


def test_the_one_file_that_is_meant_is_served(site: Site) -> None:
    async def ask() -> Answer:
        async with Wire(site.server.url) as wire:
            return await wire.ask("GET", "/static/x/miz.css")

    assert asyncio.run(ask()).content == assets.files()["miz.css"]


def test_without_the_list_of_static_files_a_name_would_reach_others() -> None:
    """The names are worth trying: joined to the folder, some of them do lead to files."""
    reached = [name for name in NAMES if len(name) < 200 and "\0" not in name and (assets.STATIC_FOLDER / name).is_file()]
    outside = [name for name in reached if assets.STATIC_FOLDER not in (assets.STATIC_FOLDER / name).resolve().parents]
    assert outside


def test_requests_for_other_hosts_are_refused_and_none_of_them_is_repeated_in_the_answer(site: Site) -> None:
    async def ask() -> list[tuple[str, Answer]]:
        async with Wire(site.server.url) as wire:
            token = site.session_of(user_name("owner"))
            return [(host, await wire.ask("GET", "/api/v1/server", {**bearer(token), "host": host})) for host in HOSTS]

    for host, answer in asyncio.run(ask()):
        assert answer.status in (0, 400, 421), (host, answer.status)
        assert len(host) < 4 or host.encode() not in answer.content


# --- rules that the source keeps ---------------------------------------------------------------------------------------------


def python_files() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


def calls_with_built_text(source: str, functions: set[str]) -> list[int]:
    """Lines in which one of the functions gets a text that was put together: f-string, `+`, `%`, `.format`, `.join`."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            if name in functions and _is_built(node.args[0]):
                lines.append(node.lineno)
    return lines


def _is_built(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return not (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join", "replace")


SQL = {"execute", "executemany", "exec_driver_sql", "text", "literal_column", "executescript", "run_sql"}
# How many statements are put together all the same, of what this program says itself: no value of anybody stands in them.
BUILT_OF_OWN_WORDS = {
    "infra/db/pages.py": 1,  # pragmas of this program
    "infra/db/salvage.py": 1,  # the names of the damaged database's own schema
    "infra/db/sqlite3mc.py": 1,  # the same as in pages.py
    "knowledge/search.py": 1,  # as many question marks as there are keys
    "knowledge/search_index.py": 1,  # the names of two tables
}


def test_no_statement_is_built_from_texts() -> None:
    lines = {path.relative_to(ROOT).as_posix(): calls_with_built_text(path.read_text(), SQL) for path in python_files()}
    found = {path: built for path, built in lines.items() if len(built) > BUILT_OF_OWN_WORDS.get(path, 0)}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "c.execute(f'SELECT {x}')",
        "c.execute('SELECT ' + x)",
        "c.execute('SELECT %s' % x)",
        "text('SELECT {}'.format(x))",
        "text(' '.join(x))",
    ],
)
def test_the_rule_finds_each_way_of_building_a_statement(line: str) -> None:
    assert calls_with_built_text(line, SQL) == [1]
    assert calls_with_built_text("c.execute(select(patient).where(patient.c.id == x))", SQL) == []


def test_templates_mark_nothing_as_safe_and_no_command_goes_through_a_shell() -> None:
    """Only a literal of a template may be taken for HTML: `"<wbr>"|safe`."""
    for template in ROOT.rglob("templates/**/*.html"):
        content = template.read_text()
        assert not re.search(r"(?<!\")\|\s*safe\b|autoescape\s+false|\bhx-on|\son\w+=", content), template
    for path in python_files():
        source = path.read_text()
        assert "shell=True" not in source, path
        assert not re.search(r"\bos\.(system|popen)\(|\beval\(|\bexec\(|pickle\.loads", source), path
