"""Everything a developer types. Standard library only: `python3 dev.py run` works on a fresh clone.

run    [options]   a demo practice with synthetic patients        test  [options]   every test, browser included
setup              the environment alone                          check             format, lint, types, contracts, fast tests
bench  [options]   the benchmarks                                 crash [options]   the fault rigs, long
lock               renew the lock files                           release           wheel, list of its parts, known holes
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this line is for the Pythons that are too old
    sys.exit(f"miz needs Python 3.11 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}. Start dev.py with a newer one.")

import json
import os
import shutil
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tools import build_static
from tools.browser import find_browser
from tools.steps import ROOT, StepError, quietly, step

ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
SUFFIX = ".exe" if os.name == "nt" else ""
PYTHON = PROGRAMS / f"python{SUFFIX}"
MIZ = PROGRAMS / f"miz{SUFFIX}"
LOCKS = ROOT / "requirements"
WITH_ROWS = [f"tests/{room}" for room in ("infra", "access", "practice", "apps", "viewer", "properties", "crash")]
TESTS_FAILED = 1  # pytest's own word for: ran to the end, and not everything passed
UNSTEADY_AT_MOST = 3  # more of them at once are no accident
COOLDOWN = timedelta(days=7)  # a release that was withdrawn or taken over is mostly found in its first week


def setup() -> None:
    """The environment with the locked packages, and every built file. A second call finds nothing to do."""
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        work = [pool.submit(_install_python_packages), pool.submit(_make_front_end)]
        for part in work:
            part.result()
    build_static.catalogues(str(PYTHON))
    build_static.edition(str(PYTHON))
    if (took := time.monotonic() - started) > 1:
        print(f"Environment ready after {took:.0f} s.", flush=True)


def run(*options: str) -> int:
    """The demo practice."""
    setup()
    return _become(MIZ, "demo", *options)


def test(*options: str) -> int:
    """Every test, and again on PostgreSQL what touches a practice's rows; with options, what they choose."""
    setup()
    _ensure_browser()
    _ensure_postgresql()
    if options:
        return _become(PYTHON, "-m", "pytest", *options)
    unsteady: list[str] = []
    on_sqlite = _all_tests(unsteady)
    on_postgresql = _all_tests(unsteady, "--database", "postgresql", *WITH_ROWS)
    if unsteady:
        print("UNSTEADY, failed among the others and passed alone; each is a defect to be found:", *unsteady, sep="\n  ", flush=True)
    return on_sqlite or on_postgresql


def check() -> int:
    """What must hold before each commit; all parts run at once and every failure is shown."""
    setup()
    parts: dict[str, tuple[str | Path, ...]] = {
        "format": (PYTHON, "-m", "ruff", "format", "--check", "--quiet"),
        "lint": (PYTHON, "-m", "ruff", "check", "--quiet"),
        "types": (PYTHON, "-m", "mypy"),
        "contracts": (PROGRAMS / f"lint-imports{SUFFIX}", "--no-logo"),
        "templates": (PYTHON, "-m", "djlint", "--lint", "--quiet", "src"),
        "fast tests": (PYTHON, "-m", "pytest", "-q", "-m", "not slow and not browser", "-n", "2"),
    }
    started = time.monotonic()
    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(pool.map(_part, parts, parts.values()))
    print(f"{sum(results)} of {len(parts)} parts hold, {time.monotonic() - started:.0f} s")
    return 0 if all(results) else 1


def bench(*options: str) -> int:
    """The benchmarks, against their peers in the same run."""
    setup()
    return _become(PYTHON, "-m", "bench", *options)


def crash(*options: str) -> int:
    """The fault rigs: many histories, many kills."""
    setup()
    return _become(PYTHON, "-m", "tests.crash", *options)


def docs() -> int:
    """The reference pages that are made from the program."""
    setup()
    return _become(PYTHON, "-m", "tools.reference")


def release() -> int:
    """The wheel, the list of its parts beside it, and whether a part has a known hole."""
    setup()
    return _become(PYTHON, "-m", "tools.release")


def lock() -> None:
    """Newest allowed versions, hash-locked, without the address of any registry."""
    with tempfile.TemporaryDirectory() as folder:
        uv = shutil.which("uv")
        if not uv:
            venv.create(folder, with_pip=True)
            programs = Path(folder) / PROGRAMS.name
            quietly("Installing uv", [programs / PYTHON.name, "-m", "pip", "install", "uv"])
            uv = str(programs / f"uv{SUFFIX}")
        until = (datetime.now(UTC) - COOLDOWN).strftime("%Y-%m-%d")
        compiling = [uv, "pip", "compile", "pyproject.toml", "--universal", "--python-version=3.11", "--upgrade", "--quiet"]
        bare = ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", f"--exclude-newer={until}"]
        quietly("Locking", [*compiling, *bare, "--output-file=requirements/runtime.txt"])
        quietly(
            "Locking", [*compiling, *bare, "--group=dev", "--constraint=requirements/runtime.txt", "--output-file=requirements/dev.txt"]
        )
    npm = shutil.which("npm")
    if not npm:
        raise StepError("The npm lock is renewed by npm; install Node with npm, then run this again.")
    quietly("Locking", [npm, "install", "--package-lock-only"])


def _install_python_packages() -> None:
    if not MIZ.exists():
        print("Making .venv and installing the locked packages ...", flush=True)
    salt = f"{sys.version_info[:2]} {ENVIRONMENT}"
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"]
    locked: list[str | Path] = ["--require-hashes", "--only-binary=:all:", "--requirement", LOCKS / "dev.txt"]

    def make() -> None:
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=os.name != "nt")
        quietly("Installing the locked packages", [*pip, *locked])

    step("environment", inputs=[LOCKS / "dev.txt"], outputs=[PYTHON], salt=salt, action=make)
    step(
        "project",
        inputs=[ROOT / "pyproject.toml", LOCKS / "dev.txt"],
        outputs=[MIZ],
        salt=salt,
        action=lambda: quietly("Installing miz", [*pip, "--no-build-isolation", "--editable", "."]),
    )


def _make_front_end() -> None:
    build_static.packages()
    build_static.front_end()


def _ensure_browser() -> None:
    if not find_browser() and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print("Installing Chromium for the browser tests ...", flush=True)
        quietly("apt-get update", ["apt-get", "update"])
        # Beside it what the test from another network needs: a second network, and a store of trusted certificates.
        quietly("apt-get install", ["apt-get", "install", "--yes", "--no-install-recommends", "chromium", "iproute2", "libnss3-tools"])
    found = find_browser()
    if not found:
        commands = {"darwin": "brew install --cask chromium", "win32": "winget install Google.Chrome"}
        command = commands.get(sys.platform, "sudo apt-get install chromium")
        raise StepError(f"The browser tests need Chromium, Chrome or Edge; type: {command}")
    os.environ["MIZ_BROWSER"] = found


def _ensure_postgresql() -> None:
    """The wheel's PostgreSQL does for everybody but root in a folder that others may not enter; then it is the system's."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    is_closed = any(not folder.stat().st_mode & 0o001 for folder in (ROOT, *ROOT.parents))
    if is_root and is_closed and shutil.which("apt-get") and not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        print("Installing PostgreSQL for the tests ...", flush=True)
        quietly("apt-get update", ["apt-get", "update"])
        quietly("apt-get install", ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"])


def _all_tests(unsteady: list[str], *options: str) -> int:
    """Spread over the processors. Up to `UNSTEADY_AT_MOST` failures are run once more, alone; those that pass then are named in `unsteady`."""
    spread = ("-n", str(min(os.cpu_count() or 1, 4)), "--dist", "worksteal")
    status = subprocess.run([PYTHON, "-m", "pytest", *spread, *options], cwd=ROOT, check=False).returncode
    failures = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    if status != TESTS_FAILED or not failures.is_file():
        return status
    failed = list(json.loads(failures.read_text(encoding="utf-8")))
    if len(failed) > UNSTEADY_AT_MOST:
        return status
    status = subprocess.run([PYTHON, "-m", "pytest", "--last-failed", *options], cwd=ROOT, check=False).returncode
    still = json.loads(failures.read_text(encoding="utf-8")) if failures.is_file() else {}
    unsteady += [name for name in failed if name not in still]
    return status


def _part(name: str, command: tuple[str | Path, ...]) -> bool:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    holds = done.returncode == 0
    print(
        f"{name}: {'holds' if holds else 'FAILS'}",
        "" if holds else done.stdout.decode(errors="replace"),
        sep="\n" if not holds else "",
        flush=True,
    )
    return holds


def _become(program: Path, *arguments: str) -> int:
    """Go on as another program, so that signals reach it directly; Windows waits for it instead."""
    os.chdir(ROOT)
    if os.name != "nt":
        os.execv(program, [str(program), *arguments])  # noqa: S606 - no shell is wanted
    return subprocess.run([program, *arguments], check=False).returncode


TASKS: dict[str, Callable[..., int | None]] = {
    "run": run,
    "test": test,
    "setup": setup,
    "check": check,
    "bench": bench,
    "crash": crash,
    "docs": docs,
    "lock": lock,
    "release": release,
}
WITH_OPTIONS = {"run", "test", "bench", "crash"}


def main(name: str = "", *options: str) -> int:
    """The exit code of the named task; 2 with the list of tasks when there is none."""
    if name not in TASKS or (options and name not in WITH_OPTIONS):
        print(__doc__)
        return 0 if name in {"-h", "--help", "help"} else 2
    try:
        return TASKS[name](*options) or 0
    except StepError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
