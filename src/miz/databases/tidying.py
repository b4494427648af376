"""The small care of a file while people work: free pages given back in short steps, statistics for the ways through the tables, the log taken in."""

import asyncio
import time
from collections.abc import Callable

from miz.infra.db.driver import driver_of
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.writer import Writer

Told = Callable[[str, int, int], None]

_PAGES = 64
_LONG_S = 0.02
"""A step that took longer is halved: those who save wait for one step at most."""
_REST_S = 0.05


async def tidy(database: PracticeDatabase, writer: Writer, told: Told) -> tuple[int, float]:
    """Do it step by step between the groups of the writer; returns the pages given back, and the seconds that the longest step took."""
    longest, pages = 0.0, _PAGES

    def rows(statement: str) -> list[tuple[int, ...]]:
        nonlocal longest
        database.check_identity()
        began = time.monotonic()
        found = driver_of(database.writer_connection).rows(statement)
        longest = max(longest, time.monotonic() - began)
        return found

    whole = free = (await writer.aside(lambda: rows("PRAGMA freelist_count")))[0][0]
    while free:
        began = time.monotonic()
        await writer.aside(lambda: rows(f"PRAGMA incremental_vacuum({pages})"))  # noqa: B023 - awaited at once
        if time.monotonic() - began > _LONG_S:
            pages = max(1, pages // 2)
        told("give back", whole - free, whole)
        await asyncio.sleep(_REST_S)
        before, free = free, (await writer.aside(lambda: rows("PRAGMA freelist_count")))[0][0]
        if free >= before:  # people write faster than this, or the file was made without the notes that it needs
            break
    told("statistics", 0, 1)
    await writer.aside(lambda: rows("PRAGMA analysis_limit=400"))
    await writer.aside(lambda: rows("PRAGMA optimize"))
    await writer.aside(lambda: rows("PRAGMA wal_checkpoint(PASSIVE)"))
    return whole - free, longest
