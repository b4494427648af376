"""Whoever takes over a practice on a database server begins a new epoch: no fencing token from before works any more."""

import socket
from pathlib import Path

import pytest

from miz.apps import bootstrap
from miz.infra.api_client import RefusedError
from miz.kernel.clock import FakeClock
from tests.support.postgres import NoPostgresError, postmaster, programs
from tests.support.practice import ServerThread, client_of, practice_on


@pytest.fixture
def server(tmp_path: Path) -> ServerThread:
    try:
        programs()
    except NoPostgresError as error:
        pytest.skip(str(error))
    return ServerThread(practice_on(postmaster().url(postmaster().new_database()), tmp_path), FakeClock())


def written_after_a_restart(server: ServerThread, monkeypatch: pytest.MonkeyPatch, *, host: str) -> bool:
    """Whether a token from before a restart, on the same computer or another one, still writes."""
    server.start()
    client = client_of(server.url)
    record = client.create_patient(family_name="Wechsel", given_name="Eva", birth_date="1950")
    token = client.open_patient(record.id).fencing_token
    client.add("notes", record.id, token, text="before")
    server.stop()
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    server.start()
    again = client_of(server.url)
    client._send = again._send
    refused = ""
    try:
        client.add("notes", record.id, token, text="after")
    except RefusedError as refusal:
        refused = refusal.code
    epoch = again.open_patient(record.id).fencing_token.partition(".")[0] if refused else "1"
    server.stop()
    assert (refused, epoch) in {("", "1"), ("stale-fencing-token", "2")}
    return not refused


def test_a_restart_keeps_what_is_open(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written_after_a_restart(server, monkeypatch, host=socket.gethostname())


def test_another_server_lets_no_token_from_before_write(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not written_after_a_restart(server, monkeypatch, host="the-other-one")


def test_without_a_new_epoch_it_would_write(server: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "begin_epoch", lambda _: None)
    assert written_after_a_restart(server, monkeypatch, host="the-other-one")
