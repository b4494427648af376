"""The door of every server: nobody without permission, no foreign page, no odd body; refusals have one shape."""

import asyncio
import http.client
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import msgspec
import pytest

import miz
from miz.access.errors import TooManyAttemptsError
from miz.access.sessions import COOKIE
from miz.apps.bootstrap import Server
from miz.infra.api_client import RefusedError
from miz.infra.http import BODY_LIMIT_BYTES, EVERYBODY, STATUS_OF, Call, Endpoint, Reply, build_app
from miz.kernel.actor import Actor
from miz.kernel.errors import MizError
from miz.knowledge.table_files import KnowledgeFaultsError
from miz.ui.face import Face
from miz.ui.i18n import translator
from tests.support.practice import PASSWORD, ServerThread, client_of, new_practice, served, settings_for

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("practice")) as running:
        yield running


@pytest.fixture(scope="module")
def token(server: ServerThread) -> str:
    return client_of(server.url).token


OPEN_TO_PROGRAMS = ("/api/v1/session", "/api/v1/first-password", "/api/v1/openapi.json", "/health/live", "/health/ready")


def ask(server: ServerThread, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        # A stream never ends by itself.
        content = b"" if response.headers.get_content_type() == "text/event-stream" else response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content
    finally:
        connection.close()


def problem(answer: Answer) -> dict[str, Any]:
    assert answer[1]["content-type"] == "application/problem+json"
    return cast("dict[str, Any]", msgspec.json.decode(answer[2]))


def concrete(path: str) -> str:
    return re.sub(r"{\w+(:path)?}", "x", path)


async def nothing(_: Call) -> None: ...


def test_an_endpoint_that_names_nobody_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="names nobody"):
        Endpoint(method="GET", path="/x", may=frozenset(), run=nothing, summary="")
    with pytest.raises(TypeError):
        Endpoint(method="GET", path="/x", run=nothing, summary="")  # type: ignore[call-arg]


def test_every_route_refuses_who_is_not_signed_in(server: ServerThread) -> None:
    asked = 0
    for endpoint in server.server.endpoints():
        if endpoint.may is EVERYBODY:
            continue
        for pretended in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": f"{COOKIE}=nonsense", "Sec_Fetch_Site": "same-origin"}):
            extra = {"Sec_Fetch_Site": "same-origin"} if endpoint.is_page else {}
            status, headers, content = ask(server, endpoint.method, concrete(endpoint.path), b"{}", **(extra | pretended))
            asked += 1
            if endpoint.is_page and endpoint.method == "GET":
                assert (status, headers["location"].split("?")[0]) == (303, "/sign-in"), endpoint.path
            else:
                assert status == 401, (endpoint.method, endpoint.path)
            assert b"Muster" not in content
    assert asked > 100


def test_what_is_open_to_everybody_is_a_short_known_list(server: ServerThread) -> None:
    opened = {f"{endpoint.method} {endpoint.path}" for endpoint in server.server.endpoints() if endpoint.may is EVERYBODY}
    assert {path for path in opened if "/static" not in path and "favicon" not in path} == {
        "POST /api/v1/session", "GET /health/live", "GET /health/ready", "GET /api/v1/openapi.json", "GET /sign-in", "POST /sign-in", "GET /sign-in/code", "POST /sign-in/code",
        "POST /api/v1/first-password", "GET /first-password", "POST /first-password", "GET /pair", "POST /pair", "GET /help", "GET /help/{topic}", "GET /problems/{code}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "same-site", "Origin": "SELF"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Origin": "SELF"}, True),
    ],
)
def test_only_a_page_of_this_server_acts_with_the_cookie(server: ServerThread, token: str, headers: dict[str, str], is_own: bool) -> None:
    sent = {name: server.url if value == "SELF" else value for name, value in headers.items()}
    answer = ask(server, "POST", "/api/v1/patients/search", b'{"q":"muster"}', Cookie=f"{COOKIE}={token}", **sent)
    if is_own:
        assert answer[0] == 200
    else:
        assert (answer[0], problem(answer)["code"]) == (403, "foreign-page")


def test_no_writing_route_lets_a_foreign_page_act(server: ServerThread, token: str) -> None:
    for endpoint in server.server.endpoints():
        if endpoint.method == "GET" or endpoint.may is EVERYBODY:
            continue
        for origin in ({}, {"Origin": "https://evil.example"}):
            status, headers, content = ask(server, endpoint.method, concrete(endpoint.path), b"{}", Cookie=f"{COOKIE}={token}", **origin)
            assert status == 403, (endpoint.method, endpoint.path)
            assert "foreign-page" in (headers.get("miz-problem"), *content.decode().split('"'))
    assert ask(server, "GET", "/api/v1/server", Authorization=f"Bearer {token}")[0] == 200, "the session is still there"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "unparsable-input"),
        (b"\xff\xfe", 400, "unparsable-input"),
        (b'{"q": "\\ud800"}', 400, "unparsable-input"),
        (b"[]", 422, "invalid-input"),
        (b"", 422, "invalid-input"),
        (b'{"q": 7}', 422, "invalid-input"),
        (b'{"q": "x", "extra": 1}', 422, "invalid-input"),
        (b'{"q": "' + b"x" * BODY_LIMIT_BYTES + b'"}', 413, "body-too-large"),
    ],
    ids=["cut off", "no UTF-8", "half a letter", "no object", "empty", "wrong type", "unknown field", "too large"],
)
def test_an_odd_body_is_refused(server: ServerThread, token: str, body: bytes, status: int, code: str) -> None:
    answer = ask(server, "POST", "/api/v1/patients/search", body, Authorization=f"Bearer {token}")
    assert (answer[0], problem(answer)["code"]) == (status, code)


def test_an_unknown_address_is_a_problem_for_programs_and_a_page_for_people(server: ServerThread) -> None:
    assert problem(ask(server, "GET", "/api/v1/nothing"))["code"] == "not-found"
    status, headers, content = ask(server, "GET", "/nothing")
    assert (status, headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"<html" in content


def test_no_answer_is_kept_and_none_can_be_framed(server: ServerThread, token: str) -> None:
    for path in ("/api/v1/server", "/api/v1/nothing", "/sign-in", "/health/live"):
        headers = ask(server, "GET", path, Authorization=f"Bearer {token}")[1]
        assert headers["cache-control"] == "no-store", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def error_classes() -> list[type[MizError]]:
    for module in pkgutil.walk_packages(miz.__path__, "miz."):
        if not module.name.startswith("miz.migrations") and module.name != "miz.__main__":
            import_module(module.name)

    def below(kind: type[MizError]) -> Iterator[type[MizError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    # The client's picture of a refusal, and what only the compiler of the tables says.
    return sorted(set(below(MizError)) - {RefusedError, KnowledgeFaultsError}, key=lambda kind: kind.__name__)


class _Anybody:
    def identify(self, call: Call, *, is_open_while_locked: bool) -> tuple[Actor | None, bool]:
        return None, False


def refused_with(error: BaseException, language: str = "de") -> tuple[Answer, list[str]]:
    """How a server answers when a route raises `error`, and the request ids it records."""
    recorded: list[str] = []

    async def failing(_: Call) -> None:
        raise error

    endpoint = Endpoint(method="GET", path="/api/x", may=EVERYBODY, run=failing, summary="")
    app = build_app([endpoint], gate=_Anybody(), face=Face(version="0"), record=lambda request_id, _: recorded.append(request_id))
    reply = asyncio.run(app(Call("GET", "/api/x", {"accept-language": language})))
    assert isinstance(reply, Reply)
    assert isinstance(reply.content, bytes)
    return (reply.status, {"content-type": reply.media_type, **dict(reply.headers)}, reply.content), recorded


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_refusal_has_the_promised_shape(kind: type[MizError]) -> None:
    fields = dict.fromkeys(re.findall(r"{(\w+)}", kind.title + kind.hint), "7")
    answer, _ = refused_with(kind(**fields))
    document = problem(answer)
    assert {"type", "title", "status", "detail", "instance", "code"} <= set(document)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", document["code"])
    assert document["type"] == f"/problems/{document['code']}"
    assert document["instance"] == "/api/x"
    assert document["status"] == answer[0]
    assert answer[0] == {
        "unparsable-input": 400,
        "method-not-allowed": 405,
        "foreign-host": 421,
        "body-too-slow": 408,
        "body-too-large": 413,
    }.get(document["code"], STATUS_OF[kind.kind])
    assert "{" not in document["title"] + document["detail"] + document.get("hint", "")
    assert 10 <= kind(**fields).exit_code <= 17


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_refusal_speaks_german(kind: type[MizError]) -> None:
    for sentence in filter(None, (kind.title, kind.hint)):
        german = translator("de")(sentence)
        assert german != sentence
        assert set(re.findall(r"{\w+}", german)) == set(re.findall(r"{\w+}", sentence))


def test_codes_are_different_or_meant_to_be_the_same() -> None:
    own = [kind for kind in error_classes() if "code" in vars(kind) and inspect.isclass(kind)]
    codes = [kind.code for kind in own]
    assert len(codes) == len(set(codes))


def test_an_unexpected_condition_tells_a_request_id_and_nothing_else() -> None:
    answer, recorded = refused_with(RuntimeError("Erika Muster, Falithrom"))
    document = problem(answer)
    assert (answer[0], document["code"], document["request_id"]) == (500, "unexpected", recorded[0])
    assert b"Muster" not in answer[2]


def test_a_busy_server_says_when_to_come_again() -> None:
    answer, _ = refused_with(TooManyAttemptsError(retry_after_s=60))
    assert (answer[0], answer[1]["retry-after"]) == (429, "60")


def test_the_interface_describes_itself(server: ServerThread) -> None:
    document = msgspec.json.decode(ask(server, "GET", "/api/v1/openapi.json")[2])
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    built = {(e.method, e.path) for e in server.server.endpoints() if not e.is_page and e.path.startswith(("/api/", "/health/"))}
    assert described == built
    names = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(names) == len(set(names))
    schemas = document["components"]["schemas"]
    for reference in re.findall(r'"#/components/schemas/(\w+)"', msgspec.json.encode(document).decode()):
        assert reference in schemas
    for path, operations in document["paths"].items():
        for operation in operations.values():
            in_path = {part["name"] for part in operation["parameters"] if part["in"] == "path"}
            assert in_path == set(re.findall(r"{(\w+)}", path))
            assert all(status.isdecimal() for status in operation["responses"])
            assert operation.get("x-roles") or path in OPEN_TO_PROGRAMS


def test_without_the_setting_the_interface_is_not_shown(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    server = Server(folder, replace(settings_for(folder), api_docs=False))
    try:
        assert "/api/v1/openapi.json" not in {endpoint.path for endpoint in server.endpoints()}
    finally:
        server.writer.start()
        server.writer.stop()
        server.close()


def test_a_browser_signs_in_gets_a_closed_cookie_and_goes_on(server: ServerThread) -> None:
    form = f"user={quote('Fr. Assistenz')}&password={quote(PASSWORD)}&next=/patients".encode()
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Sec_Fetch_Site": "same-origin"}
    status, answered, _ = ask(server, "POST", "/sign-in", form, **headers)
    assert (status, answered["location"]) == (303, "/patients")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in answered["set-cookie"]
    assert ask(server, "POST", "/sign-in", form, Content_Type="application/x-www-form-urlencoded", Origin="https://evil.example")[0] == 403


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(server: ServerThread) -> None:
    answer = ask(server, "PUT", "/api/v1/session")
    told = problem(answer)
    assert (answer[0], told["code"]) == (405, "method-not-allowed")
    assert "POST" in told["allow"]
