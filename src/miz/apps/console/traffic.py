"""How many requests came in each minute of the last hour; in memory, and nothing about whose."""

from collections import deque

MINUTES = 60


class Traffic:
    """Counts requests by minute of a steady clock."""

    def __init__(self) -> None:
        self._counts: deque[int] = deque([0] * MINUTES, maxlen=MINUTES)
        self._minute = 0

    def count(self, now_s: float) -> None:
        """One more request."""
        self._turn(now_s)
        self._counts[-1] += 1

    def last_hour(self, now_s: float) -> list[int]:
        """Requests in each of the last sixty minutes, the running one last."""
        self._turn(now_s)
        return list(self._counts)

    def _turn(self, now_s: float) -> None:
        minute = int(now_s // 60)
        for _ in range(min(minute - self._minute, MINUTES)):
            self._counts.append(0)
        self._minute = minute
