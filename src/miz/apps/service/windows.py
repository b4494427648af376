"""The service under Windows, by the wrapper WinSW, which speaks to its service manager and asks the server to stop with Ctrl-C.

Written after the wrapper's documentation and checked for its form; it has not run on Windows yet.
"""

import subprocess
from pathlib import PureWindowsPath
from xml.etree import ElementTree as ET

from miz.apps.service.plan import Place, ServiceFile, ServicePlan

# The account that Windows keeps for this one service; it has no password and may do nothing elsewhere.
ACCOUNT = r"NT SERVICE\miz"
_ADMINISTRATORS = "*S-1-5-32-544"


def windows_plan(place: Place, system_state: PureWindowsPath) -> ServicePlan:
    """The wrapper's file beside `miz-service.exe`, which is WinSW under that name, in the state folder."""
    state = system_state / "miz"
    wrapper, log = state / "miz-service.exe", state / "log" / "server.log"
    program, *arguments = place.command
    service = ET.Element("service")
    for name, text in (
        ("id", "miz"),
        ("name", "miz"),
        ("description", "miz, the practice server"),
        ("executable", program),
        ("arguments", subprocess.list2cmdline(arguments)),
        ("startmode", "Automatic"),
        ("stoptimeout", "20 sec"),
    ):
        ET.SubElement(service, name).text = text
    ET.SubElement(service, "env", name="MIZ_LOG_FILE", value=str(log))
    ET.SubElement(service, "log", mode="none")
    for _ in range(3):  # Windows counts three faults; the last one stands for all that follow
        ET.SubElement(service, "onfailure", action="restart", delay="2 sec")
    ET.SubElement(service, "resetfailure").text = "1 hour"
    ET.indent(service)
    folders = (str(state),) if PureWindowsPath(place.data).is_relative_to(state) else (str(state), str(place.data))
    rights = [
        ("icacls", folder, "/inheritance:r", "/grant:r", f"{ACCOUNT}:(OI)(CI)F", f"{_ADMINISTRATORS}:(OI)(CI)F", "/T") for folder in folders
    ]
    return ServicePlan(
        manager="Windows",
        log=str(log),
        files=(ServiceFile(wrapper.with_suffix(".xml"), ET.tostring(service, encoding="unicode") + "\n"),),
        commands=((str(wrapper), "install"), ("sc.exe", "config", "miz", "obj=", ACCOUNT), *rights),
        starts=((str(wrapper), "start"),),
        removal=((str(wrapper), "stop"), (str(wrapper), "uninstall")),
        after_removal=(),
        is_proved=False,
    )
