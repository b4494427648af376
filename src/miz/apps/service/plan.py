"""What installing the service would do on this computer, as a value: shown by `miz service show`, done by `install`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

import miz
from miz.infra.data_folder import DataFolder
from miz.infra.files import write_whole
from miz.kernel.errors import MizError

Command = tuple[str, ...]

# Homes and what a restart empties: a service of the system neither sees these nor should it live there.
_CLOSED_TO_SERVICES = ("/home", "/root", "/Users", "/tmp", "/var/tmp", "/run", "/dev", "/proc", "/sys")  # noqa: S108 - refused


class AdministratorNeededError(MizError):
    """Only the administrator of the computer installs services."""

    code = "administrator-needed"
    title = "Services are installed by the administrator of this computer."
    kind = "forbidden"
    hint = "Type: {command}"


class ServicePlaceError(MizError):
    """Program or data lie where a service of the system cannot use them."""

    code = "service-place-not-usable"
    title = "A service of the system cannot use {folder}."
    kind = "conflict"
    hint = "Put the program into a folder of the system such as /opt/miz, the data below /var/lib or /srv."


class NoServiceManagerError(MizError):
    """There is nothing on this computer that could run the service."""

    code = "no-service-manager"
    title = "This computer is not run by {name}."
    kind = "conflict"
    hint = "`miz service show` prints what your own service manager has to start."


class ServiceCommandError(MizError):
    """A command of the operating system failed on the way."""

    code = "service-command-failed"
    title = "This command failed: {command}"
    kind = "unavailable"
    hint = "What it wrote stands above. Repair the cause and type the same again; what is done already is left as it is."


class ServiceFile(NamedTuple):
    """A file of the operating system that makes the service."""

    path: PurePath
    content: str


@dataclass(frozen=True)
class Place:
    """What the service runs: which program, on which data, at which address; and whether it waits for another server to end."""

    program: PurePath
    data: PurePath
    host: str
    port: int
    is_standby: bool = False

    @property
    def command(self) -> Command:
        """The command line that the service manager starts."""
        address = ("--data", str(self.data), "--host", self.host, "--port", str(self.port))
        return (str(self.program), "serve", *address, *(("--standby",) if self.is_standby else ()))


@dataclass(frozen=True)
class ServicePlan:
    """Files, then commands in their order; `starts` only once there is a practice. `is_proved`: has really run on such a system."""

    manager: str
    log: str
    files: tuple[ServiceFile, ...]
    commands: tuple[Command, ...]
    starts: tuple[Command, ...]
    removal: tuple[Command, ...]
    after_removal: tuple[Command, ...]
    is_proved: bool


def program_here() -> Path:
    """The `miz` of the environment that this command runs in."""
    return Path(sys.prefix, *(("Scripts", "miz.exe") if sys.platform == "win32" else ("bin", "miz")))


def require_usable(place: Place) -> None:
    """Raise `ServicePlaceError` unless a service can run this program on this folder."""
    data = Path(place.data)
    program = (Path(sys.prefix), Path(sys.base_prefix).resolve(), Path(sys.executable).resolve(), Path(miz.__file__).resolve())
    for folder in (data.resolve(), *program):
        if sys.platform != "win32" and any(folder.is_relative_to(closed) for closed in _CLOSED_TO_SERVICES):
            raise ServicePlaceError(folder=str(folder))
    is_practice = DataFolder(data).has_practice
    if data.exists() and not is_practice and any(data.iterdir()):
        raise ServicePlaceError("The folder {folder} holds other things than a practice.", folder=str(data))


def require_administrator(command: str) -> None:
    """Raise `AdministratorNeededError` with the command to type."""
    if sys.platform == "win32":
        import ctypes

        is_administrator = bool(ctypes.windll.shell32.IsUserAnAdmin())
    else:
        is_administrator = os.geteuid() == 0
    if not is_administrator:
        raise AdministratorNeededError(command=command)


def carry_out(plan: ServicePlan, *, is_starting: bool) -> None:
    """Write the files and run the commands. Raises `ServiceCommandError` at the first that fails; may be repeated."""
    for file in plan.files:
        write_whole(Path(file.path), file.content.encode())
    _run(plan.commands)
    if is_starting:
        _run(plan.starts)


def take_back(plan: ServicePlan) -> None:
    """End the service and remove its files; the practice's data, its key and the account stay."""
    _run(plan.removal)
    for file in plan.files:
        Path(file.path).unlink(missing_ok=True)
    _run(plan.after_removal)


def _run(commands: Iterable[Command]) -> None:
    for command in commands:
        program = shutil.which(command[0])
        if program is None or subprocess.run((program, *command[1:]), check=False).returncode != 0:
            raise ServiceCommandError(command=" ".join(command))
