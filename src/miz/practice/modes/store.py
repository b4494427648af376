"""The row that holds mode and interval."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from miz.infra.db.writer import Transaction
from miz.practice.tables import server_state


def read_state(connection: Connection) -> Row[Any]:
    """The one row of the server's state."""
    return connection.execute(select(server_state)).one()


def change_state(tx: Transaction, **values: object) -> None:
    """Change columns of that row."""
    tx.connection.execute(update(server_state).values(**values))
