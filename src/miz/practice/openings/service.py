"""Leases: acquire, release, take over, expire; and asking for a patient that another window has open.

All decisions are made on rows inside a transaction of the one writer. The copy in memory serves heartbeats and
screens; it follows each commit.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import structs

from miz.access.audit.service import AuditTrail
from miz.access.roles import SIGN_OFF
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.fencing import next_token
from miz.practice.errors import (
    AlreadyAskedForError,
    ModeForbidsError,
    NobodyAskedError,
    NobodyToAskError,
    PatientMergedError,
    PatientNotFoundError,
    PatientOpenElsewhereError,
    ViewersOpenNothingError,
)
from miz.practice.openings import store
from miz.practice.openings.model import Lease, OpeningState, checked_reason, reason_code
from miz.practice.openings.presence import LiveApplication, Presence
from miz.practice.patients.service import Records
from miz.wire.client_protocol import HeldLease, Holder, Opening, OpeningRequest

RECENT_PER_PLACE = 10
RECENT_PER_WINDOW = 3
MORE_TIME = timedelta(minutes=5)


class Openings:
    """The leases of one server."""

    def __init__(self, presence: Presence, records: Records, broker: EventBroker, trail: AuditTrail, *, clock: Clock, epoch: int) -> None:
        self.presence = presence
        self._records = records
        self._broker = broker
        self._trail = trail
        self._clock = clock
        self._epoch = epoch
        self._by_patient: dict[str, Lease] = {}
        self._by_application: dict[str, Lease] = {}
        self._requests: dict[str, OpeningRequest] = {}
        self._recent: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=RECENT_PER_PLACE))
        self._opened: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=RECENT_PER_WINDOW))

    def load(self, reader: Reader) -> None:
        """Take up the stored leases."""
        for opened in store.stored_leases(reader()):
            self._remember(opened)

    def acquire(self, tx: Transaction, application: LiveApplication, actor: Actor, patient_id: str) -> Opening:
        """Open a patient for one application and return lease and record; the patient it had open before is freed.

        Opening again what one has open returns the same token. Raises `PatientOpenElsewhereError`,
        `PatientNotFoundError`, `PatientMergedError`, `ModeForbidsError`, `ViewersOpenNothingError`.
        """
        state = self._state(tx, application, patient_id)
        if state.holder_id is not None and state.holder_id != application.id:
            self._refuse_if_alive(tx, patient_id, state.holder_id)
        return self._open(tx, application, actor, patient_id, state)

    def take_over(self, tx: Transaction, application: LiveApplication, actor: Actor, patient_id: str, reason: str) -> Opening:
        """Open a patient although another application has it open; that one's token never works again.

        Dentists and owners may do so at once, others give a reason (a code or up to 200 characters). Both names and the
        reason's code are in the audit trail. Raises `ReasonMissingError` and what `acquire` raises.
        """
        reason = checked_reason(reason, is_needed=actor.roles.isdisjoint(SIGN_OFF))
        state = self._state(tx, application, patient_id)
        if state.holder_id is not None and state.holder_id != application.id:
            former = self.presence.find(state.holder_id)
            self._trail.record(
                tx, actor, "taken_over", patient_id=patient_id, detail=f"{former.user if former else ''} / {reason_code(reason)}"
            )
        return self._open(tx, application, actor, patient_id, state)

    def end_lease(self, tx: Transaction, actor: Actor, patient_id: str, reason: str) -> None:
        """Free a patient from outside of its window, as from the console; a patient that is free stays so. Raises `ReasonMissingError`."""
        reason = checked_reason(reason, is_needed=True)
        state = store.opening_state(tx.connection, patient_id)
        if state is None:
            raise PatientNotFoundError
        if state.holder_id is not None:
            former = self.presence.find(state.holder_id)
            self._trail.record(
                tx, actor, "lease_ended", patient_id=patient_id, detail=f"{former.user if former else ''} / {reason_code(reason)}"
            )
            if former is not None:
                tx.after_commit(lambda: setattr(former, "ended", patient_id))
            self.release(tx, state.holder_id)

    def retire(self, tx: Transaction, application: LiveApplication, patient_id: str) -> None:
        """See to it that nobody writes to this record any more: no token that was given out works from here on.

        Raises `PatientOpenElsewhereError`, `PatientNotFoundError`, `PatientMergedError`, `ModeForbidsError`.
        """
        state = self._state(tx, application, patient_id)
        if state.holder_id is not None:
            if state.holder_id != application.id:
                self._refuse_if_alive(tx, patient_id, state.holder_id)
            self.release(tx, state.holder_id)

    def refuse_if_open(self, tx: Transaction, patient_id: str) -> None:
        """Raise `PatientOpenElsewhereError` while a window has the patient open; what a dead one has left is freed."""
        state = store.opening_state(tx.connection, patient_id)
        if state is not None and state.holder_id is not None:
            self._refuse_if_alive(tx, patient_id, state.holder_id)
            self.release(tx, state.holder_id)

    def forget_patient(self, patient_id: str) -> None:
        """Nobody has had the patient open: who does not exist any more gets no draft either. In the event loop."""
        for known in (*self._opened.values(), *self._recent.values()):
            while patient_id in known:
                known.remove(patient_id)

    def end_all(self, tx: Transaction) -> None:
        """Free every patient, as entering setup mode does."""
        for application_id in store.leased_applications(tx.connection):
            self.release(tx, application_id)

    def release(self, tx: Transaction, application_id: str, patient_id: str | None = None) -> None:
        """Free what the application has open (only if it is `patient_id`, where one is named); its token never works again.

        A token works with its lease only, and the next lease on the patient has the next token: so the patient's row,
        another page for the disk, need not be written.
        """
        freed = store.drop_lease(tx.connection, application_id, patient_id)
        if freed is not None:
            tx.after_commit(lambda: self._follow_release(freed))

    def close_applications(self, tx: Transaction, application_ids: Iterable[str]) -> None:
        """End applications: free their patients, forget them."""
        closed = list(application_ids)
        for application_id in closed:
            self.release(tx, application_id)
        self.presence.remove(tx, closed)
        tx.after_commit(lambda: self._forget(closed))

    def close_gone(self, tx: Transaction) -> None:
        """End the applications that have fallen silent or left. Those that spoke meanwhile stay."""
        self.close_applications(tx, self.presence.gone())

    def close_session(self, tx: Transaction, session_id: str) -> None:
        """End the applications of a session that has ended."""
        self.close_applications(tx, self.presence.ids_of_session(session_id))

    def hand_over(self, tx: Transaction, session_id: str, to: Actor) -> None:
        """Another user takes the windows of a session; leases and tokens stay as they are."""
        moved = self.presence.ids_of_session(session_id)
        self.presence.hand_over(tx, session_id, to)

        def follow() -> None:
            for patient_id, request in list(self._requests.items()):
                if request.application_id in moved:
                    self._requests[patient_id] = structs.replace(request, user=to.user)
                    self._tell(patient_id)
            for application_id in moved:
                if held := self._by_application.get(application_id):
                    self._tell(held.patient_id)

        tx.after_commit(follow)

    def ask_for(self, application: LiveApplication, patient_id: str) -> OpeningRequest:
        """Ask the window that has the patient open to release it. Asking again changes nothing.

        Raises `NobodyToAskError`, `AlreadyAskedForError`, `ViewersOpenNothingError`.
        """
        if application.kind != "active":
            raise ViewersOpenNothingError
        held = self._by_patient.get(patient_id)
        if held is None or held.application_id == application.id:
            raise NobodyToAskError
        known = self._request_for(patient_id)
        if known is not None and known.application_id != application.id:
            raise AlreadyAskedForError(holder=known.user, workplace=known.workplace)
        request = known or OpeningRequest(application.user, application.place, self._clock.now(), application.id)
        self._requests[patient_id] = request
        self._tell(patient_id)
        return request

    def ask_for_time(self, application: LiveApplication, patient_id: str) -> OpeningRequest:
        """The window that has the patient open asks for five more minutes. Raises `NobodyAskedError`."""
        held, request = self._by_patient.get(patient_id), self._request_for(patient_id)
        if held is None or held.application_id != application.id or request is None:
            raise NobodyAskedError
        request = structs.replace(request, later_until=self._clock.now() + MORE_TIME)
        self._requests[patient_id] = request
        self._tell(patient_id)
        return request

    def withdraw(self, application: LiveApplication, patient_id: str) -> None:
        """Who has asked needs it no more."""
        request = self._requests.get(patient_id)
        if request is not None and request.application_id == application.id:
            del self._requests[patient_id]
            self._tell(patient_id)

    def lease_of(self, application_id: str) -> HeldLease | None:
        """What the application has open, for its heartbeat."""
        held = self._by_application.get(application_id)
        application = self.presence.find(application_id)
        if held is None or application is None:
            return None
        return HeldLease(held.patient_id, held.fencing_token, self._until(application))

    def holder_of(self, patient_id: str) -> Holder | None:
        """Who has the patient open, for the screens of the others."""
        held = self._by_patient.get(patient_id)
        application = self.presence.find(held.application_id) if held else None
        if held is None or application is None:
            return None
        return Holder(
            application.user, application.place, held.acquired_at, self._until(application), application.id, self._request_for(patient_id)
        )

    def has_opened(self, application_id: str, patient_id: str) -> bool:
        """Whether the window has the patient open, or was among its last three since the server started."""
        return patient_id in self._opened.get(application_id, ())

    def leases(self) -> list[Lease]:
        """All leases, the oldest first."""
        return sorted(self._by_patient.values(), key=lambda held: held.acquired_at)

    def recent_at(self, place: str) -> list[str]:
        """The ids of the patients opened last at a place since the server started, newest first."""
        return list(self._recent[place])

    def _state(self, tx: Transaction, application: LiveApplication, patient_id: str) -> OpeningState:
        if application.kind != "active":
            raise ViewersOpenNothingError
        state = store.opening_state(tx.connection, patient_id, application.id)
        if state is None:
            raise PatientNotFoundError
        if state.mode != "operating":
            raise ModeForbidsError(mode=state.mode, needs="operating")
        if state.merged_into is not None:
            raise PatientMergedError(into=state.merged_into)
        return state

    def _open(self, tx: Transaction, application: LiveApplication, actor: Actor, patient_id: str, state: OpeningState) -> Opening:
        token = state.fencing_token
        if state.holder_id != application.id:
            if state.holder_id is not None:
                self.release(tx, state.holder_id)
            if state.own_patient_id is not None:
                self.release(tx, application.id)
            token = next_token(token, self._epoch)
            store.set_token(tx.connection, patient_id, token)
            opened = Lease(patient_id, application.id, token, tx.now)
            store.insert_lease(tx.connection, opened)
            self._trail.record(tx, actor, "opened", patient_id=patient_id)
            tx.after_commit(lambda: self._follow_opening(opened, application))
        record = self._records.record_at_opening(tx, patient_id, state.version, state.planned_on)
        return Opening(fencing_token=token, expires_at=tx.now + timedelta(seconds=self.presence.lease_s), patient=record)

    def _request_for(self, patient_id: str) -> OpeningRequest | None:
        """Who has asked, while that window is there."""
        request = self._requests.get(patient_id)
        return request if request is not None and self.presence.find(request.application_id) else None

    def _refuse_if_alive(self, tx: Transaction, patient_id: str, holder_id: str) -> None:
        application = self.presence.find(holder_id)
        if application is None or not self.presence.is_alive(holder_id):
            return
        since = store.held_since(tx.connection, patient_id)
        raise PatientOpenElsewhereError(holder=application.user, workplace=application.place, since=since, until=self._until(application))

    def _until(self, application: LiveApplication) -> datetime:
        return application.seen_at + timedelta(seconds=self.presence.lease_s)

    def _remember(self, opened: Lease) -> None:
        self._by_patient[opened.patient_id] = opened
        self._by_application[opened.application_id] = opened
        self._opened[opened.application_id].append(opened.patient_id)

    def _forget(self, closed: Iterable[str]) -> None:
        for application_id in closed:
            self._opened.pop(application_id, None)

    def _follow_opening(self, opened: Lease, application: LiveApplication) -> None:
        application.ended = ""
        self._remember(opened)
        recent = self._recent[application.place]
        if opened.patient_id in recent:
            recent.remove(opened.patient_id)
        recent.appendleft(opened.patient_id)
        self._requests.pop(opened.patient_id, None)
        self._tell(opened.patient_id)

    def _follow_release(self, patient_id: str) -> None:
        freed = self._by_patient.pop(patient_id, None)
        if freed is not None:
            self._by_application.pop(freed.application_id, None)
        self._tell(patient_id)

    def _tell(self, patient_id: str) -> None:
        self._broker.publish([Event("opening", patient_id)])
