"""The room display in a real browser: it follows its room, says when it may be out of date, and never hides what is high."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from miz.access.devices.model import PairingCode
from miz.infra.api_client import ApiClient, HttpSender
from miz.kernel.clock import FakeClock
from tests.browser.conftest import DemoServer, leave
from tests.browser.test_accessibility import findings
from tests.browser.window import Desk
from tests.support.displays import Display, paired
from tests.support.practice import PASSWORD, ServerThread, client_of, served
from tests.viewer.test_locks import settled

WALL: ViewportSize = {"width": 1280, "height": 720}
TURN_MS = 12_000


class DayClock(FakeClock):
    """Tells the time, so that of two openings one is the later; but no lease ends because a test takes its time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("practice"), DayClock()) as running:
        yield running


@pytest.fixture(scope="module")
def _assistant(practice: ServerThread) -> ApiClient:
    return client_of(practice.url, "Fr. Assistenz", "Zimmer 2")


@pytest.fixture
def assistant(_assistant: ApiClient) -> Iterator[ApiClient]:
    """A window in room 2; what it has open is closed after the test."""
    _assistant.register()
    yield _assistant
    _assistant.close_application()


@pytest.fixture
def wall(browser: Browser, practice: ServerThread) -> Iterator[Callable[..., tuple[Page, Display]]]:
    """Hangs a paired display on the wall of room 2; errors of its scripts fail the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def hang(*, is_clock_ours: bool = False, **options: Any) -> tuple[Page, Display]:
        display = paired(practice, "Zimmer 2")
        context = browser.new_context(**{"viewport": WALL, "locale": "de-DE", "color_scheme": "dark", **options})
        contexts.append(context)
        context.add_cookies([{"name": "miz_device", "value": display.token, "url": practice.url, "httpOnly": True}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        if is_clock_ours:
            page.clock.install()
        page.goto(f"{practice.url}/viewer?room=2")
        expect(page.locator("main[data-stamp]")).to_be_visible()
        return page, display

    yield hang
    for context in contexts:
        context.close()
    assert faults == []


def opens(window: ApiClient, name: str) -> None:
    """The window opens a sample patient."""
    window.open_patient(window.search(name)[0].id)


@pytest.fixture
def workplace(browser: Browser, practice: ServerThread) -> Iterator[Desk]:
    """The assistant's own browser in room 2."""
    context = browser.new_context(locale="de-DE")
    desk = Desk(context.new_page(), practice.url)
    desk.sign_in("Fr. Assistenz", PASSWORD, "Zimmer 2")
    yield desk
    leave(desk.page)
    context.close()


def test_it_follows_the_window_of_its_room_and_keeps_its_picture_while_that_is_locked(
    wall: Callable[..., tuple[Page, Display]], workplace: Desk
) -> None:
    page, _ = wall()
    expect(page.locator("main")).to_have_attribute("data-state", "rest")
    expect(page.locator("main")).to_contain_text("Testpraxis")
    workplace.open("Beispiel, Karl")
    expect(page.locator("main h1")).to_have_text("BEISPIEL, Karl")
    workplace.page.locator(".top .menu summary").click()
    workplace.page.locator("form[action='/lock'] button").click()
    workplace.page.wait_for_url("**/locked**")
    page.wait_for_timeout(1_500)
    expect(page.locator("main h1")).to_have_text("BEISPIEL, Karl")
    workplace.page.locator("#password").fill(PASSWORD)
    workplace.page.locator("form[action='/locked'] button").click()
    workplace.open("Vorlage, Heinz")
    expect(page.locator("main h1")).to_have_text("VORLAGE, Heinz")
    workplace.page.locator("form[action$='/closing'] button").click()
    expect(page.locator("main")).to_have_attribute("data-state", "rest")
    assert "VORLAGE" not in page.content()


def test_a_new_patient_comes_by_itself_with_the_name_across_the_screen(
    wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall(is_clock_ours=True)
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=1))  # so that the name stays until it was looked at
    for name, shown in (("Muster, Erika", "MUSTER, Erika"), ("Probe", "PROBE")):
        opens(assistant, name)
        expect(page.locator("main h1")).to_contain_text(shown)
        arrival = page.locator("#arrival")
        expect(arrival).to_contain_text(shown)
        box = arrival.bounding_box()
        assert box is not None
        assert box["width"] == WALL["width"]
        page.clock.run_for(2_000)
        expect(arrival).to_be_hidden()
    assistant.close_application()
    page.locator("main[data-state=rest]").wait_for()
    assistant.register()


def test_without_a_sign_of_the_server_it_says_so_after_ten_seconds_and_shows_nobody_after_sixty(
    wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall(is_clock_ours=True)
    opens(assistant, "Entwurf")
    expect(page.locator("main h1")).to_contain_text("ENTWURF")
    page.context.set_offline(True)
    page.clock.run_for(9_000)
    expect(page.locator("#stale")).to_be_hidden()
    page.clock.run_for(1_600)
    expect(page.locator("#stale")).to_contain_text("Anzeige kann veraltet sein")
    expect(page.locator("#signal")).to_contain_text("Keine Verbindung seit")
    assert "135deg" in page.locator(".lines").first.evaluate("list => getComputedStyle(list).backgroundImage")
    assert page.locator("main").evaluate("main => getComputedStyle(main).filter") == "grayscale(1)"
    expect(page.locator("main h1")).to_contain_text("ENTWURF")
    page.clock.run_for(47_000)
    expect(page.locator("main h1")).to_contain_text("ENTWURF")
    page.clock.run_for(3_000)
    expect(page.locator("main")).to_have_attribute("data-state", "gone")
    for words in ("ENTWURF", "Clozapin", "1961", "9009"):
        assert words not in page.content()
    # What changed meanwhile is there once the server is.
    opens(assistant, "Probe")
    page.context.set_offline(False)
    page.clock.run_for(6_000)
    expect(page.locator("main h1")).to_contain_text("PROBE")
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#signal")).to_contain_text("Verbunden")


def test_a_display_is_paired_by_its_code_and_outlives_a_frozen_and_a_stopped_server(
    browser: Browser, own_server: Callable[..., DemoServer]
) -> None:
    server = own_server()
    owner = ApiClient(HttpSender(server.url))
    owner.sign_in("Dr. Kern", server.passwords["Dr. Kern"], "Zimmer 2")
    owner.set_mode("setup", now=True)
    issued = owner.call("POST", "/devices", {"kind": "display", "place": "Zimmer 2"}, answer=PairingCode)
    owner.set_mode("operating")
    context = browser.new_context(viewport=WALL, locale="de-DE")
    page = context.new_page()
    page.clock.install()
    page.goto(f"{server.url}/viewer?room=2")
    expect(page.locator("h1")).to_have_text("Nicht gekoppelt")
    page.locator("a[href='/pair']").click()
    page.locator("#code").fill(issued.code.lower())
    page.locator("form[action='/pair'] button").click()
    expect(page.locator("main[data-state=rest]")).to_contain_text("Demopraxis Dr. Kern")
    owner.register()
    opens(owner, "Beispiel, Karl")
    expect(page.locator("main h1")).to_have_text("BEISPIEL, Karl")
    server.freeze()
    page.clock.run_for(11_000)
    expect(page.locator("#stale")).to_contain_text("Anzeige kann veraltet sein")
    page.clock.run_for(50_000)
    expect(page.locator("main")).to_have_attribute("data-state", "gone")
    assert "BEISPIEL" not in page.content()
    server.thaw()
    expect(page.locator("main h1")).to_have_text("BEISPIEL, Karl")
    server.stop()
    page.clock.run_for(11_000)
    expect(page.locator("#stale")).to_be_visible()
    server.start()
    # The lease was stored, so the same patient is open again.
    expect(page.locator("main h1")).to_have_text("BEISPIEL, Karl")
    expect(page.locator("#stale")).to_be_hidden()
    context.close()


def test_a_screen_that_the_server_no_longer_confirms_is_out_of_date_although_the_stream_goes_on(
    wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall(is_clock_ours=True)
    opens(assistant, "Entwurf")
    expect(page.locator("main h1")).to_contain_text("ENTWURF")
    page.route("**/viewer/screen*", lambda route: route.abort())
    opens(assistant, "Probe")
    page.wait_for_timeout(1_000)
    page.clock.run_for(11_000)
    expect(page.locator("#stale")).to_be_visible()
    page.unroute("**/viewer/screen*")
    expect(page.locator("main h1")).to_contain_text("PROBE")
    expect(page.locator("#stale")).to_be_hidden()


def test_a_revoked_display_says_by_itself_that_it_is_not_paired(wall: Callable[..., tuple[Page, Display]], assistant: ApiClient) -> None:
    page, display = wall()
    opens(assistant, "Muster, Erika")
    expect(page.locator("main h1")).to_contain_text("MUSTER")
    display.revoke()
    expect(page.locator("h1")).to_have_text("Nicht gekoppelt")
    assert "MUSTER" not in page.content()
    expect(page.locator("a[href='/pair']")).to_be_visible()


def next_turn(page: Page) -> None:
    """Twelve seconds of the page's clock; the server's signs come by the real one, so it is waited for."""
    page.clock.run_for(TURN_MS)
    expect(page.locator("html")).to_have_attribute("data-connection", "on")


def lines_in_sight(page: Page, rank: str) -> set[str]:
    """The titles of this rank that stand wholly within their list."""
    found: list[str] = page.evaluate(
        """rank => [...document.querySelectorAll(`li[data-rank=${rank}]:not([hidden])`)].filter(line => {
            const own = line.getBoundingClientRect(), list = line.parentElement.getBoundingClientRect();
            return own.height > 0 && own.bottom <= list.bottom + 1 && list.bottom <= innerHeight;
        }).map(line => line.querySelector("h3, b").textContent)""",
        rank,
    )
    return set(found)


def all_lines(page: Page, rank: str) -> set[str]:
    found: list[str] = page.evaluate(
        "rank => [...document.querySelectorAll(`li[data-rank=${rank}]`)].map(line => line.querySelector('h3, b').textContent)", rank
    )
    return set(found)


def test_every_high_finding_stays_in_sight_while_the_rest_takes_turns(
    wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall(is_clock_ours=True)
    opens(assistant, "Entwurf")
    expect(page.locator("main h1")).to_contain_text("ENTWURF")
    page.evaluate("document.fonts.ready")
    high, avoid, medium = (all_lines(page, rank) for rank in ("high", "avoid", "medium"))
    assert len(high) == 8
    assert avoid
    seen: set[str] = set()
    for _turn in range(8):
        assert lines_in_sight(page, "high") == high
        assert lines_in_sight(page, "avoid") == avoid
        assert page.evaluate("document.documentElement.scrollHeight") <= WALL["height"]
        seen |= lines_in_sight(page, "medium")
        expect(page.locator("[data-more]").first).to_contain_text("weitere")
        next_turn(page)
    assert seen == medium


def test_high_findings_that_do_not_fit_are_counted_and_take_turns_among_themselves(
    wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall(is_clock_ours=True, viewport={"width": 1000, "height": 440})
    opens(assistant, "Entwurf")
    expect(page.locator("main h1")).to_contain_text("ENTWURF")
    page.evaluate("document.fonts.ready")
    high = all_lines(page, "high")
    assert page.locator(".board").evaluate("board => getComputedStyle(board).fontSize") == "16px"
    seen: set[str] = set()
    for _turn in range(8):
        now = lines_in_sight(page, "high")
        assert now
        first = len(seen) + 1 if not now & seen else None
        count = page.locator("[data-more]").first.inner_text()
        assert count.startswith("Hoch ")
        assert f"von {len(high)}" in count
        if first:
            assert count.startswith(f"Hoch {first}–{first + len(now) - 1} von")
        seen |= now
        next_turn(page)
    assert seen == high


def test_discreet_hides_the_name_by_key_and_button_and_stays_after_a_restart(
    wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall()
    opens(assistant, "Muster, Erika")
    expect(page.locator("main h1")).to_have_text("MUSTER, Erika")
    page.keyboard.press("F7")
    expect(page.locator("main h1")).to_have_text("Name ausgeblendet")
    for words in ("MUSTER", "Erika", "12.03.1948"):
        assert words not in page.content()
    expect(page.get_by_role("button", name="Diskret")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("main h1")).to_have_text("Name ausgeblendet")
    page.context.set_offline(True)
    page.context.set_offline(False)
    page.get_by_role("button", name="Diskret").click()
    expect(page.locator("main h1")).to_have_text("MUSTER, Erika")
    # At once, also while the server is silent.
    page.context.set_offline(True)
    page.get_by_role("button", name="Diskret").click()
    assert "MUSTER" not in page.content()


def test_no_click_and_no_key_at_the_display_changes_a_row(
    practice: ServerThread, wall: Callable[..., tuple[Page, Display]], assistant: ApiClient
) -> None:
    page, _ = wall()
    opens(assistant, "Muster, Erika")
    expect(page.locator("main h1")).to_have_text("MUSTER, Erika")
    before = settled(practice)
    buttons = page.get_by_role("button").all()
    assert len(buttons) == 4
    for button in [*buttons, *buttons]:
        button.click()
    for key in ("F1", "F2", "F3", "F4", "F6", "F7", "F8", "F9", "Delete", "Enter", "Escape", "Control+z", "Control+Enter", "Alt+1"):
        page.keyboard.press(key)
    for line in page.locator("main li:not([hidden])").all():
        line.click()
        line.dblclick()
    page.wait_for_timeout(1_500)
    expect(page.locator("main[data-state=patient]")).to_be_visible()
    assert settled(practice) == before


def test_size_and_appearance_are_kept_at_this_display(wall: Callable[..., tuple[Page, Display]]) -> None:
    page, _ = wall()
    before = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    page.get_by_role("button", name="Text größer").click()
    page.get_by_role("button", name="Text größer").click()
    page.get_by_role("button", name="Darstellung").click()
    after = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert after > before * 1.2
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") == after
    for _ in range(12):
        page.get_by_role("button", name="Text kleiner").click()
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") >= 16


@pytest.mark.parametrize("language", ["de-DE", "en-GB"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(wall: Callable[..., tuple[Page, Display]], assistant: ApiClient, theme: str, language: str) -> None:
    page, display = wall(is_clock_ours=True, locale=language, color_scheme=theme, bypass_csp=True)

    def check(state: str) -> None:
        for width in (1440, 1280, 820, 400):
            page.set_viewport_size({"width": width, "height": 900})
            page.clock.run_for(300)
            assert findings(page) == [], f"{state} at {width} px"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{state} is wider than {width} px"

    check("rest")
    opens(assistant, "Muster, Erika")
    expect(page.locator("main[data-state=patient]")).to_be_visible()
    page.clock.run_for(1_500)
    check("patient")
    page.context.set_offline(True)
    page.clock.run_for(11_000)
    check("stale")
    page.clock.run_for(51_000)
    check("no connection")
    page.context.set_offline(False)
    display.revoke()
    page.goto(f"{display.server.url}/viewer?room=1")
    check("not paired")
