"""The encrypted file: its settings, its driver, and what it refuses."""

import contextlib
import os
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from miz.infra.db import sqlite3mc
from miz.infra.db.engine import DatabaseReplacedError, Instant, ReadOnlyDatabase, UnsafeDataFolderError, WrongKeyError
from miz.infra.db.migrate import HEAD, NewerSchemaError, bring_up_to_date, schema_of
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.prepared import Prepared
from miz.kernel.errors import DatabaseUnavailableError
from tests.infra.conftest import KEY

PROMISED = {
    "page_size": 4096, "auto_vacuum": 2, "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0,
    "cell_size_check": 1, "mmap_size": 0, "busy_timeout": 5000, "secure_delete": 1,
}  # fmt: skip

thing = Table(
    "thing", MetaData(), Column("id", Integer, primary_key=True), Column("name", String), Column("seen", Instant), Column("more", JSON)
)


def cursor_of(database: PracticeDatabase) -> sqlite3mc.Cursor:
    return cast("sqlite3mc.Connection", database.writer_connection.connection.dbapi_connection).cursor()


@pytest.mark.parametrize(("pragma", "value"), PROMISED.items())
def test_the_writer_has_the_promised_setting(database: PracticeDatabase, pragma: str, value: object) -> None:
    assert database.writer_connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_reader_cannot_write(database: PracticeDatabase) -> None:
    with pytest.raises(OperationalError, match=r"ReadOnly|readonly"):
        database.reader().exec_driver_sql("INSERT INTO line (text) VALUES ('x')")


def test_a_read_only_database_sees_what_is_written_and_changes_nothing(database: PracticeDatabase) -> None:
    with contextlib.closing(ReadOnlyDatabase(database.path, KEY)) as reading:
        database.writer_connection.exec_driver_sql("INSERT INTO line (text) VALUES ('seen')")
        database.writer_connection.commit()
        ask = reading.reader().exec_driver_sql
        assert ask("SELECT text FROM line").scalars().all() == ["seen"]
        ask("PRAGMA query_only=OFF")
        for statement in ("INSERT INTO line (text) VALUES ('x')", "UPDATE line SET text = 'x'", "DELETE FROM line", "DROP TABLE line",
                          "CREATE TABLE more (id)", "PRAGMA user_version=7", "PRAGMA journal_mode=DELETE", "VACUUM"):  # fmt: skip
            with contextlib.suppress(OperationalError):
                ask(statement)
        assert [name for name in vars(reading) if "writ" in name] == []
    read = database.reader().exec_driver_sql
    assert read("SELECT text FROM line").scalars().all() == ["seen"]
    assert [read(f"PRAGMA {name}").scalar() for name in ("user_version", "journal_mode")] == [0, "wal"]


def test_a_read_only_database_makes_no_file_and_wants_the_right_key(database: PracticeDatabase, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError):
        ReadOnlyDatabase(tmp_path / "none.db", KEY)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(WrongKeyError):
        ReadOnlyDatabase(database.path, bytes(32))


def test_a_read_only_database_notices_another_file_in_its_place(database: PracticeDatabase, tmp_path: Path) -> None:
    with contextlib.closing(ReadOnlyDatabase(database.path, KEY)) as reading:
        reading.check_identity()
        database.path.rename(tmp_path / "moved.db")
        with pytest.raises(DatabaseReplacedError):
            reading.check_identity()
        (tmp_path / "moved.db").rename(database.path)
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
        PracticeDatabase(database.path, bytes(32))


def test_a_flipped_bit_is_an_error_and_never_wrong_content(tmp_path: Path) -> None:
    path = tmp_path / "practice.db"
    with contextlib.closing(PracticeDatabase(path, KEY)) as database:
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
        with contextlib.closing(PracticeDatabase(path, KEY)) as database:
            try:
                found = [tuple(row) for row in database.reader().exec_driver_sql("SELECT id, text FROM line ORDER BY id")]
            except OperationalError:
                detected += 1
            else:
                assert found == expected
    assert detected >= 28


def test_a_linked_database_file_is_refused(database: PracticeDatabase, tmp_path: Path) -> None:
    symbolic, hard = tmp_path / "soft.db", tmp_path / "hard.db"
    symbolic.symlink_to(database.path)
    with pytest.raises(UnsafeDataFolderError):
        PracticeDatabase(symbolic, KEY)
    os.link(database.path, hard)
    with pytest.raises(UnsafeDataFolderError):
        PracticeDatabase(hard, KEY)


@pytest.mark.parametrize("name", ["Dropbox", "OneDrive - Praxis Kern", "Nextcloud", "iCloud Drive"])
def test_a_folder_that_is_copied_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "praxis"
    folder.mkdir(parents=True)
    with pytest.raises(UnsafeDataFolderError):
        PracticeDatabase(folder / "practice.db", KEY)
    assert list(folder.iterdir()) == []


def test_an_instant_comes_back_as_it_was_in_utc(database: PracticeDatabase) -> None:
    connection = database.writer_connection
    thing.create(connection)
    berlin = datetime(2026, 11, 22, 9, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))
    connection.execute(insert(thing).values(id=1, seen=berlin, more={"dose": ["½", None, 1.5]}))
    row = connection.execute(select(thing)).one()
    assert (row.seen, row.seen.tzinfo, row.more) == (berlin, UTC, {"dose": ["½", None, 1.5]})


def test_a_prepared_statement_does_what_the_plain_one_does(database: PracticeDatabase) -> None:
    connection = database.writer_connection
    thing.create(connection)
    values = {"id": 1, "name": "Müller 😀", "seen": datetime(2026, 11, 22, tzinfo=UTC), "more": {"a": [1, "ß"]}}
    Prepared(insert(thing)).run(connection, values)
    connection.execute(insert(thing).values(**{**values, "id": 2}))
    prepared, plain = connection.execute(select(thing).order_by(thing.c.id)).all()
    assert prepared[1:] == plain[1:]
    rename = Prepared(
        update(thing).where(thing.c.id == bindparam("which")).values(name=bindparam("new")).returning(thing.c.id, thing.c.name)
    )
    assert rename.run(connection, {"which": 2, "new": "Meier"}) == [(2, "Meier")]
    assert rename.run(connection, {"which": 1, "new": None}) == [(1, None)]
    assert rename.run(connection, {"which": 99, "new": "x"}) == []
    statement = select(thing.c.id).where(thing.c.id >= bindparam("least")).order_by(thing.c.id)
    fast = Prepared(statement)
    assert [fast.run(connection, {"least": least}) for least in (1, 2, 3)] == [
        [tuple(row) for row in connection.execute(statement, {"least": least})] for least in (1, 2, 3)
    ]
    Prepared(delete(thing)).run(connection, {})
    assert connection.execute(select(thing)).all() == []


def test_a_newer_schema_is_refused_and_stays_as_it_is(database: PracticeDatabase) -> None:
    connection = database.writer_connection
    bring_up_to_date(connection)
    assert schema_of(connection) == HEAD
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    with pytest.raises(NewerSchemaError):
        bring_up_to_date(connection)
    assert schema_of(connection) == "9999"
