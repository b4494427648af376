"""Signing in: the password, then, where the account has a second factor, its code; only then there is a session.

A program sends both at once. A browser asks one after the other: in between, what was right so far is held in memory for five
minutes, known by a token that is no session and opens nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from miz.access import users
from miz.access.audit.service import AuditTrail
from miz.access.codes import new_token, token_hash
from miz.access.credentials import Credentials, may_sign_in
from miz.access.errors import PasswordTooShortAloneError, UserDisabledError
from miz.access.passwords import is_long_enough_alone
from miz.access.second_factor.errors import SecondFactorNeededError, WrongSecondFactorError
from miz.access.second_factor.queries import has_second_factor
from miz.access.second_factor.service import SecondFactors
from miz.access.sessions import Sessions
from miz.infra.db.writer import Transaction, Writer
from miz.infra.settings import Settings
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import MizError, NotSignedInError
from miz.wire.client_protocol import Workplace

HALF_S = 300.0


@dataclass(frozen=True, slots=True)
class Half:
    """The password was right. `password_hash` is the one it fitted: another password ends this."""

    user_id: str
    user: str
    password_hash: str
    place: Workplace | None
    device_id: str | None
    until_s: float


class SigningIn:
    """The way into one server. To be used in the event loop."""

    def __init__(
        self, sessions: Sessions, credentials: Credentials, second_factors: SecondFactors, writer: Writer, trail: AuditTrail, *, clock: Clock,
        settings: Settings,
    ) -> None:  # fmt: skip
        self._sessions = sessions
        self._credentials = credentials
        self._second_factors = second_factors
        self._writer = writer
        self._trail = trail
        self._clock = clock
        self._lasts = timedelta(hours=settings.session_h)
        self._halves: dict[bytes, Half] = {}

    async def sign_in(
        self, *, name: str, password: str, place: Workplace | None, address: str, code: str | None = None, device_id: str | None = None
    ) -> tuple[str, Actor]:
        """Start a session: the token for the client, and who it is. `device_id` is that of a registered workplace.

        Raises `WrongPasswordError`, `TooManyAttemptsError`, `PasswordTooShortAloneError`, `SecondFactorNeededError`,
        `WrongSecondFactorError`.
        """
        entered = await self._enter(name, password, place, address, code, device_id)
        if isinstance(entered, Half):
            raise SecondFactorNeededError
        return entered

    async def begin(
        self, *, name: str, password: str, place: Workplace | None, address: str, device_id: str | None
    ) -> tuple[str, Actor | None]:
        """As `sign_in`; where a code is asked for, instead of an actor None, and the token by which `finish` goes on."""
        entered = await self._enter(name, password, place, address, None, device_id)
        if not isinstance(entered, Half):
            return entered
        now_s, token = self._clock.steady_s(), new_token()
        self._halves = {key: half for key, half in self._halves.items() if half.until_s > now_s} | {token_hash(token): entered}
        return token, None

    def half_of(self, token: str | None) -> Half:
        """Who is half signed in with this token. Raises `NotSignedInError`."""
        half = self._halves.get(token_hash(token or ""))
        if half is None or half.until_s <= self._clock.steady_s():
            raise NotSignedInError
        return half

    async def finish(self, token: str | None, code: str, address: str) -> tuple[str, Actor]:
        """Start the session that `begin` began. Raises `WrongSecondFactorError`, `TooManyAttemptsError`, `NotSignedInError`."""
        half = self.half_of(token)
        self._credentials.attempts.at_account(half.user, address)

        def store(tx: Transaction) -> "tuple[str, Actor] | MizError":
            user = users.user_of(tx.connection, half.user_id)
            if user.password_hash != half.password_hash:
                raise NotSignedInError
            return self._confirmed(tx, user, code, half.place, half.device_id, address)

        entered: tuple[str, Actor] = _kept(await self._writer.run(store))
        self._halves.pop(token_hash(token or ""), None)
        return entered

    async def _enter(
        self, name: str, password: str, place: Workplace | None, address: str, code: str | None, device_id: str | None
    ) -> "tuple[str, Actor] | Half":
        await self._credentials.check_password(name, password, address)
        if code is not None:
            self._credentials.attempts.at_account(name, address)

        def store(tx: Transaction) -> "tuple[str, Actor] | Half | MizError":
            # Read again: while the password was compared, the account may have been switched off or got other roles.
            user = users.find_user(tx.connection, name)
            if not user.password_hash or not may_sign_in(user, address):
                raise UserDisabledError
            if not has_second_factor(tx.connection, user.id):
                if not is_long_enough_alone(password):
                    raise PasswordTooShortAloneError
                return self._entered(tx, user, place, device_id, address, has_code=False)
            if code is not None:
                return self._confirmed(tx, user, code, place, device_id, address)
            self._trail.record(tx, Actor(user_id=user.id, user="", roles=frozenset(), session_id=""), "second_factor_asked", detail=address)
            return Half(user.id, user.name, user.password_hash, place, device_id, self._clock.steady_s() + HALF_S)

        entered: tuple[str, Actor] | Half = _kept(await self._writer.run(store))
        return entered

    def _confirmed(
        self, tx: Transaction, user: Any, code: str, place: Workplace | None, device_id: str | None, address: str
    ) -> "tuple[str, Actor] | MizError":
        if not self._second_factors.use(tx, user, code, address):
            return WrongSecondFactorError()
        return self._entered(tx, user, place, device_id, address, has_code=True)

    def _entered(
        self, tx: Transaction, user: Any, place: Workplace | None, device_id: str | None, address: str, *, has_code: bool
    ) -> tuple[str, Actor]:
        token, actor = self._sessions.begin(tx, user, place, device_id, tx.now + self._lasts, has_code=has_code)
        users.note_password_used(tx, user.id)
        self._trail.record(tx, actor, "signed_in", detail=address)
        tx.after_commit(lambda: self._credentials.attempts.welcome(address))
        return token, actor


def _kept(result: Any) -> Any:
    """What a unit of work answered. A refusal that it had to record came as an answer: raised inside, it would undo the record."""
    if isinstance(result, MizError):
        raise result
    return result
