"""The main job: two rooms, one patient."""

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.conftest import GERMAN, DemoServer
from tests.browser.raw_browser import wait_until
from tests.browser.window import BEFORE_THE_LEASE_ENDS_MS, Desk, OwnProcess

LEASE_MS = 20_000


def test_two_rooms_one_patient(server: DemoServer, own_process: OwnProcess, desk: Callable[..., Desk]) -> None:
    first = Desk(own_process.context(GERMAN).new_page(), server.url)
    first.sign_in("Dr. Kern", server.passwords["Dr. Kern"], "Zimmer 1")
    second = desk("Fr. Berger")

    first.open("Muster, Emil")
    expect(first.pill).to_have_text("Sie bearbeiten")
    second.find("Muster, Emil")
    expect(second.page.locator("#results [data-row]").first).to_contain_text("In Benutzung in Zimmer 1 (Dr. Kern) seit")
    second.open("Muster, Emil")
    expect(second.pill).to_contain_text("In Benutzung in Zimmer 1 (Dr. Kern) seit")
    expect(second.page.locator("#reading")).to_contain_text("Sie können lesen; Änderungen sind erst nach Freigabe möglich.")
    expect(second.page.locator("#add-text")).to_have_count(0)

    first.add_medicine("falitr", "Falithrom")
    expect(second.page.locator("#list")).to_contain_text("FALITHROM®")
    first.plan("Ibuprofen 600")
    first.plan("Extraktion 36")
    findings = first.page.locator("#findings")
    expect(findings.locator(".card.high", has_text="Ibuprofen").first).to_be_visible()
    expect(findings.locator(".card.high", has_text="Ibuprofen").first.locator(".action").first).not_to_be_empty()
    expect(findings).to_contain_text("Geprüft gegen")
    expect(second.page.locator("#planned .chip", has_text="Extraktion 36")).to_be_visible()

    own_process.kill()
    expect(second.pill).to_have_text("Frei", timeout=LEASE_MS + 10_000)
    second.page.get_by_role("button", name="Bearbeiten").click()
    expect(second.pill).to_have_text("Sie bearbeiten")
    expect(second.page.locator("#list")).to_contain_text("FALITHROM®")
    expect(second.page.locator("#planned .chip")).to_have_count(2)


def test_closing_frees_the_patient_at_once(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    first.open("Schablone, Lena")
    second.view("Schablone, Lena")
    expect(second.pill).to_contain_text("In Benutzung in Zimmer 1")
    first.page.get_by_role("button", name="Schließen").click()
    expect(second.pill).to_have_text("Frei", timeout=BEFORE_THE_LEASE_ENDS_MS)


def test_closed_window_frees_the_patient_before_its_lease_ends(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    first.open("Test, Ottilie")
    second.view("Test, Ottilie")
    expect(second.pill).to_contain_text("In Benutzung")
    first.page.close()
    expect(second.pill).to_have_text("Frei", timeout=BEFORE_THE_LEASE_ENDS_MS)


def test_what_could_not_be_fetched_is_fetched_again(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    second.view("Skizze, Jonas")
    answers = iter((503, None, 429))

    def busy(route: Route) -> None:
        status = next(answers, 0) if route.request.headers.get("miz-background") else 0
        if status == 0:
            route.continue_()
        elif status is None:
            route.abort()
        else:
            route.fulfill(status=status)

    second.page.route("**/patients/*", busy)
    first.open("Skizze, Jonas")
    expect(second.pill).to_contain_text("In Benutzung in Zimmer 1", timeout=BEFORE_THE_LEASE_ENDS_MS)
    assert next(answers, "all used") == "all used"


def test_reload_keeps_the_patient_open(desk: Callable[..., Desk]) -> None:
    first = desk()
    first.open("Probe, Ilse")
    first.page.reload()
    expect(first.pill).to_have_text("Sie bearbeiten")
    first.page.wait_for_timeout(4_500)
    expect(first.pill).to_have_text("Sie bearbeiten")


def test_two_tabs_of_one_user_do_not_share_a_lock(desk: Callable[..., Desk]) -> None:
    first = desk()
    first.open("Modell, Sabine")
    other = Desk(first.page.context.new_page(), first.url)
    other.open("Modell, Sabine")
    expect(other.pill).to_contain_text("In Benutzung in Zimmer 1 (Dr. Kern)")
    expect(first.pill).to_have_text("Sie bearbeiten")


def test_duplicated_tab_takes_an_application_of_its_own(desk: Callable[..., Desk]) -> None:
    first = desk()
    first.open("Vorlage, Heinz")
    wait_until(lambda: bool(first.page.evaluate("sessionStorage.getItem('miz.application')")))
    with first.page.context.expect_page() as opened:
        first.page.evaluate("window.open(location.href)")
    copy = opened.value
    expect(copy.locator("#lock .pill")).to_contain_text("In Benutzung in Zimmer 1 (Dr. Kern)")
    ids = [page.evaluate("sessionStorage.getItem('miz.application')") for page in (first.page, copy)]
    assert ids[0] != ids[1]
    expect(first.pill).to_have_text("Sie bearbeiten")
