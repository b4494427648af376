"""Displays of the tests: paired for a room, they ask for what is shown there."""

import asyncio
import contextlib
import http.client
import json
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import insert, select, update

from miz.access.devices.model import Kind, hash_of
from miz.access.tables import device, room, workplace
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
        """End the pairing."""
        in_writer(
            self.server, lambda tx: tx.connection.execute(update(device).where(device.c.id == self.device_id).values(revoked_at=tx.now))
        )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        parts = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            yield connection
        finally:
            connection.close()


def paired(server: ServerThread, place: str = "Zimmer 2", kind: Kind = "display") -> Display:
    """A device paired for a room (a display) or a workplace."""
    token, device_id = secrets.token_urlsafe(32), str(uuid.uuid4())

    def pair(tx: Transaction) -> None:
        where = room if kind == "display" else workplace
        place_id = tx.connection.execute(select(where.c.id).where(where.c.name == place)).scalar_one()
        tx.connection.execute(
            insert(device).values(
                id=device_id, name=f"{kind} {device_id[:4]}", kind=kind, token_hash=hash_of(token), added_at=tx.now, paired_at=tx.now,
                paired_by="test", **{"room_id" if kind == "display" else "workplace_id": place_id},
            )
        )  # fmt: skip

    in_writer(server, pair)
    return Display(server, device_id, token)
