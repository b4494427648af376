"""What can be said about a database."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Name = Literal["practice", "knowledge"]


class Check(Struct, frozen=True):
    """One look through a database: `quick` reads every page, `full` compares indexes, keys and the audit trail too."""

    at: datetime
    kind: Literal["quick", "full"]
    ok: bool
    findings: list[str]
    seconds: float


class DatabaseState(Struct, frozen=True, kw_only=True):
    """`free_bytes` are pages without content, `log_bytes` what is written and not yet in the file itself; `former_files` wait to be let go."""

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
    former_files: list[str] = []


class Progress(Struct, frozen=True):
    """What is under way: the step, how much of it is done, seconds since it began."""

    step: str
    done: int
    all: int
    seconds: float


class Care(Struct, frozen=True):
    """What looking after a database has come to: bytes before and after, and for how long writers waited."""

    before_bytes: int
    after_bytes: int
    path: str
    seconds: float
    paused_ms: float
