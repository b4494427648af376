"""What keeps a database from being looked after."""

from miz.kernel.errors import MizError


class DatabaseBusyError(MizError):
    """The database is being moved, compacted or checked."""

    code = "database-being-looked-after"
    title = "The database is being looked after already."
    kind = "conflict"
    hint = "Wait until that is done, then try again."


class TargetNotUsableError(MizError):
    """The database cannot go to this place."""

    code = "target-not-usable"
    title = "The database cannot be moved to {folder}."
    kind = "conflict"
    hint = "Nothing was changed. Choose a folder on a disk of this computer, with room, in which nothing of this practice lies."


class NoRoomForDatabaseError(MizError):
    """The disk of the target cannot take the copy."""

    code = "no-room-for-database"
    title = "The copy of the database needs {needed_mb} MB in {folder}, {free_mb} MB are free."
    kind = "unavailable"
    hint = "Nothing was changed. Free some space or choose another place."


class ByDatabaseServerError(MizError):
    """The rows are on a database server, which is looked after with its own tools."""

    code = "database-server-looks-after-itself"
    title = "The rows of this practice are on a database server, which is looked after with its own tools."
    kind = "conflict"
    hint = "Nothing was changed. See docs/how-to/postgresql.md."


class NotDamagedError(MizError):
    """No check has found any damage."""

    code = "database-not-damaged"
    title = "No check has found any damage, so there is nothing to repair."
    kind = "conflict"
    hint = "Nothing was changed. Have the database checked first."


class NotReadableError(MizError):
    """Not even the list of tables can be read, or the new file cannot be written."""

    code = "database-not-repairable"
    title = "No new database can be made of this one."
    kind = "integrity"
    hint = "Nothing was changed. Go back to the last backup that was restored once; keep this folder for the technician."
