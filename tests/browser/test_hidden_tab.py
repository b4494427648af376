"""A tab that nobody looks at keeps its patient; one that is closed gives it back."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.window import Desk

LEASE_S = 20  # the control interval of the demo servers of these tests is five seconds


def freeze(page: Page) -> None:
    """As the browser does with a tab that has been in the background for long."""
    lifecycle = page.context.new_cdp_session(page)
    lifecycle.send("Page.setWebLifecycleState", {"state": "frozen"})


def thaw(page: Page) -> None:
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": "active"})


def test_a_frozen_tab_keeps_its_patient(desk: Callable[..., Desk]) -> None:
    dentist, assistant = desk("Dr. Kern"), desk("Fr. Berger")
    dentist.open("Modell")
    expect(dentist.pill).to_have_text("Sie bearbeiten")
    freeze(dentist.page)
    assistant.view("Modell")
    began = time.monotonic()
    while time.monotonic() - began < LEASE_S * 1.5:
        expect(assistant.pill).to_contain_text("In Benutzung in Zimmer 1")
        assistant.page.wait_for_timeout(2_000)
    thaw(dentist.page)
    expect(dentist.pill).to_have_text("Sie bearbeiten")


def test_a_frozen_tab_that_is_closed_gives_its_patient_back(desk: Callable[..., Desk]) -> None:
    dentist, assistant = desk("Dr. Kern"), desk("Fr. Berger")
    dentist.open("Skizze")
    assistant.view("Skizze")
    expect(assistant.pill).to_contain_text("In Benutzung in Zimmer 1")
    dentist.page.close(run_before_unload=True)
    expect(assistant.pill).to_contain_text("Frei", timeout=5_000)
