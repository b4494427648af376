"""What changed, told to whoever listens: event streams of the windows, and the server's own parts.

Events carry ids and versions, never patient data. Nothing is stored: a listener that was away asks again.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct

QUEUE_LIMIT = 1_000


class Event(Struct, frozen=True):
    """`topic` is what the event is about (`patient`, `applications`, …), `id` which one, `version` its newest state."""

    topic: str
    id: str = ""
    version: int = 0


RESYNC = Event("resync")
STOPPING = Event("stopping")


class EventBroker:
    """Hands events to the queues of listeners. To be used in the event loop only."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[Event | None], frozenset[str]] = {}

    def publish(self, events: Iterable[Event]) -> None:
        """Hand on; a listener too slow for its queue gets one `resync` instead of what it missed."""
        for event in events:
            for waiting, topics in self._listeners.items():
                if event.topic not in topics and f"{event.topic}:{event.id}" not in topics:
                    continue
                if waiting.qsize() >= QUEUE_LIMIT:
                    while not waiting.empty():
                        waiting.get_nowait()
                    waiting.put_nowait(RESYNC)
                else:
                    waiting.put_nowait(event)

    def close(self) -> None:
        """Tell every listener that the server stops and there will be no more: each queue ends with `STOPPING` and None."""
        for waiting in self._listeners:
            waiting.put_nowait(STOPPING)
            waiting.put_nowait(None)

    @contextmanager
    def listening(self, topics: Iterable[str]) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of the events on `topics` (`patient` for all, `patient:<id>` for one) for as long as the block runs."""
        waiting: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners[waiting] = frozenset(topics)
        try:
            yield waiting
        finally:
            del self._listeners[waiting]
