"""HTTP for all rooms: one table of endpoints, from which routing, permission, checking of bodies, problem documents
and the OpenAPI document follow (ADR 0006).

An `Endpoint` cannot be made without saying who may call it: deny by default.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from miz.kernel.actor import Actor
from miz.kernel.errors import (
    InvalidInputError,
    Kind,
    MizError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    UnparsableInputError,
    misfit,
)

Headers = list[tuple[bytes, bytes]]

STATUS_OF: dict[Kind, int] = {
    "invalid": 422, "unauthenticated": 401, "forbidden": 403, "not_found": 404, "conflict": 409,
    "stale": 412, "precondition": 428, "busy": 429, "unavailable": 503, "integrity": 500,
}  # fmt: skip

EVERYBODY: frozenset[str] = frozenset({"*"})
BODY_LIMIT_BYTES = 1_048_576

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Headers = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: then browsers send `Origin: null` with forms, and over plain HTTP nothing else says where they come from.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_NO_STORE = (b"cache-control", b"no-store")


class ForeignPageError(NotPermittedError):
    """A page of another site tried to act with the user's cookie."""

    code = "foreign-page"
    title = "The request does not come from a page of this server."
    hint = "Open the page from this server's address and try again."


class UnexpectedError(MizError):
    """Something nobody planned for; the log has it under the request id."""

    code = "unexpected"
    title = "The server met an unexpected condition."
    kind = "integrity"
    hint = "Nothing of this request was confirmed. Tell the technician the request id."


class WrongMethodError(NotFoundError):
    """The address exists, but not for this method; `allow` names the ones it knows."""

    code = "method-not-allowed"
    title = "This address does not answer to this kind of request."


class BodyTooLargeError(InvalidInputError):
    """The body is larger than any honest request."""

    code = "body-too-large"
    title = "The request is too large."


class ForeignHostError(NotPermittedError):
    """The request names a host that is not this server: a foreign page may have bent its own name to this address."""

    code = "foreign-host"
    title = "This server is not known by this name."
    hint = "Open it by one of its own names or addresses. Whoever runs the server sees and changes them: miz certificate names"


_STATUS_OF_CODE = {UnparsableInputError.code: 400, WrongMethodError.code: 405, ForeignHostError.code: 421}


class Call:
    """One request on its way: who asks, what for, with which body."""

    __slots__ = ("_headers", "actor", "body", "params", "raw_body", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.params: dict[str, str] = scope.get("path_params", {})
        self.actor: Actor | None = None
        self.body: Any = None
        self.raw_body = b""
        self._headers: dict[bytes, bytes] | None = None

    def header(self, name: str) -> str | None:
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        value = self._headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def cookie(self, name: str) -> str | None:
        text = self.header("cookie")
        if not text:
            return None
        try:
            found = SimpleCookie(text).get(name)
        except CookieError:
            return None
        return found.value if found else None

    def own_cookie(self, name: str) -> str | None:
        """What `kept_cookie` had this browser keep. Under TLS nothing counts that came without TLS or from another host."""
        return self.cookie(self._full_name(name))

    def kept_cookie(self, name: str, value: str, age_s: int | None = None) -> tuple[str, str]:
        """The header that has the browser keep a value for this host only, out of reach of scripts; without an age until it is closed."""
        age = "" if age_s is None else f"; Max-Age={age_s}"
        secure = "; Secure" if self.is_secure else ""
        return "set-cookie", f"{self._full_name(name)}={value}{age}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _full_name(self, name: str) -> str:
        return f"__Host-{name}" if self.is_secure else name

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of a submitted form; the last of equal names counts."""
        try:
            return dict(parse_qsl(self.raw_body.decode(), keep_blank_values=True, max_num_fields=500))
        except ValueError as error:
            raise UnparsableInputError from error

    @property
    def person(self) -> Actor:
        """Who asks. Raises `NotSignedInError` on endpoints for everybody."""
        if self.actor is None:
            raise NotSignedInError
        return self.actor

    @property
    def address(self) -> str:
        client = self.scope.get("client")
        return client[0] if client else ""

    @property
    def is_secure(self) -> bool:
        return bool(self.scope.get("scheme") == "https")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is more than a JSON structure: a page, a redirect, a file."""

    content: bytes | str = b""
    status: int = 200
    media_type: str = "text/html; charset=utf-8"
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """Server-sent events, one chunk each."""

    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One route. `may` is the set of roles that may call it, or `EVERYBODY`; `body` and `answer` are its structures.

    `is_page` marks what a browser shows: errors become pages and forms are accepted.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    may: frozenset[str]
    run: Callable[[Call], Awaitable[Any]]
    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Sequence[str] = ()
    is_page: bool = False
    is_open_while_locked: bool = False

    def __post_init__(self) -> None:
        if not self.may:
            raise ValueError(f"{self.method} {self.path} names nobody who may call it")


class Gate(Protocol):
    """Who stands at the door: finds the session of a call."""

    def identify(self, call: Call, *, is_open_while_locked: bool) -> tuple[Actor | None, bool]:
        """The actor, and whether a cookie (True) or a bearer token (False) named the session.

        None without a session; raises when the session's screen is locked and the endpoint is not open then.
        """


class ErrorFace(Protocol):
    """How an error looks to a person: translated, and as a page."""

    def sentence(self, message_id: str, fields: Mapping[str, object], call: Call) -> str: ...

    def page(self, problem: Mapping[str, Any], call: Call) -> Reply: ...


def build_app(endpoints: Iterable[Endpoint], *, gate: Gate, face: ErrorFace, record: Callable[[str, BaseException], None]) -> Router:
    """The ASGI application of all `endpoints`. `record` is told of unexpected errors with their request id."""
    return Router(
        [_Route(endpoint.path, _Handler(endpoint, gate, face, record), methods=[endpoint.method], face=face) for endpoint in endpoints],
        default=_NotFound(face),
        redirect_slashes=False,
    )


class _Route(Route):
    """A route whose refusal of a method is a problem like every other."""

    def __init__(self, path: str, handler: "_Handler", *, methods: list[str], face: ErrorFace) -> None:
        super().__init__(path, handler, methods=methods, name=f"{methods[0]} {path}")
        self._face = face

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = self.methods or set()
        if scope["method"] in methods:
            await self.app(scope, receive, send)
        else:
            await send_problem(WrongMethodError(allow=", ".join(sorted(methods))), scope, send, self._face)


class _NotFound:
    def __init__(self, face: ErrorFace) -> None:
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send_problem(NotFoundError(), scope, send, self._face)


async def send_problem(error: MizError, scope: Scope, send: Send, face: ErrorFace) -> None:
    """An error outside of any endpoint: a page for a person, a problem document for a program."""
    call = Call(scope)
    problem = problem_of(error, call, face)
    await send_reply(send, problem_reply(problem) if scope["path"].startswith("/api/") else face.page(problem, call))


class _Handler:
    """Runs one endpoint: who asks, may they, is the body right, the answer or the problem."""

    def __init__(self, endpoint: Endpoint, gate: Gate, face: ErrorFace, record: Callable[[str, BaseException], None]) -> None:
        self._endpoint = endpoint
        self._gate = gate
        self._face = face
        self._record = record
        self._decoder = msgspec.json.Decoder(endpoint.body) if endpoint.body else None
        self._writes = endpoint.method != "GET"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)
        endpoint = self._endpoint
        try:
            call.actor, is_by_cookie = self._gate.identify(call, is_open_while_locked=endpoint.is_open_while_locked)
            if self._writes and (is_by_cookie or (endpoint.is_page and call.actor is None)):
                refuse_foreign_page(call)
            if endpoint.may is not EVERYBODY:
                if call.actor is None:
                    raise NotSignedInError
                if endpoint.may.isdisjoint(call.actor.roles):
                    raise NotPermittedError
            if self._writes:
                call.raw_body = await _read_body(receive)
                if self._decoder is not None:
                    call.body = self._decode(call.raw_body)
            result = await endpoint.run(call)
        except MizError as error:
            await self._refuse(error, call, send)
        except Exception as error:  # noqa: BLE001 - the loop's edge: recorded with its id, answered without its text
            unexpected = UnexpectedError(request_id=secrets.token_hex(8))
            self._record(str(unexpected.fields["request_id"]), error)
            await self._refuse(unexpected, call, send)
        else:
            await self._answer(result, receive, send)

    def _decode(self, raw: bytes) -> Any:
        assert self._decoder is not None
        try:
            return self._decoder.decode(raw or b"{}")
        except msgspec.ValidationError as error:
            raise misfit(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnparsableInputError from error

    async def _answer(self, result: Any, receive: Receive, send: Send) -> None:
        if isinstance(result, Reply):
            await send_reply(send, result)
        elif isinstance(result, Stream):
            await _send_stream(receive, send, result)
        else:
            content = b"" if result is None else msgspec.json.encode(result)
            status = 204 if result is None else self._endpoint.status
            headers: Headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), _NO_STORE]
            version = getattr(result, "version", None)
            if type(version) is int:
                headers.append((b"etag", b'"%d"' % version))
            await send({"type": "http.response.start", "status": status, "headers": headers + SECURITY_HEADERS})
            await send({"type": "http.response.body", "body": content})

    async def _refuse(self, error: MizError, call: Call, send: Send) -> None:
        problem = problem_of(error, call, self._face)
        if self._endpoint.is_page:
            await send_reply(send, self._face.page(problem, call))
        else:
            await send_reply(send, problem_reply(problem))


def refuse_foreign_page(call: Call) -> None:
    """Raise `ForeignPageError` unless the browser says that a page of this very server sent the request."""
    site = call.header("sec-fetch-site")
    if site is not None:
        if site in ("same-origin", "none"):
            return
        raise ForeignPageError
    origin, host = call.header("origin"), call.header("host")
    if not origin or urlsplit(origin).netloc != host:
        raise ForeignPageError


def problem_of(error: MizError, call: Call, face: ErrorFace) -> dict[str, Any]:
    """The RFC 9457 problem document of an error, in the caller's language. `code` is never translated."""
    fields = {name: value for name, value in error.fields.items() if value is not None}
    problem: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": face.sentence(error.title, fields, call),
        "status": _STATUS_OF_CODE.get(error.code) or STATUS_OF[error.kind],
        "detail": face.sentence(error.detail, fields, call),
        "instance": call.scope["path"],
        "code": error.code,
    }
    if error.hint:
        problem["hint"] = face.sentence(error.hint, fields, call)
    return fields | problem


def problem_reply(problem: Mapping[str, Any]) -> Reply:
    """The problem as `application/problem+json`."""
    headers = [("retry-after", str(problem.get("retry_after_s", 1)))] if problem["status"] in (429, 503) else []
    return Reply(msgspec.json.encode(problem), problem["status"], "application/problem+json", headers)


async def send_reply(send: Send, reply: Reply) -> None:
    content = reply.content.encode() if isinstance(reply.content, str) else reply.content
    headers: Headers = [(b"content-type", reply.media_type.encode()), (b"content-length", b"%d" % len(content))]
    headers += [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    if not any(name == "cache-control" for name, _ in reply.headers):
        headers.append(_NO_STORE)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers + SECURITY_HEADERS})
    await send({"type": "http.response.body", "body": content})


async def _send_stream(receive: Receive, send: Send, stream: Stream) -> None:
    headers: Headers = [(b"content-type", b"text/event-stream"), _NO_STORE, (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers + SECURITY_HEADERS})

    async def send_all() -> None:
        async for chunk in stream.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def wait_for_hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(send_all()), asyncio.ensure_future(wait_for_hang_up())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await send({"type": "http.response.body", "body": b""})


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > BODY_LIMIT_BYTES:
            raise BodyTooLargeError
        return body
    parts, size = [body], len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise UnparsableInputError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT_BYTES:
            raise BodyTooLargeError
    return b"".join(parts)
