"""HTTP for all rooms: one table of endpoints, from which routing, permission, checking of bodies, problem documents
and the OpenAPI document follow (ADR 0006).

An `Endpoint` cannot be made without saying who may call it: deny by default.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

import msgspec

from miz.infra.routes import Routes
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

Headers = Sequence[tuple[str, str]]

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
SECURITY_HEADERS: Headers = (
    ("content-security-policy", CONTENT_POLICY),
    ("x-content-type-options", "nosniff"),
    # Not `no-referrer`: then browsers send `Origin: null` with forms, and over plain HTTP nothing else says where they come from.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
)


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


class BodyTooSlowError(InvalidInputError):
    """The body did not arrive within the time an honest request needs."""

    code = "body-too-slow"
    title = "The request took too long to arrive."
    hint = "Nothing of it was done. Try again."


class ForeignHostError(NotPermittedError):
    """The request names a host that is not this server: a foreign page may have bent its own name to this address."""

    code = "foreign-host"
    title = "This server is not known by this name."
    hint = "Open it by one of its own names or addresses. Whoever runs the server sees and changes them: miz certificate names"


_STATUS_OF_CODE = {
    UnparsableInputError.code: 400, WrongMethodError.code: 405, BodyTooSlowError.code: 408, BodyTooLargeError.code: 413, ForeignHostError.code: 421,
}  # fmt: skip


async def _no_body() -> bytes:
    return b""


class Call:
    """One request on its way: who asks, what for, with which body.

    `headers` have lower-case names; `read` gives the whole body once, or raises `BodyTooLargeError`, `BodyTooSlowError`.
    """

    __slots__ = ("actor", "address", "body", "headers", "is_secure", "method", "params", "path", "query_string", "raw_body", "read")

    def __init__(
        self, method: str, path: str, headers: Mapping[str, str], *, query_string: str = "", address: str = "", is_secure: bool = False,
        read: Callable[[], Awaitable[bytes]] = _no_body,
    ) -> None:  # fmt: skip
        self.method = method
        self.path = path
        self.headers = headers
        self.query_string = query_string
        self.address = address
        self.is_secure = is_secure
        self.read = read
        self.params: Mapping[str, str] = {}
        self.actor: Actor | None = None
        self.body: Any = None
        self.raw_body = b""

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

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
        return self.cookie(self.full_name(name))

    def kept_cookie(self, name: str, value: str, age_s: int | None = None) -> tuple[str, str]:
        """The header that has the browser keep a value for this host only, out of reach of scripts; without an age until it is closed."""
        age = "" if age_s is None else f"; Max-Age={age_s}"
        secure = "; Secure" if self.is_secure else ""
        return "set-cookie", f"{self.full_name(name)}={value}{age}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def full_name(self, name: str) -> str:
        """What this browser calls a cookie that `kept_cookie` has it keep."""
        return f"__Host-{name}" if self.is_secure else name

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

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


class Reply(msgspec.Struct, frozen=True):
    """An answer that is whole: a page, a redirect, a file, an encoded structure. Patients' pages are kept nowhere, unless a header allows it."""

    content: bytes | str = b""
    status: int = 200
    media_type: str = "text/html; charset=utf-8"
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """Server-sent events, one chunk each."""

    chunks: AsyncIterator[bytes]
    headers: Headers = ()


Answer = Reply | Stream
# What a server program serves: asked with a call, it answers, whatever happens.
App = Callable[[Call], Coroutine[Any, Any, Answer]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One route. `may` is the set of roles that may call it, or `EVERYBODY`; `body` and `answer` are its structures,
    `media_type` what it answers with when that is no structure, `query` and `headers` what else it reads, `query` with its JSON schemas.

    `is_page` marks what a browser shows: errors become pages and forms are accepted. For the description only: `checked_body` is the
    structure of a body that `run` decodes itself, `other_answers` are structures by status, `refuses` what `run` raises of its own
    (what any endpoint may be refused for is known), `gives` the headers of other endpoints that are in the answer, with their fields.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    may: frozenset[str]
    run: Callable[[Call], Awaitable[Any]]
    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    media_type: str = "application/json"
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Sequence[str] = ()
    checked_body: Any = None
    other_answers: Mapping[int, Any] = field(default_factory=dict)
    refuses: Sequence[type[MizError]] = ()
    gives: Mapping[str, str] = field(default_factory=dict)
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


def build_app(endpoints: Iterable[Endpoint], *, gate: Gate, face: ErrorFace, record: Callable[[str, BaseException], None]) -> App:
    """The application of all `endpoints`. `record` is told of unexpected errors with their request id."""
    routes = Routes[_Handler]()
    for endpoint in endpoints:
        routes.add(endpoint.method, endpoint.path, _Handler(endpoint, gate, face, record))

    async def answer(call: Call) -> Answer:
        found = routes.find("GET" if call.method == "HEAD" else call.method, call.path)
        if found is not None:
            handler, call.params = found
            return await handler(call)
        methods = routes.methods_at(call.path)
        return refusal(WrongMethodError(allow=_allowed(methods)) if methods else NotFoundError(), call, face)

    return answer


def _allowed(methods: Iterable[str]) -> str:
    return ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))


def refusal(error: MizError, call: Call, face: ErrorFace) -> Reply:
    """An error outside of any endpoint: a page for a person, a problem document for a program."""
    problem = problem_of(error, call, face)
    if call.path.startswith(("/api/", "/health/")):
        return problem_reply(problem)
    page = face.page(problem, call)
    return msgspec.structs.replace(page, headers=(*page.headers, *_told_in_headers(problem)))


class _Handler:
    """Runs one endpoint: who asks, may they, is the body right, the answer or the problem."""

    def __init__(self, endpoint: Endpoint, gate: Gate, face: ErrorFace, record: Callable[[str, BaseException], None]) -> None:
        self._endpoint = endpoint
        self._gate = gate
        self._face = face
        self._record = record
        self._decoder = msgspec.json.Decoder(endpoint.body) if endpoint.body else None
        self._writes = endpoint.method != "GET"

    async def __call__(self, call: Call) -> Answer:
        endpoint = self._endpoint
        try:
            call.actor, is_by_cookie = self._gate.identify(call, is_open_while_locked=endpoint.is_open_while_locked)
            if self._writes and (is_by_cookie or call.actor is None):
                refuse_foreign_page(call, may_be_program=not (is_by_cookie or endpoint.is_page))
            if endpoint.may is not EVERYBODY:
                if call.actor is None:
                    raise NotSignedInError
                if endpoint.may.isdisjoint(call.actor.roles):
                    raise NotPermittedError
            _refuse_nul(call.path, call.query_string)
            if self._writes:
                call.raw_body = await call.read()
                _refuse_nul(call.raw_body)
                if self._decoder is not None:
                    call.body = self._decode(call.raw_body)
            return self._answer(await endpoint.run(call))
        except MizError as error:
            return self._refuse(error, call)
        except Exception as error:  # noqa: BLE001 - the loop's edge: recorded with its id, answered without its text
            unexpected = UnexpectedError(request_id=secrets.token_hex(8))
            self._record(str(unexpected.fields["request_id"]), error)
            return self._refuse(unexpected, call)

    def _decode(self, raw: bytes) -> Any:
        assert self._decoder is not None
        try:
            return self._decoder.decode(raw or b"{}")
        except msgspec.ValidationError as error:
            raise misfit(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnparsableInputError from error

    def _answer(self, result: Any) -> Answer:
        if isinstance(result, Reply | Stream):
            return result
        if result is None:
            return Reply(b"", 204, "application/json")
        version = getattr(result, "version", None)
        headers = (("etag", f'"{version}"'),) if type(version) is int else ()
        return Reply(msgspec.json.encode(result), self._endpoint.status, "application/json", headers)

    def _refuse(self, error: MizError, call: Call) -> Reply:
        problem = problem_of(error, call, self._face)
        return self._face.page(problem, call) if self._endpoint.is_page else problem_reply(problem)


def refuse_foreign_page(call: Call, *, may_be_program: bool = False) -> None:
    """Raise `ForeignPageError` unless the browser says that a page of this very server sent the request.

    With `may_be_program` a request that names no page at all may pass: no browser sends one.
    """
    site = call.header("sec-fetch-site")
    if site is not None:
        if site in ("same-origin", "none"):
            return
        raise ForeignPageError
    origin = call.header("origin")
    if origin is None and may_be_program:
        return
    if not origin or authority_of(origin) != call.header("host"):
        raise ForeignPageError


def authority_of(address: str) -> str:
    """Host and port of an address that somebody sent; empty for what is none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


_NUL = re.compile(rb"\0|%00|(?<!\\)(?:\\\\)*\\u0000")


def _refuse_nul(*parts: str | bytes) -> None:
    """Nobody types NUL in any spelling, and not every database can keep it."""
    if any(_NUL.search(part.encode() if isinstance(part, str) else part) for part in parts):
        raise UnparsableInputError


def status_of(error: MizError | type[MizError]) -> int:
    """The status that an error is answered with."""
    return _STATUS_OF_CODE.get(error.code) or STATUS_OF[error.kind]


def problem_of(error: MizError, call: Call, face: ErrorFace) -> dict[str, Any]:
    """The RFC 9457 problem document of an error, in the caller's language. `code` is never translated."""
    fields = {name: value for name, value in error.fields.items() if value is not None}
    problem: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": face.sentence(error.title, fields, call),
        "status": status_of(error),
        "detail": face.sentence(error.detail, fields, call),
        "instance": call.path,
        "code": error.code,
    }
    if error.hint:
        problem["hint"] = face.sentence(error.hint, fields, call)
    return fields | problem


def problem_reply(problem: Mapping[str, Any]) -> Reply:
    """The problem as `application/problem+json`."""
    return Reply(msgspec.json.encode(problem), problem["status"], "application/problem+json", _told_in_headers(problem))


def _told_in_headers(problem: Mapping[str, Any]) -> Headers:
    """What the standards want to see there of a problem: when to come again, which methods there are."""
    headers = [("retry-after", str(problem.get("retry_after_s", 1)))] if problem["status"] in (429, 503) else []
    if "allow" in problem:
        headers.append(("allow", problem["allow"]))
    return headers
