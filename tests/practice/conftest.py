import itertools
from collections.abc import Iterator

import pytest

from miz.infra.api_client import ApiClient, HttpSender
from miz.practice.soundness import broken_rules
from tests.practice.people import Surgery
from tests.support.practice import ServerThread, client_of, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    """One server for the tests of a module; none of them moves its clock back."""
    with served(tmp_path_factory.mktemp("practice")) as running:
        yield running
        assert broken_rules(running.server.database.reader()) == []


@pytest.fixture(scope="module")
def _tokens(server: ServerThread) -> dict[str, str]:
    return {user: client_of(server.url, user, place).token for user, place in Surgery.SEATS.items()}


@pytest.fixture
def surgery(server: ServerThread, _tokens: dict[str, str]) -> Iterator[Surgery]:
    """Fresh applications of the same people, closed after the test."""
    clients: dict[str, ApiClient] = {}
    for user, token in _tokens.items():
        clients[user] = ApiClient(HttpSender(server.url), token=token)
        clients[user].register()
    made = Surgery(server, clients, _numbers)
    yield made
    made.leave()


_numbers = itertools.count(1)
