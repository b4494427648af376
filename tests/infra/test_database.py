"""The encrypted file: its settings, its driver, and what it refuses."""

import contextlib
import os
import random
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.exc import IntegrityError

from miz.infra.db import sqlite3mc
from miz.infra.db.engine import (
    DatabasePageError,
    DatabaseReadOnlyError,
    DatabaseReplacedError,
    ReadOnlyDatabase,
    UnsafeDataFolderError,
    WrongKeyError,
)
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sqlite_file import SqliteFile
from miz.kernel.errors import DatabaseUnavailableError
from tests.infra.conftest import path_of
from tests.support.practice import KEY

PROMISED = {
    "page_size": 4096, "auto_vacuum": 2, "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
    "cell_size_check": 1, "mmap_size": 0, "busy_timeout": 5000, "secure_delete": 1,
}  # fmt: skip

pytestmark = pytest.mark.sqlite_only("about the SQLite file itself")


def cursor_of(database: PracticeDatabase) -> sqlite3mc.Cursor:
    return cast("sqlite3mc.Connection", database.writer_connection.connection.dbapi_connection).cursor()


@pytest.mark.parametrize(("pragma", "value"), PROMISED.items())
def test_the_writer_has_the_promised_setting(database: PracticeDatabase, pragma: str, value: object) -> None:
    assert database.writer_connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_reader_cannot_write(database: PracticeDatabase) -> None:
    with pytest.raises(DatabaseReadOnlyError):
        database.reader().exec_driver_sql("INSERT INTO line (text) VALUES ('x')")


def test_a_read_only_database_sees_what_is_written_and_changes_nothing(database: PracticeDatabase) -> None:
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(path_of(database), KEY))) as reading:
        database.writer_connection.exec_driver_sql("INSERT INTO line (text) VALUES ('seen')")
        database.writer_connection.commit()
        ask = reading.reader().exec_driver_sql
        assert ask("SELECT text FROM line").scalars().all() == ["seen"]
        ask("PRAGMA query_only=OFF")
        for statement in ("INSERT INTO line (text) VALUES ('x')", "UPDATE line SET text = 'x'", "DELETE FROM line", "DROP TABLE line",
                          "CREATE TABLE more (id)", "PRAGMA user_version=7", "PRAGMA journal_mode=DELETE", "VACUUM"):  # fmt: skip
            with contextlib.suppress(DatabaseUnavailableError):
                ask(statement)
        assert [name for name in vars(reading) if "writ" in name] == []
    read = database.reader().exec_driver_sql
    assert read("SELECT text FROM line").scalars().all() == ["seen"]
    assert [read(f"PRAGMA {name}").scalar() for name in ("user_version", "journal_mode")] == [0, "wal"]


def test_a_read_only_database_makes_no_file_and_wants_the_right_key(database: PracticeDatabase, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError):
        ReadOnlyDatabase(SqliteFile(tmp_path / "none.db", KEY))
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(WrongKeyError):
        ReadOnlyDatabase(SqliteFile(path_of(database), bytes(32)))


def test_a_read_only_database_notices_another_file_in_its_place(database: PracticeDatabase, tmp_path: Path) -> None:
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(path_of(database), KEY))) as reading:
        reading.check_identity()
        path_of(database).rename(tmp_path / "moved.db")
        with pytest.raises(DatabaseReplacedError):
            reading.check_identity()
        (tmp_path / "moved.db").rename(path_of(database))
        reading.check_identity()


def test_the_library_is_one_that_is_safe_in_wal_mode() -> None:
    assert sqlite3mc.sqlite_version_info >= (3, 51, 3)


def test_the_driver_tells_rows_columns_and_counts(database: PracticeDatabase) -> None:
    cursor = cursor_of(database)
    cursor.execute("INSERT INTO line (text) VALUES (?), (?)", ("a", "b"))
    assert (cursor.rowcount, cursor.description, cursor.fetchall()) == (2, None, [])
    cursor.execute("UPDATE line SET text = text || '!' WHERE text = 'nobody'")
    assert cursor.rowcount == 0
    cursor.execute("UPDATE line SET text = text || '!' RETURNING id, text")
    assert cursor.fetchall() == [(1, "a!"), (2, "b!")]
    cursor.execute("SELECT id, text AS shown FROM line WHERE id > 99")
    assert [name for name, *_ in cursor.description or ()] == ["id", "shown"]
    assert cursor.fetchone() is None
    cursor.executemany("INSERT INTO line (text) VALUES (?)", [("c",), ("d",), ("e",)])
    assert cursor.rowcount == 3
    cursor.execute("SELECT text FROM line ORDER BY id")
    assert cursor.fetchmany(2) == [("a!",), ("b!",)]
    assert list(cursor) == [("c",), ("d",), ("e",)]


def test_errors_are_those_of_the_database_interface(database: PracticeDatabase) -> None:
    write = database.writer_connection.exec_driver_sql
    write("INSERT INTO line (text) VALUES ('once')")
    with pytest.raises(IntegrityError):
        write("INSERT INTO line (text) VALUES ('once')")
    cursor = cursor_of(database)
    with pytest.raises(sqlite3mc.ProgrammingError):
        cursor.execute("SELEKT")


def test_a_wrong_key_opens_nothing(database: PracticeDatabase) -> None:
    with pytest.raises(WrongKeyError):
        PracticeDatabase(SqliteFile(path_of(database), bytes(32)))


def test_a_flipped_bit_is_an_error_and_never_wrong_content(tmp_path: Path) -> None:
    path = tmp_path / "practice.db"
    with contextlib.closing(PracticeDatabase(SqliteFile(path, KEY))) as database:
        write = database.writer_connection.exec_driver_sql
        write("CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT)")
        for number in range(200):
            write("INSERT INTO line VALUES (?, ?)", (number, f"{number}:" + "x" * 500))
        database.writer_connection.commit()
        write("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    expected = [(number, f"{number}:" + "x" * 500) for number in range(200)]
    chance = random.Random(20261122)
    detected = 0
    for _ in range(30):
        place = chance.randrange(4096 * 2, len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :])
        with contextlib.closing(PracticeDatabase(SqliteFile(path, KEY))) as database:
            try:
                found = [tuple(row) for row in database.reader().exec_driver_sql("SELECT id, text FROM line ORDER BY id")]
            except DatabasePageError:
                detected += 1
            else:
                assert found == expected
    assert detected >= 28


def test_a_linked_database_file_is_refused(database: PracticeDatabase, tmp_path: Path) -> None:
    symbolic, hard = tmp_path / "soft.db", tmp_path / "hard.db"
    symbolic.symlink_to(path_of(database))
    with pytest.raises(UnsafeDataFolderError):
        PracticeDatabase(SqliteFile(symbolic, KEY))
    os.link(path_of(database), hard)
    with pytest.raises(UnsafeDataFolderError):
        PracticeDatabase(SqliteFile(hard, KEY))


@pytest.mark.parametrize("name", ["Dropbox", "OneDrive - Praxis Kern", "Nextcloud", "iCloud Drive"])
def test_a_folder_that_is_copied_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "praxis"
    folder.mkdir(parents=True)
    with pytest.raises(UnsafeDataFolderError):
        PracticeDatabase(SqliteFile(folder / "practice.db", KEY))
    assert list(folder.iterdir()) == []
