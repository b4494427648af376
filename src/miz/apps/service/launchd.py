"""The service under launchd. Written after its manual pages and checked for its form; it has not run on a Mac yet."""

import plistlib
from pathlib import PurePosixPath

from miz.apps.service.plan import Place, ServiceFile, ServicePlan

ACCOUNT = "_miz"
_SYSTEM_STATE = PurePosixPath("/Library/Application Support")
STATE = _SYSTEM_STATE / "miz"
_LABEL = "miz.server"
_PLIST = PurePosixPath(f"/Library/LaunchDaemons/{_LABEL}.plist")
_LOG = STATE / "log" / "server.log"
# Between 200 and 400, where macOS wants accounts that are nobody's.
_ACCOUNT_ID = "388"


def launchd_plan(place: Place) -> ServicePlan:
    """The daemon's property list, the account, the state folder."""
    content = {
        "Label": _LABEL,
        "ProgramArguments": list(place.command),
        "UserName": ACCOUNT,
        "EnvironmentVariables": {"XDG_STATE_HOME": str(_SYSTEM_STATE), "MIZ_LOG_FILE": str(_LOG)},
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ExitTimeOut": 20,
        "Umask": 0o077,
        "SoftResourceLimits": {"NumberOfFiles": 8192, "Core": 0},
        "HardResourceLimits": {"Core": 0},
    }
    folders = (str(STATE),) if PurePosixPath(place.data).is_relative_to(STATE) else (str(STATE), str(place.data))
    account = ("sysadminctl", "-addUser", ACCOUNT, "-roleAccount", "-UID", _ACCOUNT_ID, "-home", str(STATE), "-shell", "/usr/bin/false")
    daemon = f"system/{_LABEL}"
    return ServicePlan(
        manager="launchd",
        log=str(_LOG),
        files=(ServiceFile(_PLIST, plistlib.dumps(content).decode()),),
        commands=(
            account,
            ("mkdir", "-p", *folders),
            ("chown", "-RP", ACCOUNT, *folders),
            ("chmod", "0700", *folders),
        ),
        starts=(("launchctl", "bootstrap", "system", str(_PLIST)), ("launchctl", "kickstart", "-k", daemon)),
        removal=(("launchctl", "bootout", daemon),),
        after_removal=(),
        is_proved=False,
    )
