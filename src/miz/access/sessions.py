"""Sessions: who is signed in where.

A session is a random token of which only the hash is stored. Live sessions are held in memory, so finding one costs
no query; what ends a session ends it there in the same moment. Without input a browser's session locks its screen:
the work and the lease stay, nothing is shown until the password is given again.
"""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from msgspec import structs
from sqlalchemy import insert, select, update

from miz.access.audit.service import AuditTrail
from miz.access.codes import new_token, token_hash
from miz.access.credentials import Credentials
from miz.access.errors import ScreenLockedError, SessionNotFoundError
from miz.access.tables import room, user_account, user_session, workplace
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import Call
from miz.infra.settings import Settings
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import NotSignedInError
from miz.wire.client_protocol import Workplace

COOKIE = "miz_session"
LOCAL = Actor(user_id="local", user="local", roles=frozenset({"local"}), session_id="local")


@dataclass(slots=True)
class LiveSession:
    """A session in memory. `ends_s`, its end, `active_s`, the last input, and `code_s`, the last code of the second factor, are steady
    time: wall clocks jump.
    """

    actor: Actor
    token_hash: bytes
    started_at: datetime
    ends_s: float
    active_s: float
    is_locked: bool = False
    is_lock_stored: bool = False
    is_in_browser: bool = False
    code_s: float | None = None


class Sessions:
    """All live sessions of one server. To be used in the event loop; methods with `tx` run in the writer."""

    def __init__(
        self, database: PracticeDatabase, writer: Writer, trail: AuditTrail, credentials: Credentials, *, clock: Clock, settings: Settings,
        local_token: str,
    ) -> None:  # fmt: skip
        self._database = database
        self._writer = writer
        self._trail = trail
        self._credentials = credentials
        self._clock = clock
        self._settings = settings
        self._local_hash = token_hash(local_token)
        self._by_hash: dict[bytes, LiveSession] = {}
        self._at_end: list[Callable[[Transaction, str], None]] = []
        self._at_hand_over: list[Callable[[Transaction, str, Actor], None]] = []
        self._at_move: list[Callable[[Transaction, Workplace, Workplace], None]] = []

    def at_end(self, follow: Callable[[Transaction, str], None]) -> None:
        """Have `follow(transaction, session_id)` run in the transaction that ends a session."""
        self._at_end.append(follow)

    def at_hand_over(self, follow: Callable[[Transaction, str, Actor], None]) -> None:
        """Have `follow(transaction, session_id, to)` run in the transaction that gives a session's windows to another user."""
        self._at_hand_over.append(follow)

    def at_move(self, follow: Callable[[Transaction, Workplace, Workplace], None]) -> None:
        """Have `follow(transaction, before, after)` run in the transaction that names or places a workplace anew."""
        self._at_move.append(follow)

    def load(self) -> None:
        """Take up the sessions that were live when the server stopped."""
        joined = select(
            user_session.c.id, user_session.c.token_hash, user_session.c.started_at, user_session.c.expires_at, user_session.c.device_id,
            user_session.c.is_locked,
            user_account.c.id.label("user_id"), user_account.c.name, user_account.c.roles,
            workplace.c.id.label("workplace_id"), workplace.c.name.label("workplace"), room.c.name.label("room"),
        ).select_from(user_session.join(user_account).outerjoin(workplace, user_session.c.workplace_id == workplace.c.id).outerjoin(room))  # fmt: skip
        live = joined.where(
            user_session.c.ended_at.is_(None), user_session.c.expires_at > self._clock.now(), user_account.c.is_disabled.is_(False)
        )
        for row in self._database.reader().execute(live):
            place = Workplace(row.workplace_id, row.workplace, row.room) if row.workplace_id else None
            actor = _actor(row.user_id, row.name, row.roles, row.id, place, row.device_id)
            self._by_hash[row.token_hash] = LiveSession(
                actor, row.token_hash, row.started_at, self._end_of(row.expires_at, self._clock.now()), self._clock.steady_s(),
                is_locked=row.is_locked, is_lock_stored=row.is_locked, is_in_browser=row.is_locked,
            )  # fmt: skip

    def identify(self, call: Call, *, is_open_while_locked: bool) -> tuple[Actor | None, bool]:
        """The actor of a call and whether a cookie named it; see `infra.http.Gate`.

        Calls that are open while locked, or that a page makes by itself (`Miz-Background`), are no input of a person.
        """
        authorization = call.header("authorization")
        if authorization is not None:
            shown = token_hash(authorization.removeprefix("Bearer ").strip())
            if secrets.compare_digest(shown, self._local_hash):
                return _local_actor(call.header("miz-local-user")), False
            session = self._live(shown)
        else:
            shown_by_browser = call.own_cookie(COOKIE)
            session = self._live(token_hash(shown_by_browser)) if shown_by_browser else None
        if session is None:
            return None, False
        session.is_in_browser |= authorization is None
        # A browser's token is not free of the lock because somebody shows it as a program would.
        if session.is_in_browser:
            self._keep_lock(session, call, is_open_while_locked=is_open_while_locked)
        return session.actor, authorization is None

    def _keep_lock(self, session: LiveSession, call: Call, *, is_open_while_locked: bool) -> None:
        """Lock the screen after its time without input; raise `ScreenLockedError` for what is not open then."""
        now = self._clock.steady_s()
        session.is_locked |= self._is_idle(session)
        if not is_open_while_locked:
            if session.is_locked:
                raise ScreenLockedError
            if call.header("miz-background") is None:
                session.active_s = now

    def _is_idle(self, session: LiveSession) -> bool:
        return self._clock.steady_s() - session.active_s > self._settings.idle_lock_min * 60

    async def store_locks(self) -> None:
        """Have the screens that are locked by now be so after a restart, too."""
        for session in self._by_hash.values():
            session.is_locked |= session.is_in_browser and self._is_idle(session)
        fresh = [session for session in self._by_hash.values() if session.is_locked and not session.is_lock_stored]
        if not fresh:
            return
        ids = [session.actor.session_id for session in fresh]
        await self._writer.run(lambda tx: _store_lock(tx, ids, is_locked=True))
        for session in fresh:
            session.is_lock_stored = session.is_locked
        # Who has unlocked meanwhile may have been written before.
        if unlocked := [session.actor.session_id for session in fresh if not session.is_locked]:
            await self._writer.run(lambda tx: _store_lock(tx, unlocked, is_locked=False))

    def begin(
        self, tx: Transaction, user: Any, place: Workplace | None, device_id: str | None, expires_at: datetime, *, has_code: bool = False
    ) -> tuple[str, Actor]:
        """A new session of the user whose row is given: its token for the client, and who it is.

        `device_id` is that of a registered workplace; `has_code`: a code of the second factor was given just now.
        """
        token = new_token()
        actor = _actor(user.id, user.name, user.roles, str(uuid.uuid4()), place, device_id)
        session = LiveSession(actor, token_hash(token), tx.now, self._end_of(expires_at, tx.now), self._clock.steady_s())
        session.code_s = self._clock.steady_s() if has_code else None
        tx.connection.execute(
            insert(user_session).values(
                id=actor.session_id, token_hash=session.token_hash, user_id=actor.user_id, workplace_id=actor.workplace_id,
                device_id=actor.device_id, started_at=tx.now, expires_at=expires_at,
            )
        )  # fmt: skip
        tx.after_commit(lambda: self._by_hash.update({session.token_hash: session}))
        return token, actor

    def note_code(self, actor: Actor) -> None:
        """A code of the second factor was given in this session just now."""
        for session in self._of(session_id=actor.session_id):
            session.code_s = self._clock.steady_s()

    def has_recent_code(self, actor: Actor, within_s: float) -> bool:
        """Whether a code was given in this session within that time; a restart of the server forgets it."""
        given = (session.code_s for session in self._of(session_id=actor.session_id))
        return any(code_s is not None and self._clock.steady_s() - code_s <= within_s for code_s in given)

    async def unlock(self, actor: Actor, password: str, address: str) -> None:
        """Go on with a locked session by its own user's password. Raises `WrongPasswordError`, `TooManyAttemptsError`."""
        await self._credentials.check_password(actor.user, password, address)

        def go_on(tx: Transaction) -> None:
            _store_lock(tx, [actor.session_id], is_locked=False)
            self._trail.record(tx, actor, "unlocked")

        await self._writer.run(go_on)
        for session in self._by_hash.values():
            if session.actor.session_id == actor.session_id:
                session.is_locked, session.is_lock_stored, session.active_s = False, False, self._clock.steady_s()

    def lock(self, actor: Actor) -> None:
        """Lock the screen at once; session and lease stay."""
        for session in self._by_hash.values():
            if session.actor.session_id == actor.session_id:
                session.is_locked = True

    def hand_over(self, tx: Transaction, former: Actor, user: Any, expires_at: datetime, *, with_windows: bool) -> tuple[str, Actor]:
        """A new session for `user` in place of `former`: its token, and who it is.

        With its windows it takes over what they have open; without, they end as at a sign-out. Raises `NotSignedInError`.
        """
        if not _mark_ended(tx, former.session_id):
            raise NotSignedInError
        place = Workplace(former.workplace_id, former.workplace, former.room) if former.workplace_id else None
        token, actor = self.begin(tx, user, place, former.device_id, expires_at)
        for follow in self._at_hand_over if with_windows else []:
            follow(tx, former.session_id, actor)
        for end in [] if with_windows else self._at_end:
            end(tx, former.session_id)

        def forget() -> None:
            for session in self._of(session_id=former.session_id):
                self._by_hash.pop(session.token_hash, None)

        tx.after_commit(forget)
        return token, actor

    def of_user(self, user_id: str) -> list[LiveSession]:
        """The live sessions of a user, the newest first."""
        now_s = self._clock.steady_s()
        own = [session for session in self._of(user_id=user_id) if session.ends_s > now_s]
        return sorted(own, key=lambda session: session.started_at, reverse=True)

    def ends_at(self, session: LiveSession) -> datetime:
        """When the session ends whatever happens, for display."""
        return self._clock.now() + timedelta(seconds=session.ends_s - self._clock.steady_s())

    def is_somebody_at(self, workplace_id: str) -> bool:
        """Whether a live session belongs to the workplace."""
        return bool(self._of(workplace_id=workplace_id))

    async def sign_out(self, actor: Actor) -> None:
        """End a session; its applications end with it and free their patients."""
        await self._end(self._of(session_id=actor.session_id), "signed_out")

    async def end_own(self, actor: Actor, session_id: str) -> None:
        """End a session of the actor, here or elsewhere. Raises `SessionNotFoundError`."""
        found = self._of(session_id=session_id, user_id=actor.user_id)
        if not found:
            raise SessionNotFoundError
        await self._end(found, "signed_out")

    async def end_sessions_of(self, user_id: str, *, but: str = "") -> None:
        """End all sessions of a user at once, as when the account is switched off; `but` one may stay."""
        await self._end([session for session in self._of(user_id=user_id) if session.actor.session_id != but], "session_ended")

    async def end_sessions_at(self, device_id: str) -> None:
        """End all sessions at a registered workplace at once."""
        await self._end(self._of(device_id=device_id), "session_ended")

    async def end_expired(self) -> None:
        """End the sessions whose time is over."""
        now_s = self._clock.steady_s()
        await self._end([session for session in self._by_hash.values() if session.ends_s <= now_s], "session_expired")

    def move(self, tx: Transaction, before: Workplace, after: Workplace) -> None:
        """The workplace has another name or room; who is signed in there is found there from now on."""
        for follow in self._at_move:
            follow(tx, before, after)

        def rename() -> None:
            for session in self._of(workplace_id=after.id):
                session.actor = structs.replace(session.actor, workplace=after.name, room=after.room)

        tx.after_commit(rename)

    def _end_of(self, expires_at: datetime, now: datetime) -> float:
        """The steady time of an end that is stored as an instant; a whole session from now at most, should a clock have been wrong."""
        return self._clock.steady_s() + min((expires_at - now).total_seconds(), self._settings.session_h * 3_600)

    async def _end(self, sessions: list[LiveSession], action: str) -> None:
        if not sessions:
            return
        for session in sessions:
            self._by_hash.pop(session.token_hash, None)

        def end(tx: Transaction) -> None:
            for session in sessions:
                _mark_ended(tx, session.actor.session_id)
                self._trail.record(tx, session.actor, action)
                for follow in self._at_end:
                    follow(tx, session.actor.session_id)

        await self._writer.run(end)

    def _of(self, **wanted: str) -> list[LiveSession]:
        """The sessions whose actors are so."""
        # A copy: the writer may ask while the event loop adds one.
        return [
            session
            for session in list(self._by_hash.values())
            if all(getattr(session.actor, name) == value for name, value in wanted.items())
        ]

    def _live(self, shown: bytes) -> LiveSession | None:
        session = self._by_hash.get(shown)
        if session is None or session.ends_s <= self._clock.steady_s():
            return None
        return session


def _store_lock(tx: Transaction, session_ids: list[str], *, is_locked: bool) -> None:
    tx.connection.execute(update(user_session).where(user_session.c.id.in_(session_ids)).values(is_locked=is_locked))


def _mark_ended(tx: Transaction, session_id: str) -> bool:
    """Whether the session was live until now."""
    live = (user_session.c.id == session_id, user_session.c.ended_at.is_(None))
    return tx.connection.execute(update(user_session).where(*live).values(ended_at=tx.now)).rowcount == 1


def end_every_session(tx: Transaction) -> None:
    """For rows of another time, brought back: whoever was signed in then is not any more."""
    tx.connection.execute(update(user_session).where(user_session.c.ended_at.is_(None)).values(ended_at=tx.now))


def _local_actor(os_user: str | None) -> Actor:
    """The command line, with the account of the operating system that its program says it runs under."""
    return structs.replace(LOCAL, user_id=f"local:{unquote(os_user)}"[:36]) if os_user else LOCAL


def _actor(user_id: str, name: str, roles: list[str], session_id: str, place: Workplace | None, device_id: str | None) -> Actor:
    return Actor(
        user_id=user_id, user=name, roles=frozenset(roles), session_id=session_id, workplace_id=place.id if place else None,
        workplace=place.name if place else "", room=place.room if place else None, device_id=device_id,
    )  # fmt: skip
