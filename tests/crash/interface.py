"""The interface asked by its own description: schemathesis reads the OpenAPI document of a running server and makes requests of it.

It takes examples, edges and random values, right ones and wrong ones, and goes along the links: a new patient, the opening, entries,
the release. Each answer must have a documented status, content type, header and structure, and none may be a fault of the server.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from miz.infra.api_client import ApiClient, HttpSender
from tests.support.practice import PASSWORD, PEOPLE, ServerThread

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "missing_required_header", "unsupported_method",
)  # fmt: skip
LOCAL = "local"
EVERYBODY = (*PEOPLE, LOCAL)
# What would end the session that asks or sessions of others, stop the day, copy or move the whole practice, or never ends.
LEFT_OUT = (
    "session$", "session/", "sessions/", "account/", "first-password", "users/", "server/mode", r"applications/\{id\}$",
    r"applications/\{id\}/disconnect", "backups", "databases", "events",
)  # fmt: skip
# Only the links that the document names are followed; a header that is missing is answered with 428, which the tool does not expect.
SETTINGS = """
[phases.stateful.inference]
algorithms = []

[checks.missing_required_header]
expected-statuses = [401, 403, 422, 428]
"""


@dataclass(frozen=True)
class Asked:
    """What the requests of one person came to. `links` were followed; `told` is the report."""

    who: str
    requests: int
    links: int
    is_kept: bool
    told: str


def ask_each(
    server: ServerThread, folder: Path, *, count: int, who: str, phases: str = "examples,coverage,fuzzing", only: str = ""
) -> Asked:
    """Up to `count` requests of each kind to each operation, right and wrong ones."""
    chosen = ["--include-path-regex", only] if only else ["--exclude-path-regex", f"^/api/v1/({'|'.join(LEFT_OUT)})"]
    return _ask(server, folder, who, ["--phases", phases, "--max-examples", str(count), *chosen])


def ask_along_links(server: ServerThread, folder: Path, *, count: int, who: str) -> Asked:
    """Up to `count` ways along the links between the routes of patients."""
    options = ["--phases", "stateful", "--max-examples", str(count), "--mode", "positive", "--include-path-regex", "^/api/v1/patients"]
    return _ask(server, folder, who, options)


def _ask(server: ServerThread, folder: Path, who: str, options: list[str]) -> Asked:
    """In a fresh session; what the tool writes of its own stays below `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "schemathesis.toml").write_text(SETTINGS)
    client = ApiClient(HttpSender(server.url), token=server.server.local_token if who == LOCAL else "")
    if who != LOCAL:
        client.sign_in(who, PASSWORD, "Zimmer 1")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json", "--checks", ",".join(CHECKS), *options]
    command += ["--no-color", "--warnings", "off", "--suppress-health-check", "all", "--request-timeout", "60"]
    command += ["--header", f"Authorization: Bearer {client.token}"]
    if who != "Fr. Datenschutz":  # who reads the audit trail only has no application
        command += ["--header", f"Miz-Application: {client.register().id}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Asked(who, _number(r"(\d+) generated", done.stdout), _number(r"(\d+) covered", done.stdout), done.returncode == 0, done.stdout)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0
