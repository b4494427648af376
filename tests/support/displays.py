"""Displays of the tests: paired for a room, they ask for what is shown there."""

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from miz.access.codes import new_token, token_hash
from miz.access.devices import store
from miz.access.devices.model import Kind
from miz.access.sessions import LOCAL
from miz.access.workplaces.rows import find_room, find_workplace
from miz.infra.db.writer import Transaction
from tests.support.practice import ServerThread

Answer = tuple[int, dict[str, str], str]
T = TypeVar("T")


def in_writer(server: ServerThread, work: Callable[[Transaction], T]) -> T:
    """Have the server's own writer run a unit of work, from the thread of the test."""
    done = threading.Event()
    answers: list[T] = []

    def tell(finished: asyncio.Future[T]) -> None:
        answers.append(finished.result())
        done.set()

    server.server._housekeeping.get_loop().call_soon_threadsafe(lambda: server.server.writer.run(work).add_done_callback(tell))
    assert done.wait(10)
    return answers[0]


@dataclass
class Display:
    """A browser that shows the cookie of a paired device."""

    server: ServerThread
    device_id: str
    token: str

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """One request; a stream is left after its first headers."""
        with self._connected() as connection:
            sent = {"Cookie": f"miz_device={self.token}", "Accept-Language": "de", "Sec-Fetch-Site": "same-origin"}
            sent |= {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            content = b"" if response.headers.get_content_type() == "text/event-stream" else response.read()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, content.decode()

    def screen(self, **cookies: str) -> str:
        """What the room shows now."""
        chosen = "; ".join([f"miz_device={self.token}", *(f"miz_viewer_{name}={value}" for name, value in cookies.items())])
        status, _, content = self.ask("GET", "/viewer/screen", Cookie=chosen)
        assert status == 200, content
        return content

    @contextlib.contextmanager
    def listening(self) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
        """The events of the stream, one after the other, each as name and content."""
        with self._connected() as connection:
            connection.request("GET", "/viewer/events", headers={"Cookie": f"miz_device={self.token}"})
            response = connection.getresponse()
            assert response.status == 200

            def events() -> Iterator[tuple[str, dict[str, Any]]]:
                name = ""
                while line := response.readline().decode():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ").strip()
                    elif line.startswith("data: "):
                        yield name, json.loads(line.removeprefix("data: "))

            yield events()

    def revoke(self) -> None:
        """End the pairing, as the console does."""
        server = self.server.server
        told = asyncio.run_coroutine_threadsafe(server.devices.revoke(LOCAL, self.device_id), server._housekeeping.get_loop())
        told.result(10)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        parts = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            yield connection
        finally:
            connection.close()


def paired(server: ServerThread, place: str = "Zimmer 2", kind: Kind = "display") -> Display:
    """A device paired for a room (a display) or a workplace; without the code, which is issued in setup mode only."""
    token = new_token()

    def pair(tx: Transaction) -> str:
        room = find_room(tx.connection, place) if kind == "display" else None
        workplace = find_workplace(tx.connection, place) if kind == "workplace" else None
        device_id = store.insert_device(
            tx.connection, name=f"{kind} {token[:8]}", kind=kind, room_id=room.id if room else None,
            workplace_id=workplace.id if workplace else None, now=tx.now,
        )  # fmt: skip
        store.pair(tx.connection, device_id, token_hash=token_hash(token), paired_by="test", now=tx.now)
        return device_id

    return Display(server, in_writer(server, pair), token)
