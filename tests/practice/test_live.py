"""What the others see at once: events with ids and versions, and never anything of a patient."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.practice.people import Surgery, verdict

Told = list[tuple[str, dict[str, Any]]]


@contextlib.contextmanager
def listening(surgery: Surgery, topics: str, told: Told) -> Iterator[http.client.HTTPResponse]:
    """A stream as a browser holds it; `told` fills while the block runs."""
    parts = urlsplit(surgery.server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("GET", f"/api/v1/events?topics={topics}", headers={"Authorization": f"Bearer {surgery.reception.token}"})
    stream = connection.getresponse()
    assert stream.headers.get_content_type() == "text/event-stream"
    assert stream.read1().startswith(b"retry:")
    try:
        yield stream
    finally:
        connection.close()
        stream.close()


def next_events(stream: http.client.HTTPResponse, count: int, told: Told) -> Told:
    """Read on until `count` events that are no ping have come."""
    while len(told) < count:
        for block in stream.read1().decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if lines and lines["event"] != "ping":
                told.append((lines["event"], msgspec.json.decode(lines["data"])))
    return told


def test_opening_writing_and_releasing_are_told(surgery: Surgery) -> None:
    patient = surgery.patient(family_name="Geheim")
    told: Told = []
    with listening(surgery, f"patient:{patient.id}", told) as stream:
        token = surgery.dentist.open_patient(patient.id).fencing_token
        surgery.dentist.add("medication", patient.id, token, text="Falithrom")
        surgery.opened()
        next_events(stream, 3, told)
    assert [topic for topic, _ in told] == ["opening", "patient", "opening"]
    assert told[1][1] == {"id": patient.id, "version": 2}
    assert all(set(content) == {"id", "version"} for _, content in told)


def test_a_silent_holder_is_told_as_free(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    told: Told = []
    with listening(surgery, f"patient:{patient_id}", told) as stream:
        surgery.server.pass_time(21)
        assert next_events(stream, 1, told) == [("opening", {"id": patient_id, "version": 0})]


def test_a_refused_write_tells_nothing(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    told: Told = []
    with listening(surgery, "patients", told) as stream:
        assert verdict(surgery.dentist.add, "notes", patient_id, "9.9", text="x")[0] == 412
        surgery.dentist.add("notes", patient_id, token, text="x")
        assert next_events(stream, 1, told) == [("patient", {"id": patient_id, "version": 2})]


def test_coming_and_going_of_windows_is_told(surgery: Surgery) -> None:
    told: Told = []
    with listening(surgery, "applications", told) as stream:
        surgery.second_window(surgery.dentist).close_application()
        assert [topic for topic, _ in next_events(stream, 2, told)] == ["applications", "applications"]


def test_unknown_topics_are_refused(surgery: Surgery) -> None:
    assert verdict(surgery.dentist.call, "GET", "/events?topics=secrets") == (422, "invalid-input")


def test_many_writers_of_one_moment_each_get_their_own_answer(surgery: Surgery) -> None:
    """Sixteen windows write at once to their own patients and one fights for a patient that is taken."""
    windows = [surgery.second_window(surgery.dentist) for _ in range(16)]
    contested = surgery.patient()
    patients = [surgery.patient() for _ in windows]
    won: list[int] = []
    kept: dict[int, list[str]] = {}
    ready = threading.Barrier(len(windows))

    def work(number: int) -> None:
        window, patient = windows[number], patients[number]
        token = window.open_patient(patient.id).fencing_token
        for step in range(5):
            window.add("notes", patient.id, token, text=f"{number}/{step}")
        kept[number] = [note.text for note in window.read_patient(patient.id).notes]
        ready.wait(10)
        with contextlib.suppress(Exception):
            window.open_patient(contested.id)
            won.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(windows))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert kept == {number: [f"{number}/{step}" for step in range(5)] for number in range(len(windows))}
    assert len(won) == 1
