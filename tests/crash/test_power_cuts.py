"""What was acknowledged outlives a power cut; `dev.py crash power-cuts` does it three hundred times."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.disk import Disk, NoDiskError, disk
from tests.crash.kills import kill_rounds
from tests.support.practice import ServerProcess, is_on_server, new_practice


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    if is_on_server():
        pytest.skip("about the SQLite file")
    try:
        with disk(tmp_path) as made:
            yield made
    except NoDiskError as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_power_fails(small_disk: Disk) -> None:
    folder = new_practice(small_disk.place)
    os.sync()
    toll = kill_rounds(ServerProcess(folder), 8, seed=4, disk=small_disk)
    assert (toll.kills, toll.lost, toll.doubled, toll.failed_checks) == (8, 0, 0, 0)
    assert toll.acknowledged > 0


@pytest.mark.slow
def test_without_synced_commits_the_same_cuts_lose_entries(small_disk: Disk) -> None:
    folder = new_practice(small_disk.place)
    os.sync()
    assert kill_rounds(ServerProcess(folder, module="tests.crash.careless_server"), 8, seed=4, disk=small_disk).lost > 0
