"""An upgrade that is killed anywhere leaves the old state or the new one; `dev.py crash upgrades` kills at every step."""

from pathlib import Path

import pytest

from tests.crash.upgrades import UpgradeToll, upgrade_rounds


@pytest.mark.slow
def test_an_upgrade_killed_at_any_step_is_old_or_new_and_is_completed(tmp_path: Path) -> None:
    toll = upgrade_rounds(tmp_path, every=17)
    assert toll.found_old
    assert toll.found_new
    assert toll == UpgradeToll(kills=toll.kills, found_old=toll.found_old, found_new=toll.found_new)


@pytest.mark.slow
def test_without_one_transaction_a_kill_leaves_something_between(tmp_path: Path) -> None:
    assert upgrade_rounds(tmp_path, every=13, in_transaction=False).mixed
