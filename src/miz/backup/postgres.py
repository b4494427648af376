"""The rows of a practice on a PostgreSQL server, in the same package: what `pg_dump` writes, in pieces, and `pg_restore` reads.

Nothing lies in plain form in between: the dump goes from the program's pipe into the package, and out of it into the other program's.
Both are of the server's own major version. What they say is never shown, since it may quote rows.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql
from psycopg.pq import Conninfo
from sqlalchemy import Connection

from miz.access.audit.queries import newest_checkpoint
from miz.access.audit.signing import Checkpoint
from miz.backup.errors import NoScratchDatabaseError, ProgramMissingError, ServerToolFailedError
from miz.backup.model import SERVER_ROWS
from miz.backup.package import Member
from miz.backup.queries import UNFINISHED, Facts, facts_of
from miz.infra.db.postgres_server import PostgresServer

PIECE_BYTES = 8 << 20
_QUIET: dict[str, Any] = {"stderr": subprocess.DEVNULL, "cwd": Path.cwd().anchor}
_USUAL_FOLDERS = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin", "C:/Program Files/PostgreSQL/{major}/bin")
_WRITING = ("--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-password", f"--exclude-table={UNFINISHED}")
# One transaction: the database holds the whole dump or nothing of it.
_READING = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password")


@dataclass(frozen=True)
class Moment:
    """One moment of the database: what it says about itself, its size in bytes, and its rows as members of a package."""

    facts: Facts
    checkpoint: Checkpoint | None
    size: int
    members: Iterator[Member]


class DatabaseServer:
    """The database at `url`; `programs` is the folder of PostgreSQL's programs, empty = where they usually are."""

    def __init__(self, url: str, programs: str = "") -> None:
        self.url = url
        self._programs = programs

    @contextlib.contextmanager
    def moment(self) -> Iterator[Moment]:
        """The database as it is at this moment, while people write. Raises `ProgramMissingError`; the members raise `ServerToolFailedError`."""
        with self._reader() as reader:
            program = self._program("pg_dump", reader)
            reader.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            snapshot = reader.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            size = reader.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
            command = [program, *_WRITING, f"--snapshot={snapshot}"]
            with contextlib.closing(self._pieces(command)) as members:
                yield Moment(facts_of(reader), newest_checkpoint(reader), size, members)

    def facts(self) -> Facts:
        """What the database says about itself."""
        with self._reader() as reader:
            return facts_of(reader)

    @contextlib.contextmanager
    def restoring(self) -> Iterator[Callable[[bytes], None]]:
        """Takes the dump piece by piece into the empty database; after a fault in the block the database is empty again.

        Raises `ProgramMissingError`, `ServerToolFailedError`.
        """
        with self._reader() as reader:
            program = self._program("pg_restore", reader)
        target = conninfo.make_conninfo(dbname=conninfo.conninfo_to_dict(self.url)["dbname"])
        command = [program, *_READING, f"--dbname={target}"]
        with subprocess.Popen(command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, **_QUIET) as process:
            assert process.stdin is not None
            taking = process.stdin

            def take(piece: bytes) -> None:
                try:
                    taking.write(piece)
                except BrokenPipeError:
                    raise ServerToolFailedError from None

            try:
                yield take
            except BaseException:
                process.kill()
                with contextlib.suppress(BrokenPipeError):
                    taking.close()
                raise
            with contextlib.suppress(BrokenPipeError):
                taking.close()
            if process.wait():
                raise ServerToolFailedError

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator["DatabaseServer"]:
        """A database of this name beside the practice's, empty, removed at the end; so is what a cut has left of one.

        Raises `NoScratchDatabaseError`.
        """
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        make = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(sql.Identifier(name))
        try:
            self._run(drop, make)
        except psycopg.Error as error:
            raise NoScratchDatabaseError from error
        try:
            yield DatabaseServer(conninfo.make_conninfo(self.url, dbname=name), self._programs)
        finally:
            self._run(drop)

    def clear(self) -> None:
        """Remove every table: for a database that was empty before something was restored to it in vain."""
        with self._connected() as connection:
            names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
            for (name,) in names:
                drop = sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(name))
                connection.execute(drop)

    def clear_unfinished(self, folder: Path) -> None:
        """Where somebody was killed while restoring for this folder, the database is empty again."""
        noted = sql.SQL("SELECT folder FROM {}").format(sql.Identifier(UNFINISHED))
        with self._connected() as connection:
            if connection.execute("SELECT to_regclass(%s)", [UNFINISHED]).fetchone() == (None,):
                return
            wanted = connection.execute(noted).fetchall()
        if wanted == [(str(folder),)]:
            self.clear()

    def note_unfinished(self, folder: Path) -> None:
        """From now on until `forget_unfinished` the rows belong to no practice yet, but to the restore for this folder."""
        name = sql.Identifier(UNFINISHED)
        self._run(
            sql.SQL("DROP TABLE IF EXISTS {}").format(name),
            sql.SQL("CREATE TABLE {} AS SELECT {} AS folder").format(name, sql.Literal(str(folder))),
        )

    def forget_unfinished(self) -> None:
        """The rows belong to a practice."""
        self._run(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(UNFINISHED)))

    def _run(self, *statements: sql.Composed) -> None:
        with self._connected() as connection:
            for statement in statements:
                connection.execute(statement)

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, target_session_attrs="primary", application_name="miz backup")

    @contextlib.contextmanager
    def _reader(self) -> Iterator[Connection]:
        engine = PostgresServer(self.url).engine(is_read_only=True)
        with engine.connect() as reader:
            yield reader

    def _pieces(self, command: list[str]) -> Generator[Member, None, None]:
        with subprocess.Popen(command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **_QUIET) as process:
            assert process.stdout is not None
            try:
                number = 0
                while piece := process.stdout.read(PIECE_BYTES):
                    yield Member(f"{SERVER_ROWS}/{number:06}", len(piece), [piece])
                    number += 1
            except BaseException:
                process.kill()
                raise
            if process.wait():
                raise ServerToolFailedError

    def _program(self, name: str, reader: Connection) -> str:
        """The program of the server's own major version. Raises `ProgramMissingError`."""
        major = int(reader.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
        folders = [self._programs] if self._programs else [place.format(major=major) for place in _USUAL_FOLDERS]
        for found in (*(shutil.which(name, path=folder) for folder in folders), None if self._programs else shutil.which(name)):
            if found and _major_of(found) == major:
                return found
        raise ProgramMissingError(program=name, major=major)

    @property
    def _environment(self) -> dict[str, str]:
        """The address in the surroundings of a program, where other accounts do not see it: no password stands on a command line."""
        said = {one.envvar.decode(): one.val.decode() for one in Conninfo.parse(self.url.encode()) if one.envvar and one.val is not None}
        return os.environ | {"PGTARGETSESSIONATTRS": "primary", "PGCONNECT_TIMEOUT": "10"} | said


def _major_of(program: str) -> int:
    told = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout
    found = re.search(r"(\d+)(?:\.\d+)*(?:\w*)\b", told.partition(")")[2])
    return int(found[1]) if found else 0
