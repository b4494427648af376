"""Changing the practice's own drugs."""

from collections.abc import Sequence

from miz.access.audit.service import AuditTrail
from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError
from miz.practice.own_drugs import store

DRUGS_LIMIT = 60
TEXT_LIMIT = 200


class OwnDrugs:
    """The list of one practice; its method runs in the writer."""

    def __init__(self, broker: EventBroker, trail: AuditTrail) -> None:
        self._broker = broker
        self._trail = trail

    def replace(self, tx: Transaction, actor: Actor, texts: Sequence[str]) -> list[str]:
        """These drugs in this order; an empty list means the preset one. Raises `InvalidInputError`."""
        clean = list(dict.fromkeys(filter(None, (text.strip() for text in texts))))
        if len(clean) > DRUGS_LIMIT or any(len(text) > TEXT_LIMIT for text in clean):
            raise InvalidInputError("Up to {count} drugs of {limit} characters each.", count=DRUGS_LIMIT, limit=TEXT_LIMIT, field="items")
        if not all(text.isprintable() for text in clean):
            raise InvalidInputError("The text holds a control character.", field="items")
        store.replace_own_drugs(tx, clean)
        self._trail.record(tx, actor, "own_drugs_changed", detail=str(len(clean)))
        tx.after_commit(lambda: self._broker.publish([Event("own_drugs")]))
        return clean
