"""What users do with their second factor, what others may do to it, and whether a code is right."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from miz.access import users
from miz.access.audit.service import AuditTrail
from miz.access.codes import new_code
from miz.access.credentials import Credentials, may_sign_in
from miz.access.errors import WeakPasswordError
from miz.access.passwords import is_long_enough_alone
from miz.access.second_factor import model, store
from miz.access.second_factor.errors import (
    NoSecondFactorError,
    SecondFactorActiveError,
    SecondFactorRecentNeededError,
    WrongSecondFactorError,
)
from miz.access.second_factor.model import RecoveryCodes, SecondFactorSecret, SecondFactorState
from miz.access.second_factor.sealing import Seal
from miz.access.sessions import Sessions
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import Call
from miz.kernel.actor import Actor
from miz.kernel.errors import NotPermittedError

Run = Callable[[Call], Awaitable[Any]]


class SecondFactors:
    """The second factors of one server. To be used in the event loop; `use` runs in the writer."""

    def __init__(
        self, sessions: Sessions, credentials: Credentials, writer: Writer, trail: AuditTrail, *, reader: Reader, database_key: bytes,
        practice: str,
    ) -> None:  # fmt: skip
        self._sessions = sessions
        self._credentials = credentials
        self._writer = writer
        self._trail = trail
        self._reader = reader
        self._seal = Seal(database_key)
        self._practice = practice

    def state(self, actor: Actor) -> SecondFactorState:
        """The actor's own."""
        return store.state_of(self._reader(), actor.user_id)

    def require_recent(self, call: Call) -> None:
        """Raise `SecondFactorRecentNeededError` when whoever calls has a second factor and gave no code in this session lately."""
        actor = call.person
        if self.state(actor).is_active and not self._sessions.has_recent_code(actor, model.RECENT_S):
            raise SecondFactorRecentNeededError

    def with_recent_code(self, run: Run) -> Run:
        """What answers an endpoint, behind `require_recent`."""

        async def require_then_run(call: Call) -> Any:
            self.require_recent(call)
            return await run(call)

        return require_then_run

    def use(self, tx: Transaction, user: Any, code: str, address: str) -> bool:
        """Use up a code of the user whose row is given; whether it was right.

        A wrong one is counted like a wrong password and recorded, so after it the transaction must be kept, not undone.
        """
        if may_sign_in(user, address) and self._take(tx, user, code):
            return True
        users.count_failure(tx, user.id)
        self._trail.record(tx, _account(user), "second_factor_refused", detail=address)
        return False

    async def confirm(self, actor: Actor, code: str, address: str) -> None:
        """The session goes on with a recent code. Raises `NoSecondFactorError`, `WrongSecondFactorError`, `TooManyAttemptsError`."""
        self._credentials.attempts.at_account(actor.user, address)

        def use(tx: Transaction) -> bool:
            if not store.state_of(tx.connection, actor.user_id).is_active:
                raise NoSecondFactorError
            is_right = self.use(tx, users.user_of(tx.connection, actor.user_id), code, address)
            if is_right:
                self._trail.record(tx, actor, "second_factor_confirmed")
            return is_right

        if not await self._writer.run(use):
            raise WrongSecondFactorError
        self._sessions.note_code(actor)

    async def begin(self, actor: Actor, password: str, address: str) -> SecondFactorSecret:
        """A new secret, which counts once `activate` has proved it.

        Raises `WrongPasswordError`, `TooManyAttemptsError`, `SecondFactorActiveError`.
        """
        await self._credentials.check_password(actor.user, password, address)
        secret = secrets.token_bytes(model.SECRET_BYTES)

        def begin(tx: Transaction) -> None:
            if store.state_of(tx.connection, actor.user_id).is_active:
                raise SecondFactorActiveError
            store.begin_factor(tx, actor.user_id, self._seal.close(secret, actor.user_id))

        await self._writer.run(begin)
        return SecondFactorSecret(model.text_of(secret), model.app_address(secret, user=actor.user, practice=self._practice))

    async def activate(self, actor: Actor, code: str, address: str) -> RecoveryCodes:
        """The app shows the right code, so from now on it is asked for; the other sessions end.

        Raises `NoSecondFactorError` when nothing was begun, `SecondFactorActiveError`, `WrongSecondFactorError`, `TooManyAttemptsError`.
        """
        self._credentials.attempts.at_account(actor.user, address)

        def activate(tx: Transaction) -> RecoveryCodes:
            row = store.factor_of(tx, actor.user_id)
            if row is None:
                raise NoSecondFactorError
            if row.active_since is not None:
                raise SecondFactorActiveError
            if not self._take_digits(tx, row, code):
                raise WrongSecondFactorError
            store.activate_factor(tx, actor.user_id)
            self._trail.record(tx, actor, "second_factor_set")
            return _renew_codes(tx, actor.user_id)

        codes = await self._writer.run(activate)
        self._sessions.note_code(actor)
        await self._sessions.end_sessions_of(actor.user_id, but=actor.session_id)
        return codes

    async def renew_recovery_codes(self, actor: Actor, code: str, address: str) -> RecoveryCodes:
        """Ten new ones; the former are void. Raises what `confirm` raises."""
        await self.confirm(actor, code, address)

        def renew(tx: Transaction) -> RecoveryCodes:
            if not store.state_of(tx.connection, actor.user_id).is_active:
                raise NoSecondFactorError
            self._trail.record(tx, actor, "recovery_codes_renewed")
            return _renew_codes(tx, actor.user_id)

        return await self._writer.run(renew)

    async def remove(self, actor: Actor, password: str, code: str, address: str) -> None:
        """Go on with the password alone, which must be long enough for that; the other sessions end.

        Raises `WrongPasswordError`, `WeakPasswordError`, and what `confirm` raises.
        """
        await self._credentials.check_password(actor.user, password, address)
        if not is_long_enough_alone(password):
            raise WeakPasswordError("Your password is long enough only together with the second factor.")
        await self.confirm(actor, code, address)

        def remove(tx: Transaction) -> None:
            store.remove_factor(tx, actor.user_id)
            self._trail.record(tx, actor, "second_factor_removed")

        await self._writer.run(remove)
        await self._sessions.end_sessions_of(actor.user_id, but=actor.session_id)

    async def reset(self, actor: Actor, name: str) -> None:
        """Somebody else has lost phone and recovery codes: the factor is gone, the sessions end.

        Raises `UnknownUserError`, `NoSecondFactorError`, and `NotPermittedError` for the own account, or an administrator at an owner's.
        """

        def reset(tx: Transaction) -> str:
            user = users.user_to_change(tx, actor, name)
            if user.id == actor.user_id:
                raise NotPermittedError
            if not store.state_of(tx.connection, user.id).is_active:
                raise NoSecondFactorError
            store.remove_factor(tx, user.id)
            self._trail.record(tx, actor, "second_factor_reset", detail=user.id)
            return str(user.id)

        await self._sessions.end_sessions_of(await self._writer.run(reset))

    def _take(self, tx: Transaction, user: Any, code: str) -> bool:
        row = store.factor_of(tx, user.id)
        if row is None or row.active_since is None:
            return False
        if model.typed_digits(code) is not None:
            return self._take_digits(tx, row, code)
        is_right = store.take_recovery_code(tx, user.id, code)
        if is_right:
            self._trail.record(tx, _account(user), "recovery_code_used")
        return is_right

    def _take_digits(self, tx: Transaction, row: Any, code: str) -> bool:
        """Whether it is a code of the app that was not used yet; from now on it was, and those before it count no more."""
        digits = model.typed_digits(code)
        secret = self._seal.open(row.sealed_secret, row.user_id)
        step = model.matching_step(secret, digits, tx.now, after=row.last_step) if digits else None
        if step is None:
            return False
        store.keep_step(tx, row.user_id, step)
        return True


def _renew_codes(tx: Transaction, user_id: str) -> RecoveryCodes:
    codes = [new_code(model.RECOVERY_CODE_GROUPS) for _ in range(model.RECOVERY_CODES)]
    store.keep_recovery_codes(tx, user_id, codes)
    return RecoveryCodes(codes)


def _account(user: Any) -> Actor:
    """The account that a code was tried on, who by nobody knows."""
    return Actor(user_id=user.id, user="", roles=frozenset(), session_id="")
