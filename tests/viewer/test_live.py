"""The display hears at once what changes in its room, and nothing of other rooms; when its pairing ends, it is nobody."""

import re
import time
from collections.abc import Callable
from typing import Any

from tests.practice.people import Surgery
from tests.support.displays import Display, paired

WITHIN_S = 1.0


def test_what_changes_in_the_room_is_told_within_a_second(surgery: Surgery, display: Display) -> None:
    patient = surgery.patient()

    def change() -> None:
        token = surgery.assistant.open_patient(patient.id).fencing_token
        surgery.assistant.change_patient(patient.id, token, planned=["Füllung"])

    with display.listening() as events:
        kind, rest = next(events)
        assert (kind, set(rest)) == ("show", {"stamp", "program"})
        told = rest
        acts: list[Callable[[], Any]] = [
            lambda: surgery.assistant.open_patient(patient.id), change, lambda: surgery.assistant.release_patient(patient.id)
        ]  # fmt: skip
        for act in acts:
            began = time.monotonic()
            act()
            kind, told = next(event for event in events if event[0] == "show")
            assert time.monotonic() - began < WITHIN_S
            assert told["stamp"] == re.findall(r'data-stamp="(\w+)"', display.screen())[0]
        assert told["stamp"] == rest["stamp"], "closed is rest at once"


def test_signs_of_life_come_every_two_seconds_and_other_rooms_are_not_heard(surgery: Surgery, display: Display) -> None:
    with display.listening() as events:
        next(events)
        surgery.opened()
        began = time.monotonic()
        assert [next(events)[0], next(events)[0]] == ["ping", "ping"]
        assert 2.5 < time.monotonic() - began < 6.5


def test_the_stream_carries_no_patient(surgery: Surgery, display: Display) -> None:
    patient = surgery.patient(family_name="Heimlich")
    surgery.assistant.open_patient(patient.id)
    with display.listening() as events:
        _, told = next(events)
    assert patient.id not in str(told)
    assert len(told["stamp"]) == 16


def test_a_revoked_display_is_told_within_a_second_and_sees_nothing_more(surgery: Surgery) -> None:
    display = paired(surgery.server)
    surgery.assistant.open_patient(surgery.patient(family_name="Verborgen").id)
    with display.listening() as events:
        next(events)
        began = time.monotonic()
        display.revoke()
        assert next(event for event in events if event[0] != "ping")[0] == "revoked"
        assert time.monotonic() - began < 1.5 * WITHIN_S
        assert next(events, None) is None
    assert display.ask("GET", "/viewer/screen")[0] == 401
    status, _, page = display.ask("GET", "/viewer")
    assert status == 401
    assert "Nicht gekoppelt" in page
    assert 'href="/pair"' in page
    assert "VERBORGEN" not in page


def test_who_is_online_is_known_while_the_stream_lasts(surgery: Surgery) -> None:
    display, viewer = paired(surgery.server, "Zimmer 1"), surgery.server.server.viewer
    assert [online for online in viewer.viewers_online() if online.device_id == display.device_id] == []
    with display.listening() as first, display.listening() as second:
        next(first), next(second)
        online = [online for online in viewer.viewers_online() if online.device_id == display.device_id]
        assert [(one.room, one.since) for one in online] == [("Zimmer 1", surgery.server.clock.instant)]
    end = time.monotonic() + 5
    while any(online.device_id == display.device_id for online in viewer.viewers_online()):
        assert time.monotonic() < end
        time.sleep(0.05)
