"""The Viewer cannot write: three locks that do not rely on each other, each tried with the other two open (ADR 0011)."""

import asyncio
import contextlib
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest
from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

import miz
from miz.access.codes import token_hash
from miz.access.sessions import COOKIE
from miz.access.tables import device, room
from miz.apps.advice import EditionAdvisor
from miz.apps.viewer.app import Viewer
from miz.apps.viewer.display import SHOW_ROOM
from miz.infra.db.engine import DatabaseReadOnlyError
from miz.infra.db.schema import metadata
from miz.infra.events import EventBroker
from miz.infra.http import EVERYBODY, Call, Reply
from miz.kernel.clock import FakeClock
from miz.knowledge.edition import Edition
from miz.ui.face import Face
from tests.practice.people import Surgery
from tests.support.displays import Display, paired
from tests.support.practice import ServerThread, is_on_server, new_practice, opened

ROOT = Path(__file__).parents[2]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
WRITING = {"service", "store", "api", "cli", "jobs"}


def dump(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as the file has it."""
    names = inspect(connection).get_table_names()
    return {name: sorted(map(tuple, connection.execute(text(f'SELECT * FROM "{name}"'))), key=repr) for name in names}


def settled(server: ServerThread) -> dict[str, list[tuple[Any, ...]]]:
    """The dump once the server has written what was still on its way."""
    reader, end = server.server.database.reader(), time.monotonic() + 10
    while server.server.trail.has_work:
        assert time.monotonic() < end
        time.sleep(0.05)
    return dump(reader)


# --- first lock: imports --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("miz")


@pytest.fixture(scope="module")
def forbidden(graph: grimp.ImportGraph) -> set[str]:
    """The modules that the contract "viewer" names."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [contract] = [contract for contract in contracts if contract["name"].startswith("viewer:")]
    assert contract["type"] == "forbidden"
    assert contract["source_modules"] == ["miz.apps.viewer"]
    assert not contract.get("allow_indirect_imports")
    assert not contract.get("ignore_imports")
    return {module for expression in contract["forbidden_modules"] for module in graph.find_matching_modules(expression)}


def ways(graph: grimp.ImportGraph, forbidden: set[str]) -> list[str]:
    return [module for module in sorted(forbidden) if graph.find_shortest_chains("miz.apps.viewer", module, as_packages=True)]


def test_the_contract_names_every_module_that_writes(graph: grimp.ImportGraph, forbidden: set[str]) -> None:
    by_name = {module for module in graph.modules if module.rpartition(".")[2] in WRITING}
    writers = graph.find_modules_that_directly_import("miz.infra.db.writer")
    assert by_name
    assert by_name <= forbidden
    assert {"miz.infra.db.writer", "miz.infra.db.practice_database", "miz.apps.bootstrap"} <= forbidden
    assert not any(graph.find_shortest_chain("miz.apps.viewer.app", writer) for writer in writers)


def test_nothing_the_viewer_imports_writes(graph: grimp.ImportGraph, forbidden: set[str]) -> None:
    assert ways(graph, forbidden) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("miz.apps.viewer.pages", "miz.practice.patients.service"),
        ("miz.apps.viewer.app", "miz.infra.db.writer"),
        ("miz.practice.openings.queries", "miz.practice.openings.store"),
        ("miz.practice.patients.rows", "miz.access.sessions"),
    ],
)
def test_a_way_to_write_is_noticed_also_around_corners(graph: grimp.ImportGraph, forbidden: set[str], importer: str, imported: str) -> None:
    graph.add_import(importer=importer, imported=imported)
    try:
        assert ways(graph, forbidden) != []
    finally:
        graph.remove_import(importer=importer, imported=imported)


# --- second lock: the door, on a connection that could write -------------------------------------------------------


@pytest.fixture
def open_connection(tmp_path: Path) -> Iterator[tuple[Viewer, Connection]]:
    """A Viewer whose connection is the writing one, with a display that knows the token `wall`."""
    folder = new_practice(tmp_path)
    clock, edition = FakeClock(), Edition.open()
    with contextlib.closing(opened(folder)) as database:
        connection = database.writer_connection
        room_id = connection.execute(select(room.c.id).where(room.c.name == "Zimmer 2")).scalar_one()
        for token, kind in (("wall", "display"), ("desk", "workplace")):
            connection.execute(
                insert(device).values(id=token, name=token, kind=kind, room_id=room_id, token_hash=token_hash(token), added_at=clock.now())
            )
        connection.commit()
        today = clock.now().date
        viewer = Viewer(
            lambda: connection, listening=EventBroker().listening, advisor=EditionAdvisor(edition, today=today), clock=clock, today=today,
            practice="Testpraxis", face=Face(version=miz.__version__), record=lambda *_: None,
        )  # fmt: skip
        yield viewer, connection


def ask(viewer: Viewer, method: str, path: str, cookie: str = "miz_device=wall", body: bytes = b"{}", **headers: str) -> int:
    """The status of one request straight to the Viewer."""
    sent = {"cookie": cookie, "sec-fetch-site": "same-origin"} | {name.replace("_", "-").lower(): value for name, value in headers.items()}

    async def read() -> bytes:
        return body

    async def run() -> int:
        answer = await asyncio.wait_for(viewer(Call(method, path, sent, read=read)), 5)
        return answer.status if isinstance(answer, Reply) else 200

    return asyncio.run(run())


def test_the_door_alone_lets_nobody_write(open_connection: tuple[Viewer, Connection]) -> None:
    viewer, connection = open_connection
    before = dump(connection)
    paths = [endpoint.path for endpoint in viewer.endpoints()]
    assert {endpoint.method for endpoint in viewer.endpoints()} == {"GET"}
    assert {ask(viewer, "GET", path) for path in paths} == {200}
    for method in METHODS[1:]:
        # To HEAD a route answers as to GET, without content.
        allowed = (200, 404) if method == "HEAD" else (404, 405)
        for path in (*paths, "/viewer/", "/viewer/screen/x", "/viewer/../api/v1/patients", "/api/v1/patients", "/pair", "/sign-in"):
            for body in (b"{}", b'{"q":"x"}', b"user=x&password=y", b"\xff" * 2_000):
                for override in ({}, {"X_HTTP_Method_Override": "GET"}):
                    assert ask(viewer, method, path, body=body, **override) in allowed, (method, path)
    assert dump(connection) == before


@pytest.mark.parametrize(
    "cookie", ["", "miz_device=", "miz_device=nobody", "miz_device=desk", f"{COOKIE}=wall", "miz_device=wall.", "; ;="]
)
def test_the_door_knows_displays_only(open_connection: tuple[Viewer, Connection], cookie: str) -> None:
    viewer, _ = open_connection
    assert {ask(viewer, "GET", path, cookie) for path in ("/viewer", "/viewer/screen", "/viewer/events")} == {401}
    assert ask(viewer, "GET", "/viewer/screen", cookie, Authorization="Bearer wall") == 401


def test_a_person_is_nobody_at_the_viewers_door(surgery: Surgery) -> None:
    person, folder_owner = surgery.dentist.token, surgery.server.server.local_token
    nobody = Display(surgery.server, "", "")
    assert nobody.ask("GET", "/viewer/screen", Cookie=f"{COOKIE}={person}")[0] == 401
    for token in (person, folder_owner):
        assert nobody.ask("GET", "/viewer/screen", Cookie="", Authorization=f"Bearer {token}")[0] == 401


# --- third lock: the connection -----------------------------------------------------------------------------------


def test_the_connection_alone_cannot_write(surgery: Surgery) -> None:
    surgery.opened()
    server = surgery.server.server
    before, connection = settled(surgery.server), server.viewing.reader()
    if not is_on_server():
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    for table in metadata.sorted_tables:
        column = next(iter(table.c)).name
        for statement in (f"INSERT INTO {table.name} DEFAULT VALUES", f"UPDATE {table.name} SET {column} = {column}", f"DELETE FROM {table.name}",
                          f"DROP TABLE {table.name}"):  # fmt: skip
            with pytest.raises((DBAPIError, DatabaseReadOnlyError), match=r"read-only"):
                connection.exec_driver_sql(statement)
    assert settled(surgery.server) == before


def test_the_running_viewer_holds_this_connection_and_no_other(server: ServerThread) -> None:
    assert server.server.viewer._reader == server.server.viewing.reader
    assert server.server.viewing is not server.server.database
    assert not hasattr(server.server.viewing, "writer_connection")


# --- all locks: the whole server ----------------------------------------------------------------------------------

BODIES = (
    b"{}", b'{"q":"Muster"}', b'{"mode":"setup","now":true}', b'{"seconds":5}', b'{"family_name":"X","given_name":"Y","birth_date":"1950"}',
    b'{"text":"x"}', b'{"reason":"other"}', b"application=x&fencing_token=1.1&text=x", b"[" * 5_000,
)  # fmt: skip


def test_whatever_a_display_sends_to_the_server_no_row_changes(surgery: Surgery) -> None:
    display, server = paired(surgery.server), surgery.server.server
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add("medication", patient_id, token, text="Marcumar")
    assert surgery.dentist.application is not None
    stolen = {"Miz_Fencing_Token": token, "Miz_Application": surgery.dentist.application.id, "Content_Type": "application/json"}
    known = {"id": patient_id, "patient_id": patient_id, "entry": entry.id, "entry_id": entry.id, "kind": "medication"}
    endpoints = [*server.endpoints(), *server.viewer.endpoints()]
    doors = {endpoint.path for endpoint in endpoints if endpoint.may is EVERYBODY and endpoint.method == "POST"}
    before, asked = settled(surgery.server), 0
    for endpoint in endpoints:
        path = re.sub(r"{(\w+)(?::path)?}", lambda found: known.get(found[1], "x"), endpoint.path)
        for method in {endpoint.method, *METHODS[:5]} if path not in doors else {"GET"}:
            for body in BODIES if method == endpoint.method != "GET" else BODIES[:1]:
                status, headers, _ = display.ask(method, path, body, **stolen)
                asked += 1
                if method == endpoint.method and endpoint.may not in (EVERYBODY, SHOW_ROOM):
                    to_the_gate = status == 303 and headers["location"].split("?")[0] in ("/sign-in", "/locked")
                    assert status == 401 or to_the_gate, (method, path, status)
    assert asked > 300
    assert settled(surgery.server) == before
    # The doors that are open to everybody ask for a password or a code: a wrong one is a line in the audit trail, and nothing else.
    for path in sorted(doors):
        for body in BODIES:
            assert display.ask("POST", path, body)[0] in (303, 400, 401, 422, 429), path
    after = settled(surgery.server)
    changed = {name for name in after if after[name] != before[name]}
    # On PostgreSQL each commit leaves its mark in `active_server`.
    assert changed <= {"audit_entry", "audit_checkpoint", "sqlite_sequence", "active_server"}
    assert all("refused" in str(line) for line in set(after["audit_entry"]) - set(before["audit_entry"]))


@pytest.mark.parametrize(
    "path", ["/viewer/../api/v1/patients/search", "/viewer/%2e%2e/api/v1/server", "//viewer", "/viewerx", "/VIEWER", "/viewer/screen/"]
)
def test_no_crooked_path_leads_through_the_viewer_into_the_server(display: Display, path: str) -> None:
    for method in ("GET", "POST"):
        status, headers, content = display.ask(method, path, b'{"q":"Muster"}')
        assert status in (303, 401, 404, 405), (method, path)
        assert "MUSTER" not in content.upper() or status == 404
        assert headers.get("location", "/sign-in").startswith("/sign-in")
