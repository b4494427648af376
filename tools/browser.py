"""Where the tests find a browser. Standard library only."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS_PLACES = (r"Google\Chrome\Application\chrome.exe", r"Chromium\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")


def find_browser() -> str | None:
    """The program file of Chromium, Chrome or Edge; `MIZ_BROWSER` names another one."""
    return next((path for path in _candidates() if path and Path(path).is_file()), None)


def _candidates() -> Iterator[str | None]:
    yield os.environ.get("MIZ_BROWSER")
    yield from map(shutil.which, COMMANDS)
    yield from PLACES
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if folder := os.environ.get(variable):
            yield from (str(Path(folder) / place) for place in WINDOWS_PLACES)
