"""What can go wrong with a backup, in words for whoever has to act."""

from miz.kernel.errors import MizError, NotFoundError


class BackupNotFoundError(NotFoundError):
    """There is no such backup."""

    code = "backup-not-found"
    title = "There is no backup {name}."
    hint = "Look at the list of backups."


class BackupUnsoundError(MizError):
    """The file is cut off, changed, or no backup of this program at all."""

    code = "backup-not-to-be-trusted"
    title = "The backup {name} is not to be trusted."
    kind = "integrity"
    hint = "Nothing was changed. Take another backup; keep this file for the technician."


class BackupKeyError(MizError):
    """None of the keys at hand opens the backup."""

    code = "backup-key-does-not-fit"
    title = "The key does not open the backup {name}."
    kind = "integrity"
    hint = "Nothing was changed. Name the file with the recovery key of the practice that made this backup: --recovery-key FILE"


class OtherPracticeError(MizError):
    """The backup was made by another practice than the one of the folder."""

    code = "backup-of-another-practice"
    title = "This backup belongs to another practice."
    kind = "conflict"
    hint = "Nothing was changed. Restore it to an empty folder, or take a backup of this practice."


class IntoEmptyDatabaseError(MizError):
    """A practice on a database server is brought back into an empty database, never over its rows."""

    code = "restore-into-empty-database"
    title = "The rows of this practice are on a database server; a backup is not restored over them."
    kind = "conflict"
    hint = "Nothing was changed. Restore to a new folder, with an empty database named in MIZ_DATABASE_URL."


class NotConfirmedError(MizError):
    """What somebody has typed to confirm is not the name of the practice."""

    code = "restore-not-confirmed"
    title = "To restore, type the name of the practice as it is shown: {practice}"
    kind = "invalid"
    hint = "Nothing was changed."


class NewerBackupError(MizError):
    """The backup was made by a later version of the program."""

    code = "backup-from-newer-version"
    title = "The backup was made by a newer version of the program (schema {found}, this program knows {known})."
    kind = "integrity"
    hint = "Nothing was changed. Install that version or a later one, then restore."


class NoRoomForBackupError(MizError):
    """The place cannot take what is to be written."""

    code = "no-room-for-backup"
    title = "{needed_mb} MB are needed in {folder}, {free_mb} MB are free."
    kind = "unavailable"
    hint = "Nothing was changed. Free some space or choose another place."


class BackupPlaceError(MizError):
    """The place is not there, or nothing may be written to it."""

    code = "backup-place-not-writable"
    title = "Nothing can be written to {folder}."
    kind = "unavailable"
    hint = "Check whether the disk is connected and whether this computer may write there. The last backup is as it was."


class PlaceUnknownError(MizError):
    """The second place is not there, or it is the empty folder where its disk is to be mounted."""

    code = "backup-place-unknown"
    title = "The second place of the backups, {folder}, is not connected."
    kind = "unavailable"
    hint = "Connect its disk or share. If this is another one, save the plan of the backups again while it is connected."


class SamePlaceError(MizError):
    """The second place lies within the practice's own folder."""

    code = "backup-place-same"
    title = "The folder {folder} lies within the practice's own."
    kind = "invalid"
    hint = "Choose a folder on another disk, a mounted share or a medium that leaves the house."


class BackupRunningError(MizError):
    """Another backup, or a rehearsal, is under way."""

    code = "backup-running"
    title = "A backup is under way already."
    kind = "conflict"
    hint = "Wait until it is done, then try again."


class BackupStoppedError(MizError):
    """The server stops, and with it what was under way."""

    code = "backup-stopped"
    title = "The backup was stopped together with the server."
    kind = "unavailable"
    hint = "What it had begun was removed; the last backup is as it was. Make it again once the server runs."


class BackupProcessEndedError(MizError):
    """The process that makes backups ended before its work was done: killed, or out of memory."""

    code = "backup-process-ended"
    title = "The process that makes backups ended before its work was done."
    kind = "unavailable"
    hint = "What it had begun was removed; the last backup is as it was. Make it again; if it ends again, look into the server's log."


class ServerWantedError(MizError):
    """The rows in the backup belong on a database server, and none is named."""

    code = "backup-wants-database-server"
    title = "This backup is of a practice whose rows are on a database server."
    kind = "conflict"
    hint = "Nothing was changed. Set MIZ_DATABASE_URL to an empty database of PostgreSQL, then restore."


class ProgramMissingError(MizError):
    """The program of PostgreSQL that writes or reads a dump is not there in the server's version."""

    code = "database-program-missing"
    title = "The program {program} of PostgreSQL {major} is not on this computer."
    kind = "unavailable"
    hint = "Nothing was changed. Install the client programs of that version, or name their folder in MIZ_POSTGRES_PROGRAMS."


class ServerToolFailedError(MizError):
    """`pg_dump` or `pg_restore` has ended with a fault."""

    code = "database-tool-failed"
    title = "PostgreSQL did not carry out the backup or the restore."
    kind = "unavailable"
    hint = "Nothing was changed. Look into the log of the database server; the last backup is as it was."


class NoScratchDatabaseError(MizError):
    """The database for the rehearsal cannot be made."""

    code = "no-scratch-database"
    title = "No database for restoring on trial can be made beside the practice's."
    kind = "unavailable"
    hint = "The backup is there, but does not count as good. Give the account the right: ALTER ROLE … CREATEDB, then rehearse it."
