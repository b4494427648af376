"""Where the copy of a database may go."""

import itertools
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from miz.databases.errors import NoRoomForDatabaseError, TargetNotUsableError

_SPARE_BYTES = 32 * 1024 * 1024


def beside(file: Path, now: datetime) -> Path:
    """A file that is not there yet: twice in a second, or with a clock put back, the copy must not get the name of what it is made from."""
    named = (file.with_name(f"practice-{now:%Y%m%dT%H%M%SZ}{number or ''}.db") for number in itertools.count())
    return next(free for free in named if not free.exists())


def readable_part(target: Path) -> Path:
    """What a new file is called that holds only what could be read."""
    return target.with_name(target.name.replace("practice-", "readable-"))


def usable(folder: Path, database: Path) -> Path:
    """The file for the database in a folder of this computer. Raises `TargetNotUsableError`."""
    if not folder.expanduser().is_absolute():
        raise TargetNotUsableError("{folder} is not the whole path of a folder, from the disk on.", folder=str(folder))
    try:
        folder = folder.expanduser().resolve()
        if not folder.is_dir():
            raise TargetNotUsableError("The folder {folder} is not there.", folder=str(folder))
        if folder == database.parent.resolve():
            raise TargetNotUsableError("The database lies in {folder} already.", folder=str(folder))
        if any(folder.glob("practice*.db")):
            raise TargetNotUsableError("There is a database in {folder} already.", folder=str(folder))
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no such home, links in a circle; ValueError: a NUL in the name
        raise TargetNotUsableError("The server may not write to {folder}.", folder=str(folder)) from error
    return folder / "practice.db"


def are_on_one_disk(files: Sequence[Path]) -> bool:
    """Whether there are several, and one disk has them all."""
    try:
        return len(files) > 1 and len({file.stat().st_dev for file in files}) == 1
    except OSError:
        return False


def require_room(database: Path, folder: Path, copies: int) -> int:
    """The size of the database, when the folder can take so many copies of it. Raises `NoRoomForDatabaseError`."""
    size, free = database.stat().st_size, shutil.disk_usage(folder).free
    needed = size * copies + _SPARE_BYTES
    if free < needed:
        raise NoRoomForDatabaseError(folder=str(folder), needed_mb=needed // 1_000_000 + 1, free_mb=free // 1_000_000)
    return size
