"""The evaluation of a full record: calm at every width, telling what to do, saying why, leading to what is missing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.crowded import MEDICINES, open_crowded
from tests.browser.test_accessibility import WITH_AXE, check
from tests.browser.window import Desk

HEIGHT = 900
MOST_FINDINGS_OF_A_CALM_SCREEN = 15
# Cards and groups that are unfolded and begin above the fold; "Why?" is part of its card.
OPEN_ABOVE_THE_FOLD = """height => [...document.querySelectorAll('#findings details[open]:not(.why)')]
    .filter(part => part.checkVisibility() && part.getBoundingClientRect().top < height).length"""


@pytest.fixture
def crowded(desk: Callable[..., Desk]) -> Desk:
    seat = desk(**WITH_AXE)
    open_crowded(seat)
    return seat


def test_twelve_medicines_and_many_findings_stay_calm(crowded: Desk) -> None:
    page = crowded.page
    assert page.locator("#list [data-row]").count() == len(MEDICINES)
    assert page.locator("#findings .ground").count() >= MOST_FINDINGS_OF_A_CALM_SCREEN
    for width in (1440, 820, 400):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.evaluate("scrollTo(0, 0)")
        assert page.evaluate(OPEN_ABOVE_THE_FOLD, HEIGHT) <= 1, width
        page.evaluate("document.getElementById('findings-title').scrollIntoView()")
        assert page.evaluate(OPEN_ABOVE_THE_FOLD, HEIGHT) <= 1, width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_grave_says_what_to_do_without_being_opened(crowded: Desk) -> None:
    page = crowded.page
    high = page.locator("#findings > .card.high")
    assert high.count() > 1
    for card in high.all():
        expect(card.locator("summary h3").first).to_be_visible()
        expect(card.locator("summary .action").first).not_to_be_empty()
    for level in ("medium", "low"):
        folded = page.locator(f"#findings > .level-group[data-group={level}]")
        expect(folded).not_to_have_attribute("open", "")
        expect(folded.locator(".card").first).to_be_hidden()
        folded.locator("> summary").press("Enter")
        expect(folded.locator(".card").first).to_be_visible()


def test_an_alternative_is_planned_with_one_press(crowded: Desk) -> None:
    page = crowded.page
    button = page.locator("#findings .card[open] .instead button").first
    name = button.inner_text().split("\n")[0].strip()
    button.press("Enter")
    expect(page.locator("#planned .chip", has_text=name).first).to_be_visible()
    expect(page.locator("#findings .instead .chip", has_text=name).first).to_contain_text("ist geplant")


def test_why_names_rule_evidence_source_and_review(crowded: Desk) -> None:
    page = crowded.page
    card = page.locator("#findings > .card.high").first
    why = card.locator(".why")
    why.locator("summary").press("Enter")
    for word in ("Regel", "Wirkung", "Vorgehen", "Belegstärke", "Quelle", "Durchsicht"):
        expect(why.locator("dt", has_text=word).first).to_be_visible()
    expect(why.locator("code").first).not_to_be_empty()
    with page.context.expect_page() as opened:
        why.get_by_role("link").first.click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    assert "/drugs/" in opened.value.url
    opened.value.close()


def test_all_of_it_unfolded_is_accessible(crowded: Desk) -> None:
    page = crowded.page
    page.evaluate("document.querySelectorAll('main details').forEach(part => part.open = true)")
    check(page, "a crowded record, unfolded")


def test_what_was_not_asked_leads_to_where_it_is_entered(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Probe, Ilse")
    page = seat.page
    page.locator("#findings .notice summary").click()
    page.locator("#findings .notice").get_by_role("link", name="Allergien erfassen").click()
    expect(page.locator("#list-title")).to_have_text("Allergien nicht erfragt")


def test_the_drug_data_are_searched_and_read_by_keyboard(desk: Callable[..., Desk]) -> None:
    page = desk().page
    page.locator(".menu summary").press("Enter")
    page.get_by_role("link", name="Arzneimittelinformation").press("Enter")
    expect(page.locator("#drug-q")).to_be_focused()
    page.keyboard.type("Kiefernekrose Extraktion")
    page.keyboard.press("Enter")
    hit = page.locator(".monograph-hits a", has_text="Alendronsäure")
    hit.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Alendronsäure")
    expect(page.locator(".monograph")).to_contain_text("Kiefernekrose")
    expect(page.locator(".monograph")).to_contain_text("ungeprüft")


def test_a_trade_name_finds_its_substance_and_an_unknown_word_says_so(desk: Callable[..., Desk]) -> None:
    page = desk().page
    server = page.url.removesuffix("/")
    page.goto(f"{server}/drugs?q=Falithrom")
    expect(page.locator(".monograph-hits a").first).to_have_text("Phenprocoumon")
    page.goto(f"{server}/drugs/falithrom")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Phenprocoumon")
    page.goto(f"{server}/drugs?q=qqqxyz")
    expect(page.locator(".empty")).to_contain_text("sagt nichts über seine Risiken")


def test_a_medicine_leads_to_its_page_beside_the_work(desk: Callable[..., Desk]) -> None:
    seat = desk()
    seat.open("Muster, Erika")
    with seat.page.context.expect_page() as opened:
        seat.page.get_by_role("link", name="Information zu Phenprocoumon").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("Phenprocoumon")
    expect(seat.pill).to_have_text("Sie bearbeiten")
