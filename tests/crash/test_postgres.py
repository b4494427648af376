"""Kills on PostgreSQL, short: of the server, of the postmaster, and of the primary of two nodes. Long by `dev.py crash`."""

import shutil
import signal
from pathlib import Path

import pytest

from miz.apps.bootstrap import data_folder
from tests.crash.failover import Pair, failover_rounds
from tests.crash.kills import kill_rounds
from tests.support.postgres import NoPostgresError, Postmaster, programs
from tests.support.practice import ServerProcess, client_of, practice_on


@pytest.fixture(scope="module", autouse=True)
def _there_is_one() -> None:
    try:
        programs()
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["server", "postmaster"])
def test_no_acknowledged_write_is_lost_or_doubled(tmp_path: Path, victim: str) -> None:
    own = Postmaster.fresh()
    try:
        server = ServerProcess(practice_on(own.url(own.new_database()), tmp_path))
        toll = kill_rounds(server, 5, seed=20261123, postmaster=own if victim == "postmaster" else None)
    finally:
        own.remove()
    assert toll.acknowledged > toll.kills, "the writers hardly wrote, so the kills proved nothing"
    assert (toll.lost, toll.doubled, toll.failed_checks) == (0, 0, 0)


@pytest.mark.slow
def test_a_waiting_server_and_a_standby_of_the_database_take_over(tmp_path: Path) -> None:
    drill = failover_rounds(tmp_path, 2, seed=20261123)
    assert drill.acknowledged > 0
    assert drill.old_tokens > 0
    assert drill.holds, drill


@pytest.mark.slow
def test_without_a_synchronous_standby_the_drill_finds_lost_writes(tmp_path: Path) -> None:
    drill = failover_rounds(tmp_path, 1, seed=20261123, is_synchronous=False)
    assert drill.lost > 0
    assert not drill.holds


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_waiting_server_ends_when_told_to_and_the_other_one_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    own = Postmaster.fresh()
    try:
        pair = Pair(tmp_path, own.url(own.new_database()))
        pair.waiting.wait_until_told("Wartet, bis")
        pair.waiting.signal(number)
        assert pair.waiting.wait() == 0
        client_of(pair.active.url)
        assert pair.active.stop() == 0
    finally:
        own.remove()


@pytest.mark.slow
def test_a_second_server_on_the_database_is_refused(tmp_path: Path) -> None:
    own = Postmaster.fresh()
    try:
        folders = [tmp_path / "first", tmp_path / "second"]
        for folder in folders:
            folder.mkdir()
        practice = practice_on(own.url(own.new_database()), folders[0])
        shutil.copytree(practice.path, folders[1] / "practice")
        shutil.copy(folders[0] / "database-url", folders[1])
        with ServerProcess(practice), pytest.raises(RuntimeError, match=r"Another server works|Ein anderer Server arbeitet"):
            ServerProcess(data_folder(folders[1] / "practice")).start()
    finally:
        own.remove()
