"""Which database a practice has: the file in its data folder, or one of a PostgreSQL server."""

import time
from collections.abc import Callable

from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import DatabaseInUseError, Source
from miz.infra.db.migrate import schema_of
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sqlite_file import SqliteFile
from miz.infra.settings import Settings
from miz.kernel.errors import DatabaseUnavailableError, MizError

_LOOK_S = 0.5


class DatabaseUrlError(MizError):
    """The data folder and the setting do not agree on where the practice's rows are."""

    code = "database-url-differs"
    title = "The practice in {folder} keeps its data in this folder."
    kind = "conflict"
    hint = "Set MIZ_DATABASE_URL as it was when the practice was set up, or not at all."


class DatabaseTakenError(MizError):
    """There is a practice in the database already."""

    code = "database-taken"
    title = "There is a practice in the database {place} already."
    kind = "conflict"
    hint = "Name an empty database."


def source_of(folder: DataFolder, settings: Settings, key: bytes) -> Source:
    """Where the practice of this folder has its rows. Raises `DatabaseUrlError`, `InvalidInputError`."""
    if not folder.is_on_server:
        if settings.database_url:
            raise DatabaseUrlError(folder=str(folder.path))
        return SqliteFile(folder.database, key)
    if not settings.database_url:
        raise DatabaseUrlError("The practice in {folder} keeps its data on a database server.", folder=str(folder.path))
    return _server(settings)


def refuse_taken(settings: Settings) -> None:
    """Raise `DatabaseTakenError` when the database server that the settings name has a practice already."""
    if settings.database_url:
        source = _server(settings)
        source.refuse_unsafe()
        with source.engine(is_read_only=True).connect() as connection:
            if schema_of(connection) is not None:
                raise DatabaseTakenError(place=source.shown)


def wait_for_turn(source: Source, *, name: str, waiting: Callable[[], None]) -> PracticeDatabase:
    """Open the database as soon as no other server works with it and it answers; `waiting()` is called meanwhile."""
    while True:
        try:
            return PracticeDatabase(source, name=name)
        except (DatabaseInUseError, DatabaseUnavailableError):
            waiting()
            time.sleep(_LOOK_S)


def _server(settings: Settings) -> Source:
    # A practice with a file does not pay for loading the other driver.
    from miz.infra.db.postgres_server import PostgresServer

    return PostgresServer(settings.database_url)
