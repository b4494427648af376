"""axe finds nothing on any screen: one list of screens and states, four widths, both themes, both languages.

A screen is loaded once in each language; theme and width change under it. What needs rigs of its own is walked with the
same `check` beside its rig: the display in `test_viewer.py`, accounts in `test_change_of_user.py`, the other mode in
`test_accessible_setup.py`, the help and the gallery in files of their names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DemoServer
from tests.browser.window import Desk

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1440, 1280, 820, 400)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOCALES = ("de-DE", "en-GB")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}
# The themes are tokens of colours and nothing else, so what the first was asked about places and names holds for the second.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}, "resultTypes": ["violations"]}
# The policy of the pages forbids foreign scripts; axe is one.
WITH_AXE: dict[str, Any] = {"bypass_csp": True}


def findings(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe finds, each with its first place."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("async rules => (await axe.run(document, rules)).violations", rules)
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:160]} {rule['nodes'][0].get('failureSummary', '')[:200]}" for rule in found]


def check(page: Page, name: str) -> None:
    """No finding in either theme at any width, and nothing that scrolls sideways except tables."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            assert findings(page, RULES if theme == THEMES[0] else COLOURS) == [], f"{name}, {theme}, at {width} px"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width} px"
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme=THEMES[0])


Step = Callable[[Desk, Callable[[], Desk]], object]


@dataclass(frozen=True)
class Screen:
    """Who looks, at which patient opened for editing or at which address, and what is done there to reach the state."""

    name: str
    reach: Step = lambda _seat, _other: None
    user: str = "Dr. Kern"
    patient: str = ""
    path: str = ""
    is_new_session: bool = False


def press(*keys: str) -> Step:
    """Each key in turn; what begins with = is typed."""

    def reach(seat: Desk, _: object) -> None:
        for key in keys:
            if key.startswith("="):
                seat.page.keyboard.type(key[1:])
            else:
                seat.page.keyboard.press(key)

    return reach


def shows(selector: str, *before: Step) -> Step:
    """The steps, then something that is seen."""

    def reach(seat: Desk, other: Callable[[], Desk]) -> None:
        for step in before:
            step(seat, other)
        expect(seat.page.locator(selector).first).to_be_visible()

    return reach


def click(selector: str) -> Step:
    """The first control that fits."""
    return lambda seat, _: seat.page.locator(selector).first.click()


def hit(selector: str, key: str) -> Step:
    """A key at the first control that fits."""
    return lambda seat, _: seat.page.locator(selector).first.press(key)


def fill(selector: str, text: str) -> Step:
    """The whole text at once."""
    return lambda seat, _: seat.page.locator(selector).fill(text)


def write(selector: str, text: str) -> Step:
    """The text, letter by letter."""
    return lambda seat, _: seat.page.locator(selector).press_sequentially(text)


def visit(path: str) -> Step:
    """An address of the server; with a leading dot, below the page that is shown."""
    return lambda seat, _: seat.page.goto(f"{seat.page.url}{path[1:]}" if path.startswith(".") else f"{seat.url}{path}")


def find(text: str) -> Step:
    """Search for a patient."""
    return lambda seat, _: seat.find(text)


def open_all_cards(seat: Desk, _: object) -> None:
    seat.plan("Implantat 14")
    seat.page.evaluate("document.querySelectorAll('main details').forEach(part => part.open = true)")


def occupied(_: Desk, other: Callable[[], Desk]) -> None:
    """The other has a patient open."""
    other().open("Exempel")


def in_use(seat: Desk, other: Callable[[], Desk]) -> None:
    """The other has the patient open; here it is read."""
    occupied(seat, other)
    seat.view("Exempel")
    expect(seat.page.locator("#take-over")).to_be_visible()


def asked(seat: Desk, other: Callable[[], Desk]) -> None:
    second = other()
    second.view("Exempel")
    second.page.locator("[data-asks] button").click()
    expect(seat.page.locator("#lock .asked")).to_be_visible()


def drafted(seat: Desk, other: Callable[[], Desk]) -> None:
    """What the other had typed is offered after the take-over."""
    first = other()
    first.open("Exempel")
    first.page.keyboard.press("F3")
    first.page.keyboard.type("Baldrian")
    with first.page.expect_response(lambda answer: "/drafts/" in answer.url):
        pass
    seat.view("Exempel")
    seat.page.locator("#take-over").click()
    seat.page.locator("#dialog [name=reason]").first.check()
    seat.page.locator("#dialog [type=submit]").click()
    expect(seat.page.locator("#drafts .draft")).to_be_visible()


def restricted(seat: Desk, _: object) -> None:
    seat.view("Muster, Erika")


def every_bar(seat: Desk, _: object) -> None:
    """All lines above the content that come and go, at once."""
    seat.page.evaluate("""() => {
        document.documentElement.dataset.connection = 'lost';
        document.querySelectorAll('body > .notice[hidden], #taken-over').forEach(bar => bar.hidden = false);
        document.getElementById('messages').append(document.getElementById('message-bar').content.cloneNode(true));
        document.querySelector('#messages [data-words]').textContent = 'Um zwölf ist Besprechung.';
    }""")


def merge_sides(seat: Desk, _: object) -> None:
    """Two records beside each other, chosen by hand."""
    page = seat.page
    page.goto(f"{page.url}/merge")
    page.locator("#merge-q").press_sequentially("Muster, Em")
    expect(page.locator("#merge-hits [role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".side").first).to_be_visible()


def to_confirm_moving(seat: Desk, _: object) -> None:
    page = seat.page
    seat.add_medicine("bisopro", "Bisoprolol")
    page.locator("#record-menu summary").click()
    page.locator("#move").click()
    page.locator("#move-q").press_sequentially("Modell, Sab")
    expect(page.locator("#move-hits [role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog .right-patient")).to_be_visible()


def interrupted(seat: Desk, _: object) -> None:
    page = seat.page
    page.keyboard.press("F7")
    page.keyboard.type("Amoxicillin 1000")
    expect(page.locator("#plan-hits [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    page.locator("#override").click()
    expect(page.locator("#reason-typed")).to_be_visible()


def new_record(seat: Desk, _: object) -> None:
    """A patient of whom nothing is known yet."""
    page = seat.page
    for name, text in (("family_name", "Leer"), ("given_name", f"Neu{page.evaluate('Date.now()')}"), ("birth_date", "01.02.1980")):
        page.locator(f"#{name}").fill(text)
    page.locator("form.panel [type=submit]").click()
    expect(page.locator("#lock .pill.mine")).to_be_visible()


def filtered_trail(seat: Desk, _: object) -> None:
    page = seat.page
    page.locator("#q").fill("Muster, Erika")
    page.locator("form[role=search] .primary").click()
    expect(page.locator("#entries")).to_be_visible()


EMPTY_FORM = click("form.panel .primary")
NOBODY = ""
FIRST_ROW = "#list [data-row] [data-main]"
ENTRY_MENU = click("#record-menu summary")

SCREENS = [
    Screen("sign in", path="/sign-in", user=NOBODY),
    Screen("sign in: refused", shows("#summary", fill("#user", "Niemand"), fill("#password", "falsch"), EMPTY_FORM), path="/sign-in", user=NOBODY),
    Screen("register this device", path="/pair", user=NOBODY),
    Screen("display without a room", path="/viewer", user=NOBODY),
    Screen("find"),
    Screen("find: results", find("Muster")),
    Screen("find: nobody", shows("#results .empty", fill("#q", "Qqqxyz"))),
    Screen("find: menu", click(".menu summary")),
    Screen("find: one's open patient", visit("/"), patient="Skizze, Jonas"),
    Screen("find: reception", find("Muster"), user="Fr. Lenz"),
    Screen("new patient", path="/patients/new"),
    Screen("new patient: errors", shows("#summary", EMPTY_FORM), path="/patients/new"),
    Screen("to look through", path="/reviews"),
    Screen("drug data: search", path="/drugs"),
    Screen("drug data: found", path="/drugs?q=Kiefernekrose"),
    Screen("drug data: nothing found", path="/drugs?q=qqqxyz"),
    Screen("drug data: coverage", shows("[open] .statements", click("article details summary")), path="/drug-data"),
    Screen("drug data: a substance", path="/drugs/ibuprofen"),
    Screen("own medicines", path="/own-drugs"),
    Screen("own medicines: errors", shows("#summary", fill("#text", "\n".join(map(str, range(61)))), EMPTY_FORM), path="/own-drugs"),
    Screen("not found", path="/nowhere"),
    Screen("locked", path="/locked", is_new_session=True),
    Screen("keys", shows("#shortcuts", press("F1"))),
    Screen("medication", patient="Muster, Erika"),
    Screen("medication: planned, all cards open", open_all_cards, patient="Beispiel, Karl"),
    Screen("medication: not checked", patient="Test, Ottilie"),
    Screen("medication: nothing known", new_record, path="/patients/new"),
    Screen("medication: hits", shows("#add-hits [role=option]", press("F3", "=metop")), patient="Muster, Erika"),
    Screen("medication: no hit", shows("#add-hits .none", press("F3", "=qqqxyz")), patient="Muster, Erika"),
    Screen("medication: procedures", shows("#plan-hits [role=option]", press("F7", "=extr")), patient="Muster, Erika"),
    Screen("medication: dose", shows(".dose-line", shows("#add-hits [aria-selected=true]", press("F3", "=ramipril")), press("Enter")), patient="Muster, Erika"),
    Screen("medication: edit in place", shows("[data-editing]", hit(FIRST_ROW, "Enter")), patient="Muster, Erika"),
    Screen("medication: stop?", shows("#dialog", hit(FIRST_ROW, "Delete")), patient="Muster, Erika"),
    Screen("medication: undo", lambda seat, _: seat.add_medicine("torasemid", "Torasemid"), patient="Vorlage, Heinz"),
    Screen("medication: another one checked", shows("#check-result li", fill("#check-text", "Ibuprofen 600"), hit("#check-text", "Enter")), patient="Entwurf, Renate"),
    Screen("medication: do not give?", interrupted, patient="Muster, Erika"),
    Screen("medication: assistant", patient="Muster, Erika", user="Fr. Berger"),
    Screen("in use", in_use),
    Screen("in use: asking", shows(".asked", in_use, click("[data-asks] button"))),
    Screen("in use: asked", asked, patient="Exempel"),
    Screen("in use: take over?", shows("#dialog [name=reason]", in_use, click("#take-over"))),
    Screen("in use: draft", drafted),
    Screen("reception reads", restricted, user="Fr. Lenz"),
    Screen("record menu", shows("#merge", ENTRY_MENU), patient="Muster, Erika"),
    Screen("move: which?", shows("#dialog", ENTRY_MENU, click("#move")), patient="Muster, Emil"),
    Screen("move: confirm", to_confirm_moving, patient="Übung, Mareike"),
    Screen("merge", visit("./merge"), patient="Muster, Erika"),
    Screen("merge: side by side", merge_sides, patient="Muster, Erika"),
    Screen("identity", visit("./identity"), patient="Probe, Ilse"),
    Screen("anamnesis", press("Alt+2"), patient="Muster, Erika"),
    Screen("anamnesis: answered", shows("#q-ASTHMA-detail", press("Alt+2"), click("#q-ASTHMA-yes")), patient="Skizze, Jonas"),
    Screen("anamnesis: edit a value", shows("[data-editing]", press("Alt+2"), click("#findings [data-main]")), patient="Muster, Erika"),
    Screen("anamnesis: note", shows("#notes .lines", press("Alt+2"), fill("#note-text", "Kommt mit dem Rollstuhl."), click("#own [type=submit]")), patient="Modell, Sabine"),
    Screen("papers: menu", shows("#print-menu a", press("F8")), patient="Muster, Erika"),
    Screen("papers: letter", shows("#letter", visit("./letter")), patient="Muster, Erika"),
    Screen("allergies", press("Alt+3"), patient="Muster, Erika"),
    Screen("allergies: not asked", press("Alt+3"), patient="Probe, Ilse"),
    Screen("allergies: hits", shows("#text-hits [role=option]", shows("#text", press("Alt+3")), write("#text", "penic")), patient="Muster, Erika"),
    Screen("allergies: edit in place", shows("[data-editing]", shows("#text", press("Alt+3")), click(FIRST_ROW)), patient="Muster, Erika"),
    Screen("allergies: remove?", shows("#dialog", shows("#text", press("Alt+3")), click("#list [data-end]")), patient="Muster, Erika"),
    Screen("changes", shows("#history-q", press("Alt+4")), patient="Muster, Erika"),
    Screen("changes: nothing fits", shows("#list .empty", shows("#history-q", press("Alt+4")), write("#history-q", "qqq")), patient="Muster, Erika"),
    Screen("changes: compare", shows(".compare", shows("#history-q", press("Alt+4")), click("#list [data-main]")), patient="Muster, Erika"),
    Screen("every bar", every_bar, patient="Muster, Erika"),
    Screen("console: overview", shows("#requests", click("main details summary")), path="/console"),
    Screen("console: menu", click(".menu summary"), path="/console"),
    Screen("console: applications", path="/console/applications"),
    Screen("console: message", shows("details[open] [name=text]", click("#live details summary")), path="/console/applications"),
    Screen("console: open patients", shows("details[open] select", occupied, visit("/console/leases"), click("#live details summary")), path="/console/leases"),
    Screen("console: mode", path="/console/mode"),
    Screen("console: users", shows("details[open] form", click("#users details summary")), path="/console/users"),
    Screen("console: places", shows("details[open] form", click("main details summary")), path="/console/places"),
    Screen("console: erasure", path="/console/erasure"),
    Screen("console: erasure by decision", shows("details[open] select", fill("#q", "Muster"), click("form[role=search] button"), click("main details summary")), path="/console/erasure"),
    Screen("console: audit trail", path="/console/trail"),
    Screen("console: audit trail of a patient", filtered_trail, path="/console/trail"),
    Screen("console: chain verified", shows("#report", click("form[action$=verification] button")), path="/console/trail"),
    Screen("console: databases, checked", shows("#runs-title", click("form[action$=check] button")), path="/console/databases"),
    Screen("console: databases, refused move", shows("#databases [role=alert]", fill("#folder", "/nowhere"), click("form[action$=move] button")), path="/console/databases"),
    Screen("help: databases", path="/help/databases"),
    Screen("help: erasure", path="/help/erasure"),
    Screen("console: certificate, none", path="/console/certificate"),
    Screen("console: settings", path="/console/settings"),
    Screen("console: first steps", path="/console/first-steps"),
    Screen("console: wrong recovery key", shows(".notice.red[role=alert]", fill("#recovery_key", "AGE-SECRET-KEY-1X"), click("form[action$=key] button")), path="/console/first-steps"),
]  # fmt: skip


@pytest.fixture
def stranger(browser: Browser, server: DemoServer) -> Iterator[Callable[..., Desk]]:
    """Somebody in front of a browser, not signed in."""
    contexts = []

    def come(**options: Any) -> Desk:
        contexts.append(browser.new_context(**options))
        return Desk(contexts[-1].new_page(), server.url)

    yield come
    for context in contexts:
        context.close()


def forget_drafts(page: Page) -> None:
    """What other tests have typed for the same patient is not offered here."""
    offered = page.locator("#drafts .draft")
    while before := offered.count():
        offered.first.locator("button[type=submit]").click()
        expect(offered).to_have_count(before - 1)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_screen(desk: Callable[..., Desk], stranger: Callable[..., Desk], screen: Screen, locale: str) -> None:
    options = {"locale": locale, **WITH_AXE}
    seat = desk(screen.user, is_new_session=screen.is_new_session, **options) if screen.user else stranger(**options)
    seat.page.set_default_timeout(8_000)
    if screen.patient:
        seat.open(screen.patient)
        expect(seat.page.locator("#lock .pill.mine")).to_be_visible()
        forget_drafts(seat.page)
    if screen.path:
        seat.page.goto(f"{seat.url}{screen.path}")
    screen.reach(seat, lambda: desk("Fr. Berger" if screen.user == "Dr. Kern" else "Dr. Kern"))
    expect(seat.page.locator("html")).to_have_attribute("lang", locale[:2])
    check(seat.page, screen.name)
