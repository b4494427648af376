"""Who sees which screen, and what stands around it."""

import re

import pytest

from tests.apps.console.conftest import ADMIN, DENTIST, OWNER, Seat
from tests.practice.web.visitor import Visitor

SCREENS = {
    "/console": {OWNER, ADMIN, "Hr. Technik"},
    "/console/applications": {OWNER, ADMIN, DENTIST},
    "/console/leases": {OWNER, ADMIN},
    "/console/mode": {OWNER, ADMIN},
    "/console/users": {OWNER, ADMIN, "Fr. Datenschutz"},
    "/console/places": {OWNER, ADMIN},
    "/console/databases": {OWNER, ADMIN, "Hr. Technik"},
    "/console/backups": {OWNER, ADMIN, "Hr. Technik", "Fr. Datenschutz"},
    "/console/erasure": {OWNER, DENTIST},
    "/console/trail": {OWNER, ADMIN, "Fr. Datenschutz"},
    "/console/certificate": {OWNER, ADMIN, "Hr. Technik"},
    "/console/settings": {OWNER, ADMIN},
}
PEOPLE = (OWNER, ADMIN, DENTIST, "Hr. Technik", "Fr. Datenschutz", "Fr. Assistenz", "Fr. Empfang")
FIRST_SCREEN = {DENTIST: "/console/applications", "Fr. Datenschutz": "/console/users"}
FORMS = (
    "/console/applications/message", "/console/applications/x/disconnect", "/console/applications/devices",
    "/console/applications/devices/x/code", "/console/applications/devices/x/revocation", "/console/leases/x/end", "/console/mode",
    "/console/mode/start", "/console/mode/interval", "/console/certificate/renewal", "/console/certificate/names",
    "/console/backups/plan",
)  # fmt: skip


def links(text: str) -> list[str]:
    """Where the page leads to within the console, the form of the language left aside."""
    return re.findall(r'href="(/console[^"#?]*)"', text)


@pytest.mark.parametrize("user", PEOPLE)
def test_a_role_sees_its_screens_and_is_led_to_no_other(seats: Seat, user: str) -> None:
    visitor = seats(user)
    own = {path for path, people in SCREENS.items() if user in people}
    for path in SCREENS.keys() - own:
        answer = visitor.get(path)
        first = FIRST_SCREEN.get(user) if path == "/console" else None
        assert (answer.status, answer.headers["location"]) == ((303, first) if first else (403, None)), path
    for path in own:
        answer = visitor.get(path)
        assert answer.status == 200, path
        reached = {link for link in links(answer.text) if not link.startswith("/console/first-steps")}
        assert own <= reached | {path}, path
        assert reached <= own, path
        assert f'href="{path}" aria-current="page"' in answer.text


def test_who_may_search_no_patients_begins_at_the_console(seats: Seat) -> None:
    for user, first in {"Fr. Datenschutz": "/console/users", "Hr. Technik": None}.items():
        visitor = seats(user)
        begun = visitor.get("/")
        assert (begun.status, begun.headers["location"]) == (303, "/console")
        assert visitor.get("/console").headers["location"] == first
        assert 'href="/"' not in visitor.get(first or "/console").text


@pytest.mark.parametrize("path", FORMS)
def test_only_who_may_sends_a_form_and_only_from_a_page_of_this_server(seats: Seat, path: str) -> None:
    for user in (DENTIST, "Hr. Technik", "Fr. Datenschutz", "Fr. Assistenz"):
        assert seats(user).post(path).status == 403, user
    assert seats(ADMIN).post(path, None, **{"sec-fetch-site": "cross-site"}).status == 403
    assert 'id="mode-title">Betriebsmodus' in seats(ADMIN).get("/console/mode").text


def test_the_frame_says_mode_and_language(admin: Visitor, seats: Seat) -> None:
    assert re.search(r'<a class="pill mine" href="/console/mode">Betriebsmodus</a>', admin.get("/console").text)
    assert "Operating mode" in admin.get("/console", **{"accept-language": "en"}).text
    technician = seats("Hr. Technik")
    assert '<span class="pill mine">Betriebsmodus</span>' in technician.get("/console").text
    assert re.search(r'id="setup-mode" role="status" hidden', technician.get("/console").text)
    admin.post("/console/mode", {"mode": "setup", "now": "1"})
    assert '<span class="pill other">Anmeldungs- und Einstellungsmodus</span>' in technician.get("/console").text
    assert re.search(r'id="setup-mode" role="status">', technician.get("/console").text)


def test_a_page_carries_no_script_and_no_style_of_its_own(owner: Visitor) -> None:
    for path in SCREENS:
        text = owner.get(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", text), path
