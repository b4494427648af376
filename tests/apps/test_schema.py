"""The migrations make exactly the tables that the program works with."""

import contextlib
from pathlib import Path

from sqlalchemy import inspect

import miz.apps.bootstrap  # noqa: F401 - loads the tables of every room
from miz.infra.db.migrate import bring_up_to_date
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.schema import metadata
from tests.support.practice import fresh_source


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    with contextlib.closing(PracticeDatabase(fresh_source(tmp_path))) as database:
        bring_up_to_date(database.writer_connection)
        found = inspect(database.writer_connection)
        names = set(found.get_table_names()) - {"alembic_version"}
        assert names == set(metadata.tables)
        for name, table in metadata.tables.items():
            columns = {
                column["name"]: (str(column["type"]).replace("DOUBLE PRECISION", "FLOAT"), column["nullable"])
                for column in found.get_columns(name)
            }
            dialect = database.write_engine.dialect
            declared = {column.name: (column.type.compile(dialect), bool(column.nullable)) for column in table.columns}
            assert columns == declared, name
            # PostgreSQL names the index of a unique constraint, too; SQLite does not.
            own = [index for index in found.get_indexes(name) if "duplicates_constraint" not in index]
            indexes = {(index["name"], tuple(index["column_names"])) for index in own}
            assert indexes == {(str(index.name), tuple(column.name for column in index.columns)) for index in table.indexes}, name
            assert found.get_pk_constraint(name)["constrained_columns"] == [column.name for column in table.primary_key], name
            keys = {(tuple(key["constrained_columns"]), key["referred_table"]) for key in found.get_foreign_keys(name)}
            assert keys == {(tuple(key.column_keys), key.referred_table.name) for key in table.foreign_key_constraints}, name
