"""Whether the rows of a practice are such as the program writes: what no key or index of the database can say. Reads everything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from miz.practice.patients.model import ENTRY_TYPES
from miz.practice.patients.rows import ENTRY_TABLES
from miz.practice.tables import change, erased_patient, lease, patient, patient_word, server_state

_ENOUGH = 20
"""So many rows are named for each rule."""
_AT_ONCE = 1_000

_other = patient.alias()
_newest = select(change.c.patient_id, func.max(change.c.version).label("version")).group_by(change.c.patient_id).subquery()


def _where(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(column).where(*conditions).limit(_ENOUGH)


_RULES: Mapping[str, Select[Any]] = {
    "a record was merged into one that is not there": _where(
        patient.c.id, patient.c.merged_into.is_not(None), ~select(_other.c.id).where(_other.c.id == patient.c.merged_into).exists()
    ),
    "the search finds a patient by no name": _where(
        patient.c.id, ~select(patient_word.c.word).where(patient_word.c.patient_id == patient.c.id).exists()
    ),
    "an open patient has another token than its record": _where(
        lease.c.patient_id, lease.c.patient_id == patient.c.id, lease.c.fencing_token != patient.c.fencing_token
    ),
    "an erased patient is still there": _where(erased_patient.c.id, erased_patient.c.id == patient.c.id),
    "the history is ahead of its record": _where(patient.c.id, _newest.c.patient_id == patient.c.id, _newest.c.version > patient.c.version),
}


def broken_rules(reader: Connection) -> list[str]:
    """What is not as the program writes it, each with the id of its row; empty when all is. A row is told by its id, never by what it says."""
    found = [f"{rule}: {row_id}" for rule, rows in _RULES.items() for row_id in reader.execute(rows).scalars()]
    if (states := reader.execute(select(func.count()).select_from(server_state)).scalar_one()) != 1:
        found.append(f"the practice has {states} states")
    return found + list(_unreadable(reader))


def _unreadable(reader: Connection) -> Iterator[str]:
    """Entries that are none of their kind: a record with one of them cannot be shown."""
    for kind, table in ENTRY_TABLES.items():
        try:
            for row in _rows(reader, table, ENTRY_TYPES[kind].__struct_fields__):
                try:
                    msgspec.convert(row, ENTRY_TYPES[kind])
                except msgspec.ValidationError:
                    yield f"{kind}: an entry that cannot be read: {row['id']}"
        except ValueError:  # not even an instant or JSON
            yield f"{kind}: entries that cannot be read"


def _rows(reader: Connection, table: Table, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """All rows, a portion at a time in the order of their ids: neither a long read nor much memory."""
    after = ""
    portion = select(*(table.c[name] for name in names)).order_by(table.c.id).limit(_AT_ONCE)
    while rows := reader.execute(portion.where(table.c.id > after)).all():
        yield from (dict(zip(names, row, strict=True)) for row in rows)
        after = rows[-1].id
