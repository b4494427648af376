"""A practice that is served with TLS, and somebody who speaks to it header by header."""

import asyncio
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from miz.infra.http import Answer, App, Call, Reply
from tests.support.practice import ServerThread, served

NAME = "miz.internal"


@dataclass
class Heard:
    """One answer: status, all headers, content; of a stream only its beginning."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    content: bytes


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> Heard:
    """One request on a connection of its own; whom it reaches is not asked here."""
    parts = urlsplit(url)
    trusting = ssl._create_unverified_context()
    connection = (
        http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=10, context=trusting)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    )
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = b"" if answer.headers.get_content_type() == "text/event-stream" else answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Heard(answer.status, found, answer.headers.get_all("set-cookie") or [], content)
    finally:
        connection.close()


def heard_by(app: App, call: Call) -> Reply:
    """What an application answers, asked without any network."""

    async def hear() -> Answer:
        return await app(call)

    answer = asyncio.run(hear())
    assert isinstance(answer, Reply)
    return answer


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("secure"), is_secure=True) as server:
        yield server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("plain")) as server:
        yield server
