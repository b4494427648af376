"""A display shows the room it was paired for, whatever its address says."""

import pytest

from miz.apps.viewer.display import is_same_room
from tests.support.displays import Display, paired
from tests.support.practice import ServerThread


@pytest.mark.parametrize(
    ("room", "asked", "is_same"),
    [
        ("Zimmer 2", None, True), ("Zimmer 2", "2", True), ("Zimmer 2", "Zimmer 2", True), ("Zimmer 2", " zimmer 2 ", True),
        ("Zimmer 2", "1", False), ("Zimmer 12", "2", False), ("Zimmer 2", "", False), ("Prophylaxe", "prophylaxe", True), ("Zimmer 2", "Zimmer", False),
    ],
)  # fmt: skip
def test_an_address_names_a_room_by_its_name_or_number(room: str, asked: str | None, is_same: bool) -> None:
    assert is_same_room(room, asked) is is_same


@pytest.mark.parametrize("query", ["", "?room=2", "?room=Zimmer%202"])
def test_its_own_room_is_shown(display: Display, query: str) -> None:
    status, _, page = display.ask("GET", f"/viewer{query}")
    assert status == 200
    assert "Zimmer 2 · nur Anzeige" in page
    assert display.ask("GET", f"/viewer/screen{query}")[0] == 200


@pytest.mark.parametrize("asked", ["1", "Zimmer 1", "<script>alert(1)</script>", ""])
def test_another_room_is_refused_with_a_sentence(display: Display, asked: str) -> None:
    query = "?room=" + "".join(f"%{byte:02x}" for byte in asked.encode())
    status, _, page = display.ask("GET", f"/viewer{query}")
    assert status == 403
    assert "Diese Anzeige gehört zu Zimmer 2" in page
    assert "<script>alert" not in page
    for path in ("/viewer/screen", "/viewer/events"):
        status, _, told = display.ask("GET", path + query)
        assert status == 403
        assert "other-room" in told


def test_the_frame_holds_no_patient_and_asks_for_nothing_from_outside(display: Display) -> None:
    _, headers, page = display.ask("GET", "/viewer")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "data-of" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_what_was_chosen_at_the_display_comes_with_its_page(display: Display) -> None:
    cookies = f"miz_device={display.token}; miz_viewer_theme=dark; miz_viewer_size=3; miz_viewer_discreet=1; miz_theme=light"
    _, _, page = display.ask("GET", "/viewer", Cookie=cookies)
    assert 'data-theme="dark"' in page
    assert 'data-size="3"' in page
    assert 'aria-pressed="true"' in page
    odd = f"miz_device={display.token}; miz_viewer_theme=pink; miz_viewer_size=99"
    _, _, page = display.ask("GET", "/viewer", Cookie=odd)
    assert 'data-theme="system"' in page
    assert 'data-size="0"' in page


def test_a_workplace_is_no_display(server: ServerThread) -> None:
    workplace = paired(server, "Zimmer 2", kind="workplace")
    status, _, page = workplace.ask("GET", "/viewer?room=2")
    assert (status, "Nicht gekoppelt" in page) == (401, True)
    assert workplace.ask("GET", "/viewer/screen")[0] == 401
