"""A second server on one data folder is refused, whoever comes first; `dev.py crash starts` has a hundred pairs race."""

import os
from pathlib import Path
from unittest import mock

import pytest

from miz.apps.bootstrap import Server
from miz.infra.files import DataFolderInUseError, InstanceLock
from tests.crash.starts import starts_at_once
from tests.support.practice import ServerProcess, new_practice, settings_for

PAIRS = int(os.environ.get("MIZ_TEST_PAIRS", "2"))
REFUSALS = 100


def test_a_second_server_is_refused_a_hundred_times_of_a_hundred(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    settings = settings_for(folder)
    with ServerProcess(folder) as server:
        for _ in range(REFUSALS):
            with pytest.raises(DataFolderInUseError):
                Server(folder, settings)
        assert folder.control.exists(), "a refused start leaves the other's files alone"
        server.stop()
    Server(folder, settings).close()


def test_without_the_lock_there_would_be_two(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    with ServerProcess(folder), mock.patch.object(InstanceLock, "__init__", lambda lock, path: setattr(lock, "_file", path.open("ab"))):
        if folder.is_on_server:
            pytest.skip("on a database server its own lock refuses, too")
        Server(folder, settings_for(folder)).close()


@pytest.mark.slow
def test_of_two_started_at_once_one_works(tmp_path: Path) -> None:
    assert starts_at_once(tmp_path, PAIRS) == (PAIRS, PAIRS, [])
