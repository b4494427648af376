"""`miz service`: have the operating system start the server with the machine, and again after a fault."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Annotated

import msgspec
import typer

from miz.apps.service.plan import (
    Command,
    NoServiceManagerError,
    Place,
    ServicePlan,
    carry_out,
    program_here,
    require_administrator,
    require_usable,
    take_back,
)
from miz.infra.command_line import Json, out, show_json
from miz.infra.data_folder import DataFolder
from miz.infra.settings import system_state_folder
from miz.ui.i18n import translator

_Folder = Annotated[
    Path | None, typer.Option("--data", help="The practice's data folder; preset: in the system's state folder.", metavar="DIR")
]
_Host = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for the practice's network.")]
_Port = Annotated[int, typer.Option(min=1, max=65_535)]
_Standby = Annotated[bool, typer.Option("--standby", help="The second server of a practice on PostgreSQL: it waits, then takes over.")]


class ShownFile(msgspec.Struct):
    path: str
    content: str


class ShownPlan(msgspec.Struct):
    """What `miz service show --json` answers; each command is a list of words."""

    manager: str
    log: str
    is_proved: bool
    files: list[ShownFile]
    commands: list[list[str]]


def register(app: typer.Typer, *, language: Callable[[], str]) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(no_args_is_help=True, help="The server as a service that starts with the machine.")
    app.add_typer(group, name="service")

    @group.command("show")
    def show(data: _Folder = None, host: _Host = "127.0.0.1", port: _Port = 8484, standby: _Standby = False, json: Json = False) -> None:
        """Print what `install` would write and do here; nothing is changed."""
        place = _place(data, host, port, is_standby=standby)
        _show(_plan(place), language(), json=json)

    @group.command("install")
    def install(data: _Folder = None, host: _Host = "127.0.0.1", port: _Port = 8484, standby: _Standby = False) -> None:
        """Install the service and start it; as administrator. Typing it again renews it."""
        _ = translator(language())
        place = _place(data, host, port, is_standby=standby)
        require_administrator(_as_administrator("service", "install", *place.command[2:]))
        require_usable(place)
        _require_manager()
        plan = _plan(place)
        has_practice = DataFolder(Path(place.data)).has_practice
        carry_out(plan, is_starting=has_practice)
        if has_practice:
            out.print(_("The service runs. What it tells: {log}").format(log=plan.log), soft_wrap=True, markup=False)
            return
        out.print(_("The service is installed. There is no practice yet; set it up, then start the service:"), soft_wrap=True)
        init = _as_administrator("init", "--data", str(place.data), "--practice", "Name", "--owner", "Name")
        out.print("\n".join([init, *(_as_administrator_of_system(command) for command in plan.starts)]), soft_wrap=True, markup=False)

    @group.command("remove")
    def remove(data: _Folder = None) -> None:
        """End the service and remove it; as administrator. The practice's data and its key stay."""
        _ = translator(language())
        require_administrator(_as_administrator("service", "remove"))
        _require_manager()
        place = _place(data)
        take_back(_plan(place))
        out.print(_("The service is removed. The data stay in {folder}.").format(folder=place.data), soft_wrap=True, markup=False)


def _place(data: Path | None, host: str = "", port: int = 0, *, is_standby: bool = False) -> Place:
    folder = (data or system_state_folder() / "miz" / "practice").expanduser().absolute()
    return Place(program_here(), folder, host, port, is_standby)


def _plan(place: Place) -> ServicePlan:
    if sys.platform == "win32":
        from miz.apps.service.windows import windows_plan

        return windows_plan(place, PureWindowsPath(system_state_folder()))
    if sys.platform == "darwin":
        from miz.apps.service.launchd import launchd_plan

        return launchd_plan(place)
    from miz.apps.service.systemd import systemd_plan

    return systemd_plan(place)


def _require_manager() -> None:
    """Raise `NoServiceManagerError` on a Linux that systemd has not started, as in most containers."""
    if sys.platform not in {"win32", "darwin"} and not Path("/run/systemd/system").is_dir():
        raise NoServiceManagerError(name="systemd")


def _show(plan: ServicePlan, language: str, *, json: bool) -> None:
    if json:
        files = [ShownFile(str(file.path), file.content) for file in plan.files]
        show_json(ShownPlan(plan.manager, plan.log, plan.is_proved, files, [list(command) for command in (*plan.commands, *plan.starts)]))
        return
    _ = translator(language)
    for file in plan.files:
        out.print(f"# {file.path}\n{file.content}", soft_wrap=True, markup=False)
    out.print("# " + _("then, as administrator:"), soft_wrap=True, markup=False)
    for command in (*plan.commands, *plan.starts):
        out.print(_joined(command), soft_wrap=True, markup=False)
    if not plan.is_proved:
        out.print(
            "# " + _("This service has not run on {name} yet; try it before you rely on it.").format(name=plan.manager), soft_wrap=True
        )


def _as_administrator(*arguments: str) -> str:
    return _as_administrator_of_system((str(program_here()), *arguments))


def _as_administrator_of_system(command: Command) -> str:
    return _joined(command) if sys.platform == "win32" else f"sudo {_joined(command)}"


def _joined(command: Command) -> str:
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)
