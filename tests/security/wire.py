"""An attacker's client: sends exactly the bytes it is told over real connections, and reads what comes back."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import msgspec

Headers = Mapping[str, str]
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What the server said; `status` 0 when it hung up without a word."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    content: bytes = b""

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known == name), "")

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.content)

    @property
    def code(self) -> str:
        """The problem's code, of a page or of a problem document; empty when it is none."""
        if self.header("content-type") == "application/problem+json":
            return str(self.json["code"])
        return self.header("miz-problem")

    def cookies(self) -> dict[str, str]:
        """What the browser is asked to keep, by name, with all attributes."""
        return {value.partition("=")[0]: value for name, value in self.headers if name == "set-cookie"}


class Wire:
    """Some connections to one server, kept open; a request waits for a free one. They come from `address`, else from the server itself."""

    def __init__(self, url: str, *, connections: int = 4, address: str = "") -> None:
        parts = urlsplit(url)
        self.host, self.port, self.is_secure = parts.hostname or "", parts.port or 0, parts.scheme == "https"
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.Queue()
        for _ in range(connections):
            self._free.put_nowait(None)
        self._opened: list[asyncio.StreamWriter] = []
        self.asked = 0
        self._from = (address, 0) if address else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self._opened:
            writer.close()
        for writer in self._opened:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    async def ask(self, method: str, target: str, headers: Headers | None = None, body: bytes = b"") -> Answer:
        """One request; the start of a stream is its answer."""
        sent = {
            "host": self.authority,
            "content-length": str(len(body)),
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        return await self.send("\r\n".join(lines).encode("utf-8") + body)

    async def form(self, target: str, fields: Mapping[str, str] | Iterable[tuple[str, str]], headers: Headers | None = None) -> Answer:
        """Submit a form."""
        body = urlencode(list(fields.items()) if isinstance(fields, Mapping) else list(fields)).encode()
        return await self.ask("POST", target, {"content-type": FORM, **(headers or {})}, body)

    async def send(self, request: bytes) -> Answer:
        """These bytes, whatever they are."""
        self.asked += 1
        connection = await self._free.get()
        try:
            if connection is None or connection[0].at_eof() or connection[1].is_closing():
                context = ssl._create_unverified_context() if self.is_secure else None
                if connection is not None:
                    connection[1].close()
                connection = await asyncio.open_connection(self.host, self.port, ssl=context, limit=2**22, local_addr=self._from)
                self._opened.append(connection[1])
            reader, writer = connection
            writer.write(request)
            answer, may_stay = await asyncio.wait_for(_read(reader), 20)
            if not may_stay:
                writer.close()
                connection = None
            return answer
        finally:
            self._free.put_nowait(connection)


async def _read(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return Answer(0), False
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)]
    answer = Answer(int(head[0].split()[1]), headers)
    if answer.header("content-type") == "text/event-stream":
        return answer, False
    may_stay = answer.header("connection") != "close"
    if length := answer.header("content-length"):
        return Answer(answer.status, headers, await reader.readexactly(int(length))), may_stay
    if answer.header("transfer-encoding") == "chunked":
        content = b""
        while size := int(await reader.readline(), 16):
            content += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return Answer(answer.status, headers, content), may_stay
    return answer, may_stay
