"""The console's screens while something happens elsewhere: tables follow, what is being filled in stays."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DemoServer
from tests.browser.window import Desk

TYPED = "Bitte an das Telefon"


@pytest.fixture
def practice(own_server: Callable[..., DemoServer]) -> DemoServer:
    """A practice of its own: nobody else comes and goes."""
    return own_server()


@pytest.fixture
def owner(desk: Callable[..., Desk], practice: DemoServer) -> Page:
    """Dr. Kern, who counts as online before anybody else comes."""
    page = desk("Dr. Kern", on=practice).page
    page.goto(f"{practice.url}/console/applications")
    # One more for a moment where the page before was left while it announced itself.
    expect(page.locator("#live tbody tr", has_text="Dr. Kern").first).to_be_visible()
    return page


# More than a thousand points of the chart are drawn on.
IS_DRAWN = """() => {
    const canvas = document.querySelector("#requests-chart canvas");
    const points = canvas?.width ? canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data : [];
    return points.filter((value, index) => index % 4 === 3 && value).length > 1000;
}"""


@pytest.mark.parametrize("width", [1440, 400])
def test_the_chart_is_drawn_from_the_table(owner: Page, practice: DemoServer, width: int) -> None:
    owner.set_viewport_size({"width": width, "height": 900})
    owner.goto(f"{practice.url}/console")
    chart = owner.locator("#requests-chart canvas")
    expect(owner.locator("#requests tbody tr")).to_have_count(60)
    for now in (width, 820):
        owner.set_viewport_size({"width": now, "height": 900})
        inner = owner.locator("#requests-chart").evaluate("part => part.clientWidth")
        assert inner > now / 2
        expect(chart).to_have_js_property("clientWidth", inner)
        owner.wait_for_function(IS_DRAWN)


def test_a_table_follows_but_nothing_moves_under_the_hand(owner: Page, desk: Callable[..., Desk], practice: DemoServer) -> None:
    rows = owner.locator("#live tbody tr")
    desk("Fr. Berger", on=practice)
    expect(rows.filter(has_text="Fr. Berger")).to_have_count(1)
    line = rows.filter(has_text="Fr. Berger")
    line.locator("summary", has_text="Nachricht").click()
    line.locator("input[name=text]").fill(TYPED)
    desk("Fr. Lenz", on=practice)
    # The event has arrived when the next one, about an open patient, has been answered as well.
    with owner.expect_response(lambda answer: answer.request.headers.get("miz-background") == "1"):
        desk("Dr. Kern", on=practice).open("Muster, Erika")
    expect(line.locator("input[name=text]")).to_have_value(TYPED)
    expect(line.locator("input[name=text]")).to_be_visible()
    expect(rows.filter(has_text="Fr. Lenz")).to_have_count(0)
    line.locator("summary", has_text="Nachricht").click()
    expect(rows.filter(has_text="Fr. Lenz")).to_have_count(1)


def test_a_message_to_all_is_shown_in_the_console_too(owner: Page) -> None:
    owner.locator("#text").fill(TYPED)
    owner.get_by_role("button", name="An alle senden").click()
    bar = owner.locator("#messages .notice", has_text=TYPED)
    expect(bar).to_contain_text("Dr. Kern")
    bar.get_by_role("button", name="Gelesen").click()
    expect(bar).to_have_count(0)


def test_a_pairing_code_stays_until_the_page_is_left(owner: Page, desk: Callable[..., Desk], practice: DemoServer) -> None:
    owner.goto(f"{practice.url}/console/mode")
    owner.get_by_role("button", name="Sofort").click()
    owner.goto(f"{practice.url}/console/applications")
    owner.get_by_role("button", name="Kopplungscode ausstellen").click()
    code = owner.locator("#pairing-code .one-time-code")
    issued = code.inner_text()
    desk("Fr. Berger", on=practice)
    expect(owner.locator("#live tbody tr", has_text="Fr. Berger")).to_have_count(1)
    expect(code).to_have_text(issued)
    expect(owner.locator("#notice")).to_be_empty()
