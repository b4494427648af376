"""What a practice's database says about itself."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Select, String, column, func, inspect, literal, select, table, union_all

from miz.infra.db.migrate import schema_of

UNFINISHED = "restore_under_way"
"""Stands in a database server's database while a backup is being restored to it, and is no part of the practice."""
# By its name alone: a backup may be older than what this program knows of its tables.
_SELECT_STATE: Select[str, int] = select(column("practice", String), column("epoch", Integer)).select_from(table("server_state"))


@dataclass(frozen=True)
class Facts:
    """Whose it is, which schema, which epoch of the server, and how many rows each table has."""

    practice: str
    schema: str
    epoch: int
    counts: dict[str, int]


def facts_of(reader: Connection) -> Facts:
    """Every table that is there counts, as the backup may be older than this program."""
    state = reader.execute(_SELECT_STATE).one()
    names = sorted(set(inspect(reader).get_table_names()) - {UNFINISHED})
    counts: Any = union_all(*(select(literal(name), func.count()).select_from(table(name)) for name in names))
    return Facts(state.practice, schema_of(reader) or "", state.epoch, {row[0]: row[1] for row in reader.execute(counts)})
