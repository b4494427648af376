"""How often somebody may try: what people do, and no more.

Counted in steady time, so that no change of the clock opens a window anew or keeps one closed.
"""

from collections import deque

from miz.access.errors import TooManyAttemptsError
from miz.kernel.clock import Clock

LOOPBACK = frozenset({"127.0.0.1", "::1", ""})

WINDOW_S = 60
PER_ACCOUNT = 10
PER_ADDRESS = 60
PER_STRANGERS = 120
"""For all addresses together from which nobody has signed in yet: names that do not exist cost a hash each, too."""
PER_PAIRING_ADDRESS = 10
PER_PAIRING = 60


class Attempts:
    """The tries of the last minute, with any of the secrets of an account together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: dict[tuple[str, ...], deque[float]] = {}
        self._known: set[str] = set()

    def at_account(self, name: str, address: str) -> None:
        """Count one: ten a minute at an account, sixty from an address. Raises `TooManyAttemptsError`.

        From the server itself there is a window of its own, so that a stranger's guessing never locks the owner out.
        """
        account = name.strip().casefold()
        if address in LOOPBACK:
            self._count({("account", "here", account): PER_ACCOUNT})
        else:
            stranger: dict[tuple[str, ...], int] = {} if address in self._known else {("strangers",): PER_STRANGERS}
            self._count({("address", address): PER_ADDRESS, ("account", "network", account): PER_ACCOUNT, **stranger})

    def welcome(self, address: str) -> None:
        """Somebody has signed in from there: guessing from elsewhere does not hold up this address."""
        self._known.add(address)

    def at_pairing(self, address: str) -> None:
        """Count one with a pairing code: ten a minute from an address, sixty from all. Raises `TooManyAttemptsError`."""
        everywhere = "here" if address in LOOPBACK else "network"
        self._count({("pairing", address): PER_PAIRING_ADDRESS, ("pairing from", everywhere): PER_PAIRING})

    def _count(self, limits: dict[tuple[str, ...], int]) -> None:
        """Count one in each window, or in none of them when one is full: what is refused holds nobody up."""
        now_s = self._clock.steady_s()
        self._forget(now_s)
        if any(len(self._tries.get(key, ())) >= limit for key, limit in limits.items()):
            raise TooManyAttemptsError(retry_after_s=WINDOW_S)
        for key in limits:
            self._tries.setdefault(key, deque()).append(now_s)

    def _forget(self, now_s: float) -> None:
        """Drop what is older than a minute; there is never more in memory than the windows let in."""
        for key, tries in list(self._tries.items()):
            while tries and tries[0] <= now_s - WINDOW_S:
                tries.popleft()
            if not tries:
                del self._tries[key]
