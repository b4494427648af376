import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from miz.infra.db.migrate import bring_up_to_date
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sqlite_file import SqliteFile
from tests.support.practice import fresh_source

tables = MetaData()
line = Table("line", tables, Column("id", Integer, primary_key=True), Column("text", String, nullable=False, unique=True))
child = Table("child", tables, Column("line_id", ForeignKey(line.c.id, deferrable=True, initially="DEFERRED")))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PracticeDatabase]:
    """An empty database with two small tables."""
    with contextlib.closing(PracticeDatabase(fresh_source(tmp_path))) as opened:
        if not isinstance(opened.source, SqliteFile):
            bring_up_to_date(opened.writer_connection)
        tables.create_all(opened.writer_connection)
        opened.writer_connection.commit()
        yield opened


def path_of(database: PracticeDatabase) -> Path:
    """Where the file of the database is."""
    assert isinstance(database.source, SqliteFile)
    return database.source.path
