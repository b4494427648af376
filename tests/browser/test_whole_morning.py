"""A whole morning: reception, assistant, dentist and the display on the wall, in each language."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from miz.access.devices.model import PairingCode
from miz.infra.api_client import ApiClient, HttpSender
from tests.browser.conftest import DemoServer
from tests.browser.window import Desk

MEDICINES = (("falitr", "Falithrom"), ("ramipril", "Ramipril"), ("bisopro", "Bisoprolol"))


@dataclass(frozen=True)
class Words:
    """What one language says at the turning points of the morning, and the patient of that morning."""

    locale: str
    family_name: str
    mine: str
    free: str
    asked: str
    confirmed: str
    yes: str
    high: str
    reviewed: str
    allergies: str
    identity: str
    weight: str
    viewer: str

    @property
    def heading(self) -> str:
        return f"{self.family_name.upper()}, Paula"


GERMAN_WORDS = Words(
    locale="de-DE", family_name="Morgenstern", mine="Sie bearbeiten", free="Frei", asked="möchte bearbeiten",
    confirmed="unverändert bestätigt", yes="Ja", high="Hoch", reviewed="Zuletzt vollständig geprüft", allergies="Allergien",
    identity="Stammdaten", weight="Gewicht", viewer="Vor der Behandlung beachten",
)  # fmt: skip
ENGLISH_WORDS = Words(
    locale="en-GB", family_name="Daybreak", mine="You are editing", free="Free", asked="would like to edit",
    confirmed="confirmed unchanged", yes="Yes", high="High", reviewed="Last looked through completely", allergies="Allergies",
    identity="Patient's data", weight="Weight", viewer="Mind before treatment",
)  # fmt: skip


@pytest.fixture(scope="module")
def practice() -> Iterator[DemoServer]:
    started = DemoServer()
    yield started
    started.close()


@pytest.fixture
def wall(browser: Browser, practice: DemoServer) -> Iterator[Callable[[str], Page]]:
    """Pairs a display for room 1 in a language and hangs it there."""
    contexts = []

    def hang(locale: str) -> Page:
        owner = ApiClient(HttpSender(practice.url))
        owner.sign_in("Dr. Kern", practice.passwords["Dr. Kern"], "Zimmer 1")
        owner.set_mode("setup", now=True)
        issued = owner.call("POST", "/devices", {"kind": "display", "place": "Zimmer 1", "name": f"Viewer {locale}"}, answer=PairingCode)
        owner.set_mode("operating")
        owner.sign_out()
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale, color_scheme="dark")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{practice.url}/pair")
        page.keyboard.type(issued.code)
        page.keyboard.press("Enter")
        expect(page.locator("main[data-state=rest]")).to_be_visible()
        return page

    yield hang
    for context in contexts:
        context.close()


def record_at_reception(page: Page, words: Words) -> None:
    page.locator("a[href='/patients/new']").first.press("Enter")
    expect(page.locator("#family_name")).to_be_focused()
    for name, typed in (("family_name", words.family_name), ("given_name", "Paula"), ("birth_date", "03.05.1951")):
        page.locator(f"#{name}").fill(typed)
    page.locator("input[name=sex][value=female]").check()
    page.keyboard.press("Enter")
    expect(page.locator(".patient-bar h1")).to_have_text(words.heading)
    expect(page.locator("#lock .pill")).to_have_text(words.mine)
    # Reception sees who the patient is and the allergies, no medication.
    expect(page.locator("#add-text")).to_have_count(0)
    page.locator("form[action$='/closing'] button").first.click()
    expect(page.locator("#q")).to_be_focused()


def ask_and_enter(seat: Desk, words: Words) -> None:
    """What the assistant asks before the dentist comes: medication, anamnesis, weight, note, allergy."""
    page = seat.page
    seat.open(f"{words.family_name}, Paula")
    expect(seat.pill).to_have_text(words.mine)
    for typed, expected in MEDICINES:
        seat.add_medicine(typed, expected)
    page.keyboard.press("Alt+2")
    page.locator("#q-ASTHMA-yes").check()
    page.locator("#q-ASTHMA-detail").fill("seit 1990, Spray")
    group = page.locator("section.group", has=page.locator("#q-ASTHMA-yes"))
    page.keyboard.press("Tab")
    group.locator("[id^=confirm-]").click()
    expect(group).to_contain_text(words.confirmed)
    expect(page.locator("#q-ASTHMA-detail")).to_have_value("seit 1990, Spray")
    page.locator("#kind").select_option("weight_kg")
    page.locator("#value").fill("62,5" if words.locale == "de-DE" else "62.5")
    page.keyboard.press("Enter")
    expect(page.locator("#patient-head .patient-facts")).to_contain_text("62,5 kg" if words.locale == "de-DE" else "62.5 kg")
    page.locator("#note-text").fill("Kommt mit der Tochter.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notes .lines")).to_contain_text("Kommt mit der Tochter.")
    page.keyboard.press("Alt+3")
    # The page that is left has a field of this name, too.
    page.wait_for_url("**/allergies")
    page.locator("#text").fill("Penic")
    expect(page.locator("#text-hits [role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#reaction")).to_be_focused()
    page.keyboard.type("Exanthem")
    page.keyboard.press("Enter")
    expect(page.locator("#patient-head .allergies")).to_contain_text("Exanthem")
    expect(page.locator("#patient-head .allergies .title")).to_have_text(words.allergies)
    page.keyboard.press("Alt+1")
    expect(page.locator("#list [data-row]")).to_have_count(len(MEDICINES))


def treat(seat: Desk, words: Words) -> None:
    """Plan, read, sign off, and see who has done what."""
    page = seat.page
    address = page.url
    expect(page.locator("#list [data-row]")).to_have_count(len(MEDICINES))
    seat.plan("Extraktion 36")
    seat.plan("Paracetamol")
    expect(page.locator("#planned .chip")).to_have_count(2)
    high = page.locator("#findings .card.high")
    expect(high.first).to_contain_text(words.high)
    expect(high.first.locator(".action").first).not_to_be_empty()
    page.keyboard.press("F9")
    expect(page.locator("#review")).to_contain_text(words.reviewed)
    expect(page.locator("#review")).to_contain_text("Dr. Kern")
    page.keyboard.press("Alt+4")
    page.wait_for_url(f"{address}/history")
    rows = page.locator("#list [data-row]")
    for who, where, what in (
        ("Fr. Lenz", "Empfang", words.identity), ("Fr. Berger", "Zimmer 2", "Falithrom"), ("Fr. Berger", "Zimmer 2", words.weight),
        ("Fr. Berger", "Zimmer 2", "Penicillin"), ("Dr. Kern", "Zimmer 1", "Extraktion 36"),
    ):  # fmt: skip
        expect(rows.filter(has_text=who).filter(has_text=where).filter(has_text=what).first).to_be_visible()
    expect(rows.filter(has_text="Extraktion 36").filter(has_text="Fr. Berger")).to_have_count(0)


@pytest.mark.parametrize("words", [GERMAN_WORDS, ENGLISH_WORDS], ids=["german", "english"])
def test_a_whole_morning(practice: DemoServer, desk: Callable[..., Desk], wall: Callable[[str], Page], words: Words) -> None:
    screen = wall(words.locale)
    options: dict[str, Any] = {"on": practice, "locale": words.locale}
    reception, assistant, dentist = (desk(name, **options) for name in ("Fr. Lenz", "Fr. Berger", "Dr. Kern"))

    record_at_reception(reception.page, words)
    ask_and_enter(assistant, words)
    expect(screen.locator("main")).to_have_attribute("data-state", "rest")

    dentist.view(f"{words.family_name}, Paula")
    expect(dentist.pill).to_contain_text("Fr. Berger")
    dentist.page.locator("[data-asks] button").click()
    asked = assistant.page.locator("#lock .asked")
    expect(asked).to_contain_text("Zimmer 1 (Dr. Kern)")
    expect(asked).to_contain_text(words.asked)
    assistant.page.locator("form[action$='/release'] button").click()
    expect(dentist.pill).to_have_text(words.mine)
    screen.locator("main h1", has_text=words.heading).wait_for()
    expect(screen.locator("main .allergies")).to_contain_text("Exanthem")
    expect(screen.locator("#findings-title")).to_contain_text(words.viewer)
    expect(assistant.pill).to_contain_text("Dr. Kern")

    treat(dentist, words)
    expect(screen.locator("#findings-title")).to_contain_text("Extraktion 36")
    expect(screen.locator("main li[data-rank=high]").first).to_contain_text(words.high)

    dentist.page.locator(".top .menu summary").press("Enter")
    dentist.page.locator("form[action='/lock'] button").press("Enter")
    dentist.page.wait_for_url("**/locked**")
    assert words.family_name.upper() not in dentist.page.content()
    # Long enough that a lease which nobody keeps would be over: it lasts 20 s at these servers.
    screen.wait_for_timeout(22_000)
    expect(screen.locator("main h1")).to_have_text(words.heading)
    expect(screen.locator("#stale")).to_be_hidden()
    dentist.page.locator("#password").fill(practice.passwords["Dr. Kern"])
    dentist.page.keyboard.press("Enter")
    expect(dentist.pill).to_have_text(words.mine)

    dentist.page.locator("#lock form[action$='/closing'] button").click()
    expect(screen.locator("main")).to_have_attribute("data-state", "rest")
    assert words.family_name.upper() not in screen.content()
    expect(assistant.pill).to_have_text(words.free)
