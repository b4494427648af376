"""A window at a workplace, as a person uses it: a browser process of its own, so that it can also be killed."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tools.browser import find_browser

ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
START_S = 20.0
# What comes sooner was told by an event; a lease that nobody keeps ends after 20 s by itself.
BEFORE_THE_LEASE_ENDS_MS = 15_000


PRACTICE_NAME = "server.praxis.test"


def launch(playwright: Playwright, *arguments: str) -> Any:
    """A headless browser shared by the tests that kill nothing."""
    return playwright.chromium.launch(executable_path=find_browser(), args=[*ARGUMENTS[1:], *arguments])


class Desk:
    """One signed-in tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def sign_in(self, name: str, password: str, place: str) -> None:
        page = self.page
        page.goto(f"{self.url}/sign-in")
        page.get_by_label("Benutzer").or_(page.get_by_label("User", exact=True)).fill(name)
        page.locator("#password").fill(password)
        value = page.locator("#workplace option", has_text=place).first.get_attribute("value")
        page.locator("#workplace").select_option(value)
        page.locator("form[action='/sign-in'] button").click()
        page.wait_for_url(f"{self.url}/")

    def find(self, name: str) -> None:
        """Search by keyboard until the hit stands in the table."""
        self.page.keyboard.press("F2")
        self.page.locator("#q").fill(name)
        expect(self.page.locator("form[data-found]")).to_have_attribute("data-found", name)
        expect(self.page.locator("#results [data-row]").first).to_contain_text(name, ignore_case=True)

    def open(self, name: str) -> None:
        """Open the first hit for editing, with the keyboard."""
        self.page.goto(f"{self.url}/")
        self.find(name)
        self.page.locator("#results [data-row] [data-main]").first.press("Enter")
        self._await_patient(name)

    def view(self, name: str) -> None:
        """Look at the first hit without opening it."""
        self.page.goto(f"{self.url}/")
        self.find(name)
        self.page.locator("#results [data-row] [data-main]").first.press("Shift+Enter")
        self._await_patient(name)

    def _await_patient(self, name: str) -> None:
        """The page is there, at its own address, and its scripts listen to the keys."""
        expect(self.page.locator(".patient-bar h1")).to_contain_text(name.split(",", maxsplit=1)[0].upper())
        expect(self.page).to_have_url(re.compile("/patients/"))
        self.page.wait_for_load_state()

    @property
    def pill(self) -> Any:
        return self.page.locator("#lock .pill")

    def add_medicine(self, typed: str, expected: str) -> None:
        """F3, some letters, the first hit (an arrow for what was misspelt), Enter, the dose, Enter."""
        self.page.keyboard.press("F3")
        expect(self.page.locator("#add-text")).to_be_focused()
        self.page.keyboard.type(typed)
        first_hit = self.page.locator("#add-hits [role=option]").first
        expect(first_hit).to_contain_text(expected)
        if not expected.casefold().startswith(typed.casefold()):
            expect(first_hit).to_have_attribute("aria-selected", "false")
            self.page.keyboard.press("ArrowDown")
        expect(first_hit).to_have_attribute("aria-selected", "true")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#add-morning")).to_be_focused()
        self.page.keyboard.type("1")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#list")).to_contain_text(expected, ignore_case=True)
        expect(self.page.locator("#add-text")).to_be_focused()

    def plan(self, text: str) -> None:
        self.page.keyboard.press("F7")
        expect(self.page.locator("#plan-text")).to_be_focused()
        self.page.keyboard.type(text)
        self.page.wait_for_timeout(400)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#planned .chip", has_text=text)).to_be_visible()


class OwnProcess:
    """A browser that is a process of the test's own, to be killed like a computer that loses power."""

    def __init__(self, playwright: Playwright) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="miz-browser-", ignore_cleanup_errors=True)
        program = find_browser()
        assert program is not None
        arguments = [program, *ARGUMENTS, "--remote-debugging-port=0", f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self._port()}")

    def context(self, options: Mapping[str, Any]) -> BrowserContext:
        return self._browser.new_context(**options)

    def kill(self) -> None:
        """SIGKILL to all processes of this browser; the page says no goodbye."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()

    def _port(self) -> int:
        known = Path(self._folder.name) / "DevToolsActivePort"
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if known.exists() and known.read_text().strip():
                return int(known.read_text().splitlines()[0])
            time.sleep(0.05)
        raise RuntimeError("the browser did not start")
