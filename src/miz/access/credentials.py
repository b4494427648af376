"""Whether somebody is who they say: by password, by PIN, by one-time code. Failures are limited, counted and recorded."""

from typing import Any

from msgspec import structs

from miz.access import users
from miz.access.attempts import LOOPBACK, Attempts
from miz.access.audit.service import AuditTrail
from miz.access.errors import UserDisabledError, WrongCodeError, WrongPasswordError, WrongPinError
from miz.access.passwords import PasswordDesk
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock

_NOBODY = Actor(user_id="", user="", roles=frozenset(), session_id="")


class Credentials:
    """The one place where secrets of users are compared. To be used in the event loop."""

    def __init__(self, writer: Writer, trail: AuditTrail, attempts: Attempts, *, reader: Reader, clock: Clock) -> None:
        self.attempts = attempts
        self._writer = writer
        self._trail = trail
        self._reader = reader
        self._clock = clock
        self._desk = PasswordDesk()

    async def hash(self, secret: str) -> str:
        """The hash to store of a password or PIN."""
        return await self._desk.hash(secret)

    async def check_password(self, name: str, password: str, address: str) -> None:
        """Raises `WrongPasswordError`, `TooManyAttemptsError`."""
        self.attempts.at_account(name, address)
        user = users.find_user(self._reader(), name)
        if not await self._desk.fits(user.password_hash if user else None, password):
            await self._writer.run(lambda tx: self._keep_refusal(tx, user, address, is_guess=True))
            raise WrongPasswordError
        if not may_sign_in(user, address):
            await self._writer.run(lambda tx: self._keep_refusal(tx, user, address, is_guess=False))
            raise UserDisabledError

    async def check_code(self, name: str, code: str, address: str) -> None:
        """Raises `WrongCodeError`, `TooManyAttemptsError`."""
        self.attempts.at_account(name, address)
        user = users.find_user(self._reader(), name)
        is_right = users.has_code(user, code, self._clock.now())
        if not is_right or not may_sign_in(user, address):
            await self._writer.run(lambda tx: self._keep_refusal(tx, user, address, is_guess=not is_right))
            raise WrongCodeError

    async def check_pin(self, name: str, user: Any, pin: str, address: str) -> None:
        """`user` is the row of `name` if a PIN of that user counts now. The fifth wrong PIN in a row lets it rest.

        Raises `WrongPinError`, `TooManyAttemptsError`.
        """
        self.attempts.at_account(name, address)
        if not await self._desk.fits(user.pin_hash if user is not None else None, pin):
            await self._writer.run(lambda tx: self._keep_wrong_pin(tx, user, address))
            raise WrongPinError

    def _keep_refusal(self, tx: Transaction, user: Any, address: str, *, is_guess: bool) -> None:
        """The audit trail names the account if there is one, never what was typed: that may be a password."""
        if user is not None and is_guess:
            users.count_failure(tx, user.id)
        self._trail.record(tx, structs.replace(_NOBODY, user_id=user.id if user else ""), "sign_in_refused", detail=address)

    def _keep_wrong_pin(self, tx: Transaction, user: Any, address: str) -> None:
        who = structs.replace(_NOBODY, user_id=user.id if user else "")
        self._trail.record(tx, who, "pin_refused", detail=address)
        if user is not None and users.count_pin_failure(tx, user.id):
            self._trail.record(tx, who, "pin_void")


def may_sign_in(user: Any, address: str) -> bool:
    """Guessing from the network switches an account off, but never the owner who stands at the server."""
    is_guessed_off = user.failures_in_row >= users.FAILURES_UNTIL_DISABLED
    return not user.is_disabled or (address in LOOPBACK and "owner" in user.roles and is_guessed_off)
