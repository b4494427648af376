"""`miz user`, `workplace`, `room` and `device`, without a running server and with one."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest

from miz.apps.bootstrap import data_folder
from miz.infra.api_client import ApiClient, HttpSender
from tests.access.people import NEW_PASSWORD, Tab
from tests.apps.test_commands import Done, miz
from tests.support.practice import PASSWORD, ServerProcess, new_practice

CODE = re.compile(r"^(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}$", re.MULTILINE)
PAIRING_CODE = re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$", re.MULTILINE)

Type = Callable[..., Done]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return new_practice(tmp_path).path


@pytest.fixture
def command(data: Path) -> Type:
    def type_in(*arguments: str, status: int = 0) -> Done:
        return miz(*arguments, "--data", data, folder=data, status=status)

    return type_in


def code_in(done: Done, form: re.Pattern[str]) -> str:
    (code,) = form.findall(done.stdout)
    return str(code)


def test_a_user_without_a_password_gets_a_code_that_sets_one(command: Type, data: Path, tmp_path: Path) -> None:
    code = code_in(command("user", "add", "Fr. Neu", "--role", "assistant"), CODE)
    assert "hat einen Einmalcode bis" in command("user", "list").stdout
    password = tmp_path / "password.txt"
    password.write_text(NEW_PASSWORD + "\n")
    assert not CODE.search(command("user", "add", "Hr. Fertig", "--role", "admin", "--password-file", str(password)).stdout)
    assert code_in(command("user", "code", "Hr. Fertig"), CODE) != code
    with ServerProcess(data_folder(data)) as server:
        client = ApiClient(HttpSender(server.url))
        client.call("POST", "/first-password", {"user": "Fr. Neu", "code": code, "password": NEW_PASSWORD})
        client.sign_in("Fr. Neu", NEW_PASSWORD)


def test_roles_are_changed_and_the_last_owner_stays(command: Type) -> None:
    assert "admin, auditor" in command("user", "roles", "Fr. Empfang", "--role", "auditor", "--role", "admin").stdout
    users = json.loads(command("user", "list", "--json").stdout)["items"]
    assert [(user["roles"], user["state"]) for user in users if user["name"] == "Fr. Empfang"] == [(["admin", "auditor"], "active")]
    command("user", "roles", "Dr. Prüfer", "--role", "dentist", status=13)
    command("user", "roles", "Niemand", "--role", "dentist", status=12)


def test_rooms_and_workplaces(command: Type) -> None:
    command("room", "add", "Zimmer 3")
    command("workplace", "add", "Stuhl 3", "--room", "Zimmer 3")
    command("workplace", "add", "Stuhl 4", "--room", "Zimmer 99", status=12)
    command("workplace", "change", "Stuhl 3", "--name", "Liege", "--room", "Zimmer 1")
    command("workplace", "change", "Liege", status=10)
    places = json.loads(command("workplace", "list", "--json").stdout)["items"]
    assert [place["room"] for place in places if place["name"] == "Liege"] == ["Zimmer 1"]
    command("room", "rename", "Zimmer 3", "Labor")
    assert "Labor" in command("room", "list").stdout
    command("workplace", "change", "Liege", "--room", "")
    assert re.search(r"Liege\s*$", command("workplace", "list").stdout, re.MULTILINE)
    command("workplace", "remove", "Liege")
    command("room", "remove", "Labor")
    command("room", "remove", "Zimmer 1", status=13)


def test_a_display_is_registered_from_the_command_line(command: Type, data: Path) -> None:
    command("device", "code", "--display", "Zimmer 2", status=13)
    command("mode", "setup", "--now")
    command("device", "code", status=10)
    command("device", "code", "--display", "Zimmer 2", "--workplace", "Zimmer 1", status=10)
    with ServerProcess(data_folder(data), MIZ_LANG="de") as server:
        command("mode", "setup", "--now")
        first = code_in(command("device", "code", "--display", "Zimmer 2", "--name", "Wand"), PAIRING_CODE)
        code = code_in(command("device", "code", "Wand"), PAIRING_CODE)
        tab = Tab(server)
        assert [tab.post("/pair", code=typed)[0] for typed in (first, code)] == [401, 303]
        assert re.search(r"Wand\s+Anzeige\s+Zimmer 2\s+registriert", command("device", "list").stdout)
        command("device", "revoke", "Wand")
        devices = json.loads(command("device", "list", "--json").stdout)["items"]
        assert [device["state"] for device in devices] == ["revoked"]
        command("device", "revoke", "Wand", status=12)
        client = ApiClient(HttpSender(server.url))
        client.sign_in("Dr. Prüfer", PASSWORD)


def test_an_owner_without_the_phone_is_helped_on_the_server_itself(command: Type, data: Path) -> None:
    with ServerProcess(data_folder(data), MIZ_LANG="de") as server:
        client = ApiClient(HttpSender(server.url))
        client.sign_in("Dr. Prüfer", PASSWORD)
        begun: Any = client.call("POST", "/account/second-factor", {"password": PASSWORD})
        client.call("POST", "/account/second-factor/activation", {"code": pyotp.TOTP(begun["secret"]).now()})
    listed = json.loads(command("user", "list", "--json").stdout)["items"]
    assert [user["name"] for user in listed if user["has_second_factor"]] == ["Dr. Prüfer"]
    assert re.search(r"Dr\. Prüfer\s+dentist, owner\s+ja", command("user", "list").stdout)
    assert "Dr. Prüfer hat keinen zweiten Faktor mehr" in command("user", "second-factor", "reset", "Dr. Prüfer").stdout
    command("user", "second-factor", "reset", "Dr. Prüfer", status=13)
    command("user", "second-factor", "reset", "Niemand", status=12)
    with ServerProcess(data_folder(data), MIZ_LANG="de") as server:
        ApiClient(HttpSender(server.url)).sign_in("Dr. Prüfer", PASSWORD)
