"""A practice brought back to a backup in its own folder: by a running server, by the command line alone, and over a damaged database."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from tests.support.practice import ServerProcess, client_of, new_practice

NAME = "Testpraxis"
WITHIN_S = 60


def command(folder: DataFolder, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MIZ_KEY_FILE": str(folder.path / "test.key"), "MIZ_LANG": "en"}
    arguments = [sys.executable, "-m", "miz", *words, "--data", str(folder.path)]
    return subprocess.run(arguments, check=False, capture_output=True, text=True, env=environment, timeout=WITHIN_S, input="")


def local_client(folder: DataFolder) -> ApiClient:
    control = folder.read_control()
    assert control is not None
    return ApiClient(HttpSender(control.url), token=control.token)


def new_patient(client: ApiClient, name: str) -> str:
    return client.create_patient(family_name=name, given_name="Erika", birth_date="1948-03-12", sex="female").id


def is_trail_sound(client: ApiClient) -> bool:
    told: dict[str, bool] = client.call("POST", "/audit/verify")
    return told["ok"]


def begun_anew(folder: DataFolder, former: str) -> ApiClient:
    """The local client of the server that came after the one with the token `former`."""
    ends = time.monotonic() + WITHIN_S
    while True:
        control = folder.read_control()
        if control is not None and control.token != former:
            return ApiClient(HttpSender(control.url), token=control.token)
        assert time.monotonic() < ends
        time.sleep(0.05)


def token_of(folder: DataFolder) -> str:
    control = folder.read_control()
    assert control is not None
    return control.token


@pytest.mark.slow
def test_a_running_server_goes_back_and_begins_anew(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    with ServerProcess(folder) as server:
        client = client_of(server.url)
        early = new_patient(client, "FRUEH")
        token = client.open_patient(early).fencing_token
        local = local_client(folder)
        made: dict[str, Any] = local.call("POST", "/backups", {})
        late = [new_patient(client, f"SPAET{number}") for number in range(3)]

        preview: dict[str, Any] = client.call("POST", "/backups/preview", {"backup": made["id"]})
        assert preview["goes"]["patient"] - preview["comes"]["patient"] == 3
        assert preview["entries_since"] >= 3
        wanted = {"backup": made["id"], "confirmed": NAME}

        def refused(body: dict[str, str]) -> str:
            with pytest.raises(RefusedError) as told:
                client.call("POST", "/backups/restoration", body)
            return str(told.value.problem["code"])

        # Nobody is cut off while people may be at work, and nobody restores by a slip of the hand.
        assert refused(wanted) == "mode-forbids"
        client.call("PUT", "/server/mode", {"mode": "setup", "now": True})
        assert refused(wanted | {"confirmed": "Praxis"}) == "restore-not-confirmed"
        assert refused(wanted | {"backup": "none"}) == "backup-not-found"
        assert refused({"file": made["file"], "confirmed": NAME}) == "not-permitted"
        assert client.read_patient(late[0]).family_name == "SPAET0"

        former, former_file = token_of(folder), folder.database
        safety: dict[str, Any] = client.call("POST", "/backups/restoration", wanted)["safety"]
        assert safety["kind"] == "safety"
        assert safety["rehearsed_at"]
        assert safety["counts"]["patient"] == 16

        begun_anew(folder, former)
        with pytest.raises(RefusedError) as ended:
            client.read_patient(early)
        assert ended.value.status == 401
        again = client_of(server.url)
        assert again.read_patient(early).family_name == "FRUEH"
        with pytest.raises(RefusedError) as gone:
            again.read_patient(late[0])
        assert gone.value.status == 404
        assert again.open_patient(early).fencing_token != token
        with pytest.raises(RefusedError) as stale:
            again.add("notes", early, token, text="x")
        assert stale.value.status == 412
        assert is_trail_sound(again)
        # What was there before is still there twice: as a proved copy and as its file.
        assert folder.database != former_file
        assert former_file in folder.former_files
        shown: dict[str, Any] = begun_anew(folder, former).call("GET", "/databases")
        assert shown["databases"][0]["former_files"] == [str(former_file)]  # not the trail's file beside it
        listed: dict[str, Any] = again.call("GET", "/backups")
        (restored,) = [one for one in listed["items"] if one["id"] == made["id"]]
        assert restored["restored_at"]
        assert not list(folder.path.glob(".scratch*"))


@pytest.mark.slow
def test_the_way_back_from_a_restore_is_the_safety_copy(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    made = json.loads(command(folder, "backup", "create", "--json").stdout)
    with ServerProcess(folder) as server:
        late = new_patient(client_of(server.url), "SPAET")
    back = command(folder, "backup", "restore", made["file"], "--confirm", NAME, "--json")
    assert back.returncode == 0, back.stderr
    safety = json.loads(back.stdout)["safety"]["file"]
    with ServerProcess(folder) as server, pytest.raises(RefusedError):
        client_of(server.url).read_patient(late)
    forth = command(folder, "backup", "restore", safety, "--confirm", NAME)
    assert forth.returncode == 0, forth.stderr
    with ServerProcess(folder) as server:
        client = client_of(server.url)
        assert client.read_patient(late).family_name == "SPAET"
        assert is_trail_sound(client)


@pytest.mark.slow
def test_the_command_line_brings_a_running_practice_back(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    with ServerProcess(folder) as server:
        made = json.loads(command(folder, "backup", "create", "--json").stdout)
        client = client_of(server.url)
        late = new_patient(client, "SPAET")
        refused = command(folder, "backup", "restore", made["file"], "--confirm", NAME)
        assert refused.returncode == 13, refused.stderr
        client.call("PUT", "/server/mode", {"mode": "setup", "now": True})
        former = token_of(folder)
        done = command(folder, "backup", "restore", made["file"], "--confirm", NAME)
        assert done.returncode == 0, done.stderr
        begun_anew(folder, former)
        with pytest.raises(RefusedError) as gone:
            client_of(server.url).read_patient(late)
        assert gone.value.status == 404


@pytest.mark.slow
def test_a_database_that_cannot_be_opened_is_kept_and_replaced(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    made = json.loads(command(folder, "backup", "create", "--json").stdout)
    damaged = folder.database
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    assert command(folder, "backup", "list").returncode != 0
    assert command(folder, "backup", "restore", made["file"]).returncode != 0
    assert folder.database == damaged, "nobody has agreed"
    done = command(folder, "backup", "restore", made["file"], "--confirm", NAME)
    assert done.returncode == 0, done.stderr
    assert damaged.read_bytes().strip(b"\0") == b""
    with ServerProcess(folder) as server:
        client = client_of(server.url)
        assert is_trail_sound(client)
        listed: dict[str, Any] = client.call("GET", "/backups")
        assert listed["items"]


def test_what_is_of_another_practice_or_not_sound_changes_nothing(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    backup = json.loads(command(folder, "backup", "create", "--json").stdout)["file"]
    identity = folder.path / "server.json"
    before = folder.database
    whole = Path(backup).read_bytes()
    Path(backup).write_bytes(whole[:-1])
    assert command(folder, "backup", "restore", backup, "--confirm", NAME).returncode == 17
    Path(backup).write_bytes(whole)
    identity.write_text(json.dumps(json.loads(identity.read_text()) | {"server_id": "another"}))
    other = command(folder, "backup", "restore", backup, "--confirm", NAME)
    assert (other.returncode, "another practice" in other.stderr) == (13, True)
    assert folder.database == before
    assert folder.former_files == []
    assert not list(folder.path.glob(".scratch*"))
