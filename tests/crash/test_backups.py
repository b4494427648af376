"""A backup or a restore that is killed anywhere leaves nothing half; `dev.py crash backups` kills at every step."""

from pathlib import Path

import pytest

from tests.crash.backups import backup_rounds, mutations_accepted
from tests.support.practice import is_on_server

pytestmark = pytest.mark.skipif(is_on_server(), reason="backups are made of the SQLite file; a database server has tools of its own")


@pytest.mark.slow
def test_killed_at_any_step_nothing_is_half_and_the_next_run_completes_it(tmp_path: Path) -> None:
    toll = backup_rounds(tmp_path, every=61)
    assert toll.kills_while_made > 3
    assert toll.kills_while_restored > 1
    assert toll.kills_while_replaced > 1
    assert toll.found_old + toll.found_new == toll.kills_while_replaced
    assert (toll.untrue, toll.mixed, toll.left, toll.not_completed) == (0, 0, 0, 0)


@pytest.mark.slow
def test_a_changed_backup_is_never_accepted(tmp_path: Path) -> None:
    assert mutations_accepted(tmp_path, 120, seed=20261123) == 0
