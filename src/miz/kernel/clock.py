"""Time as the program sees it: an instant for display and storage, and a steady count for leases."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from; tests bring their own."""

    def now(self) -> datetime:
        """The wall clock as an aware UTC instant. For display and records only, never for safety."""

    def steady_s(self) -> float:
        """Seconds that never jump and go on counting while the machine sleeps."""


@dataclass
class FakeClock:
    """A clock that moves only when told to."""

    instant: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    steady: float = 1_000.0

    def now(self) -> datetime:
        return self.instant

    def steady_s(self) -> float:
        return self.steady
