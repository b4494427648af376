"""`miz backup`: make, list, verify and rehearse backups, and bring a practice back from one."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress, TaskID

from miz.backup.api import BackupList, NewBackup, Restored, WantedRestore
from miz.backup.errors import BackupKeyError
from miz.backup.making import Told
from miz.backup.model import Backup, Manifest, Plan, Preview
from miz.backup.package import read_manifest
from miz.backup.restoration import Chosen
from miz.backup.restoring import Settle, replace_unreadable, restore
from miz.infra.command_line import CommandLine, Data, Json, out, read_secret, show_json
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import WrongKeyError
from miz.infra.keys import identity_of, server_identity
from miz.infra.settings import read_settings
from miz.kernel.errors import DatabaseUnavailableError
from miz.ui.i18n import translator

File = Annotated[Path, typer.Argument(help="The backup.", metavar="FILE")]
RecoveryKey = Annotated[
    Path | None, typer.Option("--recovery-key", help="File with the recovery key of the practice that made the backup.", metavar="FILE")
]

_STEPS = {"unpack": "Restoring to a scratch place", "look through": "Looking through every page"}


class MadeBackup(Struct):
    """What `miz backup create --json` answers."""

    id: str
    file: str
    size_bytes: int
    rehearsed: bool
    counts: dict[str, int]
    seconds: float


class Verified(Struct):
    """What `verify --json` and `restore --json` answer."""

    ok: bool
    made_at: datetime
    practice: str
    schema: str
    counts: dict[str, int]


def register(app: typer.Typer, here: CommandLine, *, settle: Settle) -> None:
    """Add `backup` to the command line."""
    backup_app = typer.Typer(no_args_is_help=True, help="Backups: made while people work, restored once before they count.")
    app.add_typer(backup_app, name="backup")

    def words() -> Callable[[str], str]:
        return translator(here.language())

    @backup_app.command("create")
    def create(
        data: Data,
        to: Annotated[Path | None, typer.Option("--to", help="Write it to this folder.", metavar="FOLDER")] = None,
        json: Json = False,
    ) -> None:
        """Make a backup now and restore it once to a scratch place."""
        body = NewBackup(to=str(to.expanduser().absolute()) if to else None)
        with here.client(data) as client:
            made = client.call("POST", "/backups", body, answer=Backup)
        if json:
            show_json(_made(made))
            return
        out.print(words()("The backup is made and was restored once: {file}").format(file=made.file), soft_wrap=True)

    @backup_app.command("list")
    def show(data: Data, json: Json = False) -> None:
        """Every backup made here, newest first."""
        with here.client(data) as client:
            listed = client.call("GET", "/backups", answer=BackupList)
        if json:
            show_json({"backups": [msgspec.structs.asdict(one) | {"rehearsed": one.rehearsed} for one in listed.items]})
            return
        _ = words()
        for one in listed.items:
            state = _("restored once") if one.rehearsed else one.fault or _("not restored yet")
            out.print(f"{one.id}  {one.size_bytes / 1_000_000:10,.1f} MB  {state}  {one.file}", soft_wrap=True)
            if one.copy or one.copy_fault:
                out.print(
                    "  " + (_("copy: {file}").format(file=one.copy) if one.copy else _("no copy: {code}").format(code=one.copy_fault)),
                    soft_wrap=True,
                )

    @backup_app.command("plan")
    def plan(
        data: Data,
        is_on: Annotated[bool | None, typer.Option("--on/--off", help="Make a backup every night.")] = None,
        at: Annotated[str | None, typer.Option(help="The time of day in the practice.", metavar="HH:MM")] = None,
        days: Annotated[int | None, typer.Option(help="Keep the newest of each of so many days.", metavar="N")] = None,
        weeks: Annotated[int | None, typer.Option(help="And of so many weeks.", metavar="N")] = None,
        months: Annotated[int | None, typer.Option(help="And of so many months.", metavar="N")] = None,
        second_place: Annotated[str | None, typer.Option(help='Copy it to this folder, too; "" ends that.', metavar="FOLDER")] = None,
        json: Json = False,
    ) -> None:
        """Show when the nightly backup is made, how many are kept and where copies go, or change it."""
        place = str(Path(second_place).expanduser().absolute()) if second_place else second_place
        named = {"is_on": is_on, "at": at, "days": days, "weeks": weeks, "months": months, "second_place": place}
        news = {name: value for name, value in named.items() if value is not None}
        with here.client(data) as client:
            now = client.call("GET", "/backups", answer=BackupList).plan
            if news:
                now = client.call("PUT", "/backups/plan", replace(now, **news), answer=BackupList).plan
        if json:
            show_json(now)
            return
        for line in _said(now, words()):
            out.print(line, soft_wrap=True)

    @backup_app.command("rehearse")
    def rehearse(data: Data, backup_id: Annotated[str, typer.Argument(help="Its id.", metavar="ID")], json: Json = False) -> None:
        """Restore a backup to a scratch place once more and open it there."""
        with here.client(data) as client:
            proved = client.call("POST", f"/backups/{backup_id}/rehearsal", answer=Backup)
        if json:
            show_json(_made(proved))
        else:
            out.print(words()("The backup was restored and opened: {id}").format(id=proved.id))

    _register_files(backup_app, here, settle)


def _register_files(backup_app: typer.Typer, here: CommandLine, settle: Settle) -> None:
    """What is done with the file of a backup, wherever it lies."""

    def words() -> Callable[[str], str]:
        return translator(here.language())

    @backup_app.command("verify")
    def verify(
        file: File,
        data: Annotated[Path | None, typer.Option("--data", help="The practice that made it.", metavar="DIR")] = None,
        recovery_key: RecoveryKey = None,
        json: Json = False,
    ) -> None:
        """Read a backup from beginning to end. Ends with 0 when it is good, with 17 when it is not to be trusted."""
        manifest = read_manifest(file, [_opened_by(file, data, recovery_key)[0]])
        if json:
            show_json(_verified(manifest))
        else:
            out.print(
                words()("The backup is good: {practice}, {at}.").format(
                    practice=manifest.practice, at=f"{manifest.made_at:%Y-%m-%d %H:%M}Z"
                )
            )

    @backup_app.command("restore")
    def bring_back(
        file: File,
        data: Data,
        recovery_key: RecoveryKey = None,
        confirmed: Annotated[
            str,
            typer.Option(
                "--confirm", help="The name of the practice, where the folder holds it already; asked for otherwise.", metavar="NAME"
            ),
        ] = "",
        json: Json = False,
    ) -> None:
        """Restore a backup to a new folder, on this computer or another one, or bring the practice in the folder back to it.

        What is in the folder is saved first and its database kept; a server that works with it begins anew by itself.
        """
        folder = DataFolder(data.expanduser().absolute())
        settings = read_settings()
        if folder.has_practice:
            with contextlib.suppress(DatabaseUnavailableError, WrongKeyError):
                bring_back_here(file.expanduser().absolute(), data, confirmed, json=json)
                return
            if not confirmed:
                typer.confirm(words()("The database in the folder cannot be read. Keep its file and restore all the same?"), abort=True)
            key = folder.read_key(settings)
            with _bar(words()) as told:
                manifest = replace_unreadable(
                    file, server_identity(key)[0], folder, settings, key=key, settle=settle, told=told, now=datetime.now(UTC)
                )
        else:
            identity, found = _opened_by(file, None, recovery_key)
            with _bar(words()) as told:
                manifest = restore(file, identity, folder, settings, key=found, settle=settle, told=told)
        if json:
            show_json(_verified(manifest))
            return
        _ = words()
        out.print(_("The practice {practice} is restored.").format(practice=manifest.practice))
        out.print(_("Start it with: miz serve --data {folder}").format(folder=folder.path), soft_wrap=True)

    def bring_back_here(file: Path, data: Path, confirmed: str, *, json: bool) -> None:
        _ = words()
        with here.client(data) as client:
            preview = client.call("POST", "/backups/preview", Chosen(file=str(file)), answer=Preview)
            if not confirmed:
                _show_preview(preview, _)
                confirmed = typer.prompt(_("To restore, type the name of the practice"))
            wanted = WantedRestore(file=str(file), confirmed=confirmed)
            done = client.call("POST", "/backups/restoration", wanted, answer=Restored)
        if json:
            show_json(
                {"ok": True, "made_at": preview.made_at, "practice": preview.practice, "counts": preview.comes, "safety": done.safety}
            )
            return
        out.print(
            _("The practice {practice} is as it was at {at}.").format(practice=preview.practice, at=f"{preview.made_at:%Y-%m-%d %H:%M}Z")
        )
        if done.safety:
            out.print(_("What was there before is saved in: {file}").format(file=done.safety.file), soft_wrap=True)


def _said(plan: Plan, _: Callable[[str], str]) -> Iterator[str]:
    if plan.is_on:
        sentence = _("Every night at {at}; kept are the newest of {days} days, {weeks} weeks and {months} months.")
        yield sentence.format(at=plan.at, days=plan.days, weeks=plan.weeks, months=plan.months)
    else:
        yield _("Nightly backups are switched off.")
    yield _("Copied to: {folder}").format(folder=plan.second_place) if plan.second_place else _("There is no second place.")


def _show_preview(preview: Preview, _: Callable[[str], str]) -> None:
    out.print(_("The backup of {at}").format(at=f"{preview.made_at:%Y-%m-%d %H:%M}Z"))
    for name, count in sorted(preview.comes.items()):
        if count != preview.goes.get(name, 0):
            out.print(f"  {name:24} {preview.goes.get(name, 0):10,} → {count:,}")
    if preview.entries_since is not None:
        out.print(_("Entries since then, which go: {count}").format(count=preview.entries_since))


@contextlib.contextmanager
def _bar(_: Callable[[str], str]) -> Iterator[Told]:
    """A bar on the terminal for each step; nothing where the output goes elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as shown:
        tasks: dict[str, TaskID] = {}

        def told(step: str, done: int, whole: int) -> None:
            if step not in tasks:
                tasks[step] = shown.add_task(_(_STEPS[step]), total=None)
            shown.update(tasks[step], completed=done, total=whole if whole > 1 else None)

        yield told


def _opened_by(file: Path, data: Path | None, recovery_key: Path | None) -> tuple[Any, bytes | None]:
    """What opens the backup: the recovery key, or the key of the practice that is named or in whose folder the file lies."""
    if recovery_key is not None:
        return identity_of(read_secret(recovery_key)), None
    folder = DataFolder((data or file.absolute().parent.parent).expanduser().absolute())
    if not folder.has_practice:
        raise BackupKeyError(name=file.name)
    key = folder.read_key(read_settings())
    return server_identity(key)[0], key


def _made(backup: Backup) -> MadeBackup:
    return MadeBackup(backup.id, backup.file, backup.size_bytes, backup.rehearsed, backup.counts, backup.seconds)


def _verified(manifest: Manifest) -> Verified:
    return Verified(True, manifest.made_at, manifest.practice, manifest.schema, manifest.counts)
