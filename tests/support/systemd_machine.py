"""A Linux of its own for one test: systemd as its first process, in namespaces, with its own `/etc`, `/var` and `/run`.

Nothing of it reaches the machine below: what is written goes to memory and is gone with the namespaces.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
SYSTEMD = Path("/lib/systemd/systemd")
BOOT_WITHIN_S = 20

_BOOT = """\
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
mount -t tmpfs -o mode=755 tmpfs /run
for folder in etc var opt; do
    mkdir -p /run/layers/$folder/upper /run/layers/$folder/work
    mount -t overlay overlay -o lowerdir=/$folder,upperdir=/run/layers/$folder/upper,workdir=/run/layers/$folder/work /$folder
done
mount -t tmpfs tmpfs /etc/systemd/system
rm -rf /var/lib/miz /opt/miz
mkdir -p /opt/miz-source /opt/miz-packages /run/units
mount --bind "$SOURCE" /opt/miz-source
mount --bind "$PACKAGES" /opt/miz-packages
"$PYTHON" -m venv --without-pip /opt/miz
printf '/opt/miz-source\\n/opt/miz-packages\\n' > "$(echo /opt/miz/lib/python3*/site-packages)/miz.pth"
printf '#!/opt/miz/bin/python\\nfrom miz.apps.cli import main\\nmain()\\n' > /opt/miz/bin/miz
chmod 755 /opt/miz/bin/miz
for target in default basic multi-user; do printf '[Unit]\\nDescription=%s\\n' $target > /run/units/$target.target; done
printf '[Unit]\\nDefaultDependencies=no\\n' | tee /run/units/sysinit.target > /run/units/shutdown.target
umount -R /sys/fs/cgroup 2> /dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
export SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units SYSTEMD_GENERATOR_PATH=/nonexistent SYSTEMD_LOG_TARGET=console container=test
exec /lib/systemd/systemd --system
"""


def reason_against() -> str:
    """Why this machine cannot hold such a test; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    missing = [name for name in ("unshare", "nsenter", "systemctl", "systemd-sysusers") if not shutil.which(name)]
    if missing or not SYSTEMD.exists():
        return f"needs the Debian packages systemd and util-linux ({', '.join(missing) or SYSTEMD})"
    if not _cgroups():
        return "needs cgroup v2, and the right to make a group"
    return "" if _interpreter() else "needs a Python of this version that a service can reach, such as Debian's python3"


def _cgroups() -> Path | None:
    for place in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        if (place / "cgroup.procs").exists() and (place / "cgroup.controllers").exists() and os.access(place, os.W_OK):
            return place
    return None


def _interpreter() -> Path | None:
    """A Python like this one outside of the homes, which a service does not see."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for found in (Path(sys.base_prefix) / "bin" / version, Path("/usr/bin") / version):
        if found.exists() and not any(found.resolve().is_relative_to(home) for home in ("/home", "/" + "root")):
            return found
    return None


class SystemdMachine:
    """Runs from `__enter__` to `__exit__`."""

    def __enter__(self) -> Self:
        cgroups = _cgroups()
        assert cgroups is not None
        self._group = cgroups / f"miz-test-{os.getpid()}"
        self._group.mkdir()
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHON": str(_interpreter()), "SOURCE": str(ROOT / "src"),
            "PACKAGES": sysconfig.get_path("purelib"), "GROUP": str(self._group), "BOOT": _BOOT,
        }  # fmt: skip
        boot = 'echo $$ > "$GROUP/cgroup.procs"; exec unshare -p -m -C -u -i --fork --kill-child sh -c "$BOOT"'
        self._outside = subprocess.Popen(
            ["sh", "-c", boot], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + BOOT_WITHIN_S
        while "running" not in self.run("systemctl", "is-system-running", check=False).stdout:
            assert time.monotonic() < until, "systemd did not come up"
            assert self._outside.poll() is None, "systemd ended"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._outside.kill()
        self._outside.wait()
        until = time.monotonic() + 10
        while self._group.exists() and time.monotonic() < until:
            for folder in sorted(self._group.rglob("*"), key=lambda path: -len(path.parts)):
                if folder.is_dir():
                    with contextlib.suppress(OSError):
                        folder.rmdir()
            with contextlib.suppress(OSError):
                self._group.rmdir()
            time.sleep(0.05)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command inside, as root."""
        first = next(self._children(), None)
        if first is None:
            return subprocess.CompletedProcess(command, 1, "", "not there yet")
        inside = ["nsenter", "--target", str(first), "--all", "--", "env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        done = subprocess.run(
            [*inside, "SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/units", *command], capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
        return done

    def shown(self, *names: str, unit: str = "miz.service") -> dict[str, str]:
        """What systemd says of a unit."""
        lines = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names)).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _children(self) -> Iterator[int]:
        tasks = Path(f"/proc/{self._outside.pid}/task/{self._outside.pid}/children")
        with contextlib.suppress(OSError):
            yield from map(int, tasks.read_text().split())
