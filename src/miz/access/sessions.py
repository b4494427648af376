"""Sessions: who is signed in where.

A session is a random token of which only the hash is stored. Live sessions are held in memory, so finding one costs
no query; what ends a session ends it there in the same moment. Without input a browser's session locks its screen:
the work and the lease stay, nothing is shown until the password is given again.
"""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from msgspec import structs
from sqlalchemy import insert, select, update

from miz.access import users, workplaces
from miz.access.audit.service import AuditTrail
from miz.access.errors import ScreenLockedError, TooManyAttemptsError, UserDisabledError, WrongPasswordError
from miz.access.tables import room, user_account, user_session, workplace
from miz.access.users import PasswordDesk
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import Call
from miz.infra.settings import Settings
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.wire.client_protocol import Workplace

COOKIE = "miz_session"
LOCAL = Actor(user_id="local", user="local", roles=frozenset({"local"}), session_id="local")

_PER_ACCOUNT = RateLimitItemPerMinute(10)
_PER_ADDRESS = RateLimitItemPerMinute(60)
_NOBODY = Actor(user_id="", user="", roles=frozenset(), session_id="")
_LOOPBACK = {"127.0.0.1", "::1", ""}


@dataclass(slots=True)
class LiveSession:
    """A session in memory; `active_s` is the steady time of the last input."""

    actor: Actor
    token_hash: bytes
    expires_at: datetime
    active_s: float
    is_locked: bool = False


class Sessions:
    """All live sessions of one server. To be used in the event loop."""

    def __init__(
        self, database: PracticeDatabase, writer: Writer, trail: AuditTrail, *, clock: Clock, settings: Settings, local_token: str
    ) -> None:
        self._database = database
        self._writer = writer
        self._trail = trail
        self._clock = clock
        self._settings = settings
        self._passwords = PasswordDesk()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._local_hash = _hash_of(local_token)
        self._by_hash: dict[bytes, LiveSession] = {}
        self._at_end: list[Callable[[Transaction, str], None]] = []

    def at_end(self, follow: Callable[[Transaction, str], None]) -> None:
        """Have `follow(transaction, session_id)` run in the transaction that ends a session."""
        self._at_end.append(follow)

    def load(self) -> None:
        """Take up the sessions that were live when the server stopped."""
        joined = select(
            user_session.c.id, user_session.c.token_hash, user_session.c.expires_at, user_account.c.id.label("user_id"), user_account.c.name,
            user_account.c.roles, workplace.c.id.label("workplace_id"), workplace.c.name.label("workplace"), room.c.name.label("room"),
        ).select_from(user_session.join(user_account).outerjoin(workplace).outerjoin(room))  # fmt: skip
        live = joined.where(
            user_session.c.ended_at.is_(None), user_session.c.expires_at > self._clock.now(), user_account.c.is_disabled.is_(False)
        )
        for row in self._database.reader().execute(live):
            place = Workplace(row.workplace_id, row.workplace, row.room) if row.workplace_id else None
            actor = _actor(row.user_id, row.name, row.roles, row.id, place)
            self._by_hash[row.token_hash] = LiveSession(actor, row.token_hash, row.expires_at, self._clock.steady_s())

    def identify(self, call: Call, *, is_open_while_locked: bool) -> tuple[Actor | None, bool]:
        """The actor of a call and whether a cookie named it; see `infra.http.Gate`.

        Calls that are open while locked, or that a page makes by itself (`Miz-Background`), are no input of a person.
        """
        authorization = call.header("authorization")
        if authorization is not None:
            token_hash = _hash_of(authorization.removeprefix("Bearer ").strip())
            if secrets.compare_digest(token_hash, self._local_hash):
                return LOCAL, False
            session = self._live(token_hash)
            return (session.actor if session else None), False
        token = call.cookie(COOKIE)
        session = self._live(_hash_of(token)) if token else None
        if session is None:
            return None, False
        now = self._clock.steady_s()
        if now - session.active_s > self._settings.idle_lock_min * 60:
            session.is_locked = True
        if not is_open_while_locked:
            if session.is_locked:
                raise ScreenLockedError
            if call.header("miz-background") is None:
                session.active_s = now
        return session.actor, True

    async def sign_in(self, *, name: str, password: str, place: str | None, address: str) -> tuple[str, Actor]:
        """Start a session: the token for the client, and who it is.

        Raises `WrongPasswordError`, `TooManyAttemptsError`, `UnknownWorkplaceError`.
        """
        await self._check_password(name, password, address)
        where = workplaces.find_workplace(self._database.reader(), place) if place else None
        token = secrets.token_urlsafe(32)

        def store(tx: Transaction) -> Actor:
            # Read again: while the password was compared, the account may have been switched off or got other roles.
            user = users.find_user(tx.connection, name)
            if not _may_sign_in(user, address):
                raise UserDisabledError
            actor = _actor(user.id, user.name, user.roles, str(uuid.uuid4()), where)
            session = LiveSession(actor, _hash_of(token), tx.now + timedelta(hours=self._settings.session_h), self._clock.steady_s())
            tx.connection.execute(
                insert(user_session).values(
                    id=actor.session_id, token_hash=session.token_hash, user_id=user.id, workplace_id=actor.workplace_id,
                    started_at=tx.now, expires_at=session.expires_at,
                )
            )  # fmt: skip
            tx.connection.execute(update(user_account).where(user_account.c.id == user.id).values(failures_in_row=0, is_disabled=False))
            self._trail.record(tx, actor, "signed_in", detail=address)
            tx.after_commit(lambda: self._by_hash.update({session.token_hash: session}))
            return actor

        return token, await self._writer.run(store)

    async def unlock(self, actor: Actor, password: str, address: str) -> None:
        """Go on with a locked session by its own user's password. Raises `WrongPasswordError`, `TooManyAttemptsError`."""
        await self._check_password(actor.user, password, address)
        await self._writer.run(lambda tx: self._trail.record(tx, actor, "unlocked"))
        for session in self._by_hash.values():
            if session.actor.session_id == actor.session_id:
                session.is_locked, session.active_s = False, self._clock.steady_s()

    def lock(self, actor: Actor) -> None:
        """Lock the screen at once; session and lease stay."""
        for session in self._by_hash.values():
            if session.actor.session_id == actor.session_id:
                session.is_locked = True

    async def sign_out(self, actor: Actor) -> None:
        """End a session; its applications end with it and free their patients."""
        await self._end([session for session in self._by_hash.values() if session.actor.session_id == actor.session_id], "signed_out")

    async def end_sessions_of(self, user_id: str) -> None:
        """End all sessions of a user at once, as when the account is switched off."""
        await self._end([session for session in self._by_hash.values() if session.actor.user_id == user_id], "session_ended")

    async def end_expired(self) -> None:
        """End the sessions whose time is over."""
        now = self._clock.now()
        await self._end([session for session in self._by_hash.values() if session.expires_at <= now], "session_expired")

    async def hash_password(self, password: str) -> str:
        return await self._passwords.hash(password)

    async def _end(self, sessions: list[LiveSession], action: str) -> None:
        if not sessions:
            return
        for session in sessions:
            self._by_hash.pop(session.token_hash, None)

        def end(tx: Transaction) -> None:
            for session in sessions:
                session_id = session.actor.session_id
                tx.connection.execute(update(user_session).where(user_session.c.id == session_id).values(ended_at=tx.now))
                self._trail.record(tx, session.actor, action)
                for follow in self._at_end:
                    follow(tx, session_id)

        await self._writer.run(end)

    def _live(self, token_hash: bytes) -> LiveSession | None:
        session = self._by_hash.get(token_hash)
        if session is None or session.expires_at <= self._clock.now():
            return None
        return session

    async def _check_password(self, name: str, password: str, address: str) -> None:
        # From the server itself there is a window of its own, so that a stranger's guessing never locks the owner out.
        origin = "here" if address in _LOOPBACK else "network"
        account = name.strip().casefold()
        may_try = self._limiter.hit(_PER_ACCOUNT, "account", origin, account) and (
            origin == "here" or self._limiter.hit(_PER_ADDRESS, "address", address)
        )
        if not may_try:
            raise TooManyAttemptsError(retry_after_s=60)
        user = users.find_user(self._database.reader(), name)
        if not await self._passwords.fits(user.password_hash if user else None, password):
            await self._writer.run(lambda tx: self._keep_refusal(tx, user, address, is_guess=True))
            raise WrongPasswordError
        if not _may_sign_in(user, address):
            await self._writer.run(lambda tx: self._keep_refusal(tx, user, address, is_guess=False))
            raise UserDisabledError

    def _keep_refusal(self, tx: Transaction, user: Any, address: str, *, is_guess: bool) -> None:
        """The audit trail names the account if there is one, never what was typed: that may be a password."""
        if user is not None and is_guess:
            users.count_failure(tx, user.id)
        self._trail.record(tx, structs.replace(_NOBODY, user_id=user.id if user else ""), "sign_in_refused", detail=address)


def _may_sign_in(user: Any, address: str) -> bool:
    """Guessing from the network switches an account off, but never the owner who stands at the server."""
    is_guessed_off = user.failures_in_row >= users.FAILURES_UNTIL_DISABLED
    return not user.is_disabled or (address in _LOOPBACK and "owner" in user.roles and is_guessed_off)


def _actor(user_id: str, name: str, roles: list[str], session_id: str, place: Workplace | None) -> Actor:
    return Actor(
        user_id=user_id, user=name, roles=frozenset(roles), session_id=session_id,
        workplace_id=place.id if place else None, workplace=place.name if place else "", room=place.room if place else None,
    )  # fmt: skip


def _hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
