"""What can be said about a database, and when it is looked after. Pure."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Literal["practice", "knowledge"]
Work = Literal["check", "compact", "move", "repair", "tidy", "let go"]
Time = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
PAGE_BYTES = 4096


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """The care without being asked: every night free pages are given back, statistics renewed and everything is checked.

    The quiet hours are times of day in the practice (HH:MM). `compact_every_days`: 0 = only on demand; `log_days`: how long the server's log is kept.
    """

    is_on: bool = True
    quiet_from: Time = "20:00"
    quiet_until: Time = "06:00"
    compact_every_days: Annotated[int, Meta(ge=0, le=366)] = 0
    log_days: Annotated[int, Meta(ge=1, le=3_650)] = 90


class Run(Struct, frozen=True, kw_only=True):
    """One piece of care that has ended: bytes that it saved, for how long writers waited at most, `fault` = the code of what kept it from success."""

    at: datetime
    work: Work
    seconds: float
    saved_bytes: int = 0
    paused_ms: float = 0.0
    fault: str = ""


class Proof(Struct, frozen=True):
    """When the newest backup was made, and when one was last restored on trial."""

    last_backup: datetime | None = None
    last_rehearsal: datetime | None = None


class Check(Struct, frozen=True):
    """One look through a database: `quick` reads every page, `full` compares indexes, keys and the audit trail too."""

    at: datetime
    kind: Literal["quick", "full"]
    ok: bool
    findings: list[str]
    seconds: float
    is_sound: bool = True
    """Whether pages and indexes are whole; broken references and findings in the audit trail leave it so."""
    lost_saves: int = 0
    """How many acknowledged saves a log that broke off has taken along, found at the start; the newest that is there is of `newest_at`."""
    newest_at: datetime | None = None


class DatabaseState(Struct, frozen=True, kw_only=True):
    """`free_bytes` are pages without content, `log_bytes` what is written and not yet in the file itself; `former_files` wait to be let go;
    `is_on_former_disk` says that the last of them is on the same disk, which a move has then not relieved.

    `growth_bytes` is how much it has grown in the last `growth_days` days, at most 30; `runs` are the last pieces of care, newest first.
    """

    name: Name
    path: str
    size_bytes: int
    free_bytes: int
    log_bytes: int
    schema: str
    library: str
    state: Literal["open", "unavailable"]
    last_check: Check | None = None
    last_compaction: datetime | None = None
    growth_bytes: int = 0
    growth_days: int = 0
    last_backup: datetime | None = None
    last_rehearsal: datetime | None = None
    runs: list[Run] = []
    former_files: list[str] = []
    is_on_former_disk: bool = False


class Progress(Struct, frozen=True):
    """What is under way: the step, how much of it is done, seconds since it began; where pages are counted, the rate and the seconds that are left."""

    step: str
    done: int
    all: int
    seconds: float
    bytes_per_s: int = 0
    left_s: int | None = None


def progress_of(step: str, done: int, whole: int, seconds: float) -> Progress:
    """With rate and time left as soon as there is something to reckon with."""
    if whole < 2 or not done or seconds < 1:
        return Progress(step, done, whole, round(seconds, 1))
    return Progress(step, done, whole, round(seconds, 1), round(done * PAGE_BYTES / seconds), round((whole - done) * seconds / done))


def last_due(plan: Plan, now: datetime) -> datetime:
    """When the last quiet hours began; `now` is in the practice's time zone."""
    hour, minute = (int(part) for part in plan.quiet_from.split(":"))
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return due if due <= now else due - timedelta(days=1)


def is_quiet(plan: Plan, now: datetime) -> bool:
    """Whether these are the quiet hours, which may go over midnight; from and until the same time means all day."""
    time = f"{now:%H:%M}"
    if plan.quiet_from < plan.quiet_until:
        return plan.quiet_from <= time < plan.quiet_until
    return time >= plan.quiet_from or time < plan.quiet_until


def is_due(plan: Plan, last: datetime, now: datetime) -> bool:
    """Once in the quiet hours of each night; a night in which the server was off is made up for when it runs again."""
    due = last_due(plan, now)
    return plan.is_on and last < due and (is_quiet(plan, now) or last < due - timedelta(days=1))


def is_compaction_due(plan: Plan, last: datetime, now: datetime) -> bool:
    """In quiet hours; a week too late, also at others."""
    days = plan.compact_every_days
    overdue = now - last - timedelta(days=days)
    return plan.is_on and days > 0 and overdue >= timedelta(0) and (is_quiet(plan, now) or overdue > timedelta(days=7))


class Care(Struct, frozen=True):
    """What looking after a database has come to: bytes before and after, and for how long writers waited."""

    before_bytes: int
    after_bytes: int
    path: str
    seconds: float
    paused_ms: float


class Repair(Struct, frozen=True):
    """What a repair has come to: rows that could be read, tables of which some could not.

    With `is_whole` the practice goes on in the new file `path`; else that file holds what is readable, and the practice still has the damaged one.
    """

    is_whole: bool
    rows: int
    incomplete: list[str]
    path: str
    seconds: float
