"""`miz certificate` with and without a running server, and the JSON routes behind it."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.data_folder import DataFolder
from tests.access.people import actions, person, refusal
from tests.infra.test_certificates import NOW, ready
from tests.support.practice import ServerProcess, ServerThread, new_practice, recovery_key, served, url_of
from tests.support.site_certificates import Site

NAMES = "praxis.internal,192.0.2.10"


def run(folder: DataFolder, *arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code, and what the command said."""
    command = [sys.executable, "-m", "miz", "--lang", "de", "certificate", *arguments, "--data", str(folder.path)]
    known = (
        os.environ
        | {
            "MIZ_KEY_FILE": str(folder.path / "test.key"),
            "MIZ_SERVER_NAMES": NAMES,
            "COLUMNS": "200",
            "MIZ_DATABASE_URL": url_of(folder.path.parent),
        }
        | environment
    )
    done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def told(folder: DataFolder, *arguments: str) -> dict[str, Any]:
    code, said = run(folder, *arguments, "--json")
    assert code == 0, said
    answer: dict[str, Any] = json.loads(said)
    return answer


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with TLS on this computer, so that no other network is needed."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = str(probe.getsockname()[1])
    folder = new_practice(tmp_path_factory.mktemp("serving"))
    with ServerProcess(folder, MIZ_TLS="always", MIZ_SERVER_NAMES=NAMES, MIZ_HTTP_PORT=port) as server:
        yield server


def site_files(path: Path, **options: Any) -> list[str]:
    certificate, key = ready(Site(NOW), **options)
    (path / "site.crt").write_bytes(certificate)
    (path / "site.key").write_bytes(key)
    return [str(path / "site.crt"), str(path / "site.key")]


@pytest.mark.slow
def test_a_running_server_shows_what_the_commands_change_at_once(serving: ServerProcess, tmp_path: Path) -> None:
    folder = serving.folder
    assert serving.url.startswith("https://127.0.0.1:")
    before = told(folder, "show")
    assert (before["kind"], before["is_in_use"], before["missing"]) == ("local", True, [])
    code, said = run(folder, "show")
    assert code == 0
    assert before["fingerprint"] in said.splitlines(), "whole, in one line, and no part of it an emoji"
    assert told(folder, "renew")["fingerprint"] == before["fingerprint"], "the authority stays"
    assert told(folder, "renew", "--new-authority")["fingerprint"] != before["fingerprint"]
    assert told(folder, "names", "klein.praxis.internal")["names"] == ["klein.praxis.internal", "localhost", "127.0.0.1", "::1"]
    code, said = run(folder, "names", "fremd.internal")
    assert (code, "--new-authority" in said) == (13, True), said
    assert told(folder, "names", "praxis.internal", "192.0.2.10")["missing"] == []
    used = told(folder, "use", *site_files(tmp_path))
    assert (used["kind"], used["issuer"]) == ("own", "Site issuer")
    assert told(folder, "show") == used
    code, said = run(folder, "renew")
    assert (code, "Aussteller" in said) == (13, True), said
    assert told(folder, "use", "--local")["kind"] == "local"


@pytest.mark.slow
def test_without_a_server_the_commands_work_on_the_folder(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    code, said = run(folder, "show")
    assert (code, "Es gibt noch kein Zertifikat" in said) == (0, True)
    assert told(folder, "show")["kind"] == "none"
    assert told(folder, "names", "neu.internal")["names"] == []
    made = told(folder, "renew")
    assert made["names"] == ["neu.internal", "localhost", "127.0.0.1", "::1"]
    code, said = run(folder, "use", *site_files(tmp_path))
    assert (code, "neu.internal" in said) == (10, True)
    assert told(folder, "show") == made
    assert run(folder, "use")[0] == 10
    assert run(folder, "use", "--local", *site_files(tmp_path))[0] == 10
    assert run(folder, "names", "*.internal")[0] == 10
    assert recovery_key()


class TestRoutes:
    def test_only_who_runs_the_server_brings_a_key(self, plain: ServerThread) -> None:
        owner = person(plain, "Dr. Prüfer")
        assert refusal(owner, "PUT", "/certificate", {"certificate": "a", "key": "b"}) == (403, "not-permitted")
        assert refusal(owner, "DELETE", "/certificate") == (403, "not-permitted")

    def test_what_is_changed_stands_in_the_audit_trail(self, plain: ServerThread) -> None:
        local = ApiClient(HttpSender(plain.url), token=plain.server.local_token)
        local.call("PUT", "/certificate/names", {"names": ["praxis.internal"]})
        local.call("POST", "/certificate/renewal", {})
        local.call("POST", "/certificate/renewal", {"new_authority": True})
        certificate, key = ready(Site(plain.clock.now()))
        local.call("PUT", "/certificate", {"certificate": certificate.decode(), "key": key.decode()})
        local.call("DELETE", "/certificate")
        wanted = ["certificate_put_aside", "certificate_brought", "authority_renewed", "certificate_renewed", "server_names_changed"]
        assert [action for action in actions(local) if "certificate" in action or "authority" in action or "names" in action][:5] == wanted

    def test_what_is_refused_does_not(self, plain: ServerThread) -> None:
        local = ApiClient(HttpSender(plain.url), token=plain.server.local_token)
        before = actions(local).count("certificate_brought")
        assert refusal(local, "PUT", "/certificate/names", {"names": ["a b"]}) == (422, "wrong-server-name")
        assert refusal(local, "PUT", "/certificate", {"certificate": "a", "key": "b"}) == (422, "certificate-not-usable")
        assert actions(local).count("certificate_brought") == before


def test_the_housekeeping_renews_and_says_so_in_the_audit_trail(tmp_path: Path) -> None:
    with served(tmp_path, is_secure=True) as server:
        local = ApiClient(
            HttpSender(server.url, certificate=server.server.certificates.anchor_pem.decode()), token=server.server.local_token
        )

        def look() -> int:
            asyncio.run_coroutine_threadsafe(server.server.look_after_certificate(), server.loop).result(10)
            return actions(local).count("certificate_renewed")

        assert look() == 0
        server.clock.instant += timedelta(days=266)
        assert look() == 1
        assert look() == 1


def test_a_control_file_of_an_older_server_is_read(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.control.parent.mkdir()
    folder.control.write_text('{"url": "http://127.0.0.1:1", "token": "t", "pid": 1}')
    assert folder.read_control() == ("http://127.0.0.1:1", "t", "")
