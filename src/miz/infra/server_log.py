"""What the server tells about itself while it runs: to standard error, which systemd keeps in its journal, and to a file elsewhere.

Never the text of an exception, which may hold what somebody typed: its kind and where it was raised are enough.
"""

import asyncio
import faulthandler
import logging
import os
import re
import sys
import threading
import traceback
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

from miz.infra.files import write_whole
from miz.infra.settings import is_journal

logger = logging.getLogger("miz")

FILE_BYTES = 5_000_000
OLD_FILES = 4
_DATED = re.compile(r"\d{4}-\d{2}-\d{2} ")
# The journal's own marks for how grave a line is (sd-daemon(3)).
_GRAVITY = {logging.CRITICAL: "<2>", logging.ERROR: "<3>", logging.WARNING: "<4>", logging.INFO: "<6>", logging.DEBUG: "<7>"}


def start_log(file: str = "") -> None:
    """Tell warnings and worse from now on; with `file` there, too, in five files of 5 MB at most, readable by this account only."""
    handlers: list[logging.Handler] = []
    if sys.stderr is not None:
        told = logging.StreamHandler(sys.stderr)
        told.setFormatter(_ForJournal("%(name)s %(message)s") if is_journal(_descriptor_of(sys.stderr)) else _WITH_TIME)
        handlers.append(told)
    if file:
        Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = _PrivateFile(file, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8")
        kept.setFormatter(_WITH_TIME)
        handlers.append(kept)
    logging.basicConfig(level=logging.WARNING, handlers=handlers)


def forget_before(instant: datetime) -> None:
    """Remove what the files of the log hold from before that instant; a journal has rules of its own."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _PrivateFile):
            handler.forget_before(instant)


def tell_no_texts(loop: asyncio.AbstractEventLoop) -> None:
    """What nobody has caught is told without the texts that Python would print; who is aborted by a watchdog tells where it hung."""
    sys.excepthook = lambda _, error, __: record_unexpected("program", error)
    threading.excepthook = lambda args: record_unexpected("thread", args.exc_value or args.exc_type())
    loop.set_exception_handler(_record_in_loop)
    if sys.stderr is not None:
        faulthandler.enable()


def record_unexpected(place: str, error: BaseException) -> None:
    """Tell where something unexpected happened; never the error's own text, which may hold patient data."""
    logger.error("unexpected condition %s: %s\n%s", place, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))


def _record_in_loop(_loop: object, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        record_unexpected("event loop", error)
    else:
        logger.error("unexpected condition event loop")


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> Any:
        """Each new file, too, is readable by this account only."""
        return open(self.baseFilename, "a", encoding=self.encoding, opener=lambda path, flags: os.open(path, flags, 0o600))

    def forget_before(self, instant: datetime) -> None:
        """Old files go when their last line is too old; of the newest one the lines go that are."""
        for number in range(1, self.backupCount + 1):
            old = Path(f"{self.baseFilename}.{number}")
            if old.exists() and old.stat().st_mtime < instant.timestamp():
                old.unlink()
        first = f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"
        self.acquire()
        try:
            lines = Path(self.baseFilename).read_text(encoding="utf-8").splitlines(keepends=True)
            # What belongs to a line, as the places of a fault do, begins with no date and goes with it.
            kept = next((number for number, line in enumerate(lines) if _DATED.match(line) and line >= first), len(lines))
            if kept:
                self.close()
                write_whole(Path(self.baseFilename), "".join(lines[kept:]).encode(), is_private=True)
                self.stream = self._open()
        finally:
            self.release()


class _WithoutTexts(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is fixed by logging
        kind, _, frames = ei
        return _frames(kind, frames)


class _ForJournal(_WithoutTexts):
    """The journal takes every line by itself, so each bears the mark."""

    def format(self, record: logging.LogRecord) -> str:
        mark = _GRAVITY.get(record.levelno, "")
        return "\n".join(mark + line for line in super().format(record).splitlines())


def _frames(kind: type[BaseException] | None, frames: TracebackType | None) -> str:
    return f"{kind.__name__ if kind else 'unknown'}\n{''.join(traceback.format_tb(frames))}".rstrip()


def _descriptor_of(stream: Any) -> int:
    try:
        return int(stream.fileno())
    except (OSError, ValueError):  # caught by a test or a window without a console
        return -1


_WITH_TIME = _WithoutTexts("%(asctime)s %(levelname)s %(name)s %(message)s")
