"""A practice's rows in a PostgreSQL database: how it is reached, what is asked of its settings, who may write (ADR 0015)."""

import logging
import time
from typing import Any

import psycopg
from psycopg import conninfo
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.pool import NullPool

from miz.infra.db import postgres
from miz.infra.db.engine import JSON_FORM, DatabaseInUseError, DiskFullError
from miz.kernel.errors import DatabaseUnavailableError, InvalidInputError, MizError

logger = logging.getLogger("miz")

OLDEST = 14
_ASIDE_S = 1.0
# A lost machine is noticed in about 20 seconds, on both sides; a lost process at once.
_NETWORK = {"connect_timeout": 3, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_OPTIONS = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
_WRITER = f"{_OPTIONS} -c synchronous_commit=on -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
_READER = f"{_OPTIONS} -c default_transaction_read_only=on"
_REQUIRED = {"fsync": "on", "full_page_writes": "on", "data_sync_retry": "off", "server_encoding": "UTF8"}
_BY_CODE_POINT = ("C", "POSIX", "C.UTF-8", "C.UTF8")
_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended('miz ' || current_schema(), 0))")
_COLLATION = "SELECT datcollate, to_json(known)->>'datlocprovider' FROM pg_database known WHERE datname = current_database()"
# The file of the write-ahead log is named after its timeline, also in the moment after a promotion.
_LINEAGE = text("SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()")


class DatabaseUnreachableError(DatabaseUnavailableError):
    """No connection to PostgreSQL can be made."""

    code = "database-unreachable"
    title = "The database {place} does not answer."
    hint = "Check MIZ_DATABASE_URL and whether PostgreSQL is running."


class DatabaseSettingsError(MizError):
    """PostgreSQL is set so that a practice's data would not be safe or not be found."""

    code = "database-settings-unsafe"
    title = "The database server is not set up for a practice: {setting} is {value}."
    kind = "integrity"
    hint = "Nothing was changed. Set it to {wanted} and start again."


class PostgresServer:
    """The database as one of a PostgreSQL server; see `engine.Source`. Raises `InvalidInputError` for an address that is none."""

    def __init__(self, url: str) -> None:
        try:
            said = conninfo.conninfo_to_dict(url)
        except psycopg.Error:
            # Without the cause: its text may hold the password.
            raise InvalidInputError("MIZ_DATABASE_URL is no address of a PostgreSQL database.") from None
        self._url = url
        self.generation = 0
        self._rests_until = 0.0
        self._is_told = False
        hosts, name = str(said.get("host") or "localhost"), said.get("dbname") or ""
        self.shown = f"postgresql://{hosts}/{name}"

    def refuse_unsafe(self) -> None:
        """Raise `DatabaseSettingsError`, `DatabaseUnreachableError`; without checksums it only warns."""
        connection = self._connect(_READER)
        try:
            with connection:
                found = {name: connection.rows(f"SHOW {name}")[0][0] for name in (*_REQUIRED, "data_checksums")}
                collation, provider = connection.rows(_COLLATION)[0]
                version = connection.info.server_version // 10_000
        except psycopg.OperationalError as error:
            # It died after it had answered; a server that waits for its turn goes on waiting.
            raise DatabaseUnreachableError(place=self.shown) from error
        if version < OLDEST:
            raise DatabaseSettingsError(setting="version", value=version, wanted=f"{OLDEST} or newer")
        for setting, wanted in _REQUIRED.items():
            if found[setting] != wanted:
                raise DatabaseSettingsError(setting=setting, value=found[setting], wanted=wanted)
        if collation.upper() not in _BY_CODE_POINT or provider == "i":
            raise DatabaseSettingsError(setting="collation", value=collation, wanted="C")
        if found["data_checksums"] != "on" and not self._is_told:
            logger.warning("the database server has no data checksums, so damage on its disk may stay unseen; pg_checksums --enable")
            self._is_told = True

    def engine(self, *, is_read_only: bool) -> Engine:
        """Connections of their own, none kept by a pool; those that only read are refused every change by PostgreSQL."""

        def connect() -> postgres.Connection:
            return self._connect(_READER if is_read_only else _WRITER)

        made = create_engine(
            "postgresql+psycopg://",
            creator=connect,
            poolclass=NullPool,
            paramstyle="format",
            hide_parameters=True,
            use_native_hstore=False,
            **JSON_FORM,
        )
        event.listen(made, "handle_error", _explain)
        return made

    def fault(self, error: Exception) -> DatabaseUnavailableError:
        return DiskFullError() if isinstance(getattr(error, "orig", error), psycopg.errors.DiskFull) else DatabaseUnavailableError()

    def explained(self, error: Exception) -> MizError:
        return error if isinstance(error, MizError) else DatabaseUnreachableError(place=self.shown)

    def claim(self, connection: Connection) -> None:
        """The lock belongs to the session: who loses this connection has lost the right to write. Raises `DatabaseInUseError`."""
        if not connection.execute(_LOCK).scalar():
            raise DatabaseInUseError

    def lineage(self, connection: Connection) -> str:
        """The cluster and its timeline: both are others where a standby was promoted or a copy was brought back."""
        found: str = connection.execute(_LINEAGE).scalar_one()
        return found

    def check_identity(self) -> None:
        """Nothing to do: who has the connection has the lock."""

    def empty_log(self, connection: Connection) -> bool:
        """Nothing to do: the server keeps its log by its own rules (docs/how-to/erasure.md)."""
        return True

    def size_bytes(self, reader: Connection) -> int:
        found: int = reader.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return found

    def _connect(self, options: str) -> postgres.Connection:
        if time.monotonic() < self._rests_until:  # a request must not wait for a machine that did not answer just now
            raise DatabaseUnreachableError(place=self.shown)
        network: dict[str, Any] = _NETWORK
        try:
            return postgres.Connection.connect(
                self._url, autocommit=True, target_session_attrs="primary", options=options, application_name="miz", **network
            )
        except psycopg.Error as error:
            self._rests_until = time.monotonic() + _ASIDE_S
            raise DatabaseUnreachableError(place=self.shown) from error


def _explain(context: ExceptionContext) -> None:
    error = context.original_exception
    if context.is_disconnect or isinstance(error, psycopg.OperationalError):
        raise DatabaseUnavailableError from error
    if isinstance(error, psycopg.DataError):
        raise InvalidInputError("A text is too long or holds a character that cannot be stored.") from error
