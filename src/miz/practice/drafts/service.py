"""Keeping and offering drafts."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError
from miz.practice.drafts import store
from miz.practice.errors import StaleFencingTokenError, TooManyDraftsError, UnknownDraftError
from miz.practice.openings.presence import LiveApplication
from miz.practice.openings.service import Openings
from miz.wire.client_protocol import Draft

FORMS_LIMIT = 20
SIZE_LIMIT = 10_000
KEPT_FOR = timedelta(days=7)


class Drafts:
    """The drafts of one server; methods with `tx` run in the writer."""

    def __init__(self, openings: Openings, broker: EventBroker, *, reader: Reader) -> None:
        self._openings = openings
        self._broker = broker
        self._reader = reader

    def save(
        self, tx: Transaction, application: LiveApplication, actor: Actor, patient_id: str, form: str, fields: Mapping[str, str]
    ) -> None:  # fmt: skip
        """Keep what is typed in a form of this window; without fields nothing is unsaved any more.

        Raises `StaleFencingTokenError` for a window that has not had the patient open, `InvalidInputError`,
        `TooManyDraftsError` (20 forms of 10,000 characters).
        """
        if not 0 < len(form) <= 100 or sum(len(name) + len(text) for name, text in fields.items()) > SIZE_LIMIT:
            raise InvalidInputError("A draft has up to {limit} characters.", limit=SIZE_LIMIT, field="fields")
        if not any(text.strip() for text in fields.values()):
            is_changed = store.delete_form(tx, patient_id, application.id, form)
        else:
            if not self._openings.has_opened(application.id, patient_id):
                raise StaleFencingTokenError
            if store.count_drafts(tx.connection, patient_id, application.id, besides=form) >= FORMS_LIMIT:
                raise TooManyDraftsError
            made = Draft(
                id=str(uuid.uuid4()), patient_id=patient_id, form=form, user=actor.user, workplace=application.place, saved_at=tx.now,
                fields=dict(fields),
            )  # fmt: skip
            store.write_draft(tx, made, application_id=application.id, user_id=actor.user_id)
            is_changed = True
        # While the window has the patient open, its typing concerns nobody else.
        held = self._openings.lease_of(application.id)
        if is_changed and (held is None or held.patient_id != patient_id):
            self._tell(tx, patient_id)

    def discard(self, tx: Transaction, patient_id: str, draft_id: str) -> None:
        """Somebody has taken it over into a form, or does not want it. Raises `UnknownDraftError`."""
        if not store.delete_draft(tx, patient_id, draft_id):
            raise UnknownDraftError
        self._tell(tx, patient_id)

    def offered(self, actor: Actor, patient_id: str) -> list[Draft]:
        """What windows have left behind that do not have the patient open now."""
        holder = self._openings.holder_of(patient_id)
        return store.drafts_of_others(self._reader(), patient_id, holder=holder.application_id if holder else "", user_id=actor.user_id)

    def has_drafts(self, patient_id: str, application_id: str) -> bool:
        """Whether the window holds something unsaved for this patient, for whoever thinks of taking over."""
        return store.has_drafts(self._reader(), patient_id, application_id)

    def forget_old(self, tx: Transaction) -> None:
        """Remove what nobody has wanted for seven days."""
        store.delete_older(tx, tx.now - KEPT_FOR)

    def _tell(self, tx: Transaction, patient_id: str) -> None:
        tx.after_commit(lambda: self._broker.publish([Event("draft", patient_id)]))
