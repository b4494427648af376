"""Files that must be whole or not be there, and the lock that keeps a second server off a data folder."""

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from miz.kernel.errors import InvalidInputError, MizError

_SYNC_EVERY_S = 0.02


class DataFolderInUseError(MizError):
    """Another server, or a command, works on this data folder."""

    code = "data-folder-in-use"
    title = "Another server is running on this data folder."
    kind = "conflict"
    hint = "Stop the other one first, or use its address."


def write_whole(path: Path, content: bytes | Iterable[bytes], *, is_private: bool = False) -> None:
    """Put `content` at `path` so that after a power cut there is either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if is_private else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def new_private_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone, that was not there before; gone again when the block fails. Raises `InvalidInputError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InvalidInputError("There is a file {file} already; it is not written over.", file=str(path)) from error
    except OSError as error:
        raise InvalidInputError("The file {file} cannot be written.", file=str(path)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def synced_steadily(path: Path) -> Iterator[None]:
    """While the block writes a large new file at `path`, what is written reaches the disk bit by bit; the last of it is the caller's to sync.

    Whoever syncs a small thing meanwhile would else wait for all of it: a file system brings down together what belongs to one moment. Not for
    a database that others have open: their locks on it end with any handle of this process. Raises `OSError` after the block.
    """
    is_over, failed = threading.Event(), list[OSError]()

    def sync() -> None:
        try:
            while not path.exists() and not is_over.wait(_SYNC_EVERY_S):
                pass
            with path.open("r+b") as written:
                while not is_over.wait(_SYNC_EVERY_S):
                    os.fsync(written.fileno())
        except OSError as error:
            failed.append(error)

    syncing = threading.Thread(target=sync, name="syncing", daemon=True)
    syncing.start()
    try:
        yield
    finally:
        is_over.set()
        syncing.join()
    if failed:
        raise failed[0]


def sync_folder(path: Path) -> None:
    """Have the names in a folder outlive a power cut, where the system offers that."""
    if sys.platform != "win32":
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a mounted share keeps names by itself
                raise
        finally:
            os.close(folder)


class InstanceLock:
    """Held by whoever works on a data folder; the system frees it when the process dies."""

    def __init__(self, path: Path) -> None:
        """Take the lock or raise `DataFolderInUseError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("a+b")
        try:
            if sys.platform == "win32":
                import msvcrt

                self._file.seek(0)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise DataFolderInUseError from error

    def release(self) -> None:
        self._file.close()
