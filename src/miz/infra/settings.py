"""Settings from the environment. The only module that reads it."""

import os
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from miz.kernel.errors import InvalidInputError


@dataclass(frozen=True)
class Settings:
    """What may be set for one server; each field is read from `MIZ_` + its name in capitals.

    control_interval_s: seconds between two signs of life of an application, 5 to 300; a lease lasts four of them.
        The stored value of the practice wins over the default once the practice exists.
    idle_lock_min: minutes without input until a browser session asks for the password again, 1 to 480.
    session_h: hours until a session ends whatever happens, 1 to 24.
    retention_years: years after the last entry for which a record has to be kept, 1 to 100; afterwards the console offers its erasure.
    api_docs: show `/api/v1/openapi.json`.
    gallery: show `/gallery`, every component of the pages in every state; for development.
    key_file: where the database key lies; empty = `<state folder>/miz/<server id>.key`.
    recovery_key_file: opens the database when the key file is lost; writes a new key file.
    tls: `auto`: with TLS unless the server listens on this computer only; `always`: with TLS there, too.
    server_names: names and addresses by which other computers reach the server, separated by commas; empty = found by itself.
        What `miz certificate names` has stored wins.
    http_port: port of the page that shows how to trust the server, without TLS; 0 = none.
    database_url: where a PostgreSQL server has the practice's rows, `postgresql://user@host/name`; empty = in the data folder. A password
        is better kept in a file that PGPASSFILE names.
    postgres_programs: folder with `pg_dump` and `pg_restore` of that server's major version; empty = where they usually are.
    log_file: what the server tells about itself goes to this file, too, kept below 25 MB; empty = standard error only.
    """

    control_interval_s: int = 30
    idle_lock_min: int = 15
    session_h: int = 12
    retention_years: int = 10
    api_docs: bool = False
    gallery: bool = False
    key_file: str = ""
    recovery_key_file: str = ""
    tls: str = "auto"
    server_names: str = ""
    http_port: int = 8480
    log_file: str = ""
    database_url: str = field(default="", repr=False)
    postgres_programs: str = ""


_RANGES = {
    "control_interval_s": (5, 300),
    "idle_lock_min": (1, 480),
    "session_h": (1, 24),
    "retention_years": (1, 100),
    "http_port": (0, 65_535),
}
_CHOICES = {"tls": ("auto", "always")}


def read_settings(**overrides: Any) -> Settings:
    """Defaults, then `MIZ_*`, then `overrides`. Raises `InvalidInputError` naming the setting."""
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        text = os.environ.get(f"MIZ_{setting.name.upper()}")
        if text is not None:
            values[setting.name] = _parsed(setting.name, type(setting.default), text)
    values |= overrides
    for name, (least, most) in _RANGES.items():
        if name in values and not least <= values[name] <= most:
            raise InvalidInputError("MIZ_{setting} must be {least} to {most}.", setting=name.upper(), least=least, most=most)
    for name, choices in _CHOICES.items():
        if name in values and values[name] not in choices:
            raise InvalidInputError("MIZ_{setting} must be one of: {choices}", setting=name.upper(), choices=", ".join(choices))
    return Settings(**values)


def _parsed(name: str, kind: type, text: str) -> Any:
    if kind is str:
        return text
    if kind is bool and text.casefold() in ("1", "true", "yes", "0", "false", "no", ""):
        return text.casefold() in ("1", "true", "yes")
    if kind is int and text.lstrip("-").isdecimal():
        return int(text)
    raise InvalidInputError("MIZ_{setting} cannot be read: {text}", setting=name.upper(), text=text)


def state_folder() -> Path:
    """Where this account keeps a program's state, apart from its data; a service is given the system's by `XDG_STATE_HOME`."""
    if sys.platform == "win32" or os.geteuid() == 0:
        return system_state_folder()
    own = ("Library", "Application Support") if sys.platform == "darwin" else (".local", "state")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home().joinpath(*own))


def system_state_folder() -> Path:
    """Where programs that belong to the system keep their state."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"))
    return Path("/Library/Application Support" if sys.platform == "darwin" else "/var/lib")


class Supervision(NamedTuple):
    """What systemd asks of the process it has started: where to tell how it does, and how often; empty and 0 without."""

    socket: str = ""
    watchdog_s: float = 0.0


def read_supervision() -> Supervision:
    """As systemd has set it for this process."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    is_for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watchdog_s = int(microseconds) / 1_000_000 if is_for_us and microseconds.isdecimal() else 0.0
    return Supervision(os.environ.get("NOTIFY_SOCKET", ""), watchdog_s)


def is_journal(descriptor: int) -> bool:
    """Whether what is written there goes to the system's journal, which knows the time by itself."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def preferred_language() -> str:
    """The language of the command line: `MIZ_LANG`, else German."""
    return "en" if os.environ.get("MIZ_LANG", "de").casefold().startswith("en") else "de"
