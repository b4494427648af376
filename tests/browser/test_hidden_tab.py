"""A tab that nobody looks at keeps its patient; one that is closed gives it back."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from miz.infra.api_client import ApiClient, HttpSender
from tests.browser.conftest import DemoServer
from tests.browser.raw_browser import RawBrowser, Tab, wait_until

# A lease of the demo servers of these tests lasts 20 s; `dev.py crash frozen` freezes for ten minutes.
FROZEN_S = float(os.environ.get("MIZ_TEST_FROZEN_S", "30"))


@dataclass
class Room:
    """A dentist's tab, and somebody who looks at what the server says."""

    browser: RawBrowser
    url: str
    tab: Tab
    observer: ApiClient

    def open(self, name: str) -> str:
        """Open a patient for editing, with the button of the page; returns the id."""
        patient_id = self.observer.search(name)[0].id
        self.tab.go(f"{self.url}/patients/{patient_id}")
        wait_until(lambda: bool(self.tab.run("Boolean(document.querySelector('[data-reopen] button'))")))
        self.tab.run("document.querySelector('[data-reopen] button').click()")
        wait_until(lambda: self.holder(patient_id) == "Zimmer 1")
        wait_until(self.is_editing)
        return patient_id

    def is_editing(self) -> bool:
        return bool(self.tab.run("Boolean(document.querySelector('#lock .pill.mine'))"))

    def hide(self) -> None:
        self.browser.tab("about:blank").to_front()
        wait_until(lambda: bool(self.tab.run("document.hidden")))

    def holder(self, patient_id: str) -> str:
        holder = self.observer.read_patient(patient_id).holder
        return holder.workplace if holder else ""


@pytest.fixture
def room(server: DemoServer) -> Iterator[Room]:
    observer = ApiClient(HttpSender(server.url))
    observer.sign_in("Fr. Berger", server.passwords["Fr. Berger"], "Zimmer 2")
    browser = RawBrowser()
    tab = browser.tab("about:blank")
    tab.go(f"{server.url}/sign-in")
    fields = {"user": "Dr. Kern", "password": server.passwords["Dr. Kern"]}
    for name, value in fields.items():
        tab.run(f"document.getElementById('{name}').value = '{value}'")
    tab.run(
        "{ const places = document.getElementById('workplace'); places.selectedIndex = [...places.options].findIndex(o => o.text.includes('Zimmer 1')) }"
    )
    tab.run("document.querySelector('form[action=\"/sign-in\"] button').click()")
    wait_until(lambda: tab.run("location.pathname + document.readyState") == "/complete")
    yield Room(browser, server.url, tab, observer)
    browser.close()
    observer.sign_out()


def test_a_frozen_tab_keeps_its_patient(room: Room) -> None:
    patient_id = room.open("Modell")
    room.hide()
    room.tab.run("setInterval(() => { window.turns = (window.turns ?? 0) + 1 }, 100)")
    room.tab.freeze()
    began = time.monotonic()
    while time.monotonic() - began < FROZEN_S:
        assert room.holder(patient_id) == "Zimmer 1", f"lost after {time.monotonic() - began:.0f} s"
        time.sleep(1)
    room.tab.thaw()
    assert (room.tab.run("window.turns") or 0) <= FROZEN_S / 2, "the page was not frozen at all"
    room.tab.to_front()
    wait_until(room.is_editing)
    assert room.holder(patient_id) == "Zimmer 1"


@pytest.mark.parametrize("state", ["in front", "hidden", "frozen"])
def test_a_closed_tab_gives_its_patient_back_within_five_seconds(room: Room, state: str) -> None:
    patient_id = room.open("Skizze")
    free: Callable[[], bool] = lambda: room.holder(patient_id) == ""  # noqa: E731
    if state != "in front":
        room.hide()
    if state == "frozen":
        room.tab.freeze()
        time.sleep(1)
    room.tab.close()
    wait_until(free, within_s=5)
