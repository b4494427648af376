"""Client applications and their signs of life.

Announcing an application is stored, so that its lease survives a restart of the server; heartbeats are not. After a
start every application counts as seen just now, which gives each stored lease one full lease time.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.practice.errors import ApplicationDisconnectedError, ApplicationNotFoundError
from miz.practice.tables import client_application
from miz.wire.client_protocol import RegisterApplication, Workplace

LEAVING_GRACE_S = 3.0
LEASE_INTERVALS = 4
DISCONNECTED_REMEMBERED = 1_000


@dataclass(slots=True)
class LiveApplication:
    """An application in memory; `seen_s` is the steady time of its last sign of life.

    `ended`: the patient whose opening here was ended from the console, until the window opens one again.
    """

    id: str
    kind: str
    session_id: str
    user_id: str
    user: str
    workplace: str
    room: str | None
    version: str
    seen_s: float
    seen_at: datetime
    leaving_since_s: float | None = None
    ended: str = ""

    @property
    def place(self) -> str:
        return self.room or self.workplace


class Presence:
    """All applications of one server. Changed in the event loop only; the writer may read."""

    def __init__(self, broker: EventBroker, *, clock: Clock, interval_s: int) -> None:
        self._broker = broker
        self._clock = clock
        self.interval_s = interval_s
        self._applications: dict[str, LiveApplication] = {}
        self._disconnected: OrderedDict[str, str] = OrderedDict()

    @property
    def lease_s(self) -> int:
        return self.interval_s * LEASE_INTERVALS

    def load(self, reader: Connection) -> None:
        """Take up the stored applications, each seen just now."""
        for row in reader.execute(select(client_application)):
            values = row._asdict()
            del values["registered_at"]
            self._applications[row.id] = LiveApplication(**values, seen_s=self._clock.steady_s(), seen_at=self._clock.now())

    def register(self, tx: Transaction, actor: Actor, wanted: RegisterApplication, place: Workplace | None) -> LiveApplication:
        """Announce an application; it belongs to the session that made it."""
        application = LiveApplication(
            id=str(uuid.uuid4()), kind=wanted.kind, session_id=actor.session_id, user_id=actor.user_id, user=actor.user,
            workplace=place.name if place else actor.workplace, room=place.room if place else actor.room, version=wanted.version[:40],
            seen_s=self._clock.steady_s(), seen_at=tx.now,
        )  # fmt: skip
        stored = ("id", "kind", "session_id", "user_id", "user", "workplace", "room", "version")
        tx.connection.execute(
            insert(client_application).values(**{name: getattr(application, name) for name in stored}, registered_at=tx.now)
        )

        def follow() -> None:
            self._applications[application.id] = application
            self._tell()

        tx.after_commit(follow)
        return application

    def sign_of_life(self, application_id: str, actor: Actor) -> LiveApplication:
        """Note that the application lives. Raises `ApplicationNotFoundError`."""
        application = self.of(application_id, actor)
        application.seen_s = self._clock.steady_s()
        application.seen_at = self._clock.now()
        application.leaving_since_s = None
        return application

    def leaving(self, application_id: str, actor: Actor) -> None:
        """The window says that its page is going away; unless a next page speaks within three seconds, it has closed."""
        self.of(application_id, actor).leaving_since_s = self._clock.steady_s()

    def of(self, application_id: str, actor: Actor) -> LiveApplication:
        """The application, if it belongs to the actor's session.

        Raises `ApplicationNotFoundError`, and `ApplicationDisconnectedError` where that was done from the console.
        """
        application = self._applications.get(application_id)
        if application is None or application.session_id != actor.session_id:
            if self._disconnected.get(application_id) == actor.session_id:
                raise ApplicationDisconnectedError
            raise ApplicationNotFoundError
        return application

    def disconnect(self, application_id: str) -> None:
        """Remember that this application is being ended from the console, so that its window does not come back by itself."""
        application = self._applications.get(application_id)
        if application is not None:
            self._disconnected[application_id] = application.session_id
            while len(self._disconnected) > DISCONNECTED_REMEMBERED:
                self._disconnected.popitem(last=False)

    def find(self, application_id: str) -> LiveApplication | None:
        return self._applications.get(application_id)

    def all(self) -> list[LiveApplication]:
        return list(self._applications.values())

    def is_alive(self, application_id: str) -> bool:
        """Whether a lease of this application still holds."""
        application = self._applications.get(application_id)
        if application is None:
            return False
        now = self._clock.steady_s()
        if application.leaving_since_s is not None and now - application.leaving_since_s > LEAVING_GRACE_S:
            return False
        return now - application.seen_s <= self.lease_s

    def gone(self) -> list[str]:
        """The applications whose lease time is over or that have left."""
        return [application_id for application_id in list(self._applications) if not self.is_alive(application_id)]

    def ids_of_session(self, session_id: str) -> list[str]:
        return [application.id for application in list(self._applications.values()) if application.session_id == session_id]

    def hand_over(self, tx: Transaction, from_session_id: str, to: Actor) -> None:
        """The applications of a session belong to another session and its user from now on, with what they have open."""
        of_session = client_application.c.session_id == from_session_id
        values = {"session_id": to.session_id, "user_id": to.user_id, "user": to.user}
        tx.connection.execute(update(client_application).where(of_session).values(**values))

        def follow() -> None:
            for application_id in self.ids_of_session(from_session_id):
                application = self._applications[application_id]
                application.session_id, application.user_id, application.user = to.session_id, to.user_id, to.user
            self._tell()

        tx.after_commit(follow)

    def move(self, tx: Transaction, before: Workplace, after: Workplace) -> None:
        """A workplace has another name or room; its applications are found there from now on."""
        at_place = client_application.c.workplace == before.name
        tx.connection.execute(update(client_application).where(at_place).values(workplace=after.name, room=after.room))

        def follow() -> None:
            for application in self._applications.values():
                if application.workplace == before.name:
                    application.workplace, application.room = after.name, after.room
            self._tell()

        tx.after_commit(follow)

    def remove(self, tx: Transaction, application_ids: Iterable[str]) -> None:
        """Forget applications; their leases must have been released in the same transaction."""
        gone = list(application_ids)
        tx.connection.execute(delete(client_application).where(client_application.c.id.in_(gone)))

        def follow() -> None:
            for application_id in gone:
                self._applications.pop(application_id, None)
            self._tell()

        tx.after_commit(follow)

    def _tell(self) -> None:
        self._broker.publish([Event("applications")])
