"""A whole database file, copied while people work, and its pages one after the other in plain form.

On a disk a page lies only encrypted. A backup holds the pages plain inside its own encryption, so that everybody's tools open what comes
out of it; so they are decrypted while being read here, and encrypted while being written.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import apsw

from miz.infra.db import sqlite3mc

PAGE_BYTES = 4096
_PAGES_A_STEP = 256
"""A megabyte: what one step reads; between two steps the other threads work."""
_TARGET_PRAGMAS = ("page_size=4096", "auto_vacuum=INCREMENTAL", "journal_mode=OFF", "synchronous=OFF", "temp_store=MEMORY")
_number = itertools.count()


def copy_database(source: Path, key: bytes, target: Path, *, told: Callable[[int, int], None] = lambda _done, _all: None) -> None:
    """Copy the database as it is now to the new file `target`, encrypted with the same key and synced.

    Consistent whatever is written meanwhile, and whoever writes does not wait. `told(done, all)` counts pages. Raises
    `sqlite3mc.Error`; the caller removes what is left of the target then.
    """
    with contextlib.closing(sqlite3mc.connect(str(source), key=key, is_read_only=True)) as view:
        # What one transaction sees does not change; without it a write by others would make the copy begin anew.
        view.rows("BEGIN")
        view.rows("SELECT count(*) FROM sqlite_schema")
        copy_snapshot(view, key, target, told=told)


def copy_snapshot(view: sqlite3mc.Connection, key: bytes, target: Path, *, told: Callable[[int, int], None]) -> None:
    """Copy what the transaction of `view` sees, as `copy_database` does."""
    with contextlib.closing(sqlite3mc.connect(str(target), key=key, pragmas=_TARGET_PRAGMAS)) as writing:
        try:
            with writing.apsw.backup("main", view.apsw, "main") as backup:
                while not backup.done:
                    backup.step(_PAGES_A_STEP)
                    told(backup.page_count - backup.remaining, backup.page_count)
        except apsw.Error as error:
            raise sqlite3mc.translated(error) from error
        # The copy is one file that a medium can carry, not three.
        writing.rows("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)
    _sync(target)


def read_pages(file: Path, key: bytes) -> Iterator[bytes]:
    """The pages of a database file that nobody writes to and that has no log beside it, decrypted, a megabyte at a time.

    A page whose authentication fails raises `sqlite3mc.Error`.
    """
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as connection:
        size = file.stat().st_size
        for offset in range(0, size, PAGE_BYTES * _PAGES_A_STEP):
            amount = min(PAGE_BYTES * _PAGES_A_STEP, size - offset)
            try:
                is_whole, pages = connection.apsw.read("main", 0, offset, amount)
            except apsw.Error as error:
                raise sqlite3mc.translated(error) from error
            if not is_whole:
                raise sqlite3mc.OperationalError
            yield pages


def write_pages(file: Path, key: bytes, pieces: Iterable[bytes]) -> None:
    """Make the new database file `file`, encrypted with `key`, from plain pages in their order, and sync it.

    The pieces may be cut anywhere. Raises `ValueError` for what is no row of whole pages, and `sqlite3mc.Error`.
    """
    opened: list[apsw.VFSFile] = []
    name = f"miz-pages-{next(_number)}"
    vfs = _Watched(name, opened)
    try:
        connection = apsw.Connection(str(file), vfs=name)
        with contextlib.closing(connection):
            connection.pragma("cipher", "chacha20")
            connection.pragma("key", f"raw:{key.hex()}")
            for pragma in _TARGET_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            # Only now does the file know its cipher; the pages that follow replace this one.
            connection.execute("CREATE TABLE placeholder (id)")
            main = opened[0]
            offset = 0
            for page in _whole_pages(pieces):
                main.xWrite(page, offset)
                offset += PAGE_BYTES
            main.xTruncate(offset)
            main.xSync(apsw.SQLITE_SYNC_FULL)
    except apsw.Error as error:
        raise sqlite3mc.translated(error) from error
    finally:
        vfs.unregister()
    file.chmod(0o600)


def _whole_pages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    count = 0
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % PAGE_BYTES
        for place in range(0, whole, PAGE_BYTES):
            yield rest[place : place + PAGE_BYTES]
        count += whole // PAGE_BYTES
        rest = rest[whole:]
    if rest or not count:
        raise ValueError("no row of whole pages")


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


class _Watched(apsw.VFS):
    """The ordinary way to files, which keeps the main file at hand."""

    def __init__(self, name: str, opened: list[apsw.VFSFile]) -> None:
        self._opened = opened
        super().__init__(name, "")

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        file = apsw.VFSFile("", name, flags)
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            self._opened.append(file)
        return file
