"""The door before all applications: requests for other hosts are refused; under its name the server asks for TLS for ever.

A page of a foreign site can bend its own name to the server's address (DNS rebinding) and then counts, to the browser,
as a page of this server. Its requests still bear the foreign name.
"""

from collections.abc import Callable
from urllib.parse import SplitResult

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miz.infra.certificates.names import is_address
from miz.infra.http import ErrorFace, ForeignHostError, send_problem

_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class KnownHosts:
    """`app`, for requests that name a host of which `answers_to` says that it is this server."""

    def __init__(self, app: ASGIApp, *, answers_to: Callable[[str], bool], face: ErrorFace) -> None:
        self._app = app
        self._answers_to = answers_to
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host_of(scope)
        if host is None or not self._answers_to(host):
            await send_problem(ForeignHostError(), scope, send, self._face)
        elif scope["scheme"] == "https" and not is_address(host) and host != "localhost":
            await self._app(scope, receive, _strictly(send))
        else:
            await self._app(scope, receive, send)


def _strictly(send: Send) -> Send:
    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _STRICT_TRANSPORT]
        await send(message)

    return send_with_header


def _host_of(scope: Scope) -> str | None:
    """The host that the request names, without its port; None when it names none, or several."""
    named = [value for name, value in scope["headers"] if name == b"host"]
    if len(named) != 1:
        return None
    if b"@" in named[0]:
        return None
    try:
        return SplitResult("", named[0].decode("ascii"), "", "", "").hostname
    except ValueError:
        return None
