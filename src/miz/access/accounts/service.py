"""What is done to users, and what users do to their own account."""

from datetime import datetime, timedelta
from typing import Any

from miz.access import users
from miz.access.accounts.model import CODE_VALID, AddedUser, NewUser, OneTimeCode, OwnSession
from miz.access.audit.service import AuditTrail
from miz.access.codes import new_code
from miz.access.credentials import Credentials, may_sign_in
from miz.access.errors import UnregisteredWorkplaceError, WrongCodeError, WrongPasswordError, WrongPinError
from miz.access.passwords import check_password_rule, check_pin_rule
from miz.access.roles import READ_PATIENT
from miz.access.second_factor.queries import has_second_factor
from miz.access.sessions import Sessions
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.infra.settings import Settings
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import NotPermittedError

_CODE_GROUPS = 4


class Accounts:
    """The accounts of one server. To be used in the event loop."""

    def __init__(
        self, sessions: Sessions, credentials: Credentials, writer: Writer, trail: AuditTrail, *, reader: Reader, clock: Clock,
        settings: Settings, practice: str,
    ) -> None:  # fmt: skip
        self._sessions = sessions
        self._credentials = credentials
        self._writer = writer
        self._trail = trail
        self._reader = reader
        self._clock = clock
        self._pin_day = timedelta(hours=settings.session_h)
        self._practice = practice

    async def add_user(self, actor: Actor, wanted: NewUser) -> AddedUser:
        """A user with a password, or with a one-time code to set one.

        Raises `NotPermittedError`, `WeakPasswordError`, `UserExistsError`, `InvalidInputError`.
        """
        users.check_may_change(actor, wanted.roles)
        password_hash = users.NO_PASSWORD
        if wanted.password is not None:
            check_password_rule(wanted.password, wanted.name, self._practice)
            password_hash = await self._credentials.hash(wanted.password)

        def add(tx: Transaction) -> AddedUser:
            user_id = users.add_user(tx, name=wanted.name, roles=wanted.roles, password_hash=password_hash)
            roles = sorted(set(wanted.roles))
            self._trail.record(tx, actor, "user_added", detail=f"{user_id} {','.join(roles)}")
            code = None if password_hash else self._issue(tx, actor, user_id)
            return AddedUser(user_id, wanted.name.strip(), roles, is_disabled=False, one_time_code=code)

        return await self._writer.run(add)

    async def issue_code(self, actor: Actor, name: str) -> OneTimeCode:
        """A one-time code instead of a forgotten password, which is void from now on, as is the PIN; the sessions end.

        Raises `UnknownUserError`, and `NotPermittedError` also for the own account: there the old password is asked for.
        """

        def issue(tx: Transaction) -> tuple[str, OneTimeCode]:
            user = users.user_to_change(tx, actor, name)
            if user.id == actor.user_id:
                raise NotPermittedError
            return user.id, self._issue(tx, actor, user.id)

        user_id, code = await self._writer.run(issue)
        await self._sessions.end_sessions_of(user_id)
        return code

    async def set_roles(self, actor: Actor, name: str, roles: list[str]) -> None:
        """Other roles; the sessions end, so that nothing goes on under the former ones.

        Raises `UnknownUserError`, `LastOwnerError`, `InvalidInputError`, and `NotPermittedError` for an administrator who
        touches an owner, makes one, or means the own account.
        """

        def change(tx: Transaction) -> str:
            user = users.user_to_change(tx, actor, name)
            users.check_may_change(actor, roles)
            if user.id == actor.user_id and "owner" not in actor.roles:
                raise NotPermittedError
            self._trail.record(tx, actor, "roles_changed", detail=f"{user.id} {','.join(users.set_roles(tx, user, roles))}")
            return str(user.id)

        await self._sessions.end_sessions_of(await self._writer.run(change))

    async def set_disabled(self, actor: Actor, name: str, *, is_disabled: bool) -> None:
        """Switch a user off, which ends the sessions, or on again.

        Raises `UnknownUserError`, `LastOwnerError`, and `NotPermittedError` for an administrator who means an owner or the own account.
        """

        def switch(tx: Transaction) -> str:
            if users.user_to_change(tx, actor, name).id == actor.user_id and "owner" not in actor.roles:
                raise NotPermittedError
            user_id = users.set_user_disabled(tx, name, is_disabled=is_disabled)
            self._trail.record(tx, actor, "user_disabled" if is_disabled else "user_enabled", detail=user_id)
            return user_id

        user_id = await self._writer.run(switch)
        if is_disabled:
            await self._sessions.end_sessions_of(user_id)

    async def set_first_password(self, name: str, code: str, password: str, address: str) -> None:
        """Use a one-time code. Raises `WrongCodeError`, `TooManyAttemptsError`, `WeakPasswordError`."""
        await self._credentials.check_code(name, code, address)
        known = users.find_user(self._reader(), name)
        has_factor = known is not None and has_second_factor(self._reader(), known.id)
        check_password_rule(password, name, self._practice, has_second_factor=has_factor)
        password_hash = await self._credentials.hash(password)

        def use(tx: Transaction) -> None:
            user = users.find_user(tx.connection, name)
            if not users.has_code(user, code, tx.now) or not may_sign_in(user, address):
                raise WrongCodeError
            users.set_password(tx, user.id, password_hash)
            self._trail.record(tx, _self(user), "code_used", detail=address)

        await self._writer.run(use)

    async def change_password(self, actor: Actor, old_password: str, password: str, address: str) -> None:
        """The own password; the other sessions end. Raises `WrongPasswordError`, `TooManyAttemptsError`, `WeakPasswordError`."""
        has_factor = has_second_factor(self._reader(), actor.user_id)
        check_password_rule(password, actor.user, self._practice, has_second_factor=has_factor)
        await self._credentials.check_password(actor.user, old_password, address)
        password_hash = await self._credentials.hash(password)

        def change(tx: Transaction) -> None:
            # Read again: meanwhile a one-time code may have made the password void.
            if users.user_of(tx.connection, actor.user_id).password_hash == users.NO_PASSWORD:
                raise WrongPasswordError
            users.set_password(tx, actor.user_id, password_hash)
            self._trail.record(tx, actor, "password_changed")

        await self._writer.run(change)
        await self._sessions.end_sessions_of(actor.user_id, but=actor.session_id)

    async def set_pin(self, actor: Actor, password: str, pin: str, address: str) -> None:
        """The own PIN. Raises `WrongPasswordError`, `TooManyAttemptsError`, `WeakPinError`."""
        check_pin_rule(pin)
        await self._credentials.check_password(actor.user, password, address)
        pin_hash = await self._credentials.hash(pin)

        def change(tx: Transaction) -> None:
            users.set_pin(tx, actor.user_id, pin_hash)
            self._trail.record(tx, actor, "pin_set")

        await self._writer.run(change)

    async def remove_pin(self, actor: Actor) -> None:
        """Go on without a PIN."""

        def change(tx: Transaction) -> None:
            users.set_pin(tx, actor.user_id, None)
            self._trail.record(tx, actor, "pin_removed")

        await self._writer.run(change)

    def own_sessions(self, actor: Actor) -> list[OwnSession]:
        """Where the actor is signed in, the newest first."""
        return [
            OwnSession(
                session.actor.session_id, session.actor.place, session.actor.device_id is not None, session.started_at, self._sessions.ends_at(session),
                session.actor.session_id == actor.session_id,
            )
            for session in self._sessions.of_user(actor.user_id)
        ]  # fmt: skip

    async def end_session(self, actor: Actor, session_id: str) -> None:
        """End one of the own sessions, here or elsewhere. Raises `SessionNotFoundError`."""
        await self._sessions.end_own(actor, session_id)

    def ready_for_change(self, present: Actor) -> list[str]:
        """The names of those who may come to a registered workplace by PIN now; who is there already stands last."""
        now = self._clock.now()
        ready = [user for user in users.all_users(self._reader()) if self._is_ready(user, now)]
        return [user.name for user in sorted(ready, key=lambda user: user.id == present.user_id)]

    async def change_user(self, former: Actor, name: str, pin: str, address: str) -> str:
        """Another user takes the place: a new session with the windows of the former one, which ends. Returns its token.

        What is open stays open, with its lease and token; only where the new user may not read patients the windows end.
        Raises `UnregisteredWorkplaceError`, `WrongPinError`, `TooManyAttemptsError`, `NotSignedInError`.
        """
        if former.device_id is None:
            raise UnregisteredWorkplaceError
        user = users.find_user(self._reader(), name)
        await self._credentials.check_pin(name, user if self._is_ready(user, self._clock.now()) else None, pin, address)

        def take_place(tx: Transaction) -> str:
            # Read again: meanwhile the PIN may have come to rest, or the account been switched off.
            user = users.find_user(tx.connection, name)
            if not self._is_ready(user, tx.now):
                raise WrongPinError
            until = user.password_used_at + self._pin_day
            token, actor = self._sessions.hand_over(tx, former, user, until, with_windows=not READ_PATIENT.isdisjoint(user.roles))
            users.forgive_wrong_pins(tx, user.id)
            self._trail.record(tx, actor, "user_changed", detail=former.user_id)
            return token

        return await self._writer.run(take_place)

    def _is_ready(self, user: Any, now: datetime) -> bool:
        """Whether the user's PIN counts at this moment."""
        return (
            user is not None
            and not user.is_disabled
            and user.pin_hash is not None
            and user.pin_failures < users.PIN_FAILURES_UNTIL_VOID
            and user.password_used_at is not None
            and user.password_used_at <= now < user.password_used_at + self._pin_day
        )

    def _issue(self, tx: Transaction, actor: Actor, user_id: str) -> OneTimeCode:
        code = OneTimeCode(new_code(_CODE_GROUPS), tx.now + CODE_VALID)
        users.set_code(tx, user_id, code.code, code.valid_until)
        self._trail.record(tx, actor, "code_issued", detail=user_id)
        return code


def _self(user: Any) -> Actor:
    """The user who acts before there is a session."""
    return Actor(user.id, user.name, frozenset(user.roles), "")
