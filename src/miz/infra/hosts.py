"""The door before all applications: requests for other hosts are refused; under its name the server asks for TLS for ever.

A page of a foreign site can bend its own name to the server's address (DNS rebinding) and then counts, to the browser,
as a page of this server. Its requests still bear the foreign name.
"""

import re
from collections.abc import Callable

from msgspec import structs

from miz.infra.certificates.names import is_address
from miz.infra.http import Answer, App, Call, ErrorFace, ForeignHostError, Reply, Stream, refusal

_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII)
_STRICT_TRANSPORT = ("strict-transport-security", "max-age=31536000")


def for_known_hosts(app: App, *, answers_to: Callable[[str], bool], face: ErrorFace) -> App:
    """`app`, for requests that name a host of which `answers_to` says that it is this server."""

    async def answer(call: Call) -> Answer:
        host = host_of(call)
        if host is None or not answers_to(host):
            return refusal(ForeignHostError(), call, face)
        found = await app(call)
        if not call.is_secure or is_address(host) or host == "localhost":
            return found
        headers = (*found.headers, _STRICT_TRANSPORT)
        return structs.replace(found, headers=headers) if isinstance(found, Reply) else Stream(found.chunks, headers)

    return answer


def host_of(call: Call) -> str | None:
    """The host that the request names, without its port; None when it names none, or several."""
    named = _HOST.fullmatch(call.header("host") or "")
    return named[1].strip("[]").lower() if named else None
