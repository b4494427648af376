"""Who writes to a database that several servers can reach: one row, changed only by whoever holds the right to write."""

from collections.abc import Callable

from sqlalchemy import Column, Connection, Integer, String, Table, insert, select, update

from miz.infra.db.driver import driver_of
from miz.infra.db.schema import metadata

active_server = Table(
    "active_server",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(300), nullable=False),
    Column("lineage", String(60), nullable=False),
    Column("last_group", String(32), nullable=False, server_default=""),
)

MARKING = "UPDATE active_server SET last_group = '{}'"
"""Goes with each commit, so that a lost one can be told from one whose answer was lost; numbers of transactions are given out twice after a crash."""


def take_over(connection: Connection, name: str, lineage: str, follow: Callable[[Connection], None]) -> None:
    """Note the server that writes from now on.

    `follow(connection)` runs in the same transaction when another one did before, or on another line of the database.
    """
    if not lineage:
        return
    driver_of(connection).begin()
    before = connection.execute(select(active_server.c.name, active_server.c.lineage)).one_or_none()
    if before is None:
        connection.execute(insert(active_server).values(id=1, name=name, lineage=lineage))
    else:
        connection.execute(update(active_server).values(name=name, lineage=lineage))
        if tuple(before) != (name, lineage):
            follow(connection)
    driver_of(connection).commit()


def is_noted(connection: Connection, name: str, lineage: str) -> bool:
    """Whether the last server that wrote was this one, on this line."""
    found = connection.execute(select(active_server.c.name, active_server.c.lineage)).one_or_none()
    return found is not None and tuple(found) == (name, lineage)


def last_group(connection: Connection) -> str:
    """The mark of the group that was committed last."""
    return str(connection.execute(select(active_server.c.last_group)).scalar())


def confirm(connection: Connection, name: str, lineage: str) -> bool:
    """Whether the last server that wrote was this one, on this line.

    It is written down once more: the commit waits for the standby, and what was committed before comes there with it.
    """
    driver_of(connection).begin()
    found = connection.execute(
        update(active_server).where(active_server.c.name == name, active_server.c.lineage == lineage).values(name=name)
    )
    driver_of(connection).commit()
    return found.rowcount == 1
