"""Types, statements and the schema are the same on every database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, delete, insert, select, update

from miz.infra.db.engine import Instant, Json
from miz.infra.db.migrate import HEAD, NewerSchemaError, bring_up_to_date, schema_of
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.prepared import Prepared

thing = Table(
    "thing", MetaData(), Column("id", Integer, primary_key=True), Column("name", String), Column("seen", Instant), Column("more", Json)
)


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
