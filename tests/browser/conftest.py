"""A demo practice in a process of its own, and windows at its workplaces."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, expect, sync_playwright

from tests.browser.window import PRACTICE_NAME, Desk, OwnProcess, launch

START_S = 60.0
PLACE_OF = {"Dr. Kern": "Zimmer 1", "Fr. Berger": "Zimmer 2", "Fr. Lenz": "Empfang"}
# What a test waits for comes at once on an idle machine; a busy one may take its time, and a fault stays a fault.
expect.set_options(timeout=20_000)
GERMAN: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "de-DE", "color_scheme": "light"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


class DemoServer:
    """`miz demo` with a control interval of five seconds, so that a lease lasts twenty."""

    def __init__(self, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="miz-browser-test-", ignore_cleanup_errors=True)
        self._settings = settings
        self._port = 0
        self.data = Path(self._folder.name) / "practice"
        self.sessions: dict[tuple[str, str], Any] = {}
        self.start()

    def start(self) -> None:
        ready = Path(self._folder.name) / "ready.json"
        command = [sys.executable, "-c", "from miz.apps.cli import main; main()", "demo", "--port", str(self._port)]
        command += ["--data", str(self.data), "--ready-file", str(ready)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "MIZ_CONTROL_INTERVAL_S": "5",
            "MIZ_SERVER_NAMES": PRACTICE_NAME,
            **self._settings,
        }
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while not ready.exists():
            assert self._process.poll() is None, "the server did not start"
            assert time.monotonic() < end, "the server did not answer in time"
            time.sleep(0.05)
        known = json.loads(ready.read_text())
        self.url: str = known["url"]
        self.passwords = {user["name"]: user["password"] for user in known["users"]}
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)

    def freeze(self) -> None:
        """Answer nothing for a while, as when the network cable is out."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.thaw()
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # For one module only: while it is there its event loop occupies the thread, and other tests run loops of their own.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = launch(playwright)
    yield started
    started.close()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[DemoServer]:
    started = DemoServer()
    yield started
    started.close()


@pytest.fixture
def server(shared_server: DemoServer) -> DemoServer:
    """The demo practice all tests share; each test takes a patient of its own."""
    return shared_server


@pytest.fixture
def own_server() -> Iterator[Callable[..., DemoServer]]:
    """Makes a server for a test that stops it or needs other settings."""
    made: list[DemoServer] = []

    def make(**settings: str) -> DemoServer:
        made.append(DemoServer(**settings))
        return made[-1]

    yield make
    for started in made:
        started.close()


@pytest.fixture
def desk(browser: Browser, server: DemoServer) -> Iterator[Callable[..., Desk]]:
    """Seats somebody at a workplace, in a browser profile of its own; errors of scripts fail the test.

    The first time with name and password, then with the session of that time: nobody signs in ten times a minute.
    """
    contexts = []
    faults: list[str] = []

    def seat(name: str = "Dr. Kern", *, on: DemoServer | None = None, is_new_session: bool = False, **options: Any) -> Desk:
        practice, place = on or server, PLACE_OF[name]
        session = None if is_new_session else practice.sessions.get((name, place))
        context = browser.new_context(**{**GERMAN, **options}, storage_state=session)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        made = Desk(page, practice.url)
        if session:
            page.goto(f"{practice.url}/")
        else:
            made.sign_in(name, practice.passwords[name], place)
            if not is_new_session:
                practice.sessions[name, place] = context.storage_state()
        return made

    yield seat
    for context in contexts:
        for page in context.pages:
            leave(page)
        context.close()
    assert faults == []


def leave(page: Page) -> None:
    """Close the window's application at once, so that the next test need not wait for the end of its lease."""
    with contextlib.suppress(Error):
        page.evaluate("""async () => {
            const id = sessionStorage.getItem('miz.application');
            if (id) await fetch(`/api/v1/applications/${id}`, { method: 'DELETE' });
        }""")


@pytest.fixture
def own_process(playwright: Playwright) -> Iterator[OwnProcess]:
    started = OwnProcess(playwright)
    yield started
    started.close()
