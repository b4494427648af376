"""Connections that hardly send or read are let go, while others are answered; without the deadlines they stay."""

import sys
from pathlib import Path

import pytest

from miz.infra import web_server
from miz.infra.api_client import ApiClient, HttpSender
from miz.kernel.clock import FakeClock
from tests.crash.slow_clients import KINDS, Toll, slow_clients
from tests.support.practice import PASSWORD, served

CONNECTIONS = 40
SHORT_S, GENEROUS_S = 1, 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="who keeps a connection is read from Linux's /proc/net/tcp"),
]


def held(path: Path, limit_s: float) -> Toll:
    with served(path, FakeClock(), is_secure=True) as server:
        certificate = server.server.certificates.anchor_pem.decode()
        client = ApiClient(HttpSender(server.url, certificate=certificate))
        client.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
        return slow_clients(server.url, certificate, client.token, count=CONNECTIONS, drip_s=0.5, limit_s=limit_s)


def with_deadlines(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    for name in ("HEADER_DEADLINE_S", "BODY_DEADLINE_S", "UNREAD_DEADLINE_S"):
        monkeypatch.setattr(web_server, name, seconds)


def test_slow_clients_are_let_go_and_hold_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_deadlines(monkeypatch, SHORT_S)
    toll = held(tmp_path, GENEROUS_S)
    print(toll)  # noqa: T201
    assert toll.still_held == dict.fromkeys(KINDS, 0)
    assert toll.refused == []
    assert toll.answered > 0


def test_without_the_deadlines_slow_clients_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_deadlines(monkeypatch, GENEROUS_S)
    toll = held(tmp_path, 4 * SHORT_S)
    assert toll.still_held["header"] > 0
    assert toll.still_held["body"] > 0
    assert toll.still_held["reading"] > 0
