"""What stands around every page of the practice, and what all of them need."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import miz
from miz.access.audit.service import AuditTrail
from miz.infra.db.engine import Reader
from miz.infra.http import Call, Reply
from miz.kernel.actor import Actor
from miz.practice.advice import Advisor
from miz.practice.errors import ApplicationNotFoundError
from miz.practice.openings.presence import LiveApplication
from miz.practice.openings.service import Openings
from miz.ui.face import look_of
from miz.ui.render import Page, render
from miz.wire.client_protocol import HeldLease, Holder


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The top of the page: who is signed in where."""

    practice: str
    user: str
    user_id: str
    place: str
    idle_lock_min: int
    search_text: str = ""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """How a patient stands to this window.

    `state`: mine, other, free; pending while the server does not know which window asks.
    """

    state: str
    place: str = ""
    user: str = ""
    since: datetime | None = None
    token: str = ""
    application: str = ""


@dataclass(frozen=True, kw_only=True)
class Toast:
    """What was just done, and where to take it back."""

    sentence: str
    undo_address: str = ""


@dataclass(kw_only=True)
class Desk:
    """The parts of one server that the pages work with."""

    openings: Openings
    trail: AuditTrail
    reader: Reader
    today: Callable[[], date]
    practice: str
    idle_lock_min: int
    advisor: Advisor

    def frame(self, actor: Actor, search_text: str = "") -> Frame:
        return Frame(
            practice=self.practice,
            user=actor.user,
            user_id=actor.user_id,
            place=actor.place,
            idle_lock_min=self.idle_lock_min,
            search_text=search_text,
        )

    def application_of(self, call: Call) -> LiveApplication | None:
        """The window that asks, if it has said so and belongs to the session."""
        application_id = call.header("miz-application") or (call.form.get("application") if call.raw_body else None)
        if not application_id:
            return None
        try:
            return self.openings.presence.of(application_id, call.person)
        except ApplicationNotFoundError:
            return None

    def held(self, call: Call) -> HeldLease | None:
        """What the asking window has open."""
        application = self.application_of(call)
        return self.openings.lease_of(application.id) if application else None

    def lock_of(self, patient_id: str, application: LiveApplication | None) -> Lock:
        """How the patient stands to the asking window."""
        holder = self.openings.holder_of(patient_id)
        if application is None:
            return Lock(state="pending")
        return lock_from(holder, application.id, self.openings.lease_of(application.id))


def lock_from(holder: Holder | None, application_id: str, held: HeldLease | None) -> Lock:
    """The lock as the window `application_id` sees it."""
    if holder is None:
        return Lock(state="free", application=application_id)
    if holder.application_id == application_id and held is not None:
        return Lock(
            state="mine", place=holder.workplace, user=holder.user, since=holder.since, token=held.fencing_token, application=application_id
        )
    return Lock(state="other", place=holder.workplace, user=holder.user, since=holder.since, application=application_id)


def reply(page: Page, call: Call, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """The page in the language and theme of this browser."""
    return Reply(render(page, look_of(call), version=miz.__version__), status, headers=headers)


def go_to(path: str) -> Reply:
    """On to another page with GET."""
    return Reply(b"", 303, headers=[("location", path)])
