"""What a backup says about itself, and which ones are kept. Pure."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

FORMAT = 1
SUFFIX = ".mizbackup"
MANIFEST = "manifest.json"
DATABASE = "practice.db"
SERVER_ROWS = "practice.pgdump"
"""The rows of a database server: a folder whose files, in their order, are what `pg_restore` reads."""


class FileEntry(Struct, frozen=True):
    """One file of a package: bytes and SHA-256 (hexadecimal) of its plain content."""

    name: str
    size: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """The last file of a package; it tells what must stand before it.

    `counts` are rows by table, `epoch` is the server's, `checkpoint` the newest signed one of the audit trail as text, empty without.
    """

    format: int
    made_at: datetime
    program: str
    server_id: str
    practice: str
    schema: str
    epoch: int
    checkpoint: str
    counts: dict[str, int]
    files: list[FileEntry]


class Backup(Struct, frozen=True, kw_only=True):
    """One line of the list.

    `rehearsed_at` is when it was restored on trial and opened, None when that was not done or did not succeed; `restored_at` when the practice
    was brought back to it. `copy` is the file in the second place, `copy_fault` the code of what has kept it from there.
    """

    id: str
    file: str
    made_at: datetime
    size_bytes: int
    kind: Literal["manual", "nightly", "safety"]
    seconds: float = 0.0
    counts: dict[str, int] = {}
    rehearsed_at: datetime | None = None
    restored_at: datetime | None = None
    fault: str = ""
    copy: str = ""
    copy_fault: str = ""

    @property
    def rehearsed(self) -> bool:
        return self.rehearsed_at is not None


class Preview(Struct, frozen=True, kw_only=True):
    """What a restore would bring and take. `comes` and `goes` are rows by table, of the backup and of now.

    `entries_since` is how many entries the audit trail has more now; None where the rows of now cannot be read.
    """

    made_at: datetime
    practice: str
    comes: dict[str, int]
    goes: dict[str, int]
    entries_since: int | None


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """The nightly backup: `at` is the time of day in the practice (HH:MM).

    The newest nightly backup of each of so many days, weeks and months in which there is one is kept. `second_place` is the folder that gets
    a copy, by the same rule; empty when there is none.
    """

    is_on: bool = True
    at: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "22:00"
    days: Annotated[int, Meta(ge=1, le=366)] = 14
    weeks: Annotated[int, Meta(ge=0, le=520)] = 8
    months: Annotated[int, Meta(ge=0, le=240)] = 12
    second_place: Annotated[str, Meta(max_length=1_000)] = ""


def last_due(plan: Plan, now: datetime) -> datetime:
    """When the nightly backup was due last; `now` is in the practice's time zone."""
    hour, minute = (int(part) for part in plan.at.split(":"))
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return due if due <= now else due - timedelta(days=1)


def kept(made: Iterable[datetime], rule: Plan) -> set[datetime]:
    """Those of the instants that the rule keeps; the newest always stays."""
    newest_first = sorted(made, reverse=True)
    keep: set[datetime] = set(newest_first[:1])
    for count, period in ((rule.days, _day), (rule.weeks, _week), (rule.months, _month)):
        seen: list[object] = []
        for instant in newest_first:
            of = period(instant.date())
            if of in seen:
                continue
            if len(seen) == count:
                break
            seen.append(of)
            keep.add(instant)
    return keep


def _day(day: date) -> object:
    return day


def _week(day: date) -> object:
    return day.isocalendar()[:2]


def _month(day: date) -> object:
    return day.year, day.month


def strip(backups: Iterable[Backup], today: date, days: int = 30) -> Iterator[tuple[date, Literal["none", "made", "proved", "failed"]]]:
    """For each of the last days, the oldest first, the best that happened."""
    found: dict[date, set[str]] = {}
    for backup in backups:
        word = "proved" if backup.rehearsed else "failed" if backup.fault else "made"
        found.setdefault(backup.made_at.date(), set()).add(word)
    for ordinal in range(today.toordinal() - days + 1, today.toordinal() + 1):
        day = date.fromordinal(ordinal)
        words = found.get(day, set())
        yield day, "proved" if "proved" in words else "made" if "made" in words else "failed" if words else "none"
