"""A whole database file, copied while people work, and its pages one after the other in plain form.

On a disk a page lies only encrypted. A backup holds the pages plain inside its own encryption, so that everybody's tools open what comes
out of it; so they are decrypted while being read here, and encrypted while being written.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import apsw

from miz.infra.db import sqlite3mc
from miz.infra.files import synced_steadily

PAGE_BYTES = 4096
_PAGES_A_STEP = 256
"""A megabyte: what one step reads; between two steps the other threads work."""
_FORMAT_AT, _NO_LOG = slice(18, 20), b"\1\1"
"""Where the file format's versions stand that writing and reading need, and those of a database without a write-ahead log."""
TARGET_PRAGMAS = ("page_size=4096", "auto_vacuum=INCREMENTAL", "journal_mode=OFF", "synchronous=OFF", "temp_store=MEMORY")
_number = itertools.count()
_TRIES = 40
_BETWEEN_TRIES_S = 0.05


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
    with contextlib.closing(sqlite3mc.connect(str(target), key=key, pragmas=TARGET_PRAGMAS)) as writing:
        try:
            with synced_steadily(target), writing.apsw.backup("main", view.apsw, "main") as backup:
                while not backup.done:
                    backup.step(_PAGES_A_STEP)
                    told(backup.page_count - backup.remaining, backup.page_count)
        except apsw.Error as error:
            raise sqlite3mc.translated(error) from error
        # The copy is one file that a medium can carry, not three.
        writing.rows("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)
    _sync(target)


@contextlib.contextmanager
def standing_still(view: sqlite3mc.Connection, file: Path, key: bytes) -> Iterator[bool]:
    """Begin a transaction on the read-only connection `view` of `file`; for the block the file holds the pages that it sees and does not change.

    Whoever writes meanwhile does not wait; what they write stays in the log. False when somebody else reads an older state for longer
    than two seconds: then the file may hold another state than the transaction sees. Raises `sqlite3mc.Error`.
    """
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, pragmas=("synchronous=FULL",))) as log:
        try:
            yield any(_is_still(view, log) for _ in range(_TRIES))
        finally:
            view.rollback()
            # What could not leave the log meanwhile would otherwise cost the next one to write.
            log.rows("PRAGMA wal_checkpoint(PASSIVE)")


def _is_still(view: sqlite3mc.Connection, log: sqlite3mc.Connection) -> bool:
    """A checkpoint carries nothing into the file that is newer than what a reader sees. If it carried all that there is, and the reader was
    there before, then the file is what the reader sees, and no checkpoint changes it until the reader goes.
    """
    if view.in_transaction:
        view.rollback()
        time.sleep(_BETWEEN_TRIES_S)
    view.rows("BEGIN")
    view.rows("SELECT count(*) FROM sqlite_schema")
    [(is_busy, in_log, carried)] = log.rows("PRAGMA wal_checkpoint(PASSIVE)")
    return not is_busy and bool(in_log == carried)


def read_pages(view: sqlite3mc.Connection) -> Iterator[bytes]:
    """The pages of a file that stands still for `view`, decrypted, a megabyte at a time, as of a file without a log.

    A page whose authentication fails raises `sqlite3mc.Error`.
    """
    pages = size_of(view) // PAGE_BYTES
    for first in range(0, pages, _PAGES_A_STEP):
        piece = b"".join(read_page(view, number) for number in range(first, min(first + _PAGES_A_STEP, pages)))
        yield piece if first else piece[: _FORMAT_AT.start] + _NO_LOG + piece[_FORMAT_AT.stop :]


def read_page(view: sqlite3mc.Connection, number: int) -> bytes:
    """One page of the file, counted from 0, decrypted. Raises `sqlite3mc.Error` when it is not what was written there.

    One at a time: of several at once the library tells only whether the last one is authentic.
    """
    try:
        is_whole, page = view.apsw.read("main", 0, number * PAGE_BYTES, PAGE_BYTES)
    except apsw.Error as error:
        raise sqlite3mc.translated(error) from error
    if not is_whole:
        raise sqlite3mc.OperationalError
    return page


def size_of(view: sqlite3mc.Connection) -> int:
    """Bytes of the database that the transaction of `view` sees."""
    [(pages,)] = view.rows("PRAGMA page_count")
    return int(pages) * PAGE_BYTES


def write_pages(file: Path, key: bytes, pieces: Iterable[bytes]) -> None:
    """Make the new database file `file`, encrypted with `key`, from plain pages in their order, and sync it.

    The pieces may be cut anywhere. Raises `ValueError` for what is no row of whole pages, and `sqlite3mc.Error`.
    """
    opened: list[apsw.VFSFile] = []
    name = f"miz-pages-{next(_number)}"
    vfs = _Watched(name, opened)
    try:
        connection = apsw.Connection(str(file), vfs=name)
        with contextlib.closing(connection), synced_steadily(file):
            connection.pragma("cipher", "chacha20")
            connection.pragma("key", f"raw:{key.hex()}")
            for pragma in TARGET_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            # Only now does the file know its cipher; the pages that follow replace this one.
            connection.execute("CREATE TABLE placeholder (id)")
            main = opened[0]
            offset = 0
            for pages in _whole_pages(pieces):
                main.xWrite(pages, offset)
                offset += len(pages)
            main.xTruncate(offset)
            main.xSync(apsw.SQLITE_SYNC_FULL)
    except apsw.Error as error:
        raise sqlite3mc.translated(error) from error
    finally:
        vfs.unregister()
    file.chmod(0o600)


def _whole_pages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest, is_empty = b"", True
    for piece in pieces:
        found = rest + piece
        whole = len(found) - len(found) % PAGE_BYTES
        if whole:
            yield found[:whole]
            is_empty = False
        rest = found[whole:]
    if rest or is_empty:
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
