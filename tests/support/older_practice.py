"""A practice as an older version of the program left it: the first migrations, and rows in every table that the start reads."""

import contextlib
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table

from miz.infra.data_folder import DataFolder
from miz.infra.db.driver import driver_of
from miz.infra.db.migrate import SCRIPTS
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sources import source_of
from miz.infra.settings import Settings, read_settings
from tests.support.practice import url_of

PATIENT_ID = "5f1c1f8e-0000-4000-8000-000000000001"
FAMILY_NAME = "Überdauert"
_EMPTY: dict[type, Any] = {str: "", int: 0, bool: False, bytes: b"", float: 0.0, dict: []}


def settings_of(folder: DataFolder) -> Settings:
    return read_settings(key_file=str(folder.path / "test.key"), database_url=url_of(folder.path.parent))


def older_practice(path: Path, schema: str, *, url: str = "") -> DataFolder:
    """A practice below `path`, or in the database that `url` names, whose tables have that schema, with one patient."""
    if url:
        (path / "database-url").write_text(url)
    folder = DataFolder(path / "practice")
    settings = settings_of(folder)
    folder.create(settings)
    with contextlib.closing(PracticeDatabase(source_of(folder, settings, folder.read_key(settings)))) as database:
        connection = database.writer_connection
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        driver_of(connection).begin()
        command.upgrade(config, schema)
        _insert(connection, "server_state", id=1, practice="Praxis von früher", epoch=1, control_interval_s=30)
        _insert(connection, "patient", id=PATIENT_ID, family_name=FAMILY_NAME, given_name="Anna", birth_date="1950", sex="female",
                version=1, fencing_token="1.0", family_key="ueberdauert", given_key="anna")  # fmt: skip
        connection.commit()
    return folder


def _insert(connection: Connection, name: str, **values: Any) -> None:
    """A row with these values, and nothing in the other columns that want something."""
    table = Table(name, MetaData(), autoload_with=connection)
    needed = [column for column in table.columns if not column.nullable and column.server_default is None]
    connection.execute(table.insert().values({column.name: _EMPTY.get(column.type.python_type, "") for column in needed} | values))
