"""How the database would find what a query asks for."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event


def plan_of(reader: Connection, query: Callable[[], object]) -> str:
    """The plan of every statement that `query` runs on `reader`, one step a line."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(reader, "before_cursor_execute", note)
    try:
        query()
    finally:
        event.remove(reader, "before_cursor_execute", note)
    steps = [reader.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters) for statement, parameters in asked]
    return "\n".join(row[3] for step in steps for row in step)
