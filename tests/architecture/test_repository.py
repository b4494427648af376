"""What the repository may hold: no address of a registry, no path of a machine, nothing that is built."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
# Written in pieces, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/(?:" + "work|root|home|Users|farm" + r")/\w|[A-Z]:\\Users\\)")


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    git = shutil.which("git")
    if not git or not (ROOT / ".git").exists():
        pytest.skip("needs the git repository: only committed files are looked at")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_pinned_hashed_and_without_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^(\S+?)==\S+.*?\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert "".join(text.splitlines(keepends=True)).count("==") >= len(blocks) > 10
    rest = re.sub(r"^(\S+?)==\S+.*?\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", "", text, flags=re.MULTILINE)
    assert rest.strip() == ""


def test_every_runtime_package_is_the_same_in_both_locks() -> None:
    runtime, dev = (
        set(re.findall(r"^\S+==\S+", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in sorted(REQUIREMENTS, reverse=True)
    )
    assert runtime
    assert runtime <= dev


def test_npm_lock_has_hashes_and_no_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    third_party = {name: package for name, package in packages.items() if name}
    assert third_party
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in third_party.values())


def test_no_committed_file_holds_a_machine_path(committed: list[Path]) -> None:
    found = []
    for path in committed:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {line.strip()[:80]}" for line in text.splitlines() if MACHINE_PATH.search(line)]
    assert found == []


def test_a_machine_path_is_noticed() -> None:
    assert MACHINE_PATH.search("see " + "/home" + "/anna/miz")
    assert not MACHINE_PATH.search("GET /api/v1/home/x and https://example.org/work/list")


def test_nothing_built_or_of_third_parties_is_committed(committed: list[Path]) -> None:
    built = [path for path in committed if path.suffix in {".mo", ".sqlite", ".woff2", ".whl"} or path.name.endswith(".min.js")]
    assert built == []
    assert [path for path in committed if path.name in {"uv.lock", "pylock.toml"}] == []


def test_entry_of_the_automatic_checks_can_be_started(committed: list[Path]) -> None:
    assert ROOT / ".ci/run" in committed
    listed = subprocess.run(["git", "ls-files", "-s", ".ci/run"], cwd=ROOT, capture_output=True, check=True).stdout
    assert listed.startswith(b"100755")


@pytest.mark.parametrize("path", sorted((ROOT / "src/miz/migrations/versions").glob("*.py")), ids=lambda path: path.stem)
def test_a_migration_imports_no_room(path: Path) -> None:
    """A released migration stays as it is; what it imports must not change under it."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    assert {name for name in imported if name.startswith("miz.") and not name.startswith("miz.infra.db")} == set()
