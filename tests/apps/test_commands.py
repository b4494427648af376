"""The command line: what it does, its exit codes, its words."""

import contextlib
import io
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import msgspec
import pytest
import segno

from miz.apps.cli import main
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.infra.keys import groups_of
from miz.ui.paper import PaperError
from miz.wire.client_protocol import Patient
from tests.support.paper_reader import PaperReader
from tests.support.practice import PASSWORD, ServerProcess, client_of, new_practice, url_of


class Done(NamedTuple):
    """What a command has shown."""

    stdout: str
    stderr: str


def environment(folder: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MIZ_")}
    return clean | {"MIZ_KEY_FILE": str(folder / "test.key"), "MIZ_DATABASE_URL": url_of(folder.parent)} | more


def miz(*arguments: str | Path, folder: Path, status: int = 0, **more: str) -> Done:
    """Type a command; it must end with `status`."""
    out, complaints = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment(folder, **more), clear=True),
        mock.patch.object(sys, "argv", ["miz", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(complaints),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    done = Done(*(stream.buffer.getvalue().decode() for stream in (out, complaints)))
    assert ended.value.code == status, done.stderr
    return done


@pytest.fixture
def practice(tmp_path: Path) -> DataFolder:
    return new_practice(tmp_path)


def test_a_demo_tells_how_to_sign_in_and_goes_when_it_is_told_to(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "miz", "demo", "--port", "0", "--ready-file", str(ready)]
    own = {name: value for name, value in environment(tmp_path, TMPDIR=str(tmp_path)).items() if name != "MIZ_KEY_FILE"}
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        until = time.monotonic() + 30
        while not ready.exists():
            assert demo.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        assert set(told) == {"url", "users"}
        assert {"Dr. Kern", "Fr. Berger", "Fr. Lenz"} == {user["name"] for user in told["users"]}
        assert all(set(user) == {"name", "password", "role"} for user in told["users"])
        client = ApiClient(HttpSender(told["url"]))
        for user in told["users"]:
            client.sign_in(user["name"], user["password"], "Zimmer 1")
        assert len(client.search("muster")) == 2
        samples = [line for line in client.search("9", 100) if line.is_sample]
        assert len(samples) == 12
        assert msgspec.json.decode(HttpSender(told["url"])("GET", "/api/v1/openapi.json", {}, b"")[1])["openapi"] == "3.1.0"
        demo.send_signal(signal.SIGTERM)
        printed, complained = demo.communicate(timeout=20)
    assert (demo.returncode, complained) == (0, "")
    assert told["url"] in printed
    assert not ready.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("miz-demo-")] == []


def test_serving_an_empty_folder_says_what_to_type(tmp_path: Path) -> None:
    refused = miz("serve", "--data", tmp_path / "nothing", folder=tmp_path, status=12)
    assert "miz init --data" in refused.stderr
    assert str(tmp_path / "nothing") in refused.stderr


@pytest.mark.sqlite_only("sets up in a file; tests/infra/test_postgres.py does so on a server")
def test_a_practice_is_set_up_once(tmp_path: Path) -> None:
    password, paper, data = tmp_path / "password.txt", tmp_path / "recovery.txt", tmp_path / "praxis"
    password.write_text(PASSWORD + "\n")
    arguments = ("init", "--data", data, "--practice", "Praxis Kern", "--owner", "Dr. Kern", "--password-file", password)
    done = miz(*arguments, "--recovery-key-out", paper, folder=tmp_path)
    assert "miz serve --data" in done.stdout
    assert "AGE-SECRET-KEY" not in done.stdout
    assert paper.read_text().startswith("AGE-SECRET-KEY-1")
    assert stat.S_IMODE(paper.stat().st_mode) == stat.S_IMODE((tmp_path / "test.key").stat().st_mode) == 0o600
    key = (tmp_path / "test.key").read_bytes()
    refused = miz(*arguments, folder=tmp_path, status=13)
    assert "leere" in refused.stderr or "Ordner" in refused.stderr
    assert (tmp_path / "test.key").read_bytes() == key
    assert len(json.loads(miz("patient", "list", "muster", "--data", data, "--json", folder=tmp_path).stdout)["items"]) == 2


def set_up(tmp_path: Path) -> list[str | Path]:
    """What is typed to set up a practice in `praxis`."""
    (tmp_path / "password.txt").write_text(PASSWORD + "\n")
    people: list[str | Path] = ["--practice", "Praxis Kern", "--owner", "Dr. Kern", "--password-file", tmp_path / "password.txt"]
    return ["init", "--data", tmp_path / "praxis", *people]


@pytest.mark.sqlite_only("sets up in a file; tests/infra/test_postgres.py does so on a server")
@pytest.mark.parametrize(("language", "title"), [("de", "Wiederherstellungsschlüssel"), ("en", "Recovery key")])
def test_the_recovery_key_comes_on_a_sheet_of_one_page(tmp_path: Path, language: str, title: str) -> None:
    sheet, key = tmp_path / "sheet.pdf", tmp_path / "recovery.txt"
    command = [*set_up(tmp_path), "--recovery-sheet", sheet, "--recovery-key-out", key]
    done = miz(*command, folder=tmp_path, MIZ_LANG=language)
    assert "AGE-SECRET-KEY" not in done.stdout + done.stderr
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    recovery_key = key.read_text().strip()
    with PaperReader(sheet.read_bytes()) as reader:
        assert (reader.title, reader.language, reader.is_tagged, reader.is_grey, len(reader.pages)) == (title, language, True, True, 1)
        assert b"pdfuaid:part" in reader.content
        assert min(reader.text_sizes()) >= 9.5
        assert reader.widest_mm <= 196
        for number, group in enumerate(groups_of(recovery_key), 1):
            assert f" {number} {group} " in reader.text
        for words in (
            "Praxis Kern",
            "miz backup restore FILE --data DIR --recovery-key key.txt",
            "age -d -i key.txt FILE | zstd -d | tar -x",
        ):
            assert words in reader.text
        wanted = ["".join("01"[dark] for dark in row) for row in segno.make_qr(recovery_key, error="m").matrix]
        assert reader.squares(len(wanted)) == wanted


@pytest.mark.sqlite_only("sets up in a file; tests/infra/test_postgres.py does so on a server")
def test_a_sheet_is_never_written_over_and_the_key_is_never_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, command = tmp_path / "sheet.pdf", set_up(tmp_path)
    sheet.write_text("other")
    assert str(sheet) in miz(*command, "--recovery-sheet", sheet, folder=tmp_path, status=10).stderr
    assert sheet.read_text() == "other"
    miz(*command, "--recovery-sheet", tmp_path / "nowhere" / "sheet.pdf", folder=tmp_path, status=10)
    assert not (tmp_path / "praxis").exists()
    sheet.unlink()
    (tmp_path / "password.txt").write_text("kurz")
    miz(*command, "--recovery-sheet", sheet, folder=tmp_path, status=10)
    assert not sheet.exists()
    set_up(tmp_path)

    def fail(*_: object) -> bytes:
        raise PaperError

    monkeypatch.setattr("miz.ui.paper.set_paper", fail)
    failed = miz(*command, "--recovery-sheet", sheet, folder=tmp_path, status=17)
    assert re.search(r"AGE-SECRET-KEY-1\w{58}", failed.stdout)
    assert not sheet.exists()


@pytest.mark.sqlite_only("sets up in a file; tests/infra/test_postgres.py does so on a server")
@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of ours is one of Unix")
def test_at_a_terminal_two_groups_of_the_key_are_asked_back(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "miz", *map(str, set_up(tmp_path))]
    with subprocess.Popen(command, env=environment(tmp_path, COLUMNS="200"), stdin=theirs, stdout=theirs, stderr=theirs) as setting_up:
        os.close(theirs)
        told = ""

        def until(pattern: str) -> str:
            nonlocal told
            while not (found := re.search(pattern, told)):
                told += os.read(ours, 4_096).decode(errors="replace")
            told = told[found.end() :]
            return found[1]

        groups = groups_of(until(r"(AGE-SECRET-KEY-1\w{58})"))
        number = int(until(r"Gruppe (\d+): "))
        os.write(ours, b"xxxxx\n")
        until(rf"(Gruppe {number} stimmt nicht)")
        for _ in range(2):
            number = int(until(r"Gruppe (\d+): "))
            assert DataFolder(tmp_path / "praxis").recovery_key_proved_at is None
            os.write(ours, groups[number - 1].lower().encode() + b"\n")
        until("(Richtig)")
        until("(miz serve --data)")
        os.close(ours)
        assert setting_up.wait(20) == 0
    assert DataFolder(tmp_path / "praxis").recovery_key_proved_at is not None


def test_a_weak_password_sets_up_nothing(tmp_path: Path) -> None:
    password = tmp_path / "password.txt"
    password.write_text("kurz\n")
    miz("init", "--data", tmp_path / "p", "--practice", "P", "--owner", "O", "--password-file", password, folder=tmp_path, status=10)
    assert not (tmp_path / "p").exists()
    miz(
        "init",
        "--data",
        tmp_path / "p",
        "--practice",
        "P",
        "--owner",
        "O",
        "--password-file",
        tmp_path / "none",
        folder=tmp_path,
        status=10,
    )


@pytest.mark.parametrize("is_running", [True, False])
def test_commands_answer_whether_the_server_runs_or_not(practice: DataFolder, tmp_path: Path, is_running: bool) -> None:
    server = ServerProcess(practice)
    if is_running:
        server.start()
    data = ("--data", practice.path)
    try:
        found = json.loads(miz("patient", "list", "muster eri", *data, "--json", folder=practice.path).stdout)["items"]
        assert [line["given_name"] for line in found] == ["Erika"]
        shown = json.loads(miz("patient", "show", found[0]["id"], *data, folder=practice.path).stdout)
        assert shown["medication"][0]["text"] == "Falithrom"
        miz("patient", "show", "nobody", *data, folder=practice.path, status=12)
        password = tmp_path / "password.txt"
        password.write_text("ein ganz neues Kennwort\n")
        add = ("user", "add", "Fr. Neu", "--role", "assistant", "--password-file", password)
        miz(*add, *data, folder=practice.path)
        miz(*add, *data, folder=practice.path, status=13)
        miz("user", "disable", "Fr. Neu", *data, folder=practice.path)
        assert "abgeschaltet" in miz("user", "list", *data, folder=practice.path).stdout
        miz("user", "enable", "Fr. Neu", *data, folder=practice.path)
        users = json.loads(miz("user", "list", "--json", *data, folder=practice.path).stdout)["items"]
        assert [(user["name"], user["is_disabled"]) for user in users if user["name"] == "Fr. Neu"] == [("Fr. Neu", False)]
        assert json.loads(miz("application", "list", "--json", *data, folder=practice.path).stdout) == {"items": []}
        assert miz("mode", "show", *data, folder=practice.path).stdout == "operating\n"
        assert json.loads(miz("interval", "show", "--json", *data, folder=practice.path).stdout) == {
            "heartbeat_interval_s": 5,
            "lease_s": 20,
        }
        assert practice.control.exists() == is_running
    finally:
        if is_running:
            server.stop()


def test_the_command_line_finds_the_running_server_s_state(practice: DataFolder) -> None:
    with ServerProcess(practice) as server:
        client = client_of(server.url)
        patient_id = client.search("muster eri")[0].id
        client.open_patient(patient_id)
        shown = miz("application", "list", "--data", practice.path, folder=practice.path).stdout
        assert re.search(r"Zimmer 1\s+Dr\. Prüfer\s+active\s+Muster, Erika", shown)
        assert stat.S_IMODE(practice.control.stat().st_mode) == 0o600
        miz("user", "disable", "Fr. Assistenz", "--data", practice.path, folder=practice.path)
        with pytest.raises(RefusedError):
            client_of(server.url, "Fr. Assistenz")
        server.kill()
    assert practice.control.exists(), "a killed server leaves its address behind"
    found = json.loads(miz("patient", "list", "muster eri", "--json", "--data", practice.path, folder=practice.path).stdout)["items"]
    assert found[0]["id"] == patient_id


def test_the_export_is_one_whole_record_a_line(practice: DataFolder, tmp_path: Path) -> None:
    target = tmp_path / "export.jsonl"
    done = miz("patient", "export", "--all", "--to", target, "--data", practice.path, folder=practice.path)
    assert "12" in done.stdout
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    content = target.read_bytes()
    assert content.endswith(b"\n")
    records = [msgspec.json.decode(line, type=Patient) for line in content.splitlines()]
    assert len(records) == len({record.id for record in records}) == 12
    assert [record.family_name for record in records][-3:] == ["Test", "Übung", "Vorlage"]
    erika = next(record for record in records if record.given_name == "Erika")
    assert [entry.text for entry in erika.medication][:2] == ["Falithrom", "Alendronsäure"]
    assert erika.allergies[0].reaction == "Quaddeln sofort"
    one = tmp_path / "one.jsonl"
    miz("patient", "export", erika.id, "--to", one, "--data", practice.path, folder=practice.path)
    assert [msgspec.json.decode(line, type=Patient) for line in one.read_bytes().splitlines()] == [erika]
    miz("patient", "export", "--to", one, "--data", practice.path, folder=practice.path, status=10)
    miz("patient", "export", erika.id, "--all", "--to", one, "--data", practice.path, folder=practice.path, status=10)


@pytest.mark.parametrize("paper", ["evaluation", "anamnesis", "anamnesis-form", "letter"])
def test_a_paper_is_written_for_its_owner_only(practice: DataFolder, tmp_path: Path, paper: str) -> None:
    found = json.loads(miz("patient", "list", "muster eri", "--json", "--data", practice.path, folder=practice.path).stdout)["items"]
    target = tmp_path / "paper.pdf"
    miz("patient", "print", found[0]["id"], "--paper", paper, "--to", target, "--data", practice.path, folder=practice.path)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with PaperReader(target.read_bytes()) as reader:
        assert "MUSTER, Erika" in reader.text
    miz("patient", "print", "nobody", "--to", target, "--data", practice.path, folder=practice.path, status=12)


@pytest.mark.sqlite_only("the key encrypts the SQLite file")
def test_a_lost_key_and_a_wrong_one_are_told_apart(practice: DataFolder) -> None:
    key = practice.path / "test.key"
    content = key.read_text()
    key.unlink()
    assert str(key) in miz("patient", "list", "x", "--data", practice.path, folder=practice.path, status=17).stderr.replace("\n", "")
    key.write_text("ab" * 32)
    assert "MIZ_KEY_FILE" in miz("patient", "list", "x", "--data", practice.path, folder=practice.path, status=17).stderr
    key.write_text(content)
    miz("patient", "list", "x", "--data", practice.path, folder=practice.path)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["fly"], 2, "fly"),
        (["patient", "list"], 2, "text"),
        (["serve", "--data", "x", "--port", "70000"], 2, "65535"),
        (["--lang", "fr", "search", "x"], 2, "de or en"),
    ],
)
def test_a_command_that_does_not_exist_is_a_usage_error(tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    assert words in miz(*arguments, folder=tmp_path, status=status).stderr


def test_the_command_line_speaks_german_and_english(tmp_path: Path) -> None:
    german = miz("serve", "--data", tmp_path / "x", folder=tmp_path, status=12).stderr
    english = miz("serve", "--data", tmp_path / "x", folder=tmp_path, status=12, MIZ_LANG="en").stderr
    assert "keine Praxis" in german
    assert "There is no practice" in english


def test_a_bad_setting_is_named(practice: DataFolder) -> None:
    refused = miz("patient", "list", "x", "--data", practice.path, folder=practice.path, status=10, MIZ_SESSION_H="99")
    assert "MIZ_SESSION_H" in refused.stderr


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    second = new_practice(tmp_path / "second")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "miz", "serve", "--data", str(second.path), "--port", port]
        refused = subprocess.run(command, env=environment(second.path), capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 13
    assert port in refused.stderr
    assert "Traceback" not in refused.stderr
