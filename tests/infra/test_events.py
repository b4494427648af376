"""Who listens gets what concerns them, and is told when something was missed."""

import asyncio

import pytest

from miz.apps.system_api import topics_of
from miz.infra.events import QUEUE_LIMIT, RESYNC, STOPPING, Event, EventBroker
from miz.kernel.errors import InvalidInputError


def drained(waiting: "asyncio.Queue[Event | None]") -> list[Event | None]:
    return [waiting.get_nowait() for _ in range(waiting.qsize())]


def test_a_listener_gets_its_topics_only() -> None:
    broker = EventBroker()
    with broker.listening(["patient"]) as everyone, broker.listening(["patient:a", "applications"]) as one:
        broker.publish([Event("patient", "a", 2), Event("patient", "b", 7), Event("applications"), Event("opening", "a")])
        assert drained(everyone) == [Event("patient", "a", 2), Event("patient", "b", 7)]
        assert drained(one) == [Event("patient", "a", 2), Event("applications")]


def test_after_the_block_nobody_listens() -> None:
    broker = EventBroker()
    with broker.listening(["patient"]) as waiting:
        pass
    broker.publish([Event("patient", "a", 2)])
    broker.close()
    assert drained(waiting) == []


def test_a_listener_that_is_too_slow_is_told_to_ask_again() -> None:
    broker = EventBroker()
    with broker.listening(["patient"]) as slow:
        broker.publish(Event("patient", "a", version) for version in range(QUEUE_LIMIT))
        assert slow.qsize() == QUEUE_LIMIT
        broker.publish([Event("patient", "a", 5_000), Event("patient", "a", 5_001)])
        assert drained(slow) == [RESYNC, Event("patient", "a", 5_001)]


def test_closing_ends_every_stream() -> None:
    broker = EventBroker()
    with broker.listening(["patient"]) as first, broker.listening(["applications"]) as second:
        broker.close()
        assert drained(first) == drained(second) == [STOPPING, None]


def test_topics_are_read_from_the_address() -> None:
    assert topics_of("patients,applications") == ["patient", "opening", "draft", "applications", "notice", "mode", "device", "database"]
    assert topics_of("patient:7") == ["patient:7", "opening:7", "draft:7"]
    for unknown in ("", "patients,secrets"):
        with pytest.raises(InvalidInputError):
            topics_of(unknown)
