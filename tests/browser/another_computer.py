"""Another computer of the practice, as far as one machine can play it: a network of its own, joined by a virtual cable."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Playwright

from tools.browser import find_browser

# One client that says what it is told, byte by byte, and hears all of the answer.
_SAY = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as s:
    try:
        s.sendall(sys.stdin.buffer.read())
    except OSError:  # it has heard enough
        pass
    try:
        while part := s.recv(65536):
            sys.stdout.buffer.write(part)
    except OSError:
        pass
"""


@cache
def why_not() -> str:
    """What this machine lacks for the tests from another network; empty when they can run."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux, to make a network"
    missing = [program for program in ("ip", "certutil") if not shutil.which(program)]
    if missing:
        return f"needs {' and '.join(missing)} (Debian: iproute2, libnss3-tools)"
    name = f"miz-trial-{os.getpid()}"
    trial = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return f"needs a network namespace: {trial.stderr.strip()}" if trial.returncode else ""


class Computer:
    """A network of its own whose only way out is the cable to this machine, on which the server has `server_address`."""

    def __init__(self) -> None:
        self._number = os.getpid() % 200
        self.server_address = f"198.18.{self._number}.1"
        self._space, self._cable = f"miz-{os.getpid()}", f"miz{os.getpid() % 100_000}"
        self._home = tempfile.TemporaryDirectory(prefix="miz-computer-", ignore_cleanup_errors=True)

    @contextmanager
    def connected(self) -> Iterator["Computer"]:
        try:
            self._ip("netns", "add", self._space)
            self._ip("link", "add", f"{self._cable}a", "type", "veth", "peer", "name", f"{self._cable}b", "netns", self._space)
            self._ip("address", "add", f"{self.server_address}/30", "dev", f"{self._cable}a")
            self._ip("link", "set", f"{self._cable}a", "up")
            self._ip("-n", self._space, "address", "add", f"198.18.{self._number}.2/30", "dev", f"{self._cable}b")
            self._ip("-n", self._space, "link", "set", f"{self._cable}b", "up")
            self._ip("-n", self._space, "link", "set", "lo", "up")
            yield self
        finally:
            subprocess.run(["ip", "netns", "delete", self._space], capture_output=True, check=False)
            subprocess.run(["ip", "link", "delete", f"{self._cable}a"], capture_output=True, check=False)
            self._home.cleanup()

    def say(self, port: int, request: bytes) -> bytes:
        """What a connection from this computer hears to these bytes, until it is closed."""
        command = ["ip", "netns", "exec", self._space, sys.executable, "-c", _SAY, self.server_address, str(port)]
        return subprocess.run(command, input=request, capture_output=True, timeout=60, check=True).stdout

    def trust(self, certificate: Path) -> None:
        """Put the certificate among those that the browsers of this computer's user trust."""
        store = Path(self._home.name) / ".pki/nssdb"
        store.mkdir(parents=True, exist_ok=True)
        named = ["certutil", "-d", f"sql:{store}"]
        subprocess.run([*named, "-N", "--empty-password"], check=True)
        subprocess.run([*named, "-A", "-t", "C,,", "-n", "miz", "-i", str(certificate)], check=True)

    @contextmanager
    def browser(self, playwright: Playwright, *names: str, **options: Any) -> Iterator[BrowserContext]:
        """A browser there, started anew; `names` lead to the server. No flag makes it trust anything."""
        starter = Path(self._home.name) / "browser"
        starter.write_text(f'#!/bin/sh\nexec ip netns exec {self._space} {find_browser()} "$@"\n')
        starter.chmod(0o700)
        rules = ",".join(f"MAP {name} {self.server_address}" for name in names)
        browser = playwright.chromium.launch(
            executable_path=starter, args=[f"--host-resolver-rules={rules}"] if rules else [], env={**os.environ, "HOME": self._home.name}
        )
        try:
            yield browser.new_context(**options)
        finally:
            browser.close()

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)
