"""What the screens of a patient do while others work: asking, taking over, drafts, the wrong patient, what interrupts."""

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.raw_browser import wait_until
from tests.browser.window import Desk


def test_what_was_asked_for_opens_by_itself_when_it_is_released(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    first.open("Muster, Erika")
    second.view("Muster, Erika")
    second.page.get_by_role("button", name="Anfragen").click()
    expect(first.page.locator("#lock")).to_contain_text("Zimmer 2 (Fr. Berger) möchte bearbeiten")
    first.page.get_by_role("button", name="Noch 5 Minuten").click()
    expect(second.page.locator("#lock")).to_contain_text("wird noch bis")
    first.page.get_by_role("button", name="Freigeben").click()
    expect(second.pill).to_have_text("Sie bearbeiten")
    expect(first.pill).to_contain_text("In Benutzung in Zimmer 2 (Fr. Berger)")


def test_taking_over_keeps_what_the_other_has_typed(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    first.open("Beispiel, Karl")
    first.page.keyboard.press("F3")
    first.page.keyboard.type("Ginkgo")
    with first.page.expect_response(lambda answer: "/drafts/" in answer.url):
        pass
    second.view("Beispiel, Karl")
    second.page.get_by_role("link", name="Übernehmen …").click()
    dialog = second.page.locator("#dialog")
    expect(dialog).to_contain_text("Dr. Kern in Zimmer 1 hat nicht gespeicherte Eingaben. Sie bleiben als Entwurf erhalten.")
    expect(dialog.get_by_role("link", name="Abbrechen")).to_be_focused()
    dialog.get_by_label("abgesprochen").check()
    dialog.get_by_role("button", name="Übernehmen").click()
    expect(second.pill).to_have_text("Sie bearbeiten")

    expect(first.page.locator("#taken-over")).to_be_visible()
    expect(first.pill).to_contain_text("In Benutzung in Zimmer 2 (Fr. Berger)")
    expect(first.page.locator("#add-text")).to_have_value("Ginkgo")
    expect(first.page.locator("#drafts .draft", has_text="Ginkgo")).to_contain_text("Entwurf von Dr. Kern, Zimmer 1")

    offered = second.page.locator("#drafts .draft", has_text="Ginkgo")
    offered.get_by_role("button", name="In das Formular übernehmen").click()
    expect(second.page.locator("#add-text")).to_have_value("Ginkgo")
    expect(offered).to_have_count(0)
    second.page.locator("#add-reason").press("Enter")
    expect(second.page.locator("#list")).to_contain_text("Ginkgo")


def test_who_lost_the_patient_goes_on_with_the_draft_when_it_is_free_again(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    first.open("Entwurf, Renate")
    first.page.keyboard.press("F3")
    first.page.keyboard.type("Johanniskraut")
    with first.page.expect_response(lambda answer: "/drafts/" in answer.url):
        pass
    second.view("Entwurf, Renate")
    second.page.get_by_role("link", name="Übernehmen …").click()
    second.page.locator("#dialog").get_by_label("abgesprochen").check()
    second.page.locator("#dialog").get_by_role("button", name="Übernehmen").click()
    expect(second.pill).to_have_text("Sie bearbeiten")
    expect(second.page.locator("#drafts .draft", has_text="Johanniskraut")).to_be_visible()
    expect(first.page.locator("#taken-over")).to_be_visible()
    second.page.get_by_role("button", name="Schließen").click()

    # In the meantime the dentist has looked at somebody else: the field is gone, the draft is not.
    first.view("Vorlage, Heinz")
    first.open("Entwurf, Renate")
    expect(first.pill).to_have_text("Sie bearbeiten")
    # The very window puts it back into its form by itself; another one would be offered it.
    expect(first.page.locator("#add-text")).to_have_value("Johanniskraut")
    first.page.locator("#add-reason").press("Enter")
    expect(first.page.locator("#list")).to_contain_text("Johanniskraut")
    expect(first.page.locator("#drafts .draft", has_text="Johanniskraut")).to_have_count(0)


def test_answers_of_the_anamnesis_save_themselves(desk: Callable[..., Desk]) -> None:
    first, second = desk(), desk("Fr. Berger")
    first.open("Vorlage, Heinz")
    page = first.page
    page.get_by_role("link", name="Anamnese").click()
    yes = page.locator("#q-ASTHMA-yes")
    yes.focus()
    # The arrow keys pass over "no" on their way to "unknown"; only what stands chosen at the end is kept.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#q-ASTHMA-unknown")).to_be_checked()
    second.view("Vorlage, Heinz")
    second.page.get_by_role("link", name="Anamnese").click()
    line = second.page.locator(".question", has_text="Haben Sie Asthma?")
    expect(line).to_contain_text("Unbekannt")
    expect(page.locator("#q-ASTHMA-unknown")).to_be_focused()
    page.locator("#q-ASTHMA-yes").check()
    page.locator("#q-ASTHMA-detail").fill("letzter Anfall im Mai")
    page.locator("#q-EPILEPSY-no").check()
    expect(line).to_contain_text("Ja · letzter Anfall im Mai")
    expect(second.page.locator(".question", has_text="Epilepsie")).to_contain_text("Nein")


def test_what_must_not_be_given_stops_the_hand(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Schablone, Lena")
    page = seat.page
    page.get_by_role("link", name="Allergien").click()
    page.locator("#text").fill("Penic")
    expect(page.locator("#text-hits [role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#reaction")).to_be_focused()
    page.keyboard.type("Anaphylaxie")
    page.get_by_label("schwer").check()
    page.get_by_role("button", name="Speichern").click()
    expect(page.locator("#patient-head .allergies")).to_contain_text("Anaphylaxie")
    page.get_by_role("link", name="Medikation").click()
    expect(page.locator("#plan-text")).to_be_visible()
    page.keyboard.press("F7")
    page.keyboard.type("Amoxicillin 1000")
    expect(page.locator("#plan-hits [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Amoxicillin nicht geben?")
    expect(dialog.get_by_role("button", name="Abbrechen")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#planned .chip")).to_have_count(0)
    expect(page.locator("#plan-text")).to_have_value("Amoxicillin 1000")
    page.locator("#plan-text").press("Enter")
    dialog.get_by_text("Trotzdem übernehmen …").click()
    dialog.get_by_role("button", name="früher vertragen").click()
    expect(page.locator("#planned .chip", has_text="Amoxicillin")).to_be_visible()
    expect(page.locator("#plan-text")).to_have_value("")
    expect(page.locator("#findings")).to_contain_text("Zur Kenntnis genommen von Dr. Kern")
    expect(page.locator("#announcement")).to_contain_text("Neuer Hinweis der Stufe Hoch: Amoxicillin")


def test_entries_in_the_wrong_record_move_to_the_right_patient(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Übung, Mareike")
    page = seat.page
    seat.add_medicine("amlod", "Amlodipin")
    page.get_by_text("Akte", exact=True).click()
    page.get_by_role("link", name="Gehört zu anderem Patienten …").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("checkbox", name="Amlodipin")).to_be_checked()
    page.locator("#move-q").fill("Modell, Sab")
    expect(page.locator("#move-hits [role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("Zu MODELL, Sabine verschieben?")
    dialog.get_by_role("button", name="Verschieben").click()
    expect(page.locator(".patient-bar h1")).to_contain_text("MODELL, Sabine")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    expect(page.locator("#list")).to_contain_text("Amlodipin")


def test_f7_goes_to_the_plan_and_then_to_the_check(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Skizze, Jonas")
    seat.page.keyboard.press("F7")
    expect(seat.page.locator("#plan-text")).to_be_focused()
    seat.page.keyboard.press("F7")
    expect(seat.page.locator("#check-text")).to_be_focused()
    seat.page.keyboard.type("Ibuprofen 600")
    expect(seat.page.locator("#check-hits [role=option]").first).to_be_visible()
    seat.page.keyboard.press("Enter")
    expect(seat.page.locator("#check-result")).to_contain_text("Ibuprofen 600")


def test_a_message_stays_until_it_is_read(desk: Callable[..., Desk]) -> None:
    sender, reader = desk(), desk("Fr. Berger")
    wait_until(lambda: bool(reader.page.evaluate("sessionStorage.getItem('miz.application')")))
    sender.page.evaluate("""() => fetch('/api/v1/messages', { method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text: 'Um zwölf ist Besprechung.' }) })""")
    bar = reader.page.locator("#messages .notice", has_text="Um zwölf ist Besprechung.")
    expect(bar).to_contain_text("Dr. Kern")
    reader.open("Probe, Ilse")
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Gelesen").click()
    expect(bar).to_have_count(0)
    reader.page.reload()
    expect(reader.pill).to_have_text("Sie bearbeiten")
    expect(bar).to_have_count(0)


def test_a_patient_that_opens_while_the_list_is_refreshed_has_its_address(desk: Callable[..., Desk]) -> None:
    seat = desk()
    page, held = seat.page, list[Route]()
    page.goto(f"{seat.url}/")
    seat.find("Vorlage")
    page.route("**/patients/*/opening", lambda route: held.append(route))  # noqa: PLW0108 - the library marks the function
    with page.expect_request("**/patients/*/opening"):
        page.locator("#results [data-row] [data-main]").first.press("Enter")
    # What was pressed is gone when its answer comes.
    page.locator("#q").fill("Vorla")
    expect(page.locator("form[data-found]")).to_have_attribute("data-found", "Vorla")
    held[0].continue_()
    expect(page.locator(".patient-bar h1")).to_contain_text("VORLAGE")
    expect(page).to_have_url(re.compile("/patients/"))
