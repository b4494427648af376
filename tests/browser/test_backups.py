"""A backup made, proved and restored in the browser: nothing before the name is typed, a safety copy, and everybody signs in again."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import DemoServer
from tests.browser.window import Desk

DONE_MS = 60_000


def wait_for_rows(page: Page, count: int) -> None:
    expect(page.locator("#backup-list tbody tr")).to_have_count(count, timeout=DONE_MS)
    expect(page.get_by_role("button", name="Jetzt sichern")).to_be_visible(timeout=DONE_MS)


def test_from_the_first_backup_to_the_practice_of_then(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    practice = own_server()
    seat = desk("Dr. Kern", on=practice)
    page, backups = seat.page, f"{practice.url}/console/backups"
    page.goto(backups)
    page.get_by_role("button", name="Jetzt sichern").click()
    wait_for_rows(page, 1)
    page.get_by_role("button", name="Rücksicherung proben").click()
    wait_for_rows(page, 1)

    # While people may be at work the page tells what would come and go, and no more.
    page.get_by_role("link", name="Zurückspielen").click()
    expect(page.get_by_role("table")).to_contain_text("Medikamente")
    expect(page.locator("#confirmed")).to_have_count(0)
    page.get_by_role("link", name="Betriebsart wechseln").click()
    page.get_by_role("button", name="Sofort").click()
    page.goto(f"{practice.url}/console/places")
    page.locator("#workplace_name").fill("Nach der Sicherung")
    page.locator("#workplace_name").press("Enter")
    expect(page.get_by_text("Nach der Sicherung").first).to_be_visible()

    page.goto(backups)
    page.get_by_role("link", name="Zurückspielen").click()
    page.locator("#confirmed").fill("Praxis")
    page.get_by_role("button", name="Sicherung zurückspielen").click()
    expect(page.locator("#summary")).to_contain_text("geben Sie den Namen der Praxis ein")
    page.locator("#confirmed").fill(page.locator("label[for=confirmed]").inner_text().partition(": ")[2])
    page.get_by_role("button", name="Sicherung zurückspielen").click()

    # The server begins anew by itself; whoever was signed in signs in again.
    expect(page.locator("#password")).to_be_visible(timeout=DONE_MS)
    seat.sign_in("Dr. Kern", practice.passwords["Dr. Kern"], "Zimmer 1")
    page.goto(backups)
    wait_for_rows(page, 2)
    expect(page.locator("#backup-list")).to_contain_text("Praxis auf diesen Stand gebracht")
    expect(page.locator("#backup-list")).to_contain_text("vor einer Änderung")
    page.goto(f"{practice.url}/console/places")
    expect(page.get_by_text("Nach der Sicherung")).to_have_count(0)
