"""`miz`: the command line. Commands parse, call, show; rules live elsewhere.

Exit codes: 0 done, 1 done with warnings, 2 usage or unexpected, 10 to 17 as `kernel.errors` says.
"""

import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from miz.access import cli as access_commands
from miz.access.audit import cli as audit_commands
from miz.apps.certificates import cli as certificate_commands
from miz.apps.service import cli as service_commands
from miz.backup import cli as backup_commands
from miz.checks import cli as check_commands
from miz.databases import cli as database_commands
from miz.infra.api_client import ApiClient
from miz.infra.command_line import CommandLine, Data, out, read_secret
from miz.infra.data_folder import DataFolder
from miz.infra.settings import Settings, preferred_language, read_settings
from miz.kernel.errors import MizError
from miz.knowledge import cli as search_commands
from miz.practice import cli as practice_commands
from miz.ui.i18n import translator

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Medication information for dental practices.",
)

errors = Console(stderr=True, highlight=False, emoji=False)

ReadyFile = Annotated[
    Path | None, typer.Option("--ready-file", help="Written once the server answers, removed when it stops.", metavar="FILE")
]


@app.callback()
def choose_language(lang: Annotated[str | None, typer.Option(help="de or en; preset by MIZ_LANG, else de.")] = None) -> None:
    """Medication information for dental practices."""
    if lang is not None:
        if lang not in ("de", "en"):
            raise typer.BadParameter("de or en", param_hint="--lang")
        _chosen["language"] = lang


_chosen: dict[str, str] = {}


def language() -> str:
    """The language of this run."""
    return _chosen.get("language") or preferred_language()


def _client(data: Path) -> AbstractContextManager[ApiClient]:
    from miz.apps.bootstrap import data_folder
    from miz.apps.local import local_client

    return local_client(data_folder(data), read_settings(), language=language())


def _settle_restored(folder: DataFolder, settings: Settings, above: int, erased: Sequence[str]) -> None:
    from miz.apps.bootstrap import settle_restored

    settle_restored(folder, settings, above, erased)


command_line = CommandLine(language=language, client=_client)
check_commands.register(app, language=language)
search_commands.register(app, language=language)
practice_commands.register(app, command_line)
access_commands.register(app, command_line)
audit_commands.register(app, command_line)
certificate_commands.register(app, command_line)
database_commands.register(app, command_line)
backup_commands.register(app, command_line, settle=_settle_restored)
service_commands.register(app, language=language)


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8484,
    data: Annotated[Path | None, typer.Option("--data", help="Keep the demo in this folder.", metavar="DIR")] = None,
    ready_file: ReadyFile = None,
) -> None:
    """Start a practice with invented patients."""
    from miz.apps.demo import PEOPLE, PRACTICE, make_demo, sign_in_data
    from miz.apps.serve import serve
    from miz.infra.server_log import start_log

    _ = translator(language())
    start_log()
    server, scratch = make_demo(data)

    def ready(url: str) -> bytes:
        out.print(f"{PRACTICE}: {url}")
        table = Table(_("User"), _("Password"), _("Roles"), box=None)
        for name, password, roles in PEOPLE:
            table.add_row(name, password, ", ".join(roles))
        out.print(table)
        out.print(_("All people here are invented. Stop with Ctrl-C."))
        return sign_in_data(url)

    try:
        serve(server, host="127.0.0.1", port=port, ready_file=ready_file, ready=ready)
    finally:
        if scratch:
            scratch.cleanup()


@app.command()
def init(
    data: Data,
    practice: Annotated[str, typer.Option(help="Name of the practice.")],
    owner: Annotated[str, typer.Option(help="Name of the owner, who signs in with it.")],
    password_file: Annotated[Path | None, typer.Option(help="File with the owner's password; asked for otherwise.", metavar="F")] = None,
    recovery_key_out: Annotated[Path | None, typer.Option(help="Write the recovery key here instead of showing it.", metavar="F")] = None,
    recovery_sheet: Annotated[
        Path | None,
        typer.Option(help="Write the recovery key here as a page to print (PDF) instead of showing it; a new file.", metavar="F"),
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="An empty PostgreSQL database; preset by MIZ_DATABASE_URL.", metavar="URL")
    ] = None,
) -> None:
    """Set up a practice with its first owner."""
    from miz.apps.bootstrap import data_folder, set_up_practice
    from miz.apps.service.account import as_owner_of
    from miz.infra.files import new_private_file, write_whole

    _ = translator(language())
    folder = data_folder(data)
    if password_file:
        password = read_secret(password_file)
    else:
        password = typer.prompt(_("Password of the owner (at least 15 characters)"), hide_input=True, confirmation_prompt=True)
    settings = read_settings() if database_url is None else read_settings(database_url=database_url)
    with contextlib.ExitStack() as written:
        # Taken before anything is made: a name that cannot be written must not cost the only showing of the key.
        sheet = written.enter_context(new_private_file(recovery_sheet)) if recovery_sheet else None
        with as_owner_of(folder.path):
            recovery_key = set_up_practice(
                folder, settings, practice=practice.strip(), owner=owner, owner_roles=["owner", "dentist"], password=password,
                places={_("Room 1"): True, _("Room 2"): True, _("Reception"): False},
            )  # fmt: skip
        is_kept = False
        try:
            if recovery_key_out:
                write_whole(recovery_key_out, recovery_key.encode() + b"\n", is_private=True)
                is_kept = True
            if sheet:
                sheet.write(_sheet(recovery_key, practice.strip()))
                is_kept = True
        finally:
            if not is_kept:
                out.print(_("Recovery key. Print it and keep it in a safe; it is shown only now:"))
                out.print(recovery_key, soft_wrap=True)
    if sys.stdin.isatty() and sys.stdout.isatty() and not recovery_key_out and _prove(recovery_key):
        with as_owner_of(folder.path):
            folder.note_recovery_key_proved(datetime.now(UTC))
    out.print(_("The practice is set up. Start it with: miz serve --data {folder}").format(folder=folder.path), soft_wrap=True)


def _sheet(recovery_key: str, practice: str) -> bytes:
    from miz.backup.recovery_sheet import recovery_sheet
    from miz.ui.paper import set_paper

    now = datetime.now(UTC)
    return set_paper(recovery_sheet(recovery_key, practice, now, "en" if language() == "en" else "de"), now)


def _prove(recovery_key: str) -> bool:
    """Ask for two groups of the key until they are right; False where somebody leaves it for later."""
    from miz.backup.recovery_sheet import AskedGroups

    _ = translator(language())
    asked = AskedGroups.of(recovery_key)
    out.print(_("To be sure that the key is on paper: type these groups from it. Enter alone leaves it for later."))
    for number in asked.numbers:
        while given := typer.prompt(_("Group {number}").format(number=number), default="", show_default=False):
            if asked.is_right(number, given):
                break
            out.print(_("Group {number} is not as on paper. Count groups of five signs after AGE-SECRET-KEY-1.").format(number=number))
        else:
            return False
    out.print(_("Right: the key is on paper."))
    return True


@app.command("serve")
def serve_command(
    data: Data,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8484,
    ready_file: ReadyFile = None,
    standby: Annotated[bool, typer.Option("--standby", help="Wait while another server works with the database, then take over.")] = False,
) -> None:
    """Start the server of a practice."""
    from miz.apps.bootstrap import Server, data_folder
    from miz.apps.serve import serve
    from miz.apps.service.account import as_owner_of
    from miz.infra.server_log import start_log

    _ = translator(language())
    settings = read_settings()

    def ready(url: str) -> bytes:
        out.print(f"{server.practice}: {url}")
        if fingerprint := server.certificates.state().fingerprint if url.startswith("https:") else "":
            out.print(_("Fingerprint (SHA-256), to compare at the other computers:"), fingerprint, sep="\n", soft_wrap=True)
        return msgspec.json.encode({"url": url})

    with as_owner_of(data):
        start_log(settings.log_file)
        server = Server(data_folder(data), settings, waiting=_waiting() if standby else None)
        serve(server, host=host, port=port, ready_file=ready_file, ready=ready)


def _waiting() -> Callable[[], None]:
    """Says to the service manager, and once on the terminal, that this server waits. Until it serves, a signal simply ends it."""
    from miz.infra.service_manager import ServiceManager
    from miz.infra.settings import read_supervision

    manager, sentence = ServiceManager(read_supervision()), translator(language())("Waits until the server that works now ends.")
    said: list[str] = []

    def end(*_: object) -> None:
        raise typer.Exit

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)

    def tell() -> None:
        manager.tell(READY=1, WATCHDOG=1, STATUS="Waits for the server that works now")
        if not said:
            said.append(sentence)
            out.print(sentence)

    return tell


def main() -> NoReturn:
    """The entry point `miz`."""
    try:
        status = app(standalone_mode=False)
    except MizError as error:
        sys.exit(_tell(error))
    except typer.Abort:
        sys.exit(2)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except _usage_error() as error:
        error.show()
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _usage_error() -> Any:
    return typer.BadParameter.__mro__[2]


def _tell(error: MizError) -> int:
    _ = translator(language())
    for sentence in (error.detail, error.hint):
        if sentence:
            text = _(sentence)
            errors.print(text.format(**error.fields) if error.fields else text, soft_wrap=True, markup=False)
    return error.exit_code
