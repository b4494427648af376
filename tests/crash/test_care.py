"""A move or a compaction that is killed anywhere leaves the old file or the new one; `dev.py crash care` kills at every step."""

from pathlib import Path

import pytest

from tests.crash.care import CareToll, care_rounds
from tests.support.practice import is_on_server


@pytest.mark.slow
@pytest.mark.skipif(is_on_server(), reason="a database server is looked after with its own tools")
def test_killed_at_any_step_the_database_is_old_or_new_and_the_next_run_completes_it(tmp_path: Path) -> None:
    toll = care_rounds(tmp_path, every=37)
    assert toll.found_old
    assert toll == CareToll(kills=toll.kills, found_old=toll.found_old, found_new=toll.found_new)
