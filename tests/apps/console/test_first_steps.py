"""The first steps of a practice that was just made, and its settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import miz
from miz.apps.bootstrap import data_folder, set_up_practice
from miz.kernel.clock import FakeClock
from tests.apps.console.conftest import ADMIN, DENTIST, OWNER, Seat, seat_at
from tests.apps.console.test_applications import rows
from tests.practice.web.visitor import Visitor
from tests.support.practice import PASSWORD, PLACES, ServerThread, fresh_source, recovery_key, settings_for

PATH = "/console/first-steps"


class Fresh(NamedTuple):
    """A practice as `miz init` leaves it, with its only user signed in."""

    server: ServerThread
    owner: Visitor
    key: str


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Fresh]:
    fresh_source(tmp_path)
    folder = data_folder(tmp_path / "practice")
    key = set_up_practice(
        folder,
        settings_for(folder),
        practice="Neue Praxis",
        owner=OWNER,
        owner_roles=["dentist", "owner"],
        password=PASSWORD,
        places=PLACES,
    )
    server = ServerThread(folder, FakeClock())
    server.start()
    yield Fresh(server, seat_at(server.url, OWNER), key)
    server.stop()


def leads_to(visitor: Visitor) -> str | None:
    return visitor.get("/").headers["location"]


def test_the_owner_of_a_new_practice_is_led_to_the_first_steps(fresh: Fresh) -> None:
    assert leads_to(fresh.owner) == PATH
    text = fresh.owner.get(PATH).text
    assert "Praxis einrichten" in text
    assert "Empfang · Zimmer 1 · Zimmer 2" in re.sub(r"\s+", " ", text)
    assert f"<b>{OWNER}</b>: Zahnarzt/Zahnärztin, Praxisinhaber/in" in text
    for address in ("/console/places", "/console/users"):
        assert f'href="{address}"' in text
        assert fresh.owner.get(address).status == 200
    assert fresh.key not in text


def test_later_means_this_browser_until_it_is_closed(fresh: Fresh) -> None:
    later = fresh.owner.post(f"{PATH}/later")
    assert (later.status, later.headers["location"]) == (303, "/")
    cookie = later.headers["set-cookie"]
    assert not re.search("max-age|expires", cookie, re.IGNORECASE)
    assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    session = fresh.owner.cookie
    fresh.owner.cookie = f"{session}; {cookie.split(';')[0]}"
    assert fresh.owner.get("/").status == 200
    fresh.owner.cookie = session
    assert leads_to(fresh.owner) == PATH


def test_the_key_on_paper_is_checked_and_shown_nowhere(fresh: Fresh) -> None:
    right = fresh.owner.post(f"{PATH}/key", {"recovery_key": fresh.key})
    assert right.status == 200
    assert "Das ist der Schlüssel dieser Praxis." in right.text
    for wrong in (recovery_key(), fresh.key[:-1], "", "x" * 200):
        refused = fresh.owner.post(f"{PATH}/key", {"recovery_key": wrong})
        assert refused.status == 422
        assert "Dieser Schlüssel öffnet diese Praxis nicht." in refused.text
        assert 'aria-invalid="true"' in refused.text
        assert not wrong or wrong not in refused.text
    assert fresh.key not in right.text


def test_done_is_done_for_every_browser_and_after_a_restart(fresh: Fresh) -> None:
    done = fresh.owner.post(f"{PATH}/end")
    assert (done.status, done.headers["location"]) == (303, "/")
    assert fresh.owner.get("/").status == 200
    assert f"{PATH}/later" not in fresh.owner.get(PATH).text
    fresh.server.stop()
    fresh.server.start()
    assert seat_at(fresh.server.url, OWNER).get("/").status == 200


def test_nobody_else_is_led_there(seats: Seat) -> None:
    for user in (ADMIN, DENTIST, "Hr. Technik", "Fr. Assistenz"):
        assert seats(user).get(PATH).status == 403, user
        for form in ("key", "end", "later"):
            assert seats(user).post(f"{PATH}/{form}").status == 403, (user, form)
    assert seats(OWNER).get("/").status == 200


def test_settings_say_their_value_preset_and_place(server: ServerThread, admin: Visitor, setup_mode: None) -> None:
    lines = rows(admin.get("/console/settings").text)
    assert "Kontrollintervall 5&nbsp;s geändert 30&nbsp;s Modus" in lines
    assert "Im Betriebsmodus starten Ja Ja Modus" in lines
    assert "Bildschirmsperre ohne Eingabe 15&nbsp;min 15&nbsp;min beim Start des Servers durch MIZ_IDLE_LOCK_MIN" in lines
    assert admin.post("/console/mode/interval", {"seconds": "30"}).status == 303
    assert "Kontrollintervall 30&nbsp;s 30&nbsp;s Modus" in rows(admin.get("/console/settings").text)
    admin.post("/console/mode/interval", {"seconds": "5"})


def test_settings_say_what_this_server_is(server: ServerThread, admin: Visitor) -> None:
    text = admin.get("/console/settings").text
    for fact in ("Testpraxis", miz.__version__, f"<code>{server.folder.path}</code>"):
        assert f"<dd>{fact}</dd>" in text
