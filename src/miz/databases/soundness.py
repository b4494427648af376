"""Whether a database file is what was written to it: every page authenticated, structure, indexes and keys compared."""

import contextlib
import time
from pathlib import Path

from miz.infra.db import sqlite3mc
from miz.infra.db.pages import PAGE_BYTES, read_page

_TRIES = 3
_BETWEEN_TRIES_S = 0.05


def findings_in(file: Path, key: bytes, *, is_full: bool) -> list[str]:
    """What is wrong with it, in the words of SQLite; empty when nothing is. With `is_full` indexes and foreign keys are compared as well."""
    pragmas = ("integrity_check", "foreign_key_check") if is_full else ("quick_check",)
    findings: list[str] = []
    try:
        with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as opened:
            # Free pages, too: SQLite does not look at them, and what is written over a damaged disk is not safe either.
            findings += [f"page {number} is not what was written there" for number in _foreign_pages(opened, file)]
            for pragma in pragmas:
                findings += [" ".join(map(str, row)) for row in opened.rows(f"PRAGMA {pragma}") if row != ("ok",)]
    except sqlite3mc.Error as error:
        findings.append(type(error.__cause__ or error).__name__)
    return findings


def _foreign_pages(opened: sqlite3mc.Connection, file: Path) -> list[int]:
    """The numbers of the pages whose authentication fails, counted from 1 as SQLite does."""
    return [number + 1 for number in range(file.stat().st_size // PAGE_BYTES) if not _is_authentic(opened, number)]


def _is_authentic(opened: sqlite3mc.Connection, number: int) -> bool:
    for attempt in range(_TRIES):
        if attempt:
            # Somebody may just be writing it.
            time.sleep(_BETWEEN_TRIES_S)
        with contextlib.suppress(sqlite3mc.Error):
            read_page(opened, number)
            return True
    return False
