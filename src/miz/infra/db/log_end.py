"""A write-ahead log that breaks off before its end: what SQLite passes over without a word.

After a kill SQLite takes the log up to the first frame whose checksum does not fit, and forgets what follows (https://www.sqlite.org/walformat.html).
After a power cut that is right: the last commit may have been under way. But a commit begins only once the one before it was synced, so all
others behind the break had been acknowledged, and a disk has lost them.
"""

import os
from pathlib import Path

from miz.infra.db.pages import PAGE_BYTES

_LOG_HEAD, _FRAME_HEAD = 32, 24
_LOG_SALTS, _COMMIT, _SALTS = slice(16, 24), slice(4, 8), slice(8, 16)
_NO_COMMIT = bytes(4)


def commits_in(log: Path) -> list[int]:
    """The numbers of the frames that end a commit, counted from 1, of the log's present generation; none where there is no log."""
    try:
        with log.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            salts = file.read(_LOG_HEAD)[_LOG_SALTS]
            heads = []
            for place in range(_LOG_HEAD, size - _FRAME_HEAD, _FRAME_HEAD + PAGE_BYTES):
                file.seek(place)
                heads.append(file.read(_FRAME_HEAD))
    except FileNotFoundError:
        return []
    if heads and all(head[_SALTS] != salts for head in heads):
        # The log's own head may be what is broken; the first frame is always of the present generation.
        salts = heads[0][_SALTS]
    return [number for number, head in enumerate(heads, 1) if head[_SALTS] == salts and head[_COMMIT] != _NO_COMMIT]


def lost_commits(commits: list[int], taken: int) -> int:
    """How many of the commits were acknowledged and not taken in, when SQLite has taken `taken` frames."""
    return max(0, len([number for number in commits if number > taken]) - 1)
