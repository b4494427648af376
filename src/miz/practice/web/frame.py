"""What stands around every page of the practice, and what all of them need."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import miz
from miz.access.audit.service import AuditTrail
from miz.access.roles import SEE_CONSOLE, SIGN_OFF
from miz.infra.db.engine import Reader
from miz.infra.http import Call, Reply
from miz.kernel.actor import Actor
from miz.practice.advice import Advisor
from miz.practice.drafts.service import Drafts
from miz.practice.errors import ApplicationNotFoundError
from miz.practice.modes.service import Modes
from miz.practice.moving.service import Moving
from miz.practice.openings.presence import LiveApplication
from miz.practice.openings.service import Openings
from miz.practice.own_drugs.queries import own_drugs
from miz.practice.own_drugs.service import OwnDrugs
from miz.practice.patients import queries
from miz.ui.face import look_of
from miz.ui.render import ZONE, Page, render
from miz.wire.client_protocol import HeldLease, Holder, OpeningRequest


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The top of the page: who is signed in where."""

    practice: str
    user: str
    user_id: str
    place: str
    idle_lock_min: int
    is_in_setup: bool
    has_console: bool
    may_edit_own: bool
    to_review: int | None
    edition: str
    search_text: str = ""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """How a patient stands to this window.

    `state`: mine, other, free; closed where nothing can be opened (setup mode, merged records); pending while the server does not know
    which window asks. `request`: who has asked for the patient; `is_asking`: this very window. `is_ended`: this window had the patient
    open until that was ended from the console.
    """

    state: str
    place: str = ""
    user: str = ""
    since: datetime | None = None
    token: str = ""
    application: str = ""
    request: OpeningRequest | None = None
    is_asking: bool = False
    is_ended: bool = False


@dataclass(frozen=True, kw_only=True)
class Toast:
    """What was just done, and where to take it back."""

    sentence: str
    undo_address: str = ""


@dataclass(kw_only=True)
class Desk:
    """The parts of one server that the pages work with."""

    openings: Openings
    modes: Modes
    trail: AuditTrail
    reader: Reader
    today: Callable[[], date]
    practice: str
    idle_lock_min: int
    advisor: Advisor
    drafts: Drafts
    moving: Moving
    own_drugs: OwnDrugs

    def frame(self, actor: Actor, search_text: str = "") -> Frame:
        return Frame(
            practice=self.practice,
            user=actor.user,
            user_id=actor.user_id,
            place=actor.place,
            idle_lock_min=self.idle_lock_min,
            is_in_setup=self.modes.mode == "setup",
            has_console=not SEE_CONSOLE.isdisjoint(actor.roles),
            may_edit_own=not SIGN_OFF.isdisjoint(actor.roles),
            to_review=None if SIGN_OFF.isdisjoint(actor.roles) else queries.count_reviews(self.reader()),
            edition=self.advisor.edition,
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

    def preferred_drugs(self, language: str) -> list[str]:
        """The practice's own drugs; the preset ones as long as it has made no list."""
        return own_drugs(self.reader()) or self.advisor.usual_drugs(language=language)

    def day_of(self, moment: datetime) -> date:
        """The day of an instant in the practice's time zone."""
        return moment.astimezone(ZONE).date()

    def lock_of(self, patient_id: str, application: LiveApplication | None) -> Lock:
        """How the patient stands to the asking window."""
        if application is None:
            return Lock(state="pending")
        lock = lock_from(self.openings.holder_of(patient_id), application.id, self.openings.lease_of(application.id))
        if lock.state != "free":
            return lock
        return replace(lock, state="closed" if self.modes.mode == "setup" else "free", is_ended=application.ended == patient_id)


def lock_from(holder: Holder | None, application_id: str, held: HeldLease | None) -> Lock:
    """The lock as the window `application_id` sees it."""
    if holder is None:
        return Lock(state="free", application=application_id)
    who: dict[str, Any] = {
        "place": holder.workplace, "user": holder.user, "since": holder.since, "application": application_id, "request": holder.request,
    }  # fmt: skip
    if holder.application_id == application_id and held is not None:
        return Lock(state="mine", token=held.fencing_token, **who)
    return Lock(state="other", is_asking=bool(holder.request and holder.request.application_id == application_id), **who)


def reply(page: Page, call: Call, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """The page in the language and theme of this browser."""
    return Reply(render(page, look_of(call), version=miz.__version__), status, headers=headers)


def go_to(path: str, *headers: tuple[str, str]) -> Reply:
    """On to another page with GET."""
    return Reply(b"", 303, headers=[("location", path), *headers])
