"""Work without a mouse: six medicines in a few keys, and every action within reach of the Tab key."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import GERMAN, DemoServer
from tests.browser.window import Desk

MOST_KEYS = 12
PATIENT = "Schablone, Lena"

# What is typed, which hit is meant, what then stands in the list, the doses of the day, the reason; one is misspelt.
MEDICINES = (
    ("falitr", "Falithrom", "Falithrom", ("1",), ""),
    ("ramip", "Ramipril", "Ramipril", ("1", "0", "1"), "Hochdruck"),
    ("bisopro", "Bisoprolol", "Bisoprolol", ("1",), ""),
    ("metfromin", "Metformin", "Metformin", ("1", "0", "1", "0"), "Diabetes"),
    ("simva", "Simvastatin", "Simvastatin", ("0", "0", "1"), ""),
    ("pantop", "Pantoprazol", "Pantoprazol", ("1", "0", "0", "1"), "Magen"),
)

# `{patient}` is the address of a patient whom the dentist, who is also the owner, has open.
PAGES = (
    "/", "/patients/new", "{patient}", "{patient}/anamnesis", "{patient}/allergies", "{patient}/history", "{patient}/identity",
    "{patient}/move", "{patient}/merge", "/reviews", "/own-drugs", "/account", "/change-user", "/help", "/nowhere",
    "/console", "/console/applications", "/console/leases", "/console/mode", "/console/users", "/console/places", "/console/erasure", "/console/trail",
    "/console/certificate", "/console/settings", "/console/first-steps",
)  # fmt: skip
GATES = ("/sign-in", "/first-password", "/pair", "/viewer?room=1")
MOST_STOPS = 600

# What a pointer could act on: controls, and whatever shows the hand and neither is nor lies in one. Hits of a combobox are reached
# with the arrow keys of its field, a hidden button of a form with Enter in one of its fields.
_FIND = """() => {
    const controls = "a[href], button, summary, input, select, textarea, [role=button], [role=link], [role=tab], [hx-get], [hx-post]:not(form)";
    const isThere = (part) => part.checkVisibility({ visibilityProperty: true }) && !part.disabled && !part.closest("[inert], .visually-hidden, [role=option]");
    // What lies behind an open dialog cannot be acted on.
    const found = [...(document.querySelector("dialog:modal") ?? document.body).querySelectorAll("*")].filter((part) => isThere(part)
        && (part.matches(controls) || (getComputedStyle(part).cursor === "pointer" && !part.closest(`${controls}, label, details > summary`))));
    // Kept beside the page: a page that is changed would be fetched anew under the walk.
    window.actions = found;
    window.reached = new Set();
    document.activeElement?.blur();
    return found.length;
}"""
# The stop is marked; whether it was one before. A field for a date is several stops in a row.
_STOP = """() => {
    const at = document.activeElement;
    const last = window.lastStop;
    window.lastStop = at;
    if (!at || at === document.body || at === last) return "outside or within";
    const isKnown = window.reached.has(at);
    window.reached.add(at);
    return isKnown ? "again" : "new";
}"""
# One choice of a group is a stop; the arrow keys lead to the others.
_MISSED = """() => {
    const isChoice = (part) => part.type === "radio" && [...window.reached].some((other) => other.type === "radio" && other.name === part.name && other.form === part.form);
    return window.actions.filter((part) => part.isConnected && !window.reached.has(part) && !isChoice(part))
        .map((part) => part.outerHTML.replace(/\\s+/g, " ").slice(0, 200));
}"""


def walk(page: Page) -> tuple[int, list[str]]:
    """How many actions the page has, and those that Tab passes over on its way around."""
    page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    count: int = page.evaluate(_FIND)
    # The way leads out of the page and in again at its beginning, until a stop comes for the second time.
    for _stop in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(_STOP) == "again":
            break
    missed: list[str] = page.evaluate(_MISSED)
    return count, missed


class Keyboard:
    """A keyboard that counts: what is typed as text costs nothing, every other key is one."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.presses = 0

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)
        self.presses += 1

    def type(self, text: str) -> None:
        self._page.keyboard.type(text)


def test_six_medicines_by_keyboard_alone(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open(PATIENT)
    expect(seat.pill).to_have_text("Sie bearbeiten")
    page = seat.page
    before = page.locator("#list tr[data-row]").count()
    needed = {}
    for typed, hit, listed, doses, reason in MEDICINES:
        keys = Keyboard(page)
        keys.press("F3")
        keys.type(typed)
        first_hit = page.locator("#add-hits [role=option]").first
        expect(first_hit).to_contain_text(hit)
        if first_hit.get_attribute("aria-selected") != "true":
            keys.press("ArrowDown")
        expect(first_hit).to_have_attribute("aria-selected", "true")
        keys.press("Enter")
        expect(page.locator("#add-morning")).to_be_focused()
        fields = [*doses, *[""] * (4 - len(doses)), reason] if reason else list(doses)
        for place, text in enumerate(fields):
            if place:
                keys.press("Tab")
            keys.type(text)
        keys.press("Enter")
        line = page.locator("#list tr[data-row]", has_text=listed)
        expect(line).to_have_count(1)
        shown = [cell.inner_text() for cell in line.locator("td.when").all()]
        assert [text for text in shown if text not in ("", "0")] == [text for text in doses if text != "0"]
        expect(line).to_contain_text(reason)
        expect(page.locator("#add-text")).to_be_focused()
        needed[listed] = keys.presses
    expect(page.locator("#list tr[data-row]")).to_have_count(before + len(MEDICINES))
    assert max(needed.values()) <= MOST_KEYS, needed


def test_every_action_is_within_reach_of_tab(desk: Callable[..., Desk], server: DemoServer) -> None:
    seat = desk()
    page = seat.page
    seat.open("Skizze, Jonas")
    expect(seat.pill).to_have_text("Sie bearbeiten")
    seat.add_medicine("ramip", "Ramipril")
    seat.plan("Extraktion 36")
    patient = page.url.removeprefix(server.url)
    missed = {}
    for path in PAGES:
        address = path.format(patient=patient)
        page.goto(f"{server.url}{address}")
        if page.locator("#lock").count():
            expect(seat.pill, path).to_have_text("Sie bearbeiten")
        count, passed_over = walk(page)
        assert count, path
        if passed_over:
            missed[path] = passed_over
    assert missed == {}


def test_what_tab_passes_over_is_found(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("""<a href="/">one</a><button tabindex="-1">two</button><div style="cursor: pointer">three</div>
        <label style="cursor: pointer">four <input type="radio" name="a"></label><label>five <input type="radio" name="a"></label>""")
    count, passed_over = walk(page)
    assert count == 5
    assert [text.split("<")[1].split()[0] for text in passed_over] == ["button", "div"]
    page.close()


@pytest.mark.parametrize("path", GATES)
def test_every_action_before_the_sign_in_is_within_reach_of_tab(browser: Browser, server: DemoServer, path: str) -> None:
    context = browser.new_context(**GERMAN)
    page = context.new_page()
    page.goto(f"{server.url}{path}")
    count, passed_over = walk(page)
    assert count
    assert passed_over == []
    context.close()


@pytest.mark.parametrize("asked", ["#take-over", "#move", "[data-end]", "F1"])
def test_every_action_of_a_dialog_is_within_reach_of_tab(desk: Callable[..., Desk], asked: str) -> None:
    seat = desk("Fr. Berger")
    page = seat.page
    if asked == "#take-over":
        desk().open("Modell, Sabine")
        seat.view("Modell, Sabine")
    else:
        seat.open("Probe, Ilse")
        expect(seat.pill).to_have_text("Sie bearbeiten")
        seat.add_medicine("ramip", "Ramipril")
    if asked == "F1":
        page.keyboard.press("F1")
    else:
        page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
        page.locator(asked).first.press("Enter")
    expect(page.locator("dialog[open]")).to_be_visible()
    count, passed_over = walk(page)
    assert count
    assert passed_over == []
