"""Whether the practice's rows can be changed: looked at twice a second, and tried as long as a write has failed."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from miz.infra.db.engine import DatabaseReadOnlyError, DiskFullError
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.db.writer import Transaction, Writer
from miz.infra.server_log import logger
from miz.kernel.errors import DatabaseUnavailableError

LOOK_S = 0.5
LEAST_FREE_BYTES = 1_000_000


class Watch:
    """The cause while nothing can be stored; `tell` is called in the event loop when it comes, changes or goes.

    `probe` is a write that changes nothing: whether storing works again is only known once something was stored.
    """

    def __init__(
        self, database: PracticeDatabase, writer: Writer, *, probe: Callable[[Transaction], object], tell: Callable[[], object]
    ) -> None:
        self._database = database
        self._writer = writer
        self._probe = probe
        self._tell = tell
        self.cause: DatabaseUnavailableError | None = None

    def look(self) -> DatabaseUnavailableError | None:
        """The cause as it is now: the file is not there, takes no changes, has no room, or the last write has failed."""
        source = self._database.source
        try:
            self._database.check_identity()
        except DatabaseUnavailableError as error:
            return error
        return (_unwritable(source.path) if isinstance(source, SqliteFile) else None) or self._writer.fault

    async def keep(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._writer.fault is not None:
                await asyncio.gather(self._writer.run(self._probe), return_exceptions=True)
            cause = await asyncio.to_thread(self.look)
            if type(cause) is not type(self.cause):
                self.cause = cause
                logger.warning("database: %s", cause.code if cause else "works again")
                self._tell()


def _unwritable(file: Path) -> DatabaseUnavailableError | None:
    if not os.access(file, os.W_OK):
        return DatabaseReadOnlyError()
    if hasattr(os, "statvfs"):
        room = os.statvfs(file.parent)
        if room.f_flag & os.ST_RDONLY:
            return DatabaseReadOnlyError()
        if room.f_bavail * room.f_frsize < LEAST_FREE_BYTES:
            return DiskFullError()
    return None
