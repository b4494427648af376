"""The help in a real browser: nothing that axe objects to, at any width, in both themes and languages."""

import re

import pytest
from playwright.sync_api import Browser, expect

from miz.ui.help import TOPICS
from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import LOCALES, WITH_AXE, check


@pytest.mark.parametrize("locale", LOCALES)
def test_every_topic_is_accessible(browser: Browser, server: DemoServer, locale: str) -> None:
    context = browser.new_context(locale=locale, **WITH_AXE)
    page = context.new_page()
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(server.url) else elsewhere.append(request.url))
    for path in ("/help", *(f"/help/{topic}" for topic in TOPICS), "/problems/patient-in-use"):
        page.goto(f"{server.url}{path}")
        check(page, path)
    assert elsewhere == []
    context.close()


def test_the_help_opens_beside_the_work(browser: Browser, server: DemoServer) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{server.url}/sign-in")
    page.keyboard.press("F1")
    with context.expect_page() as opened:
        page.keyboard.press("Enter")
    help_page = opened.value
    expect(help_page.get_by_role("heading", level=1)).to_have_text("Hilfe")
    help_page.get_by_role("link", name="Patient finden und öffnen").click()
    expect(help_page.get_by_role("heading", level=1)).to_have_text("Patient finden und öffnen")
    expect(page.locator("#shortcuts")).to_be_visible()
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_reading_aid_is_one_printed_page_with_its_signs(browser: Browser, server: DemoServer, locale: str) -> None:
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.goto(f"{server.url}/help/legend")
    sheet = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
    page.emulate_media(media="print")
    for sign in page.locator(".legend .level").all():
        expect(sign.locator("svg")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Drucken|Print"))).to_be_hidden()
    context.close()
