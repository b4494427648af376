"""`miz db`: the databases of a server, with and without its server running."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from miz.databases.api import DatabaseList, NewCheck, NewPlace
from miz.databases.model import Care, Check, DatabaseState, Plan, Repair, Run
from miz.infra.command_line import CommandLine, Data, Json, out, show_json
from miz.kernel.errors import MizError
from miz.ui.i18n import translator


class DamageFoundError(MizError):
    """A check has found something."""

    code = "damage-found"
    title = "The database is damaged: {count} findings."
    kind = "integrity"
    hint = "Repair it: miz db repair. If that is not enough, go back to the last backup that was restored once: miz backup list, then miz backup restore."


class RowsMissingError(MizError):
    """A repair could not read all rows."""

    code = "database-rows-missing"
    title = "Some rows cannot be read any more, in: {tables}."
    kind = "integrity"
    hint = (
        "The practice still has the damaged database; what can be read of it is in {file}, encrypted as before. "
        "Go back to the last backup that was restored once: miz backup list, then miz backup restore."
    )


def _more(one: DatabaseState, _: Callable[[str], str]) -> Iterator[str]:
    """The lines on one database below its first."""
    if one.name == "practice":
        yield _("unused {free:,.1f} MB, write-ahead log {log:,.1f} MB").format(free=one.free_bytes / 1e6, log=one.log_bytes / 1e6)
    if one.growth_days:
        yield _("growth {growth:,.1f} MB in {days} days").format(growth=one.growth_bytes / 1e6, days=one.growth_days)
    known = {
        _("last compaction {at}"): one.last_compaction, _("last backup {at}"): one.last_backup, _("last trial restore {at}"): one.last_rehearsal,
    }  # fmt: skip
    yield from (sentence.format(at=f"{at:%Y-%m-%d %H:%M}Z") for sentence, at in known.items() if at)


def _said(plan: Plan, _: Callable[[str], str]) -> str:
    if not plan.is_on:
        return _("Care is off.")
    sentence = _(
        "Care every night from {since} to {until}; compaction after {compact} days (0 = on demand); the log is kept for {log} days."
    )
    return sentence.format(since=plan.quiet_from, until=plan.quiet_until, compact=plan.compact_every_days, log=plan.log_days)


def words(here: CommandLine) -> Callable[[str], str]:
    """Sentences in the language of the command line."""
    return translator(here.language())


def register(app: typer.Typer, here: CommandLine) -> None:
    """Add `db` to the command line."""
    db_app = typer.Typer(no_args_is_help=True, help="The databases: their state, checked, repaired, compacted, moved.")
    app.add_typer(db_app, name="db")
    _register_care(db_app, here)

    @db_app.command("status")
    def status(data: Data, json: Json = False) -> None:
        """Place, size, schema and last check of each database."""
        with here.client(data) as client:
            listed = client.call("GET", "/databases", answer=DatabaseList)
        if json:
            show_json(listed)
            return
        _ = words(here)
        for one in listed.databases:
            out.print(f"{one.name:10} {one.size_bytes / 1_000_000:10,.1f} MB  {one.schema}  {one.library}  {one.path}", soft_wrap=True)
            for line in _more(one, _):
                out.print("  " + line)
            if one.last_check:
                sentence = _("checked on {at}: sound") if one.last_check.ok else _("checked on {at}: damaged")
                out.print("  " + sentence.format(at=f"{one.last_check.at:%Y-%m-%d %H:%M}Z"))
            for file in one.former_files:
                out.print("  " + _("used before, kept until miz db confirm: {file}").format(file=file), soft_wrap=True)
            if one.is_on_former_disk:
                out.print("  " + _("on the same disk as the database now"))

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
            raise DamageFoundError(count=len(done.findings))
        if not json:
            out.print(words(here)("The database is sound."))

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
        out.print(words(here)("The former files are removed."))

    def _told(done: Care, *, json: bool) -> None:
        if json:
            show_json(done)
            return
        sentence = words(here)("The database is now {file}: {after_mb:,.1f} MB, before {before_mb:,.1f} MB. Writers waited {paused_ms} ms.")
        out.print(
            sentence.format(file=done.path, after_mb=done.after_bytes / 1e6, before_mb=done.before_bytes / 1e6, paused_ms=done.paused_ms),
            soft_wrap=True,
        )


def _register_care(db_app: typer.Typer, here: CommandLine) -> None:
    """What happens every night, on demand, and its plan; and what helps when that has found damage."""

    @db_app.command("repair")
    def repair(data: Data, json: Json = False) -> None:
        """Make a new file of all that can be read of a damaged database. Ends with 17 when something is missing in it."""
        with here.client(data) as client:
            done = client.call("POST", "/databases/practice/repair", answer=Repair)
        if json:
            show_json(done)
        if not done.is_whole:
            raise RowsMissingError(tables=", ".join(done.incomplete), file=done.path)
        if not json:
            out.print(
                words(here)("Repaired: {rows} rows, none is missing. The database is now {file}.").format(rows=done.rows, file=done.path),
                soft_wrap=True,
            )

    @db_app.command("tidy")
    def tidy(data: Data, json: Json = False) -> None:
        """Give free pages back and renew the statistics, in short steps while people work."""
        with here.client(data) as client:
            done = client.call("POST", "/databases/practice/tidying", answer=Run)
        if json:
            show_json(done)
            return
        sentence = words(here)("Tidied in {seconds} s: {mb:,.1f} MB given back. Writers waited {paused_ms} ms at most.")
        out.print(sentence.format(seconds=done.seconds, mb=done.saved_bytes / 1e6, paused_ms=done.paused_ms), soft_wrap=True)

    @db_app.command("plan")
    def plan(
        data: Data,
        is_on: Annotated[bool | None, typer.Option("--on/--off", help="Look after the database every night.")] = None,
        since: Annotated[str | None, typer.Option("--from", help="The quiet hours begin.", metavar="HH:MM")] = None,
        until: Annotated[str | None, typer.Option("--until", help="They end.", metavar="HH:MM")] = None,
        compact_every: Annotated[int | None, typer.Option(help="Compact after so many days; 0 = on demand.", metavar="DAYS")] = None,
        keep_log: Annotated[int | None, typer.Option(help="Keep the server's log for so long.", metavar="DAYS")] = None,
        json: Json = False,
    ) -> None:
        """Show when the database is looked after without being asked, or change it."""
        named = {"is_on": is_on, "quiet_from": since, "quiet_until": until, "compact_every_days": compact_every, "log_days": keep_log}
        news = {name: value for name, value in named.items() if value is not None}
        with here.client(data) as client:
            now = client.call("GET", "/databases", answer=DatabaseList).plan
            if news:
                now = client.call("PUT", "/databases/plan", replace(now, **news), answer=DatabaseList).plan
        if json:
            show_json(now)
        else:
            out.print(_said(now, words(here)), soft_wrap=True)
