"""Whichever operation of the disk fails, nothing confirmed is lost and nothing unconfirmed passes for it; `dev.py crash io` lets each fail."""

import contextlib
from pathlib import Path

import pytest

from miz.infra.db import sqlite3mc
from tests.crash.failing_io import io_rounds
from tests.support.practice import is_on_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(is_on_server(), reason="about the files of SQLite"),
    # What fails while a file is being closed, a checkpoint, reaches nobody: it stays in the log and is carried over later.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize(("scene", "every"), [("saving", 7), ("caring", 151), ("backing up", 151)])
def test_whatever_fails_is_named_and_nothing_is_lost(scene: str, every: int, tmp_path: Path) -> None:
    toll = io_rounds(tmp_path, [scene], every=every)[scene]
    assert toll.holds, toll
    # The server works on its own as well, so a scene is not always equally long.
    assert toll.struck > toll.cases // 2
    assert toll.confirmed > toll.cases
    assert {"disk-full", "disk-fault"} <= set(toll.refusals)


def test_what_is_confirmed_before_it_is_stored_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = sqlite3mc.Connection.commit

    def careless(connection: sqlite3mc.Connection) -> None:
        with contextlib.suppress(sqlite3mc.OperationalError):
            stored(connection)

    monkeypatch.setattr(sqlite3mc.Connection, "commit", careless)
    assert io_rounds(tmp_path, ["saving"], every=7)["saving"].lost > 0
