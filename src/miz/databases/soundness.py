"""Whether a database file is what was written to it: every page authenticated, structure, indexes and keys compared."""

import contextlib
import time
from itertools import islice
from pathlib import Path

from miz.infra.db import sqlite3mc
from miz.infra.db.engine import DatabasePageError
from miz.infra.db.pages import PAGE_BYTES, read_page
from miz.infra.db.sqlite_file import fault_of

_TRIES = 3
_BETWEEN_TRIES_S = 0.05
_ENOUGH = 100
"""So many pages are named; where there are more, the disk is gone, and each would be waited for."""


def damage_in(file: Path, key: bytes, *, is_full: bool) -> list[str]:
    """What of the file is not what was written there; empty when all is. With `is_full` each index is compared with its table as well.

    Raises the `DatabaseUnavailableError` of what kept it from being looked at: that is no damage.
    """
    findings: list[str] = []
    try:
        with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as opened:
            # Free pages, too: SQLite does not look at them, and a disk that loses those does not keep the others.
            findings += [f"page {number} is not what was written there" for number in _foreign_pages(opened, file)]
            told = opened.rows("PRAGMA integrity_check" if is_full else "PRAGMA quick_check")
            findings += [text for (text,) in told if text != "ok"]
    except sqlite3mc.Error as error:
        named = fault_of(error)
        if not isinstance(named, DatabasePageError):
            raise named from error
        findings.append("the structure cannot be read to its end")
    return findings


def broken_references(file: Path, key: bytes) -> list[str]:
    """Rows that point to a row that is not there. The file is whole all the same."""
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as opened:
        return [" ".join(map(str, row)) for row in opened.rows("PRAGMA foreign_key_check")]


def _foreign_pages(opened: sqlite3mc.Connection, file: Path) -> list[int]:
    """The numbers of the first pages whose authentication fails, counted from 1 as SQLite does."""
    pages = range(file.stat().st_size // PAGE_BYTES)
    return list(islice((number + 1 for number in pages if not _is_authentic(opened, number)), _ENOUGH))


def _is_authentic(opened: sqlite3mc.Connection, number: int) -> bool:
    for attempt in range(_TRIES):
        if attempt:
            # Somebody may just be writing it.
            time.sleep(_BETWEEN_TRIES_S)
        with contextlib.suppress(sqlite3mc.Error):
            read_page(opened, number)
            return True
    return False
