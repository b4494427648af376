"""`miz backup`: make, list, verify and rehearse backups, and bring a practice back from one."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct

from miz.backup.api import BackupList, NewBackup
from miz.backup.errors import BackupKeyError
from miz.backup.model import Backup, Manifest
from miz.backup.package import read_manifest
from miz.backup.restoring import Settle, restore
from miz.infra.command_line import CommandLine, Data, Json, out, read_secret, show_json
from miz.infra.data_folder import DataFolder
from miz.infra.keys import identity_of, server_identity
from miz.infra.settings import read_settings
from miz.ui.i18n import translator

File = Annotated[Path, typer.Argument(help="The backup.", metavar="FILE")]
RecoveryKey = Annotated[
    Path | None, typer.Option("--recovery-key", help="File with the recovery key of the practice that made the backup.", metavar="FILE")
]


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

    @backup_app.command("rehearse")
    def rehearse(data: Data, backup_id: Annotated[str, typer.Argument(help="Its id.", metavar="ID")], json: Json = False) -> None:
        """Restore a backup to a scratch place once more and open it there."""
        with here.client(data) as client:
            proved = client.call("POST", f"/backups/{backup_id}/rehearsal", answer=Backup)
        if json:
            show_json(_made(proved))
        else:
            out.print(words()("The backup was restored and opened: {id}").format(id=proved.id))

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
    def bring_back(file: File, data: Data, recovery_key: RecoveryKey = None, json: Json = False) -> None:
        """Restore a backup to a new folder, on this computer or another one."""
        folder = DataFolder(data.expanduser().absolute())
        identity, key = _opened_by(file, None, recovery_key)
        manifest = restore(file, identity, folder, read_settings(), key=key, settle=settle, told=lambda _step, _done, _all: None)
        if json:
            show_json(_verified(manifest))
            return
        _ = words()
        out.print(_("The practice {practice} is restored.").format(practice=manifest.practice))
        out.print(_("Start it with: miz serve --data {folder}").format(folder=folder.path), soft_wrap=True)


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
