"""A browser without Playwright, which always keeps its pages visible: here a tab can be hidden and frozen as on a real desk."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from tests.browser.window import ARGUMENTS
from tools.browser import find_browser

# The browser expects its ends of the pipes as the descriptors 3 and 4.
_START = """
import os, sys
ends = [os.dup2(int(number), place) for number, place in zip(sys.argv[1:3], (100, 101))]
for end, place in zip(ends, (3, 4)):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class RawBrowser:
    """Chromium spoken to in its own protocol, over a pipe: messages end with a zero byte."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="miz-raw-browser-", ignore_cleanup_errors=True)
        program = find_browser()
        assert program is not None
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        command = [sys.executable, "-c", _START, str(to_browser), str(from_browser), program]
        command += [*ARGUMENTS, "--remote-debugging-pipe", f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(command, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._waiting = b""
        self._number = 0

    def send(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """One command, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._waiting:
                received = os.read(self._read, 1 << 16)
                assert received, "the browser has ended"
                self._waiting += received
            text, _, self._waiting = self._waiting.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def tab(self, address: str) -> "Tab":
        """A new tab, in front."""
        return Tab(self, self.send("Target.createTarget", url=address)["targetId"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._folder.cleanup()


class Tab:
    """One page."""

    def __init__(self, browser: RawBrowser, target: str) -> None:
        self._browser = browser
        self._target = target
        self._session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = self._browser.send("Runtime.evaluate", self._session, **asked)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def go(self, address: str) -> None:
        self._browser.send("Page.navigate", self._session, url=address)
        wait_until(lambda: self.run("document.readyState === 'complete' && location.href") == address)

    def freeze(self) -> None:
        """As the browser does with a tab that has been in the background for long."""
        self._browser.send("Page.setWebLifecycleState", self._session, state="frozen")

    def thaw(self) -> None:
        self._browser.send("Page.setWebLifecycleState", self._session, state="active")

    def to_front(self) -> None:
        self._browser.send("Target.activateTarget", targetId=self._target)

    def close(self) -> None:
        self._browser.send("Target.closeTarget", targetId=self._target)


def wait_until(is_so: Callable[[], bool], within_s: float = 10) -> None:
    """Ask again and again until it is so."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.05)
