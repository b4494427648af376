"""Statements of the hot paths, compiled once.

A statement is written in SQLAlchemy Core as everywhere, so it stays portable and is checked against the tables; its
text and the order of its values are worked out at the first use, and from then on it costs a tenth of a full
`Connection.execute`. `run` gives rows in the database's own types, for keys, numbers and texts; `read` in those of the columns.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Float, Insert, Numeric, Select, Update
from sqlalchemy.types import TypeEngine

from miz.infra.db.driver import driver_of


class Prepared:
    """One statement, ready to run on any connection."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._forms: dict[type, _Form] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it and return all rows, none for a statement that returns nothing. Raises PEP 249 errors."""
        return self._rows(connection, values)[0]

    def read(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a query and return its rows with instants, truth and JSON as the columns declare them. Raises PEP 249 errors."""
        rows, (_, _, results) = self._rows(connection, values)
        return [tuple(process(value) if process else value for process, value in zip(results, row, strict=True)) for row in rows]

    def _rows(self, connection: Connection, values: Mapping[str, Any]) -> "tuple[list[tuple[Any, ...]], _Form]":
        driver = driver_of(connection)
        form = self._forms.get(type(driver))
        if form is None:
            form = self._forms[type(driver)] = self._compile(connection, list(values))
        sql, wanted, _ = form
        given = [process(values.get(name, preset)) if process else values.get(name, preset) for name, preset, process in wanted]
        return driver.rows(sql, given), form

    def _compile(self, connection: Connection, names: list[str]) -> "_Form":
        is_insert = isinstance(self._statement, Insert)
        compiled = self._statement.compile(dialect=connection.dialect, column_keys=names if is_insert else None)
        processes: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 - the compiled form has no public name for them
        wanted = [(name, compiled.params.get(name), processes.get(name)) for name in compiled.positiontup or []]
        columns = self._statement.selected_columns if isinstance(self._statement, Select) else ()
        return str(compiled), wanted, [_result(column.type, connection.dialect) for column in columns]


def _result(kind: TypeEngine[Any], dialect: Dialect) -> "_Process":
    """Numbers come as numbers from every driver; the rest as SQLAlchemy would read it."""
    return None if isinstance(kind, Numeric | Float) else kind.dialect_impl(dialect).result_processor(dialect, None)


_Process = Callable[[Any], Any] | None
_Form = tuple[str, list[tuple[str, Any, _Process]], list[_Process]]
