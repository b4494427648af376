"""Writing the practice's own drugs."""

from collections.abc import Sequence

from sqlalchemy import delete, insert

from miz.infra.db.writer import Transaction
from miz.practice.tables import own_drug


def replace_own_drugs(tx: Transaction, texts: Sequence[str]) -> None:
    """These, in this order, instead of the former ones."""
    tx.connection.execute(delete(own_drug))
    if texts:
        tx.connection.execute(insert(own_drug), [{"position": place, "text": text} for place, text in enumerate(texts, start=1)])
