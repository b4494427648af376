"""`miz db`: the databases of a server, with and without its server running."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from miz.databases.api import DatabaseList, NewCheck, NewPlace
from miz.databases.model import Care, Check
from miz.infra.command_line import CommandLine, Data, Json, out, show_json
from miz.kernel.errors import MizError
from miz.ui.i18n import translator


class DatabaseDamagedError(MizError):
    """A check has found something."""

    code = "database-damaged"
    title = "The database is damaged: {count} findings."
    kind = "integrity"
    hint = (
        "Go on with the last backup that was restored once: miz backup list, then miz backup restore. Keep this folder for the technician."
    )


def register(app: typer.Typer, here: CommandLine) -> None:
    """Add `db` to the command line."""
    db_app = typer.Typer(no_args_is_help=True, help="The databases: their state, checked, compacted, moved.")
    app.add_typer(db_app, name="db")

    def words() -> Callable[[str], str]:
        return translator(here.language())

    @db_app.command("status")
    def status(data: Data, json: Json = False) -> None:
        """Place, size, schema and last check of each database."""
        with here.client(data) as client:
            listed = client.call("GET", "/databases", answer=DatabaseList)
        if json:
            show_json(listed)
            return
        _ = words()
        for one in listed.databases:
            out.print(f"{one.name:10} {one.size_bytes / 1_000_000:10,.1f} MB  {one.schema}  {one.library}  {one.path}", soft_wrap=True)
            if one.last_check:
                sentence = _("checked on {at}: sound") if one.last_check.ok else _("checked on {at}: damaged")
                out.print("  " + sentence.format(at=f"{one.last_check.at:%Y-%m-%d %H:%M}Z"))
            for file in one.former_files:
                out.print("  " + _("used before, kept until miz db confirm: {file}").format(file=file), soft_wrap=True)

    @db_app.command("check")
    def check(
        data: Data,
        full: Annotated[bool, typer.Option("--full", help="Indexes, keys and the audit trail, too.")] = False,
        json: Json = False,
    ) -> None:
        """Read every page. Ends with 0 when all is well, with 17 when something is damaged."""
        with here.client(data) as client:
            done = client.call("POST", "/databases/practice/check", NewCheck(full=full), answer=Check)
        if json:
            show_json(done)
        else:
            for finding in done.findings:
                out.print(finding)
        if not done.ok:
            raise DatabaseDamagedError(count=len(done.findings))
        if not json:
            out.print(words()("The database is sound."))

    @db_app.command("compact")
    def compact(data: Data, json: Json = False) -> None:
        """Make the practice's database as small as it can be, while people work."""
        with here.client(data) as client:
            _told(client.call("POST", "/databases/practice/compaction", answer=Care), json=json)

    @db_app.command("move")
    def move(
        folder: Annotated[Path, typer.Argument(help="A folder on a disk of this computer.", metavar="FOLDER")],
        data: Data,
        json: Json = False,
    ) -> None:
        """Have the practice go on in another folder, while people work. The old file is kept until `confirm`."""
        with here.client(data) as client:
            _told(client.call("POST", "/databases/practice/move", NewPlace(str(folder.expanduser().absolute())), answer=Care), json=json)

    @db_app.command("confirm")
    def confirm(data: Data) -> None:
        """Remove the files that were used before the last move."""
        with here.client(data) as client:
            client.call("DELETE", "/databases/practice/former")
        out.print(words()("The former files are removed."))

    def _told(done: Care, *, json: bool) -> None:
        if json:
            show_json(done)
            return
        sentence = words()("The database is now {file}: {after_mb:,.1f} MB, before {before_mb:,.1f} MB. Writers waited {paused_ms} ms.")
        out.print(
            sentence.format(file=done.path, after_mb=done.after_bytes / 1e6, before_mb=done.before_bytes / 1e6, paused_ms=done.paused_ms),
            soft_wrap=True,
        )
