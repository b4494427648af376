"""Passwords and PINs: their rules, and computing their hashes.

Both are kept as Argon2id (64 MiB, 3 passes, 4 lanes); at most four are computed at once, and who would have to
wait behind fifty others is asked to try again (`reliability.md` E4).
"""

import asyncio
import itertools
import re
import uuid
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from miz.access.errors import TooManyAttemptsError, WeakPasswordError, WeakPinError

LENGTH_ALONE, LENGTH_WITH_SECOND_FACTOR, LONGEST = 15, 8, 200
# Keys in the order of the alphabet and of German and English keyboards.
_ROWS = (
    "1234567890" * 3,
    "abcdefghijklmnopqrstuvwxyz",
    "qwertzuiopüasdfghjklöäyxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
)
_SIX_DIGITS = re.compile(r"[0-9]{6}")


class PasswordDesk:
    """Computes and compares hashes away from the event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
        self._at_once = asyncio.Semaphore(4)
        self._waiting = 0
        self._nobody = self._hasher.hash(str(uuid.uuid4()))

    def hash_now(self, password: str) -> str:
        """Hash in the calling thread, for setting up."""
        return self._hasher.hash(password)

    async def hash(self, password: str) -> str:
        return str(await self._run(self._hasher.hash, password))

    async def fits(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits; without a hash the same time passes and the answer is no."""
        return bool(await self._run(self._fits, password_hash, password))

    def _fits(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except VerificationError:
            return False
        return bool(password_hash)

    async def _run(self, work: Any, *arguments: Any) -> Any:
        if self._waiting >= 50:
            raise TooManyAttemptsError
        self._waiting += 1
        try:
            async with self._at_once:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1


def check_password_rule(password: str, *names: str, has_second_factor: bool = False) -> None:
    """Raise `WeakPasswordError` for one that is too short, too long, or easy to guess, such as a name of the practice."""
    least = LENGTH_WITH_SECOND_FACTOR if has_second_factor else LENGTH_ALONE
    if not least <= len(password) <= LONGEST or _is_easy_to_guess(password.casefold(), {name.casefold() for name in names}):
        raise WeakPasswordError


def is_long_enough_alone(password: str) -> bool:
    """Whether it may be the only thing that is asked for."""
    return len(password) >= LENGTH_ALONE


def _is_easy_to_guess(password: str, names: set[str]) -> bool:
    """A name, a row of keys, or the same thing again and again: all that people type to reach a length."""
    text = "".join(password.split())
    is_row = any(text in row or text in row[::-1] for row in _ROWS)
    is_repeated = any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))
    return password in names or not text or is_row or is_repeated


def check_pin_rule(pin: str) -> None:
    """Raise `WeakPinError` unless these are six digits, of three kinds at least and not counted up or down."""
    if not _SIX_DIGITS.fullmatch(pin) or len(set(pin)) < 3:
        raise WeakPinError
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if steps in ({1}, {9}):
        raise WeakPinError
