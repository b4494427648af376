"""HTTP/1.1 and HTTP/2, with or without TLS, for one application on one socket (ADR 0013).

granian speaks the protocols in threads of its own, outside of the interpreter; here its requests become a `Call`, and
an `Answer` goes back with the headers that every answer bears.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]
from granian.server.embed import Server

from miz.infra.http import BODY_LIMIT_BYTES, SECURITY_HEADERS, App, BodyTooLargeError, BodyTooSlowError, Call, Headers, Reply, Stream
from miz.kernel.errors import MizError, UnparsableInputError

# `reliability.md` E2: who sends or reads slower than this is let go.
HEADER_DEADLINE_S = 10
BODY_DEADLINE_S = 10
UNREAD_DEADLINE_S = 12
CONNECTIONS = 1_000
# How long a stop waits for the answers that are under way.
GRACE_S = 2.0
_CUT_OFF_BYTES = 16 * BODY_LIMIT_BYTES
# Instead of the program's own name.
_SERVER = ("server", "miz")
_NO_STORE = ("cache-control", "no-store")
_JOINTS = {"cookie": "; "}


class PortInUseError(MizError):
    """Another program listens at this address."""

    code = "port-in-use"
    title = "Another program uses port {port} of this computer."
    kind = "conflict"
    hint = "Choose another port with --port."


class TlsFiles(NamedTuple):
    """Where the certificate with its chain and its key lie, both PEM."""

    certificate: Path
    key: Path


class WebServer:
    """Serves `app` on `listener` from `start` to `stop`; all of it in the running event loop.

    It owns `listener` from the start on.
    """

    def __init__(self, app: App, listener: socket.socket, *, tls: TlsFiles | None = None) -> None:
        self._app = app
        self._listener = listener
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._program = _Program(
            listener, self._answer, interface=Interfaces.RSGI, websockets=False, log_enabled=False, backpressure=CONNECTIONS,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_DEADLINE_S * 1_000),
            http2_settings=HTTP2Settings(keep_alive_interval=HEADER_DEADLINE_S * 1_000, keep_alive_timeout=5, max_headers_size=64 * 1024),
            ssl_cert=tls.certificate if tls else None, ssl_key=tls.key if tls else None, ssl_protocol_min=SSLProtocols.tls12,
        )  # fmt: skip

    async def start(self) -> None:
        """Answer from now on."""
        self._serving = asyncio.create_task(self._program.serve())
        await asyncio.sleep(0)

    def use(self, tls: TlsFiles) -> None:
        """Show another certificate to new connections; those that stand are let go, and browsers come again by themselves."""
        self._program.show(tls)

    async def stop(self) -> None:
        """Finish what is under way, within `GRACE_S`, and take no more. Streams must have been told to end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._is_idle.wait()
        self._program.stop()  # type: ignore[no-untyped-call]
        # A half-open connection would hold up the program's own end until its deadline; nobody waits for that.
        await asyncio.wait({self._serving}, timeout=0.2)
        self._serving.cancel()
        await asyncio.wait({self._serving})
        self._listener.close()

    async def _answer(self, scope: Scope, proto: HTTPProtocol) -> None:
        self._under_way += 1
        self._is_idle.clear()
        try:
            headers = _headers_of(scope)
            body = _Body(scope, proto, headers)
            answer = await self._app(
                Call(
                    scope.method, scope.path, headers, query_string=scope.query_string, address=_address_of(scope.client),
                    is_secure=scope.scheme == "https", read=body.read,
                )
            )  # fmt: skip
            await body.hear_out()
            if isinstance(answer, Reply):
                content = answer.content.encode() if isinstance(answer.content, str) else answer.content
                proto.response_bytes(answer.status, [("content-type", answer.media_type), *_with_standing(answer.headers)], content)
            else:
                await _send_stream(proto, answer)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_idle.set()


class _Program(Server):
    """granian on a socket that is already bound, so that a free port can be asked for and a taken one is told."""

    def __init__(self, listener: socket.socket, target: Any, **settings: Any) -> None:
        super().__init__(target, **settings)
        self._listener = listener

    def show(self, tls: TlsFiles) -> None:
        self.build_ssl_context(tls.certificate, tls.key, None, SSLProtocols.tls12, None, [], client_verify=False)
        self._init_shared_socket()
        self.reload()  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # Whoever accepts connections closes the socket at its end, so each gets one of its own.
        self._shd: Any = SocketHolder(self._listener.dup().detach(), False, CONNECTIONS)  # type: ignore[call-arg]


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises `PortInUseError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        # Who takes no bytes for so long has gone; accepted connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_DEADLINE_S * 1_000)
    try:
        listener.bind((host, port))
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        raise PortInUseError(port=port) from error
    listener.setblocking(False)
    return listener


def _headers_of(scope: Scope) -> dict[str, str]:
    """All headers; HTTP/2 names the host apart, and both versions may send one header in several parts."""
    headers: dict[str, str] = {}
    for name, value in scope.headers.items():
        headers[name] = f"{headers[name]}{_JOINTS.get(name, ', ')}{value}" if name in headers else value
    if scope.authority and "host" not in headers:
        headers["host"] = scope.authority
    return headers


def _address_of(client: str) -> str:
    return client.rpartition(":")[0].strip("[]")


def _with_standing(headers: Headers) -> list[tuple[str, str]]:
    """An answer's own headers with those that every answer bears."""
    if any(name == "cache-control" for name, _ in headers):
        return [*headers, _SERVER, *SECURITY_HEADERS]
    return [*headers, _SERVER, _NO_STORE, *SECURITY_HEADERS]


class _Body:
    """The body of one request, read when somebody wants it."""

    __slots__ = ("_headers", "_is_framed", "_is_read", "_proto")

    def __init__(self, scope: Scope, proto: HTTPProtocol, headers: Mapping[str, str]) -> None:
        self._proto = proto
        self._headers = headers
        # HTTP/1.1 announces a body with one of two headers, HTTP/2 may leave both out.
        self._is_framed = scope.http_version.startswith("2") or "transfer-encoding" in headers
        self._is_read = False

    async def hear_out(self) -> None:
        """Take what nobody has read. An answer that overtakes its request's body would close the connection under the next request."""
        if not self._is_read:
            # Whoever sends too much, too slowly or no more gets the answer all the same, and loses only the connection.
            with contextlib.suppress(BodyTooLargeError, BodyTooSlowError, UnparsableInputError):
                await self.read()

    async def read(self) -> bytes:
        self._is_read = True
        length = self._headers.get("content-length")
        if length == "0" or (length is None and not self._is_framed):
            return b""
        is_small = length is not None and length.isdecimal() and int(length) <= BODY_LIMIT_BYTES
        try:
            async with asyncio.timeout(BODY_DEADLINE_S):
                return await self._proto() if is_small else await self._read_parts()
        except TimeoutError as error:
            raise BodyTooSlowError from error
        except RuntimeError as error:  # the client has gone
            raise UnparsableInputError from error

    async def _read_parts(self) -> bytes:
        parts, size = [], 0
        async for part in self._proto:
            size += len(part)
            if size <= BODY_LIMIT_BYTES:
                parts.append(part)
            elif size > _CUT_OFF_BYTES:
                break
        # Clients send all before they listen: who sends too much is heard out, who sends far too much is cut off.
        if size > BODY_LIMIT_BYTES:
            raise BodyTooLargeError
        return b"".join(parts)


async def _send_stream(proto: HTTPProtocol, stream: Stream) -> None:
    headers = [("content-type", "text/event-stream"), ("x-accel-buffering", "no"), *_with_standing(stream.headers)]
    transport = proto.response_stream(200, headers)

    async def send_all() -> None:
        async for chunk in stream.chunks:
            await transport.send_bytes(chunk)

    async def wait_for_hang_up() -> None:
        await proto.client_disconnect()

    tasks = [asyncio.ensure_future(send_all()), asyncio.ensure_future(wait_for_hang_up())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
