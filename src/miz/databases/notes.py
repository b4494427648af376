"""What is remembered about a database beside it, so that a broken one does not take it along."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from miz.databases.model import Check, Plan, Run
from miz.infra.files import write_whole

_RUNS = 30
_DAYS = timedelta(days=30)


class Remembered(Struct, frozen=True):
    """`last_round` is when all the nightly care was done last; `sizes` the bytes on each of the last days; `damage` what was found and not yet mended."""

    last_check: Check | None = None
    damage: Check | None = None
    last_compaction: datetime | None = None
    last_round: datetime | None = None
    runs: list[Run] = []
    sizes: dict[date, int] = {}
    plan: Plan = Plan()


class Notes:
    """The file with what is remembered. Not for two threads at once."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Remembered:
        """What was noted; nothing yet where there is no file."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()

    def note(self, **news: Any) -> None:
        """Remember these fields anew."""
        write_whole(self._file, msgspec.json.encode(replace(self.read(), **news)))

    def add(self, run: Run, **news: Any) -> None:
        """Remember one more piece of care."""
        self.note(runs=[run, *self.read().runs][:_RUNS], **news)

    def note_size(self, today: date, size: int) -> None:
        """Remember how large the database is today; what is older than thirty days is forgotten."""
        kept = {day: bytes_ for day, bytes_ in self.read().sizes.items() if today - day <= _DAYS}
        if today not in kept:
            self.note(sizes={**kept, today: size})


def growth(sizes: dict[date, int], today: date, size: int) -> tuple[int, int]:
    """By how many bytes it has grown, and in how many days."""
    first = min(sizes, default=today)
    return size - sizes.get(first, size), (today - first).days
