"""What somebody has typed survives lost connections, ended sessions, double clicks and the back button."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DemoServer
from tests.browser.window import Desk


def rows(page: Page, text: str) -> int:
    return page.locator("#list .medication tbody tr", has_text=text).count()


def test_lost_connection_keeps_typed_text_and_sends_it_later(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    server = own_server()
    seat = desk(on=server)
    seat.open("Muster, Erika")
    page = seat.page
    page.locator("#add-text").fill("Tee vom Heilpraktiker")
    page.locator("#add-hits [role=option]").last.click()
    page.locator("#add-reason").fill("Schlaf")

    server.freeze()
    page.locator("#add-reason").press("Enter")
    expect(page.locator("#connection-lost")).to_be_visible()
    expect(page.locator("#connection-lost")).to_contain_text("Keine Verbindung zum Server seit")
    expect(page.locator("#connection-lost")).to_contain_text("Ihre Eingaben sind auf diesem Gerät gesichert")
    expect(seat.pill).to_have_text(re.compile("Sperre endet in|Verbindung unterbrochen"))
    expect(page.locator("#add-reason")).to_have_value("Schlaf")

    server.thaw()
    expect(page.locator("#connection-lost")).to_be_hidden()
    expect(page.locator("#list")).to_contain_text("Tee vom Heilpraktiker")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    assert rows(page, "Tee vom Heilpraktiker") == 1
    expect(page.locator("#findings")).to_contain_text("Nicht geprüft: „Tee vom Heilpraktiker“ ist kein Eintrag der Arzneimitteldaten.")


def test_stopped_server_is_found_again_and_the_entry_is_sent_once(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    server = own_server(MIZ_CONTROL_INTERVAL_S="15")  # the lease is to last longer than a slow start
    seat = desk(on=server)
    seat.open("Muster, Erika")
    page = seat.page
    page.locator("#add-text").fill("Baldrian")
    page.locator("#add-hits [role=option]").last.click()
    server.stop()
    page.locator("#add-reason").press("Enter")
    expect(page.locator("#connection-lost")).to_be_visible()
    expect(page.locator("#add-text")).to_have_value("Baldrian")
    server.start()
    expect(page.locator("#connection-lost")).to_be_hidden()
    expect(page.locator("#list")).to_contain_text("Baldrian")
    assert rows(page, "Baldrian") == 1


def test_session_that_ends_while_typing_loses_nothing(desk: Callable[..., Desk]) -> None:
    seat = desk(is_new_session=True)
    seat.open("Beispiel, Karl")
    page = seat.page
    page.locator("#add-text").fill("Ginkgo")
    page.locator("#add-hits [role=option]").last.click()
    page.locator("#add-reason").fill("Gedächtnis")
    elsewhere = page.context.new_page()
    elsewhere.goto(f"{seat.url}/")
    elsewhere.locator(".menu summary").click()
    elsewhere.get_by_role("button", name="Abmelden").click()
    elsewhere.wait_for_url("**/sign-in")
    elsewhere.close()

    page.wait_for_url("**/sign-in?next=*")
    assert "Beispiel" not in page.content()
    page.get_by_label("Benutzer").fill("Dr. Kern")
    page.get_by_label("Passwort").fill("zahnarzt-demo-2026")
    page.locator("form[action='/sign-in'] button").click()
    expect(page.locator(".patient-bar h1")).to_contain_text("BEISPIEL")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    expect(page.locator("#add-text")).to_have_value("Ginkgo")
    expect(page.locator("#add-reason")).to_have_value("Gedächtnis")
    page.locator("#add-reason").press("Enter")
    expect(page.locator("#list")).to_contain_text("Gedächtnis")


def test_double_click_saves_once(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Probe, Ilse")
    page = seat.page
    page.locator("#add-text").fill("Johanniskraut")
    expect(page.locator("#add-hits [role=option]").last).to_be_visible()
    page.locator("#add-hits [role=option]").last.click()
    page.locator("#add .dose-line button").dblclick()
    expect(page.locator("#list")).to_contain_text("Johanniskraut")
    page.wait_for_timeout(500)
    assert rows(page, "Johanniskraut") == 1


def test_back_button_shows_the_page_before(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Muster, Erika")
    page = seat.page
    address = page.url
    page.locator(".tabs a", has_text="Allergien").click()
    expect(page).to_have_url(f"{address}/allergies")
    page.go_back()
    expect(page).to_have_url(address)
    expect(page.locator("#add-text")).to_be_visible()
    expect(seat.pill).to_have_text("Sie bearbeiten")


@pytest.mark.parametrize(
    ("patient", "text"), [("Vorlage, Heinz", "😀 Tropfen 🦷"), ("Übung, Mareike", "x" * 10_000)], ids=["four bytes", "10,000 letters"]
)
def test_strange_texts_are_kept_or_refused_with_a_sentence(desk: Callable[..., Desk], patient: str, text: str) -> None:
    seat = desk()
    seat.open(patient)
    page = seat.page
    page.locator("#add-text").evaluate(
        "(field, text) => { field.removeAttribute('maxlength'); field.value = text; field.form.dataset.chosen = '1'; }", text
    )
    page.locator("#add-reason").press("Enter")
    if len(text) < 100:
        expect(page.locator("#list")).to_contain_text(text)
    else:
        expect(page.locator("#notice")).to_contain_text("Dieser Text ist zu lang: 10000 Zeichen, möglich sind 2000.")
        expect(page.locator("#add-text")).to_have_value(text)


def test_impossible_date_is_said_at_its_field(desk: Callable[..., Desk]) -> None:
    page = desk().page
    page.get_by_role("link", name="Neuer Patient").click()
    page.get_by_label("Nachname").fill("Probe")
    page.get_by_label("Vorname").fill("Petra")
    page.get_by_label("Geburtsdatum").fill("31.02.1960")
    page.get_by_role("button", name="Anlegen und öffnen").click()
    expect(page.locator("#birth_date-note")).to_contain_text("Dieses Datum gibt es nicht: 31.02.1960")
    expect(page.locator("#summary a")).to_have_attribute("href", "#birth_date")
    expect(page.get_by_label("Nachname")).to_have_value("Probe")
    page.get_by_label("Geburtsdatum").fill("29.02.1960")
    page.get_by_role("button", name="Anlegen und öffnen").click()
    expect(page.locator(".patient-bar h1")).to_have_text("PROBE, Petra")
    expect(page.locator("#lock .pill")).to_have_text("Sie bearbeiten")


def test_stop_and_undo_by_keyboard(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Modell, Sabine")
    page = seat.page
    first = page.locator("#list [data-row]").first
    name = first.locator(".substance").inner_text()
    first.locator("[data-main]").press("Delete")
    expect(page.locator("#dialog")).to_be_visible()
    page.get_by_role("button", name="Heute absetzen").click()
    expect(page.locator("#toast")).to_contain_text("abgesetzt.")
    expect(page.locator("#list tbody", has_text="Abgesetzt")).to_contain_text(re.compile(re.escape(name), re.IGNORECASE))
    page.locator("#list").press("Control+z")
    expect(page.locator("#list tbody", has_text="Abgesetzt")).to_have_count(0)


def test_dose_is_changed_in_place(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Exempel, Wolfgang")
    page = seat.page
    page.locator("#list [data-row] [data-main]").first.press("Enter")
    expect(page.locator("[data-editing] [name=morning]")).to_be_focused()
    page.locator("[data-editing] [name=noon]").fill("1/2")
    page.locator("[data-editing] [name=noon]").press("Enter")
    expect(page.locator("#list [data-row]").first).to_contain_text("½")
    expect(page.locator("#toast")).to_contain_text("geändert.")


def test_locked_screen_shows_no_patient_and_goes_on(desk: Callable[..., Desk]) -> None:
    seat = desk(is_new_session=True)
    seat.open("Skizze, Jonas")
    page = seat.page
    address = page.url
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Bildschirm sperren").click()
    expect(page.get_by_role("heading", name="Bildschirm gesperrt")).to_be_visible()
    assert "Skizze" not in page.content()
    page.goto(address)
    expect(page).to_have_url(re.compile("/locked"))
    page.get_by_label("Passwort").fill("zahnarzt-demo-2026")
    page.get_by_role("button", name="Entsperren").click()
    expect(page.locator(".patient-bar h1")).to_contain_text("SKIZZE")
    expect(page.locator("#lock .pill")).to_have_text("Sie bearbeiten")


def test_eight_tabs_of_one_browser_stay_quick(desk: Callable[..., Desk]) -> None:
    seat = desk()
    context = seat.page.context
    others = [context.new_page() for _ in range(7)]
    for page in others:
        page.goto(f"{seat.url}/")
        expect(page.locator("#results")).to_be_visible()
    last = Desk(others[-1], seat.url)
    last.open("Entwurf, Renate")
    expect(seat.page.locator("#connection-lost")).to_be_hidden()
