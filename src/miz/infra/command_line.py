"""What the commands of all rooms share: their options, the way to the practice's server, how they show things."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from miz.infra.api_client import ApiClient
from miz.kernel.errors import InvalidInputError

Data = Annotated[Path, typer.Option("--data", help="The practice's data folder.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

# No markup: a name in brackets is a name.
out = Console(highlight=False, emoji=False, markup=False)


@dataclass(frozen=True)
class CommandLine:
    """One run of the command line: its language, and a client in the role `local` for a data folder."""

    language: Callable[[], str]
    client: Callable[[Path], AbstractContextManager[ApiClient]]


def show_json(value: Any) -> None:
    """The value as one line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.flush()


def read_secret(path: Path) -> str:
    """What a file holds, without the end of its last line. Raises `InvalidInputError`."""
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError("The file {file} cannot be read.", file=str(path)) from error
