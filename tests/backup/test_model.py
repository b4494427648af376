"""Which backups stay, and when the next one is due."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miz.backup.model import Backup, Plan, kept, last_due, strip

DAY = datetime(2026, 11, 23, 22, tzinfo=UTC)


def test_days_weeks_and_months_each_keep_their_newest() -> None:
    nightly = [DAY - timedelta(days=number) for number in range(400)]
    keep = kept(nightly, Plan(days=3, weeks=2, months=2))
    assert sorted(keep) == [
        datetime(2026, 10, 31, 22, tzinfo=UTC),
        datetime(2026, 11, 21, 22, tzinfo=UTC),
        datetime(2026, 11, 22, 22, tzinfo=UTC),
        DAY,
    ]


def test_a_day_without_a_backup_does_not_count() -> None:
    made = [DAY, DAY - timedelta(days=9), DAY - timedelta(days=10)]
    assert kept(made, Plan(days=2, weeks=0, months=0)) == {DAY, DAY - timedelta(days=9)}


@given(st.lists(st.integers(0, 3_000).map(lambda hours: DAY - timedelta(hours=hours)), min_size=1), st.integers(1, 5), st.integers(0, 5))
def test_the_newest_stays_and_no_more_than_asked(made: list[datetime], days: int, months: int) -> None:
    keep = kept(made, Plan(days=days, weeks=0, months=months))
    assert max(made) in keep <= set(made)
    assert len({instant.date() for instant in keep}) <= days + months


@pytest.mark.parametrize(("now", "due"), [("22:00", 0), ("23:30", 0), ("21:59", 1), ("00:10", 1)])
def test_due_at_its_time_of_day(now: str, due: int) -> None:
    hour, minute = map(int, now.split(":"))
    assert last_due(Plan(at="22:00"), DAY.replace(hour=hour, minute=minute)) == DAY - timedelta(days=due)


def test_the_strip_shows_the_best_of_each_day() -> None:
    def backup(day: int, *, rehearsed: bool = False, fault: str = "") -> Backup:
        at = datetime(2026, 11, day, 22, tzinfo=UTC)
        return Backup(id=str(day), file="f", made_at=at, size_bytes=1, kind="nightly", rehearsed_at=at if rehearsed else None, fault=fault)

    shown = dict(strip([backup(23, rehearsed=True), backup(23, fault="x"), backup(22), backup(21, fault="x")], date(2026, 11, 23)))
    assert len(shown) == 30
    assert [shown[date(2026, 11, day)] for day in (20, 21, 22, 23)] == ["none", "failed", "made", "proved"]
