"""The first steps of a practice that was just made, and its settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import miz
from miz.apps.bootstrap import data_folder, set_up_practice
from miz.infra.keys import groups_of
from miz.kernel.clock import FakeClock
from tests.apps.console.conftest import ADMIN, DENTIST, OWNER, Seat, seat_at
from tests.apps.console.test_applications import rows
from tests.practice.web.visitor import Visitor
from tests.support.paper_reader import PaperReader
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


def asked(text: str) -> list[int]:
    """The groups that the page asks for, by number."""
    return [int(number) for number in re.findall(r'name="group_(\d+)"', text)]


def test_the_sheet_is_given_once_and_two_of_its_groups_prove_it(fresh: Fresh) -> None:
    assert "noch nicht nachgewiesen" in fresh.owner.get(PATH).text
    assert "noch nicht nachgewiesen" in fresh.owner.get("/console").text
    assert asked(fresh.owner.get(PATH).text) == []
    sheet = fresh.owner.post(f"{PATH}/sheet", {"recovery_key": fresh.key})
    assert (sheet.status, sheet.headers["content-type"], sheet.headers["cache-control"]) == (200, "application/pdf", "no-store")
    with PaperReader(sheet.content) as reader:
        groups = dict(re.findall(r"\b(\d+) ([0-9A-Z]{3,5})\b", reader.text.partition("Gruppen:")[2].partition("Groß-")[0]))
    assert "AGE-SECRET-KEY-1" + "".join(groups.values()) == fresh.key

    page = fresh.owner.get(PATH).text
    numbers = asked(page)
    assert len(set(numbers)) == 2
    assert not any(group in page for group in groups.values())
    right = {f"group_{number}": groups[str(number)].lower() for number in numbers}
    first, second = right
    for wrong in ({**right, second: "xxxxx"}, {**right, second: ""}, {first: right[first]}, {**right, second: "ü"}):
        refused = fresh.owner.post(f"{PATH}/groups", wrong)
        assert refused.status == 422
        assert f"Gruppe {numbers[1]} stimmt nicht" in refused.text
        assert f"Gruppe {numbers[0]} stimmt nicht" not in refused.text
        assert asked(refused.text) == numbers
        assert not any(group in refused.text for group in groups.values())
    swapped = {first: right[second], second: right[first]}
    assert fresh.owner.post(f"{PATH}/groups", swapped).status == 422
    assert "noch nicht nachgewiesen" in fresh.owner.get("/console").text

    proved = fresh.owner.post(f"{PATH}/groups", right)
    assert proved.status == 200
    assert "Das ist der Schlüssel dieser Praxis." in proved.text
    assert "nachgewiesen" not in fresh.owner.get("/console").text
    assert "Nachgewiesen am" in fresh.owner.get(PATH).text
    assert asked(proved.text) == []
    fresh.server.stop()
    fresh.server.start()
    assert "nachgewiesen" not in seat_at(fresh.server.url, OWNER).get("/console").text


def test_the_groups_are_forgotten_with_the_process_and_never_written(fresh: Fresh) -> None:
    fresh.owner.post(f"{PATH}/sheet", {"recovery_key": fresh.key})
    numbers = asked(fresh.owner.get(PATH).text)
    fresh.server.stop()
    groups = [group.encode() for group in groups_of(fresh.key)[:-1]]
    for file in fresh.server.folder.path.parent.rglob("*"):
        assert not file.is_file() or not any(group in file.read_bytes() for group in groups), file
    fresh.server.start()
    owner = seat_at(fresh.server.url, OWNER)
    assert asked(owner.get(PATH).text) == []
    given = {f"group_{number}": groups_of(fresh.key)[number - 1] for number in numbers}
    assert owner.post(f"{PATH}/groups", given).headers["location"] == PATH
    assert "noch nicht nachgewiesen" in owner.get("/console").text


def test_no_sheet_for_another_key(fresh: Fresh) -> None:
    refused = fresh.owner.post(f"{PATH}/sheet", {"recovery_key": recovery_key()})
    assert refused.status == 422
    assert refused.headers["content-type"].startswith("text/html")
    assert asked(fresh.owner.get(PATH).text) == []


def test_the_whole_key_proves_it_too(fresh: Fresh) -> None:
    fresh.owner.post(f"{PATH}/key", {"recovery_key": fresh.key})
    assert "nachgewiesen" not in fresh.owner.get("/console").text


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
        for form in ("key", "sheet", "groups", "end", "later"):
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
