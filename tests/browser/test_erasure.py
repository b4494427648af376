"""A patient erased in the browser: found, requested, confirmed by the name; a window that was reading it lets go of it."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import DemoServer
from tests.browser.window import Desk


def test_from_the_search_to_the_erased_patient(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    practice = own_server()
    reading = desk("Fr. Berger", on=practice)
    reading.view("Übung, Mareike")
    page = desk("Dr. Kern", on=practice).page
    page.goto(f"{practice.url}/console/erasure")
    page.get_by_label("Patient", exact=True).fill("Übung")
    page.get_by_role("button", name="Suchen").click()
    page.locator("summary", has_text="Übung, Mareike").click()
    page.get_by_label("Grund").select_option(label="Der Patient verlangt es")
    page.get_by_role("button", name="Löschung beantragen").click()
    expect(page.locator(".notice.green")).to_contain_text("Die Löschung ist beantragt.")

    typed = page.get_by_label("Zur Bestätigung Nachname und Vorname tippen")
    typed.fill("Übung")
    page.get_by_role("button", name="Endgültig löschen").click()
    expect(page.locator("#summary")).to_contain_text("Das ist nicht der Name des Patienten.")
    typed.fill("Übung, Mareike")
    page.get_by_role("button", name="Endgültig löschen").click()
    expect(page.locator(".notice.green")).to_contain_text("Der Patient ist gelöscht.")

    expect(reading.page.locator("body")).not_to_contain_text("ÜBUNG")
    expect(reading.page.locator("body")).to_contain_text("Diesen Patienten gibt es nicht.")
