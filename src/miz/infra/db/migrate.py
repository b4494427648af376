"""Brings the schema of a practice database up to this program's, and refuses one that is newer."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

import miz.migrations
from miz.infra.db.driver import driver_of
from miz.kernel.errors import MizError

SCRIPTS = Path(miz.migrations.__file__).parent
HEAD = max(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


class NewerSchemaError(MizError):
    """The database was written by a later version of the program."""

    code = "newer-schema"
    title = "The database belongs to a newer version of the program (schema {found}, this program knows {known})."
    kind = "integrity"
    hint = "Nothing was changed. Install the newer version again."


def schema_of(connection: Connection) -> str | None:
    """The schema's number, or None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def bring_up_to_date(connection: Connection) -> None:
    """Run the missing steps in one transaction. Raises `NewerSchemaError`."""
    found = schema_of(connection)
    connection.rollback()
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise NewerSchemaError(found=found, known=HEAD)
    # Alembic costs a tenth of a second to import; a start with nothing to do does not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    driver_of(connection).begin()
    # Alembic commits after its steps unless it sees that the transaction belongs to somebody else.
    connection.begin()
    try:
        command.upgrade(config, "head")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
