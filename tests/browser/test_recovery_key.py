"""The recovery key in the browser: made into a sheet in a tab of its own, and proved by two of its groups."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from miz.infra.keys import groups_of
from tests.browser.conftest import DemoServer
from tests.browser.test_accessibility import WITH_AXE, check
from tests.browser.window import Desk


def asked(page: Page) -> list[int]:
    """The groups that the page asks for, by number."""
    fields = page.locator("input[name^=group_]")
    expect(fields).to_have_count(2)
    return [int(str(field.get_attribute("name")).removeprefix("group_")) for field in fields.all()]


def test_the_sheet_is_printed_and_proved(desk: Callable[..., Desk], own_server: Callable[..., DemoServer]) -> None:
    practice = own_server()
    key = (Path(practice._folder.name) / "practice" / "recovery-key.txt").read_text().strip()
    page = desk("Dr. Kern", on=practice, **WITH_AXE).page
    page.goto(f"{practice.url}/console")
    page.get_by_role("link", name="Wiederherstellungsschlüssel nachweisen").click()
    page.locator("#recovery_key").fill(key)
    with page.context.expect_event("response", lambda response: response.url.endswith("/first-steps/sheet")) as arrived:
        page.get_by_role("button", name="Blatt erstellen (PDF)").click()
    assert (arrived.value.status, arrived.value.headers["content-type"]) == (200, "application/pdf")
    page.get_by_role("link", name="Das Blatt ist gedruckt").click()
    first, second = asked(page)
    page.get_by_label(f"Gruppe {first}", exact=True).fill(groups_of(key)[first - 1])
    page.get_by_label(f"Gruppe {second}", exact=True).fill("xxxxx")
    page.get_by_role("button", name="Gruppen bestätigen").click()
    expect(page.locator("#step-key ~ .notice.red[role=alert]")).to_contain_text(f"Gruppe {second} stimmt nicht")
    assert asked(page) == [first, second]
    check(page, "console: first steps, groups of the recovery key")
    page.get_by_label(f"Gruppe {first}", exact=True).fill(groups_of(key)[first - 1].lower())
    page.get_by_label(f"Gruppe {second}", exact=True).fill(groups_of(key)[second - 1])
    page.get_by_role("button", name="Gruppen bestätigen").click()
    expect(page.locator("#step-key ~ .notice.green")).to_contain_text("Das ist der Schlüssel dieser Praxis.")
    page.goto(f"{practice.url}/console")
    expect(page.get_by_role("heading", name="Übersicht").first).to_be_visible()
    assert not re.search("nachgewiesen", page.locator("main").inner_text())
