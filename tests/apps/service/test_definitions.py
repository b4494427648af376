"""What `miz service` writes for each system, and when it refuses."""

import dataclasses
import io
import json
import os
import plistlib
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath, PureWindowsPath
from unittest import mock
from xml.etree import ElementTree as ET

import pytest

from miz.apps.service import account, plan
from miz.apps.service.launchd import launchd_plan
from miz.apps.service.plan import Place, ServiceCommandError, ServicePlaceError, ServicePlan, carry_out, require_usable, take_back
from miz.apps.service.systemd import STATE, systemd_plan
from miz.apps.service.windows import windows_plan
from tests.apps.test_commands import miz
from tests.support.practice import new_practice

PLACE = Place(PurePosixPath("/opt/miz/bin/miz"), PurePosixPath("/var/lib/miz/practice"), "0.0.0.0", 8484)
WINDOWS_PLACE = Place(
    PureWindowsPath(r"C:\Program Files\miz\Scripts\miz.exe"), PureWindowsPath(r"C:\ProgramData\miz\practice"), "0.0.0.0", 8484
)  # fmt: skip
# What `systemd-analyze security` calls "OK"; the whole scale goes to 10, and most services of a fresh Debian stand above 9.
EXPOSED_AT_MOST = 2.0


def unit_of(described: ServicePlan) -> str:
    return next(file.content for file in described.files if file.path.suffix == ".service")


def words_of(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)


@pytest.fixture
def unit_file(tmp_path: Path) -> Path:
    """The unit as it would be installed, for a program that is really there."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze (Debian package systemd)")
    program = tmp_path / "miz"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = tmp_path / "miz.service"
    file.write_text(unit_of(systemd_plan(PLACE)).replace(str(PLACE.program), str(program)))
    return file


def verified(file: Path) -> str:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True, check=False)
    return "".join(line for line in (done.stdout + done.stderr).splitlines(keepends=True) if file.name in line)


def exposure(file: Path) -> float:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(file)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert found, told
    return float(found[1])


def test_systemd_accepts_the_unit(unit_file: Path) -> None:
    assert verified(unit_file) == ""
    unit_file.write_text(unit_file.read_text().replace("ProtectSystem=strict", "ProtectSystem=very"))
    assert "very" in verified(unit_file), "a mistake is noticed"


def test_the_unit_leaves_the_service_little_of_the_machine(unit_file: Path) -> None:
    assert exposure(unit_file) <= EXPOSED_AT_MOST
    bare = re.sub(r"^(Protect|Private|Restrict|SystemCall|Capability)\w+=.*\n", "", unit_file.read_text(), flags=re.MULTILINE)
    unit_file.write_text(bare)
    assert exposure(unit_file) > EXPOSED_AT_MOST, "without the confinement the figure tells"


def test_the_unit_starts_what_it_was_given() -> None:
    unit = unit_of(systemd_plan(PLACE))
    assert words_of(unit, "ExecStart") == ["/opt/miz/bin/miz serve --data /var/lib/miz/practice --host 0.0.0.0 --port 8484"]
    assert words_of(unit, "Type") == ["notify"]
    assert words_of(unit, "LimitCORE") == ["0"]
    assert words_of(unit, "ReadWritePaths") == []
    assert words_of(unit, "CapabilityBoundingSet") == [""]


def test_a_second_server_is_started_to_wait() -> None:
    place = dataclasses.replace(PLACE, is_standby=True)
    assert words_of(unit_of(systemd_plan(place)), "ExecStart")[0].endswith("--port 8484 --standby")


def test_another_folder_is_opened_and_a_low_port_allowed_and_nothing_else() -> None:
    place = Place(PLACE.program, PurePosixPath('/srv/Praxis "Süd" 100%'), "0.0.0.0", 443)
    described = systemd_plan(place)
    unit = unit_of(described)
    assert words_of(unit, "ReadWritePaths") == ['"/srv/Praxis \\"Süd\\" 100%%"']
    assert '--data "/srv/Praxis \\"Süd\\" 100%%" --host' in words_of(unit, "ExecStart")[0]
    assert words_of(unit, "CapabilityBoundingSet") == words_of(unit, "AmbientCapabilities") == ["CAP_NET_BIND_SERVICE"]
    assert ("chown", "--no-dereference", "--recursive", "miz:miz", str(STATE), str(place.data)) in described.commands


def test_the_daemon_of_a_mac_is_restarted_and_writes_its_own_log() -> None:
    described = launchd_plan(PLACE)
    daemon = plistlib.load(io.BytesIO(described.files[0].content.encode()))
    assert daemon["ProgramArguments"] == list(PLACE.command)
    assert daemon["UserName"] == "_miz"
    assert daemon["KeepAlive"] == {"SuccessfulExit": False}
    assert daemon["EnvironmentVariables"]["MIZ_LOG_FILE"].endswith("server.log")
    assert not described.is_proved


def test_the_service_of_windows_runs_under_its_own_account() -> None:
    described = windows_plan(WINDOWS_PLACE, PureWindowsPath(r"C:\ProgramData"))
    service = ET.fromstring(described.files[0].content)
    assert service.findtext("executable") == r"C:\Program Files\miz\Scripts\miz.exe"
    assert service.findtext("arguments") == r"serve --data C:\ProgramData\miz\practice --host 0.0.0.0 --port 8484"
    assert {fault.get("action") for fault in service.findall("onfailure")} == {"restart"}
    assert ("sc.exe", "config", "miz", "obj=", r"NT SERVICE\miz") in described.commands
    assert not described.is_proved


def test_shown_is_what_would_be_done(tmp_path: Path) -> None:
    shown = json.loads(miz("service", "show", "--json", folder=tmp_path).stdout)
    told = miz("service", "show", folder=tmp_path).stdout
    assert shown["manager"] == "systemd"
    assert ["systemctl", "enable", "miz.service"] in shown["commands"]
    assert all(file["content"] in told and file["path"] in told for file in shown["files"])
    assert all(" ".join(command) in told for command in shown["commands"])


def test_who_is_not_root_is_told_what_to_type(tmp_path: Path) -> None:
    with mock.patch("os.geteuid", return_value=1000):
        refused = miz("service", "install", "--data", tmp_path / "praxis", folder=tmp_path, status=11)
    assert f"service install --data {tmp_path / 'praxis'} --host 127.0.0.1 --port 8484" in refused.stderr
    assert "sudo " in refused.stderr


@pytest.mark.parametrize("folder", ["/home" + "/anna", "/tmp/praxis", "/run/praxis"])
def test_a_folder_that_a_service_cannot_use_is_refused(folder: str) -> None:
    with pytest.raises(ServicePlaceError) as refused:
        require_usable(Place(PLACE.program, Path(folder), "127.0.0.1", 8484))
    assert refused.value.fields == {"folder": folder}


def test_a_folder_with_other_things_is_never_handed_over(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with mock.patch.object(plan, "_CLOSED_TO_SERVICES", ()):
        with pytest.raises(ServicePlaceError, match="service-place-not-usable"):
            require_usable(Place(PLACE.program, tmp_path, "127.0.0.1", 8484))
        require_usable(Place(PLACE.program, new_practice(tmp_path).path, "127.0.0.1", 8484))


def test_the_first_command_that_fails_ends_the_installation(tmp_path: Path) -> None:
    described = ServicePlan(
        manager="test", log="", files=(), commands=(("touch", str(tmp_path / "1")), ("false",), ("touch", str(tmp_path / "2"))),
        starts=(), removal=(("true",),), after_removal=(), is_proved=False,
    )  # fmt: skip
    with pytest.raises(ServiceCommandError) as failed:
        carry_out(described, is_starting=True)
    assert failed.value.fields == {"command": "false"}
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    take_back(described)


def test_an_account_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    before = os.geteuid(), os.getegid()
    with mock.patch.object(account, "ACCOUNT", "nobody-of-this-name"), account.as_owner_of(tmp_path / "new" / "folder"):
        assert (os.geteuid(), os.getegid()) == before


def test_root_becomes_the_owner_of_the_services_folder_for_the_block(tmp_path: Path) -> None:
    import pwd

    if os.geteuid() != 0:
        pytest.skip("needs root, which can become another account")
    nobody = pwd.getpwnam("nobody")
    tmp_path.chmod(0o755)
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    with mock.patch.object(account, "ACCOUNT", "nobody"):
        with account.as_owner_of(tmp_path / "new"):
            assert (os.geteuid(), os.getegid(), os.getgroups()) == (nobody.pw_uid, nobody.pw_gid, [])
            assert os.environ["XDG_STATE_HOME"] == "/var/lib"
        assert (os.geteuid(), os.getegid()) == (0, 0)
        with account.as_owner_of(Path("/var")):
            assert os.geteuid() == 0, "what root owns is root's work"
