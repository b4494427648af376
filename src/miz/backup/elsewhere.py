"""The second place of the backups: another disk, a mounted share, a folder from which nothing can be taken away.

A sign in it tells the place from the empty folder that is left where no disk is mounted. There each file is written once, under its final
name: a folder that only grows takes it, too. A copy that was cut off is no backup, as `verify` says, and gives its name to nobody.
"""

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from miz.backup.errors import BackupPlaceError, PlaceUnknownError, SamePlaceError
from miz.backup.making import Told, require_room
from miz.backup.model import SUFFIX, Plan, kept
from miz.infra.data_folder import ERASED_LIST, DataFolder
from miz.infra.files import sync_folder, synced_steadily
from miz.kernel.errors import InvalidInputError

SIGN = "MIZ-SICHERUNGEN_BACKUPS.txt"
_SAID = """In diesem Ordner legt miz Kopien der Sicherungen einer Praxis ab. Sie sind verschlüsselt. Mit dem ausgedruckten Wiederherstellungsschlüssel
bringt eine davon die Praxis auf einen neuen Computer: miz backup restore DATEI --data ORDNER --recovery-key DATEI

In this folder miz puts copies of the backups of a practice. They are encrypted. With the printed recovery key one of them brings the
practice to a new computer: miz backup restore FILE --data FOLDER --recovery-key FILE
"""
_PIECE = 1 << 20
_SPARE_BYTES = 1 << 20
_NAME = re.compile(rf"miz-(?P<practice>\w{{8}})-(?P<made>\d{{4}}-\d\d-\d\dT\d{{6}}Z)-\w{{4}}(\.\d+)?{re.escape(SUFFIX)}")


def settle_in(place: Path, practice: DataFolder) -> None:
    """Put the sign into the folder, which is there already. Raises `InvalidInputError`, `SamePlaceError`, `BackupPlaceError`."""
    if not place.is_absolute():
        raise InvalidInputError("{folder} is not the whole path of a folder, from the disk on.", folder=str(place), field="second_place")
    if place.resolve().is_relative_to(practice.path.resolve()):
        raise SamePlaceError(folder=str(place))
    with _named(place), contextlib.suppress(FileExistsError), _new(place / SIGN) as sign:
        sign.write(_SAID.encode())


def is_on_disk_of(place: Path, practice: DataFolder) -> bool:
    """Whether one broken disk would take both; False when the place is not there."""
    with contextlib.suppress(OSError):
        return place.stat().st_dev == practice.path.stat().st_dev
    return False


def copy_into(place: Path, backup: Path, told: Told) -> Path:
    """Copy a backup to the place; whoever reads the copy hears from the medium itself.

    Raises `PlaceUnknownError`, `NoRoomForBackupError`, `BackupPlaceError`, and what `told` raises; what was begun is removed then.
    """
    _require_sign(place)
    size = backup.stat().st_size
    require_room(place, size + _SPARE_BYTES)
    with _named(place):
        target = next(name for name in _names(place / backup.name) if not _is_taken(name))
        with backup.open("rb") as source, _new(target) as copy, synced_steadily(target):
            while piece := source.read(_PIECE):
                copy.write(piece)
                told("elsewhere", copy.tell(), size)
    return target


def bring_list(place: Path, practice: DataFolder) -> None:
    """Have the place know whom a restored copy must not bring back. The list only grows, so the newest one says all.

    Raises `PlaceUnknownError`, `BackupPlaceError`.
    """
    _require_sign(place)
    content = practice.erased_list.read_bytes()
    stem, ending = Path(ERASED_LIST).stem, Path(ERASED_LIST).suffix
    with _named(place):
        there = list(place.glob(f"{stem}-{practice.server_id[:8]}*{ending}"))
        if content in [one.read_bytes() for one in there]:
            return
        first = place / f"{stem}-{practice.server_id[:8]}-{len(content)}{ending}"
        with _new(next(name for name in _names(first) if not name.exists())) as newest:
            newest.write(content)
    for former in there:
        discard(former)


def _require_sign(place: Path) -> None:
    if not (place / SIGN).is_file():
        raise PlaceUnknownError(folder=str(place))


def let_go(place: Path, practice: DataFolder, rule: Plan) -> None:
    """Remove those copies of the practice's backups that the rule no longer keeps, where the place lets one do so."""
    with _named(place):
        files = list(place.iterdir())
    found = {file: match for file in files if (match := _NAME.fullmatch(file.name)) and match["practice"] == practice.server_id[:8]}
    made = {file: datetime.strptime(match["made"], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC) for file, match in found.items()}
    keep = kept(made.values(), rule)
    for file, instant in made.items():
        if instant not in keep:
            discard(file)


def discard(file: Path) -> None:
    """Remove a file, where the place lets one do so."""
    with contextlib.suppress(OSError):  # gone already, or a place that keeps everything
        file.unlink()


def _names(first: Path) -> Iterator[Path]:
    yield first
    yield from (first.with_name(f"{first.stem}.{generation}{first.suffix}") for generation in itertools.count(2))


def _is_taken(name: Path) -> bool:
    """Whether a copy that was cut off has the name for ever, in a place that keeps everything."""
    discard(name)
    return name.exists()


@contextlib.contextmanager
def _new(file: Path) -> Iterator[IO[bytes]]:
    """A synced file that was not there before. What is read of it after the block comes from the medium."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        try:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        except BaseException:
            discard(file)
            raise
        if sys.platform == "linux":
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    sync_folder(file.parent)


@contextlib.contextmanager
def _named(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupPlaceError(folder=str(place)) from error
