"""Takes the pictures of the documents from a fresh demo practice: `python3 -m tools.screenshots`."""

from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from miz.infra.data_folder import DataFolder
from miz.infra.settings import read_settings
from tests.browser.conftest import DemoServer
from tests.browser.crowded import open_crowded
from tests.browser.window import Desk, launch
from tests.databases.test_damage import damage

IMAGES = Path(__file__).parents[1] / "docs" / "images"
HELP = Path(__file__).parents[1] / "src" / "miz" / "ui" / "static" / "help"
SIZE = ViewportSize(width=1440, height=900)
HELP_SIZE = ViewportSize(width=1440, height=1200)
DAMAGE_SIZE = ViewportSize(width=1440, height=700)
WIDTHS = (1440, 820, 400)


def main() -> None:
    """Write every picture anew."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    server = DemoServer()
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            take(browser, server)
            take_help(browser, server)
            take_damage(browser, server)
            browser.close()
    finally:
        server.close()


def take(browser: Browser, server: DemoServer) -> None:
    """Sign-in, search, a patient in both themes, the same as another room sees it; a full record at each width; the drug data."""
    page = browser.new_context(viewport=SIZE, locale="de-DE", color_scheme="light").new_page()
    seat = Desk(page, server.url)
    page.goto(f"{server.url}/sign-in")
    keep(page, "sign-in")
    seat.sign_in("Dr. Kern", server.passwords["Dr. Kern"], "Zimmer 1")
    seat.find("Muster")
    keep(page, "find-light")
    seat.open("Muster, Erika")
    seat.plan("Ibuprofen 600")
    seat.plan("Extraktion 36")
    keep(page, "patient-light")
    page.emulate_media(color_scheme="dark")
    keep(page, "patient-dark")
    other = Desk(browser.new_context(viewport=SIZE, locale="de-DE", color_scheme="light").new_page(), server.url)
    other.sign_in("Fr. Berger", server.passwords["Fr. Berger"], "Zimmer 2")
    other.open("Muster, Erika")
    expect(other.pill).to_contain_text("In Benutzung")
    keep(other.page, "patient-in-use")
    page.emulate_media(color_scheme="light")
    open_crowded(seat)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": SIZE["height"]})
        page.evaluate("scrollTo(0, 0)")
        keep(page, f"evaluation-{width}")
    page.evaluate("document.getElementById('findings-title').scrollIntoView()")
    keep(page, "evaluation-400-findings")
    page.set_viewport_size(SIZE)
    page.goto(f"{server.url}/drugs/ibuprofen")
    keep(page, "drug-information")


def take_help(browser: Browser, server: DemoServer) -> None:
    """The pictures of the help, in each language: the databases after a check and a compaction, a backup before it is restored."""
    HELP.mkdir(parents=True, exist_ok=True)
    for language, check, compact, back_up, restore in (
        ("de", "Jetzt prüfen", "Verdichten", "Jetzt sichern", "Zurückspielen"),
        ("en", "Check now", "Compact", "Back up now", "Restore"),
    ):
        context = browser.new_context(viewport=HELP_SIZE, locale=f"{language}-{language.upper()}", color_scheme="light")
        page = context.new_page()
        Desk(page, server.url).sign_in("Dr. Kern", server.passwords["Dr. Kern"], "Zimmer 1")
        page.goto(f"{server.url}/console/databases")
        for button in (check, compact):
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("button", name=button)).to_be_visible(timeout=30_000)
        keep_databases(page, f"databases-{language}")
        page.goto(f"{server.url}/console/backups")
        page.get_by_role("button", name=back_up).click()
        expect(page.get_by_role("button", name=back_up)).to_be_visible(timeout=60_000)
        page.request.put(f"{server.url}/api/v1/server/mode", data={"mode": "setup", "now": True}, headers={"Origin": server.url})
        page.locator("#backup-list").get_by_role("link", name=restore).first.click()
        page.screenshot(path=HELP / f"restore-{language}.png")
        page.request.put(f"{server.url}/api/v1/server/mode", data={"mode": "operating"}, headers={"Origin": server.url})
        context.close()


def take_damage(browser: Browser, server: DemoServer) -> None:
    """The way back from damage, in each language; the practice is worth nothing afterwards."""
    server.stop()
    damage(DataFolder(server.data), "ix_change_patient", read_settings(key_file=str(server.data / "demo.key")))
    server.start()
    for language, check in (("de", "Jetzt prüfen"), ("en", "Check now")):
        context = browser.new_context(viewport=DAMAGE_SIZE, locale=f"{language}-{language.upper()}", color_scheme="light")
        page = context.new_page()
        Desk(page, server.url).sign_in("Dr. Kern", server.passwords["Dr. Kern"], "Zimmer 1")
        page.goto(f"{server.url}/console/databases")
        page.get_by_role("button", name=check).click()
        expect(page.locator("#damage")).to_be_visible(timeout=30_000)
        expect(page.get_by_role("button", name=check)).to_be_visible(timeout=30_000)
        keep_databases(page, f"damage-{language}")
        context.close()


def keep_databases(page: Page, name: str) -> None:
    """Where the demo lies on this computer is nobody's business; what stands there instead is the place of a service."""
    page.evaluate(
        "for (const place of document.querySelectorAll('dd code')) place.textContent = `/var/lib/miz/${place.textContent.split('/').at(-1)}`"
    )
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=HELP / f"{name}.png")


def keep(page: Page, name: str) -> None:
    """One picture, without the cursor's ring."""
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(300)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
