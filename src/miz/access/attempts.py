"""How often somebody may try: what people do, and no more."""

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from miz.access.errors import TooManyAttemptsError

LOOPBACK = frozenset({"127.0.0.1", "::1", ""})

_PER_ACCOUNT = RateLimitItemPerMinute(10)
_PER_ADDRESS = RateLimitItemPerMinute(60)
_PAIRING = RateLimitItemPerMinute(10)


class Attempts:
    """The tries of the last minute, with any of the secrets of an account together."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def at_account(self, name: str, address: str) -> None:
        """Count one: ten a minute at an account, sixty from an address. Raises `TooManyAttemptsError`.

        From the server itself there is a window of its own, so that a stranger's guessing never locks the owner out.
        """
        origin = "here" if address in LOOPBACK else "network"
        may_try = self._limiter.hit(_PER_ACCOUNT, "account", origin, name.strip().casefold()) and (
            origin == "here" or self._limiter.hit(_PER_ADDRESS, "address", address)
        )
        if not may_try:
            raise TooManyAttemptsError(retry_after_s=60)

    def at_pairing(self, address: str) -> None:
        """Count one with a pairing code: ten a minute from an address. Raises `TooManyAttemptsError`."""
        if not self._limiter.hit(_PAIRING, "pairing", address):
            raise TooManyAttemptsError(retry_after_s=60)
