"""The list beside the backups: whom a restored one must not bring back. Holds ids that mean nothing without a backup."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from miz.infra.files import write_whole
from miz.practice.erasure.errors import ErasedListBrokenError


def read_list(file: Path) -> list[str]:
    """The ids in the file; none where there is no file. Raises `ErasedListBrokenError`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[str])
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:  # also a text that is no list, or no text
        raise ErasedListBrokenError(file=file.name) from error


def keep_list(file: Path, ids: Sequence[str]) -> None:
    """Have these in the file, too; what stood there stays, unless it cannot be read."""
    try:
        known = read_list(file)
    except ErasedListBrokenError:
        known = []
    wanted = sorted({*known, *ids})
    if wanted != known:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(file, msgspec.json.encode(wanted) + b"\n", is_private=True)
