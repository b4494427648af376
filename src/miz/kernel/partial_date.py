"""Dates that may be partial (`1948`, `1948-03`, `1948-03-12`), as patients remember them."""

import re
from datetime import date

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_GERMAN = re.compile(r"(?:(?:(\d{1,2})\.)?(\d{1,2})\.)?(\d{4})", re.ASCII)


def parse_partial_date(text: str) -> str | None:
    """The ISO form of a year, month or day written as ISO or German (`12.3.1948`, `03.1948`); None when impossible."""
    text = text.strip()
    if found := _ISO.fullmatch(text):
        year, month, day = found.groups()
    elif found := _GERMAN.fullmatch(text):
        day, month, year = found.groups()
    else:
        return None
    if not 1800 <= int(year) <= 2199:
        return None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return "-".join([year, *(part.zfill(2) for part in (month, day) if part)])


def age_on(birth_date: str, today: date) -> int | None:
    """Whole years reached by `today`; a missing month or day counts as its last, so nobody is made older than sure.

    None for a birth date in the future.
    """
    if birth_date > today.isoformat()[: len(birth_date)]:
        return None
    year, month, day = (*(int(part) for part in birth_date.split("-")), 0, 0)[:3]
    return max(0, today.year - year - ((today.month, today.day) < (month or 12, day or 31)))
