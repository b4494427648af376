"""Statements of the hot paths, compiled once.

A statement is written in SQLAlchemy Core as everywhere, so it stays portable and is checked against the tables; its
text and the order of its values are worked out at the first use, and from then on it costs a tenth of a full
`Connection.execute`. Rows come back as plain tuples in the database's own types: use it for keys, numbers and texts.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update

from miz.infra.db.driver import driver_of


class Prepared:
    """One statement, ready to run on any connection."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._forms: dict[type, _Form] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it and return all rows, none for a statement that returns nothing. Raises PEP 249 errors."""
        driver = driver_of(connection)
        form = self._forms.get(type(driver))
        if form is None:
            form = self._forms[type(driver)] = self._compile(connection, list(values))
        sql, wanted = form
        return driver.rows(
            sql, [process(values.get(name, preset)) if process else values.get(name, preset) for name, preset, process in wanted]
        )

    def _compile(self, connection: Connection, names: list[str]) -> "_Form":
        is_insert = isinstance(self._statement, Insert)
        compiled = self._statement.compile(dialect=connection.dialect, column_keys=names if is_insert else None)
        processes: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 - the compiled form has no public name for them
        return str(compiled), [(name, compiled.params.get(name), processes.get(name)) for name in compiled.positiontup or []]


_Form = tuple[str, list[tuple[str, Any, Callable[[Any], Any] | None]]]
