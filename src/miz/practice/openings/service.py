"""Leases: acquire, release, expire.

All decisions are made on rows inside a transaction of the one writer. The copy in memory serves heartbeats and
screens; it follows each commit.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.clock import Clock
from miz.kernel.fencing import next_token
from miz.practice.errors import PatientNotFoundError, PatientOpenElsewhereError, ViewersOpenNothingError
from miz.practice.openings import store
from miz.practice.openings.model import Lease
from miz.practice.openings.presence import LiveApplication, Presence
from miz.practice.patients.service import Records
from miz.wire.client_protocol import HeldLease, Holder, Opening

RECENT_PER_PLACE = 10


class Openings:
    """The leases of one server."""

    def __init__(self, presence: Presence, records: Records, broker: EventBroker, *, clock: Clock, epoch: int) -> None:
        self.presence = presence
        self._records = records
        self._broker = broker
        self._clock = clock
        self._epoch = epoch
        self._by_patient: dict[str, Lease] = {}
        self._by_application: dict[str, Lease] = {}
        self._recent: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=RECENT_PER_PLACE))

    def load(self, reader: Reader) -> None:
        """Take up the stored leases."""
        for opened in store.stored_leases(reader()):
            self._remember(opened)

    def acquire(self, tx: Transaction, application: LiveApplication, patient_id: str) -> Opening:
        """Open a patient for one application and return lease and record; the patient it had open before is freed.

        Opening again what one has open returns the same token. Raises `PatientOpenElsewhereError`,
        `PatientNotFoundError`, `ViewersOpenNothingError`.
        """
        if application.kind != "active":
            raise ViewersOpenNothingError
        state = store.token_and_holder(tx.connection, patient_id)
        if state is None:
            raise PatientNotFoundError
        token, holder_id = state
        if holder_id != application.id:
            if holder_id is not None:
                self._refuse_if_alive(tx, patient_id, holder_id)
                token = self.release(tx, holder_id) or token
            self.release(tx, application.id)
            token = next_token(token, self._epoch)
            store.set_token(tx.connection, patient_id, token)
            opened = Lease(patient_id, application.id, token, tx.now)
            store.insert_lease(tx.connection, opened)
            tx.after_commit(lambda: self._follow_opening(opened, application))
        record = self._records.record_at_opening(tx, patient_id)
        return Opening(fencing_token=token, expires_at=tx.now + timedelta(seconds=self.presence.lease_s), patient=record)

    def release(self, tx: Transaction, application_id: str, patient_id: str | None = None) -> str | None:
        """Free what the application has open (only if it is `patient_id`, where one is named); its token never works again.

        Returns the patient's new token, None when there was nothing to free.
        """
        freed = store.drop_lease(tx.connection, application_id, patient_id)
        if freed is None:
            return None
        freed_patient, old_token = freed
        token = next_token(old_token, self._epoch)
        store.set_token(tx.connection, freed_patient, token)
        tx.after_commit(lambda: self._follow_release(freed_patient))
        return token

    def close_applications(self, tx: Transaction, application_ids: Iterable[str]) -> None:
        """End applications: free their patients, forget them."""
        closed = list(application_ids)
        for application_id in closed:
            self.release(tx, application_id)
        self.presence.remove(tx, closed)

    def close_gone(self, tx: Transaction) -> None:
        """End the applications that have fallen silent or left. Those that spoke meanwhile stay."""
        self.close_applications(tx, self.presence.gone())

    def close_session(self, tx: Transaction, session_id: str) -> None:
        """End the applications of a session that has ended."""
        self.close_applications(tx, self.presence.ids_of_session(session_id))

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
        return Holder(application.user, application.place, held.acquired_at, self._until(application), application.id)

    def recent_at(self, place: str) -> list[str]:
        """The ids of the patients opened last at a place since the server started, newest first."""
        return list(self._recent[place])

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

    def _follow_opening(self, opened: Lease, application: LiveApplication) -> None:
        self._remember(opened)
        recent = self._recent[application.place]
        if opened.patient_id in recent:
            recent.remove(opened.patient_id)
        recent.appendleft(opened.patient_id)
        self._broker.publish([Event("opening", opened.patient_id)])

    def _follow_release(self, patient_id: str) -> None:
        freed = self._by_patient.pop(patient_id, None)
        if freed is not None:
            self._by_application.pop(freed.application_id, None)
        self._broker.publish([Event("opening", patient_id)])
