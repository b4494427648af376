"""What the server tells about itself: bounded in size, readable by its account only, and never the text of an exception."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from miz.infra import server_log
from miz.infra.server_log import _PrivateFile, record_unexpected, start_log

SECRET = "Erika Muster nimmt Marcumar"


@contextlib.contextmanager
def bare_log() -> Iterator[None]:
    """The root of all logs as a new process has it, without the handlers of the test runner."""
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = kept
        root.setLevel(level)


def fail() -> None:
    raise ValueError(SECRET)


def told(monkeypatch: pytest.MonkeyPatch, file: Path) -> str:
    """What an unexpected condition leaves on standard error and in the file, by every way that ends in the log."""
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    with bare_log():
        start_log(str(file))
        try:
            fail()
        except ValueError as error:
            record_unexpected("request", error)
            logging.getLogger("elsewhere").exception("a library tells")
    return stderr.getvalue() + file.read_text()


def test_neither_stream_nor_file_holds_the_text_of_an_exception(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = told(monkeypatch, tmp_path / "log" / "server.log")
    assert said.count("unexpected condition request: ValueError") == 2
    assert said.count("in fail") == 4
    assert SECRET not in said


def test_with_the_ordinary_formatter_it_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server_log, "_WITH_TIME", logging.Formatter("%(message)s"))
    assert SECRET in told(monkeypatch, tmp_path / "server.log")


def test_the_file_is_kept_small_and_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server_log, "FILE_BYTES", 1_000)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    file = tmp_path / "log" / "server.log"
    with bare_log():
        start_log(str(file))
        for number in range(200):
            logging.getLogger("miz").warning("line %s", number)
    files = sorted(file.parent.iterdir())
    assert len(files) == 1 + server_log.OLD_FILES
    assert sum(path.stat().st_size for path in files) <= 1_000 * len(files)
    assert "line 199" in file.read_text()
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the journal is that of systemd")
def test_the_journal_gets_the_gravity_of_every_line_and_no_time(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import logging, os, sys
        found = os.fstat(2)
        os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
        from miz.infra.server_log import start_log
        start_log()
        logging.getLogger("miz").warning("first\\nsecond")
        logging.getLogger("miz").error("third")
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr.splitlines() == ["<4>miz first", "<4>second", "<3>miz third"]


def test_what_nobody_has_caught_is_told_without_its_text() -> None:
    program = textwrap.dedent(f"""
        import asyncio, threading
        from miz.infra.server_log import start_log, tell_no_texts

        async def fail():
            raise ValueError("{SECRET}")

        async def main():
            tell_no_texts(asyncio.get_running_loop())
            task = asyncio.create_task(fail())
            await asyncio.sleep(0.01)
            del task
            await asyncio.sleep(0.01)
            thread = threading.Thread(target=lambda: asyncio.run(fail()))
            thread.start()
            thread.join()
            raise ValueError("{SECRET}")

        start_log()
        asyncio.run(main())
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert [place for place in ("event loop", "thread", "program") if f"unexpected condition {place}: ValueError" not in done.stderr] == []
    assert SECRET not in done.stderr


def test_who_is_aborted_tells_where_it_hung() -> None:
    program = textwrap.dedent("""
        import asyncio, os
        from miz.infra.server_log import tell_no_texts

        async def hang_here():
            tell_no_texts(asyncio.get_running_loop())
            os.abort()

        asyncio.run(hang_here())
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode != 0
    assert "in hang_here" in done.stderr


def test_what_is_too_old_is_forgotten_with_the_lines_that_belong_to_it(tmp_path: Path) -> None:
    file = tmp_path / "miz.log"
    kept = _PrivateFile(str(file), maxBytes=1_000_000, backupCount=4, encoding="utf-8")
    old, young = tmp_path / "miz.log.1", tmp_path / "miz.log.2"
    for rotated in (old, young):
        rotated.write_text("lines")
    os.utime(old, (0, 0))
    file.write_text("2026-01-01 10:00:00,000 ERROR miz first\n  File x\n2026-06-01 10:00:00,000 ERROR miz second\n  File y\n")
    try:
        kept.forget_before(datetime(2026, 3, 1, tzinfo=UTC))
        assert file.read_text() == "2026-06-01 10:00:00,000 ERROR miz second\n  File y\n"
        assert not old.exists()
        assert young.exists()
        kept.emit(logging.LogRecord("miz", logging.ERROR, "", 0, "third", None, None))
        assert file.read_text().endswith("File y\nthird\n")
        assert file.stat().st_mode & 0o077 == 0
    finally:
        kept.close()
