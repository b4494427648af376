from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.kernel.clock import FakeClock
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, new_practice


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    running = ServerThread(new_practice(tmp_path), FakeClock())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def visitor(server: ServerThread) -> Visitor:
    return Visitor(server.url)


@pytest.fixture
def dentist(visitor: Visitor) -> Visitor:
    return visitor.sign_in()


@pytest.fixture
def assistant(server: ServerThread) -> Visitor:
    return Visitor(server.url).sign_in("Fr. Assistenz")
