"""One user for each role alone, and everything that is nobody; each as the headers that a request of theirs shows."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from miz.access import users
from miz.access.roles import ROLES
from miz.access.sessions import LOCAL
from miz.access.tables import user_account
from miz.access.workplaces.rows import find_workplace
from miz.infra.db.schema import metadata
from miz.infra.db.writer import Transaction
from miz.practice.patients.service import Records
from miz.wire.client_protocol import NewPatient
from tests.security.wire import Wire
from tests.support.displays import paired
from tests.support.practice import PASSWORD, ServerThread

OWN_PAGE = {"sec-fetch-site": "same-origin"}
# What a refused request may leave behind: that it was refused. And what changes by itself: the sign of life of the active server.
NOT_COMPARED = {"user_session", "audit_entry", "audit_checkpoint", "active_server"}


def user_name(role: str) -> str:
    return f"Nur {role}"


@dataclass
class Site:
    """A running practice server, and who may come to its door. `number` counts what was made, so that nothing has a name twice."""

    server: ServerThread
    session_cookie: str = ""
    device_cookie: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    number: int = 0
    _password_hash: str = ""

    def open(self) -> None:
        """Make the users, and learn from the server's own answers what its cookies are called."""

        def add(tx: Transaction) -> str:
            known = tx.connection.execute(select(user_account.c.password_hash)).scalars().first()
            for role in ROLES:
                users.add_user(tx, name=user_name(role), roles=[role], password_hash=known or "")
            return str(known)

        self._password_hash = self.server.write(add)
        self.session_cookie, self.device_cookie = asyncio.run(self._cookie_names())

    async def _cookie_names(self) -> tuple[str, str]:
        async with Wire(self.server.url) as wire:
            answer = await wire.form("/sign-in", {"user": user_name("dentist"), "password": PASSWORD}, OWN_PAGE)
        (session_cookie,) = answer.cookies()
        # A pairing code needs setup mode; the two cookies are named by one rule.
        return session_cookie, session_cookie.replace("session", "device")

    def add_user(self, name: str, roles: Sequence[str]) -> str:
        """Another user with the password of all, and the id."""
        return self.server.write(lambda tx: users.add_user(tx, name=name, roles=list(roles), password_hash=self._password_hash))

    def session_of(self, name: str, place: str = "Zimmer 1", device_id: str | None = None) -> str:
        """A new session as a sign-in begins it, without the time that comparing a password takes; returns its token."""
        sessions = self.server.server.sessions

        def begin(tx: Transaction) -> str:
            user, stands = users.find_user(tx.connection, name), find_workplace(tx.connection, place)
            users.note_password_used(tx, user.id)
            return sessions.begin(tx, user, stands, device_id, tx.now + timedelta(hours=12), has_code=True)[0]

        return self.server.write(begin)

    def patient(self, family_name: str = "Rollenprobe", entries: Sequence[tuple[str, dict[str, object]]] = ()) -> str:
        """A new patient whom nobody has open, and the id."""
        records: Records = self.server.server.records
        identity = NewPatient(family_name=family_name, given_name="Ina", birth_date="1950-01-02")
        return self.server.write(lambda tx: records.create_patient(tx, LOCAL, identity, entries).id)  # type: ignore[arg-type]

    def as_page(self, token: str) -> dict[str, str]:
        """A browser that shows the session, from a page of the server itself."""
        return {"cookie": f"{self.session_cookie}={token}", **OWN_PAGE, "accept-language": "de"}

    def as_device(self, kind: str) -> dict[str, str]:
        """A browser that is paired and in which nobody is signed in."""
        key = f"device {kind}"
        if key not in self.tokens:
            self.tokens[key] = paired(self.server, "Zimmer 2" if kind == "display" else "Empfang", kind).token  # type: ignore[arg-type]
        return {"cookie": f"{self.device_cookie}={self.tokens[key]}", **OWN_PAGE}

    def forget_tries(self) -> None:
        """Begin the minute of wrong guesses anew; here nothing is guessed."""
        self.server.server.devices._attempts._tries.clear()

    def fingerprint(self) -> str:
        """A hash over every table that a refused request must not change."""
        reader, digest = self.server.server.database.reader(), hashlib.sha256()
        for name, table in sorted(metadata.tables.items()):
            if name not in NOT_COMPARED:
                digest.update(name.encode())
                for row in reader.execute(select(table).order_by(*table.primary_key.columns)):
                    digest.update(repr(tuple(row)).encode())
        return digest.hexdigest()


def bearer(token: str) -> dict[str, str]:
    """A program that shows the session."""
    return {"authorization": f"Bearer {token}"}
