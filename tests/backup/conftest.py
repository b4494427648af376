"""Practices in a file; those on a database server have its own tools."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.kernel.clock import FakeClock
from tests.support.practice import ServerThread, is_on_server, served


@pytest.fixture(autouse=True)
def _only_files() -> None:
    if is_on_server():
        pytest.skip("backups are made of the SQLite file; a database server has tools of its own")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def practice(tmp_path: Path, clock: FakeClock) -> Iterator[ServerThread]:
    with served(tmp_path, clock) as started:
        yield started
