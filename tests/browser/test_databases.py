"""The databases looked after in the browser: checked, compacted, moved, the former file removed, and what was said about each."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from miz.infra.data_folder import DataFolder
from miz.infra.settings import read_settings
from tests.browser.conftest import DemoServer
from tests.browser.window import Desk
from tests.databases.test_damage import damage

DONE_MS = 60_000


def runs(page: Page) -> list[str]:
    """What the table of the last runs says, newest first."""
    return page.locator("#runs-title ~ .table-scroll tbody tr td:first-of-type").all_inner_texts()


def test_from_the_first_check_to_the_new_disk(desk: Callable[..., Desk], own_server: Callable[..., DemoServer], tmp_path: Path) -> None:
    practice = own_server()
    page = desk("Dr. Kern", on=practice).page
    page.goto(f"{practice.url}/console/databases")
    for button, said in (("Jetzt prüfen", "Prüfung der Datenbank"), ("Aufräumen", "Aufräumen"), ("Verdichten", "Verdichtung")):
        page.get_by_role("button", name=button).click()
        expect(page.locator("#runs-title ~ .table-scroll tbody tr").first).to_contain_text(said, timeout=DONE_MS)
        expect(page.get_by_role("button", name=button)).to_be_visible(timeout=DONE_MS)

    target = tmp_path / "Neuer Datenträger"
    page.get_by_label("In diesen Ordner des Servers umziehen").fill(str(target))
    page.get_by_role("button", name="Datenbank umziehen").click()
    expect(page.locator("#databases")).to_contain_text(f"Den Ordner {target} gibt es nicht.")
    expect(page.get_by_label("In diesen Ordner des Servers umziehen")).to_have_value(str(target))
    target.mkdir()
    page.get_by_role("button", name="Datenbank umziehen").click()
    expect(page.locator("#databases")).to_contain_text(str(target / "practice.db"), timeout=DONE_MS)
    assert runs(page)[0] == "Umzug der Datenbank"

    name = page.locator("input#name")
    expect(name).to_be_visible(timeout=DONE_MS)
    name.fill("anders")
    page.get_by_role("button", name="Frühere Datei löschen").click()
    expect(page.locator("#databases")).to_contain_text("Geben Sie den Namen der Datei ein")
    former = Path(page.locator("dt", has_text="Frühere Datei").locator("+ dd code").first.inner_text())
    assert former.exists()
    name.fill(former.name)
    page.get_by_role("button", name="Frühere Datei löschen").click()
    expect(page.locator(".notice.green")).to_contain_text("entfernt")
    assert not former.exists()


def test_a_damaged_index_is_found_and_repaired(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    practice = own_server()
    practice.stop()
    damage(DataFolder(practice.data), "ix_change_patient", read_settings(key_file=str(practice.data / "demo.key")))
    practice.start()
    page = desk("Dr. Kern", on=practice).page
    page.goto(f"{practice.url}/console/databases")
    page.get_by_role("button", name="Jetzt prüfen").click()
    expect(page.locator("#damage")).to_contain_text("Die Datenbank ist beschädigt", timeout=DONE_MS)
    page.goto(f"{practice.url}/console")
    page.get_by_role("link", name="Datenbanken ansehen").click()
    page.get_by_role("button", name="Reparieren").click()
    expect(page.locator("#databases")).to_contain_text("keine fehlt", timeout=DONE_MS)
    expect(page.locator("#damage")).to_have_count(0)
    expect(page.locator("input#name")).to_be_visible()  # of the damaged file, which is kept
    page.goto(f"{practice.url}/console")
    expect(page.get_by_text("Alles in Ordnung")).to_be_visible()


def test_the_plan_is_kept(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    practice = own_server()
    page = desk("Dr. Kern", on=practice).page
    page.goto(f"{practice.url}/console/databases")
    page.locator("#quiet_from").fill("21:30")
    page.locator("#log_days").fill("14")
    page.get_by_role("button", name="Speichern").click()
    expect(page.locator(".notice.green")).to_contain_text("Die Pflege der Datenbank ist geplant.")
    expect(page.locator("#quiet_from")).to_have_value("21:30")
    expect(page.locator("#log_days")).to_have_value("14")
