"""Rows of merges."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert, select, update

from miz.infra.db.writer import Transaction
from miz.practice.tables import patient_merge
from miz.wire.client_protocol import EntryKind, Merge


def insert_merge(tx: Transaction, merge: Merge, entries: Sequence[tuple[EntryKind, str]], former: Mapping[str, str]) -> None:
    """A merge: the ids of the entries that came over, and the `former` answers where they ended one."""
    values = {name: getattr(merge, name) for name in Merge.__struct_fields__ if name != "kept"}
    copies = [list(entry) for entry in entries]
    tx.connection.execute(insert(patient_merge).values(**values, entries={"copies": copies, "former": dict(former)}))


def undo_merge(tx: Transaction, merge: Merge) -> None:
    """Mark the merge as undone."""
    row = patient_merge.c
    tx.connection.execute(update(patient_merge).where(row.id == merge.id).values(undone_at=merge.undone_at, undone_by=merge.undone_by))


def merged_entries(connection: Connection, merge_id: str) -> tuple[set[tuple[EntryKind, str]], dict[str, str]]:
    """The entries that came over in a merge, and the answers that were given before."""
    stored = connection.execute(select(patient_merge.c.entries).where(patient_merge.c.id == merge_id)).scalar_one()
    return {(kind, entry_id) for kind, entry_id in stored["copies"]}, stored["former"]
