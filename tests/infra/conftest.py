import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.infra.db.practice_database import PracticeDatabase

KEY = bytes(range(32))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PracticeDatabase]:
    """An empty encrypted database with one small table."""
    with contextlib.closing(PracticeDatabase(tmp_path / "practice.db", KEY)) as opened:
        opened.writer_connection.exec_driver_sql("CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)")
        opened.writer_connection.exec_driver_sql("CREATE TABLE child (line_id INTEGER REFERENCES line (id) DEFERRABLE INITIALLY DEFERRED)")
        opened.writer_connection.commit()
        yield opened
