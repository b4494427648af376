"""Dates as patients remember them, and the age that is sure."""

from datetime import date

import pytest

from miz.kernel.partial_date import age_on, parse_partial_date


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("1948", "1948"), ("03.1948", "1948-03"), ("3.1948", "1948-03"), ("12.3.1948", "1948-03-12"), (" 12.03.1948 ", "1948-03-12"),
        ("1948-03-12", "1948-03-12"), ("1948-03", "1948-03"), ("29.2.2024", "2024-02-29"), ("29.2.1900", None), ("31.04.1950", None),
        ("00.01.1950", None), ("1950-00", None), ("13.1950", None), ("1799", None), ("2200", None), ("48", None), ("12.3.48", None),
        ("12/03/1948", None), ("1948-3-1", None), ("", None), ("12.3.1948 10:00", None), ("١٩٤٨", None), ("1948\n", "1948"),
    ],
)  # fmt: skip
def test_a_date_is_kept_in_one_form_or_refused(typed: str, kept: str | None) -> None:
    assert parse_partial_date(typed) == kept


@pytest.mark.parametrize(
    ("birth_date", "today", "age"),
    [
        ("1948-03-12", date(2026, 3, 11), 77), ("1948-03-12", date(2026, 3, 12), 78), ("1948-03", date(2026, 3, 30), 77),
        ("1948-03", date(2026, 3, 31), 78), ("1948", date(2026, 12, 30), 77), ("1948", date(2026, 12, 31), 78),
        ("2024-02-29", date(2026, 2, 28), 1), ("2024-02-29", date(2026, 3, 1), 2), ("2026-11-22", date(2026, 11, 22), 0),
        ("2026-11", date(2026, 11, 22), 0), ("2026", date(2026, 11, 22), 0), ("2027-01-01", date(2026, 11, 22), None),
        ("2026-11-23", date(2026, 11, 22), None), ("2026-12", date(2026, 11, 22), None),
    ],
)  # fmt: skip
def test_nobody_is_made_older_than_is_sure(birth_date: str, today: date, age: int | None) -> None:
    assert age_on(birth_date, today) == age
