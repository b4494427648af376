"""The service under systemd: an account of its own, and nothing of the machine but its own state folder."""

from pathlib import PurePosixPath

from miz.apps.service.plan import Command, Place, ServiceFile, ServicePlan

ACCOUNT = "miz"
STATE = PurePosixPath("/var/lib/miz")
_UNIT = PurePosixPath("/etc/systemd/system/miz.service")
_SYSUSERS = PurePosixPath("/etc/sysusers.d/miz.conf")

# What a restart cannot better is not tried again: settings, no practice, the wrong key, a newer schema.
_UNIT_TEXT = """\
# Made by `miz service install`, which overwrites it. Changes of your own: systemctl edit miz
[Unit]
Description=miz, the practice server
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
User={account}
Group={account}
StateDirectory={account}
StateDirectoryMode=0700
Environment=XDG_STATE_HOME=%S
EnvironmentFile=-/etc/miz/miz.env
UMask=0077
{writable}
# An upgrade that copies and changes a large database may take its time; after that the server has to give signs of life.
TimeoutStartSec=1h
WatchdogSec=60
TimeoutStopSec=20
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=10 12 17

# A memory image would hold patients.
LimitCORE=0
LimitNOFILE=8192

CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
DevicePolicy=closed
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Backups are made by a process of lower priority.
SystemCallFilter=setpriority

[Install]
WantedBy=multi-user.target
"""


def systemd_plan(place: Place) -> ServicePlan:
    """The unit, the account, the state folder."""
    is_inside = PurePosixPath(place.data).is_relative_to(STATE)
    folders = (str(STATE),) if is_inside else (str(STATE), str(place.data))
    unit = _UNIT_TEXT.format(
        command=" ".join(map(_quoted, place.command)),
        account=ACCOUNT,
        writable="" if is_inside else f"ReadWritePaths={_quoted(str(place.data))}\n",
        capabilities="CAP_NET_BIND_SERVICE" if 0 < place.port < 1024 else "",
    )
    owner = f"{ACCOUNT}:{ACCOUNT}"
    install: tuple[Command, ...] = (
        ("systemd-sysusers", str(_SYSUSERS)),
        ("install", "--directory", f"--owner={ACCOUNT}", f"--group={ACCOUNT}", "--mode=0700", *folders),
        ("chown", "--no-dereference", "--recursive", owner, *folders),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", _UNIT.name),
    )
    return ServicePlan(
        manager="systemd",
        log=f"journalctl --unit={_UNIT.stem}",
        files=(ServiceFile(_SYSUSERS, f'u {ACCOUNT} - "miz, the practice server" {STATE}\n'), ServiceFile(_UNIT, unit)),
        commands=install,
        starts=(("systemctl", "restart", _UNIT.name),),
        removal=(("systemctl", "disable", "--now", _UNIT.name),),
        after_removal=(("systemctl", "daemon-reload"),),
        is_proved=True,
    )


def _quoted(word: str) -> str:
    """As systemd reads a word in its files."""
    for mark, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(mark, escaped)
    return f'"{word}"' if set(word) & set(" \"\\'") else word
