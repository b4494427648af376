"""A release: the wheel, beside it the list of its parts (CycloneDX), and whether any part has a known hole.

The list is made from the locks alone, so the same commit gives the same bytes on every machine.
"""

import base64
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.steps import ROOT, StepError, quietly

FOLDER = ROOT / "dist"
RUNTIME = ROOT / "requirements/runtime.txt"
NPM_LOCK = ROOT / "package-lock.json"


@dataclass(frozen=True)
class Asked:
    """What one register of holes said. `not_told` is why a part could not be asked about; nothing known is no answer then."""

    asked: int
    holes: tuple[str, ...]
    not_told: tuple[str, ...]

    @property
    def line(self) -> str:
        if self.not_told:
            return f"COULD NOT ASK about {len(self.not_told)} parts, so nothing is known of them; the first: {self.not_told[0]}"
        return f"{self.asked} parts asked about, {len(self.holes)} known holes" + "".join(f"\n  {hole}" for hole in self.holes)


def main() -> int:
    """0 when wheel and list stand in `dist` and no hole is known; 1 for a known hole; 3 when somebody could not be asked."""
    quietly("Building the wheel", [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(FOLDER)])
    wheel = max(FOLDER.glob("miz-*.whl"), key=lambda path: path.stat().st_mtime)
    parts = FOLDER / f"{wheel.stem}.cdx.json"
    parts.write_text(list_of_parts(wheel.name.split("-")[1]), encoding="utf-8")
    print(f"{wheel.relative_to(ROOT)}\n{parts.relative_to(ROOT)}")
    answers = {"Python packages": python_holes(), "front-end packages": npm_holes()}
    for name, asked in answers.items():
        print(f"{name}: {asked.line}")
    if any(asked.holes for asked in answers.values()):
        return 1
    return 3 if any(asked.not_told for asked in answers.values()) else 0


def list_of_parts(version: str) -> str:
    """The CycloneDX document of `miz` in this version: every locked run-time package of Python and every front-end package it ships."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(RUNTIME), "--pyproject", str(ROOT / "pyproject.toml")]
    made = subprocess.run([*command, "--output-reproducible", "--short-PURLs", "--sv", "1.6"], capture_output=True, text=True, check=False)
    if made.returncode:
        raise StepError(f"{made.stderr.rstrip()}\n\nListing the Python packages failed (exit {made.returncode}).")
    document: dict[str, Any] = json.loads(made.stdout)
    root = document["metadata"]["component"]
    root["version"] = version
    for part in document["components"]:
        part.pop("externalReferences", None)  # tells which registry was asked, if any; a mirror would change the bytes
    shipped = front_end_parts()
    document["components"] = sorted([*document["components"], *shipped], key=lambda part: part["bom-ref"])
    for dependency in document["dependencies"]:
        if dependency["ref"] == root["bom-ref"]:
            dependency["dependsOn"] = sorted({*dependency.get("dependsOn", []), *(part["bom-ref"] for part in shipped)})
    document["dependencies"] = sorted([*document["dependencies"], *({"ref": part["bom-ref"]} for part in shipped)], key=lambda d: d["ref"])
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def front_end_parts() -> list[dict[str, Any]]:
    """The npm packages whose files the wheel carries; those for tests only are left out."""
    packages: dict[str, dict[str, Any]] = json.loads(NPM_LOCK.read_text(encoding="utf-8"))["packages"]
    parts = []
    for path, package in sorted(packages.items()):
        if not path or package.get("dev"):
            continue
        name, version = path.rpartition("node_modules/")[2], package["version"]
        purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
        algorithm, _, digest = package["integrity"].partition("-")
        parts.append({
            "bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl, "licenses": [{"license": {"id": package["license"]}}],
            "hashes": [{"alg": re.sub(r"sha(\d+)", r"SHA-\1", algorithm), "content": base64.b64decode(digest).hex()}],
        })  # fmt: skip
    return parts


def python_holes() -> Asked:
    """What the register of the Python packages knows. Where it cannot be reached pip-audit ends with success: each part counts only with an answer."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(RUNTIME), "--no-deps", "--disable-pip"]
    return read_pip_audit(_said([*command, "--format=json", "--desc=off", "--progress-spinner=off", "--timeout=15"]))


def npm_holes() -> Asked:
    npm = shutil.which("npm")
    return read_npm_audit(_said([npm, "audit", "--json", "--omit=dev"]) if npm else "npm is not installed", len(front_end_parts()))


def read_pip_audit(said: str) -> Asked:
    """The answer in the JSON of pip-audit."""
    try:
        parts = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Asked(0, (), (_last_line(said),))
    if not parts:
        return Asked(0, (), ("no part was asked about",))
    holes = [f"{part['name']} {part['version']}: {hole['id']}" for part in parts for hole in part.get("vulns", ())]
    return Asked(len(parts), tuple(holes), tuple(part["skip_reason"] for part in parts if "skip_reason" in part))


def read_npm_audit(said: str, count: int) -> Asked:
    """The answer in the JSON of `npm audit` about so many packages."""
    try:
        holes = json.loads(said)["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Asked(0, (), (_message(said),) * count)
    return Asked(count, tuple(f"{name}: {hole['severity']}" for name, hole in holes.items()), ())


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return _last_line(said)


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["no answer"])[-1]


def _said(command: list[str | Path]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StepError as error:
        sys.exit(str(error))
