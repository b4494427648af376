"""The service under a real systemd: installed, started, killed, frozen, stopped and removed, with every confinement of its unit."""

import contextlib
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from miz.infra.api_client import ApiClient, HttpSender
from tests.support.practice import PASSWORD
from tests.support.systemd_machine import SystemdMachine, reason_against

DATA = "/var/lib/miz/practice"
MIZ = "/opt/miz/bin/miz"
UP_WITHIN_S = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def machine() -> Iterator[SystemdMachine]:
    if reason := reason_against():
        pytest.skip(reason)
    with SystemdMachine() as running:
        yield running


@pytest.fixture(scope="module")
def url(machine: SystemdMachine) -> str:
    """Where the installed service answers; its watchdog has the patience of a test."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    told = machine.run(MIZ, "--lang", "en", "service", "install", "--port", port).stdout
    assert "There is no practice yet" in told
    assert f"sudo {MIZ} init --data {DATA}" in told
    machine.run("sh", "-c", f"echo '{PASSWORD}' > /run/password")
    machine.run(MIZ, "init", "--data", DATA, "--practice", "Praxis Dienst", "--owner", "Dr. Dienst", "--password-file", "/run/password",
                "--recovery-key-out", "/run/recovery.txt")  # fmt: skip
    machine.run("sh", "-c", "mkdir -p /etc/systemd/system/miz.service.d; printf '[Service]\\nWatchdogSec=2\\nTimeoutStopSec=3\\n"
                "StandardError=append:/run/miz-error.txt\\n' > /etc/systemd/system/miz.service.d/test.conf")  # fmt: skip
    machine.run(MIZ, "service", "install", "--port", port)
    return f"http://127.0.0.1:{port}"


def until(holds: Callable[[], bool]) -> float:
    """Wait; returns how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    return time.monotonic() - began


def answers(url: str) -> bool:
    try:
        return HttpSender(url, timeout_s=2)("GET", "/health/ready", {}, b"")[0] == 200
    except OSError:
        return False


def main_pid(machine: SystemdMachine) -> int:
    return int(machine.shown("MainPID")["MainPID"])


def test_it_runs_as_its_own_account_in_its_own_folder(machine: SystemdMachine, url: str) -> None:
    until(lambda: answers(url))
    shown = machine.shown("ActiveState", "UnitFileState", "User", "StatusText", "NotifyAccess")
    assert shown == {
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "User": "miz",
        "StatusText": f"Answers at {url}",
        "NotifyAccess": "main",
    }
    client = ApiClient(HttpSender(url))
    client.sign_in("Dr. Dienst", PASSWORD)
    assert len(client.search("muster")) == 2
    owners = machine.run("find", "/var/lib/miz", "-printf", "%u %m %P\\n").stdout.splitlines()
    assert {line.split()[0] for line in owners} == {"miz"}
    keys = [line for line in owners if line.endswith(".key")]
    assert len(keys) == 1
    assert keys[0].split()[1] == "600"
    assert "/" not in keys[0].split()[2], "the key lies outside of the data folder"


def test_every_confinement_of_the_unit_is_in_force(machine: SystemdMachine, url: str) -> None:
    until(lambda: answers(url))
    status = machine.run("cat", f"/proc/{main_pid(machine)}/status").stdout
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    mounts = machine.run("cat", f"/proc/{main_pid(machine)}/mounts").stdout
    options = {line.split()[1]: line.split()[3].split(",")[0] for line in mounts.splitlines()}
    assert options["/"] == "ro"
    assert options["/var/lib/miz"] == "rw"


def test_commands_of_the_administrator_leave_nothing_that_the_service_cannot_read(machine: SystemdMachine, url: str) -> None:
    until(lambda: answers(url))
    running = machine.run(MIZ, "user", "list", "--data", DATA, "--json").stdout
    machine.run("systemctl", "stop", "miz")
    try:
        stopped = machine.run(MIZ, "user", "list", "--data", DATA, "--json").stdout
        assert json.loads(stopped) == json.loads(running)
        assert set(machine.run("find", "/var/lib/miz", "-printf", "%u\\n").stdout.split()) == {"miz"}
    finally:
        machine.run("systemctl", "start", "miz")
    assert answers(url)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_it_is_started_again_when_it_is_killed_or_hangs(machine: SystemdMachine, url: str, number: signal.Signals) -> None:
    until(lambda: answers(url))
    before = main_pid(machine)
    machine.run("kill", f"-{number.value}", str(before))
    until(lambda: main_pid(machine) not in (before, 0))
    assert until(lambda: answers(url)) <= UP_WITHIN_S


def test_a_stop_is_clean_and_quick(machine: SystemdMachine, url: str) -> None:
    until(lambda: answers(url))
    streaming = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
    streaming.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")  # half a request
    began = time.monotonic()
    machine.run("systemctl", "stop", "miz")
    assert time.monotonic() - began <= 5
    streaming.close()
    assert machine.shown("Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    assert machine.run("test", "-e", f"{DATA}/run/control.json", check=False).returncode == 1
    machine.run("systemctl", "start", "miz")


def test_what_a_restart_cannot_better_is_not_tried_again(machine: SystemdMachine, url: str) -> None:
    machine.run("systemctl", "stop", "miz")
    machine.run("mv", f"{DATA}/server.json", "/run/server.json")
    try:
        assert machine.run("systemctl", "start", "miz", check=False).returncode != 0
        assert machine.shown("ActiveState", "ExecMainStatus") == {"ActiveState": "failed", "ExecMainStatus": "12"}
    finally:
        machine.run("mv", "/run/server.json", f"{DATA}/server.json")
        machine.run("systemctl", "start", "miz")


def test_it_can_be_removed_and_the_data_stay(machine: SystemdMachine, url: str) -> None:
    machine.run(MIZ, "service", "remove")
    try:
        assert not answers(url)
        assert machine.run("systemctl", "cat", "miz.service", check=False).returncode != 0
        machine.run("test", "-e", f"{DATA}/practice.db")
    finally:
        machine.run(MIZ, "service", "install", "--port", url.rpartition(":")[2])
