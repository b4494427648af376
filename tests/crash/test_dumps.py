"""A backup from PostgreSQL, or a restore into it, that is killed anywhere leaves nothing half; `dev.py crash dumps` kills at every step."""

from pathlib import Path

import pytest

from tests.crash.dumps import DumpToll, dump_rounds
from tests.support.postgres import NoPostgresError
from tests.support.practice import is_on_server


@pytest.mark.slow
@pytest.mark.skipif(is_on_server(), reason="starts a PostgreSQL of its own, in either run")
def test_killed_at_any_step_nothing_is_half_and_the_next_run_completes_it(tmp_path: Path) -> None:
    try:
        toll = dump_rounds(tmp_path, every=67)
    except NoPostgresError as missing:
        pytest.skip(str(missing))
    assert toll.kills_while_restored > 2
    assert toll == DumpToll(
        kills_while_made=toll.kills_while_made,
        kills_while_restored=toll.kills_while_restored,
        found_none=toll.found_none,
        found_whole=toll.found_whole,
    )
