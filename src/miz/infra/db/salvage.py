"""A new database file from what can be read of a damaged one: every table row by row, every index made anew.

Each page is authenticated when it is read, so what comes over is what was written; a page that is not refuses, and only its rows are missing.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from miz.infra.db import sqlite3mc
from miz.infra.db.pages import TARGET_PRAGMAS

_FIRST, _LAST = -(2**63), 2**63 - 1
_BARREN_HALVINGS = 12
"""How often a span of rows of which neither end can be read is halved: enough for the rows of one page."""
_OF_SQLITE = "sqlite_"
_ROWS_AT_ONCE = 1_000

Told = Callable[[str, int, int], None]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Salvaged:
    """Rows that came over by table, and the tables of which some could not be read."""

    rows: dict[str, int]
    incomplete: list[str]

    @property
    def is_whole(self) -> bool:
        return not self.incomplete


def salvage(source: Path, key: bytes, target: Path, *, told: Told = lambda *_: None) -> Salvaged:
    """Write what can be read of the database `source` to the new file `target`, encrypted with the same key.

    Nobody may write to the source meanwhile. Raises `sqlite3mc.Error` when not even its list of tables can be read; the caller removes
    what is left of the target then.
    """
    reading = sqlite3mc.connect(str(source), key=key, is_read_only=True)
    writing = sqlite3mc.connect(str(target), key=key, pragmas=(*TARGET_PRAGMAS, "foreign_keys=OFF"))
    with contextlib.closing(reading), contextlib.closing(writing):
        schema = reading.rows("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'table' DESC, rowid")
        rows, incomplete = dict[str, int](), list[str]()
        for number, (kind, name, sql) in enumerate(schema):
            if name.startswith(_OF_SQLITE):
                continue
            told("salvage", number, len(schema))
            writing.rows(sql)
            if kind == "table":
                taking = _Taking(reading.apsw, writing, name)
                taking.take(_FIRST, _LAST)
                rows[name] = taking.finish()
                incomplete += [name] if taking.has_gaps else []
        writing.rows("ANALYZE")
        writing.rows("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)
    return Salvaged(rows, incomplete)


class _Taking:
    """One table on its way over."""

    def __init__(self, reading: apsw.Connection, writing: sqlite3mc.Connection, table: str) -> None:
        self._reading = reading
        self._writing = writing
        self._table = table
        columns = [row[1] for row in writing.rows(f'PRAGMA table_info("{table}")')]
        names = ", ".join(f'"{name}"' for name in columns)
        self._select = f'SELECT rowid, {names} FROM "{table}" NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid'  # noqa: S608 - names of the schema
        self._insert = f'INSERT INTO "{table}" (rowid, {names}) VALUES ({", ".join("?" * (len(columns) + 1))})'  # noqa: S608
        self._waiting: list[Row] = []
        self._count = 0
        self.has_gaps = False

    def take(self, low: int, high: int, halvings: int = _BARREN_HALVINGS) -> None:
        """Take the rows of this span from both ends until what cannot be read, then the same with what lies between."""
        last, is_done = self._read(low, high, "")
        if is_done:
            return
        low = low if last is None else last + 1
        first, is_done = self._read(low, high, "DESC")
        if is_done:
            return
        self.has_gaps = True
        high = high if first is None else first - 1
        halvings = halvings - 1 if last is first is None else _BARREN_HALVINGS
        if halvings and low < high:
            middle = (low + high) // 2
            self.take(low, middle, halvings)
            self.take(middle + 1, high, halvings)

    def finish(self) -> int:
        """Store what still waits; returns how many rows came over."""
        self._store()
        return self._count

    def _read(self, low: int, high: int, direction: str) -> tuple[int | None, bool]:
        """The last row that came, and whether that was the last one of the span."""
        last: int | None = None
        try:
            for row in self._reading.execute(f"{self._select} {direction}", (low, high)):
                self._waiting.append(row)
                last = row[0]
                if len(self._waiting) >= _ROWS_AT_ONCE:
                    self._store()
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError):
            return last, False
        return last, True

    def _store(self) -> None:
        self._writing.rows("BEGIN")
        for row in self._waiting:
            self._writing.rows(self._insert, row)
        self._writing.rows("COMMIT")
        self._count += len(self._waiting)
        self._waiting.clear()
