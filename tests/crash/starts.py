"""Two servers are started on one data folder at the same moment: one works, the other is refused."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from miz.infra.api_client import HttpSender
from miz.infra.data_folder import DataFolder
from tests.support.practice import new_practice, url_of

IN_USE = 13
READY_WITHIN_S = 60


class Starts(NamedTuple):
    """Rounds; those in which one answered and the other ended with the exit code for a folder in use; what the others did."""

    rounds: int
    refused: int
    otherwise: list[str]


def starts_at_once(root: Path, rounds: int) -> Starts:
    """Start pairs."""
    folder = new_practice(root)
    environment = os.environ | {"MIZ_KEY_FILE": str(folder.path / "test.key"), "MIZ_DATABASE_URL": url_of(root)}
    command = [sys.executable, "-m", "miz", "serve", "--data", str(folder.path), "--port", "0", "--ready-file"]
    otherwise = []
    for number in range(rounds):
        ready = [root / f"ready-{number}-{side}.json" for side in "ab"]
        pair = [
            subprocess.Popen([*command, str(file)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for file in ready
        ]
        until = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until and not (any(file.exists() for file in ready) and any(one.poll() is not None for one in pair)):
            time.sleep(0.02)
        there = sum(file.exists() for file in ready)
        status = _status(folder)
        for one in pair:
            one.terminate()
        codes = sorted(one.wait(READY_WITHIN_S) for one in pair)
        if (there, status, codes) != (1, 200, [0, IN_USE]):
            otherwise.append(f"round {number}: {there} ready, answer {status}, exit codes {codes}")
    return Starts(rounds, rounds - len(otherwise), otherwise)


def _status(folder: DataFolder) -> int:
    control = folder.read_control()
    return HttpSender(control.url)("GET", "/health/ready", {}, b"")[0] if control else 0
