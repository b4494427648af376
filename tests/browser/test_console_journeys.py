"""What the console does to windows elsewhere: the mode of the server, messages, disconnecting, ending an opening."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import GERMAN, DemoServer
from tests.browser.window import BEFORE_THE_LEASE_ENDS_MS, Desk

SETUP = "Anmeldungs- und Einstellungsmodus"
TYPED = "Tee vom Heilpraktiker"


@pytest.fixture
def practice(own_server: Callable[..., DemoServer]) -> DemoServer:
    """A practice of its own: whoever else has a patient open would lose it."""
    return own_server()


@pytest.fixture
def owner(desk: Callable[..., Desk], practice: DemoServer) -> Page:
    """Dr. Kern at the console."""
    page = desk("Dr. Kern", on=practice).page
    page.goto(f"{practice.url}/console")
    expect(page.locator("h1")).to_have_text("Übersicht")
    return page


@pytest.fixture
def window(desk: Callable[..., Desk], practice: DemoServer) -> Desk:
    """Fr. Berger in room 2, with a patient open and something typed that is not saved."""
    seat = desk("Fr. Berger", on=practice)
    seat.open("Muster, Erika")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    seat.page.keyboard.press("F3")
    seat.page.keyboard.type(TYPED)
    with seat.page.expect_response(lambda answer: "/drafts/" in answer.url):
        pass
    return seat


def go(page: Page, word: str) -> None:
    page.get_by_role("navigation", name="Serverkonsole").get_by_role("link", name=word, exact=True).click()
    expect(page.locator("h1")).to_have_text(word)


def row_of(page: Page, place: str) -> Locator:
    return page.locator("#live tbody tr", has_text=place)


def keeps_its_draft(seat: Desk) -> None:
    """What was typed still stands in the field, and is offered as a draft."""
    expect(seat.page.locator("#drafts .draft", has_text=TYPED)).to_contain_text("Entwurf von Fr. Berger, Zimmer 2")


def test_setup_mode_in_and_out(browser: Browser, practice: DemoServer, owner: Page, window: Desk) -> None:
    go(owner, "Modus")
    expect(owner.locator("#live")).to_contain_text("Zimmer 2 (Fr. Berger)")
    owner.get_by_role("button", name="Sofort").click()
    expect(owner.locator("#mode-title")).to_have_text(SETUP)
    expect(window.page.locator("#setup-mode")).to_contain_text(SETUP)
    expect(window.page.locator("#setup-mode")).to_be_visible()
    expect(window.pill).to_have_text("Nur lesen")
    keeps_its_draft(window)
    expect(window.page.locator("#lock button")).to_have_count(0)

    go(owner, "Anwendungen")
    owner.locator("#place").select_option(label="Viewer Zimmer 2")
    owner.locator("#device_name").fill("Bildschirm an der Wand")
    owner.get_by_role("button", name="Kopplungscode ausstellen").click()
    code = owner.locator("#pairing-code .one-time-code").inner_text()
    context = browser.new_context(**GERMAN)
    wall = context.new_page()
    wall.goto(f"{practice.url}/viewer?room=2")
    wall.locator("a[href='/pair']").click()
    wall.locator("#code").fill(code)
    wall.keyboard.press("Enter")
    expect(wall.locator("main[data-state=rest]")).to_be_visible()
    go(owner, "Anwendungen")
    expect(owner.locator("tr", has_text="Bildschirm an der Wand")).to_contain_text("gekoppelt")

    go(owner, "Modus")
    owner.get_by_role("button", name="Zurück in den Betriebsmodus").click()
    expect(owner.locator("#mode-title")).to_have_text("Betriebsmodus")
    expect(window.page.locator("#setup-mode")).to_be_hidden()
    # It was open when the mode changed and nobody else has it: it comes back by itself.
    expect(window.pill).to_have_text("Sie bearbeiten")
    expect(wall.locator("main h1")).to_have_text("MUSTER, Erika")
    expect(window.page.locator("#add-text")).to_have_value(TYPED)
    window.page.locator("#add-reason").press("Enter")
    expect(window.page.locator("#list")).to_contain_text(TYPED)
    expect(window.page.locator("#drafts .draft")).to_have_count(0)
    go(owner, "Anwendungen")
    expect(owner.get_by_role("button", name="Kopplungscode ausstellen")).to_be_disabled()
    context.close()


def test_a_message_and_a_disconnection_with_notice_arrive(owner: Page, window: Desk) -> None:
    go(owner, "Anwendungen")
    line = row_of(owner, "Zimmer 2").filter(has_text="Fr. Berger")
    expect(line).to_have_count(1)  # the window of the sign-in page is still on its way out
    line.locator("summary", has_text="Nachricht").click()
    line.get_by_label("Nachricht").fill("Bitte an das Telefon.")
    line.get_by_role("button", name="Senden").click()
    expect(owner.locator(".notice.green")).to_contain_text("gesendet")
    bar = window.page.locator("#messages .notice", has_text="Bitte an das Telefon.")
    expect(bar).to_contain_text("Dr. Kern")
    bar.get_by_role("button", name="Gelesen").click()
    expect(bar).to_have_count(0)

    line.locator("summary", has_text="Trennen").click()
    line.locator("select[name=seconds]").select_option("30")
    line.get_by_role("button", name="Trennen", exact=True).click()
    warning = window.page.locator("#messages .notice", has_text="Dr. Kern")
    expect(warning).to_contain_text("Entwurf")
    expect(window.pill).to_have_text("Sie bearbeiten")
    expect(window.page.locator("#disconnected")).to_be_visible(timeout=45_000)
    expect(row_of(owner, "Fr. Berger")).to_have_count(0)
    expect(window.page.locator("#add-text")).to_have_value(TYPED)
    window.page.locator("[data-reconnect]").click()
    expect(window.page.locator("#disconnected")).to_be_hidden()
    keeps_its_draft(window)


def test_an_opening_is_ended_from_the_console(owner: Page, window: Desk) -> None:
    go(owner, "Sperren")
    line = row_of(owner, "MUSTER, Erika")
    expect(line).to_contain_text("Fr. Berger")
    line.locator("summary").click()
    line.locator("select[name=reason]").select_option("not_reachable")
    line.get_by_role("button", name="Sperre beenden").click()
    expect(owner.locator(".notice.green")).to_be_visible()
    expect(owner.locator("#live tbody")).to_contain_text("Keine Akte ist geöffnet.")
    expect(window.pill).to_have_text("Frei", timeout=BEFORE_THE_LEASE_ENDS_MS)
    expect(window.page.locator("#reading")).to_contain_text("in der Serverkonsole beendet")
    # The window must not take it back by itself: not at once, and not with its next signs of life.
    window.page.wait_for_timeout(6_000)
    expect(window.pill).to_have_text("Frei")
    keeps_its_draft(window)
    window.page.reload()
    expect(window.pill).to_have_text("Frei")
    window.page.locator("form[data-reopen] button").click()
    expect(window.pill).to_have_text("Sie bearbeiten")
    go(owner, "Prüfpfad")
    expect(owner.locator("main tbody tr", has_text="Sperre in der Konsole beendet")).to_contain_text("Dr. Kern")
