"""Build steps that run only when something they read has changed. Standard library only."""

import hashlib
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMPS = ROOT / ".build"


class StepError(Exception):
    """A step that cannot go on, in one sentence for the person at the terminal."""


def step(name: str, *, inputs: Iterable[Path], outputs: Iterable[Path], action: Callable[[], None], salt: str = "") -> bool:
    """Run `action` unless its outputs stand there and were made from the same inputs; True when it ran.

    The stamp is written last, so an interrupted step is done again.
    """
    stamp = STAMPS / name
    now = _fingerprint(inputs, salt)
    if all(output.exists() for output in outputs) and stamp.is_file() and stamp.read_text(encoding="utf-8") == now:
        return False
    stamp.unlink(missing_ok=True)
    action()
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(now, encoding="utf-8")
    return True


def quietly(what: str, command: Sequence[str | Path], env: dict[str, str] | None = None) -> None:
    """Run a command in the project; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise StepError(
            f"{done.stdout.decode(errors='replace').rstrip()}\n\n{what} failed (exit {done.returncode}); the reason stands above."
        )


def _fingerprint(inputs: Iterable[Path], salt: str) -> str:
    digest = hashlib.sha256(salt.encode())
    for path in sorted(inputs):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
