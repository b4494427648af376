"""The description of the interface and its refusals are as the standards want them."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from miz.apps.system_api import SystemRoutes, openapi_endpoint
from miz.infra.events import EventBroker
from miz.infra.http import EVERYBODY, Call, Endpoint, Reply
from miz.infra.openapi import openapi_document
from miz.wire.client_protocol import SetMode, SignOfLife
from tests.support.practice import client_of, served


async def _run(call: Call) -> None: ...


def test_a_body_is_needed_where_an_empty_one_is_refused() -> None:
    endpoints = [
        Endpoint(method="POST", path=f"/api/v1/{shape.__name__}", may=EVERYBODY, run=_run, summary="", body=shape)
        for shape in (SetMode, SignOfLife)
    ]
    paths = openapi_document(endpoints, title="", version="")["paths"]
    assert [paths[f"/api/v1/{name}"]["post"]["requestBody"]["required"] for name in ("SetMode", "SignOfLife")] == [True, False]


def test_a_wrong_method_is_told_the_right_ones_in_the_header(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        parts = urlsplit(server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        connection.request("DELETE", "/api/v1/server")
        response = connection.getresponse()
        assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")
        connection.close()


def test_the_cookie_s_name_is_that_of_the_connection() -> None:
    for is_secure, name in ((True, "__Host-miz_session"), (False, "miz_session")):
        endpoint = openapi_endpoint([], title="")
        reply = asyncio.run(_answered(endpoint, Call("GET", endpoint.path, {}, is_secure=is_secure)))
        assert json.loads(reply.content)["components"]["securitySchemes"]["cookie"]["name"] == name


def test_events_and_readiness_are_described_as_they_come(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        client = client_of(server.url)
        with _answer(server.url, "/api/v1/openapi.json", client.token) as response:
            document = json.loads(response.read())
        for query, status, kind in (("topics=patients", 200, "text/event-stream"), ("topics=x", 422, "application/problem+json")):
            with _answer(server.url, f"/api/v1/events?{query}", client.token) as response:
                assert (response.status, response.headers["content-type"]) == (status, kind)
            assert kind in document["paths"]["/api/v1/events"]["get"]["responses"][str(status)]["content"]
    routes = SystemRoutes(EventBroker(), describe=server.server.describe, is_ready=lambda: False, health=server.server.health)
    told = asyncio.run(routes.ready(Call("GET", "/health/ready", {})))
    assert (told.status, told.media_type) == (503, "application/json")
    ready = document["paths"]["/health/ready"]["get"]["responses"]["503"]["content"]
    assert ready["application/json"]["schema"] == {"$ref": "#/components/schemas/Health"}


def test_the_answer_to_an_opening_leads_to_what_can_be_written() -> None:
    endpoints = [
        Endpoint(
            method="POST", path="/p/{id}/opening", may=EVERYBODY, run=_run, summary="", answer=SetMode, status=201, headers=("Miz-Application",),
            gives={"Miz-Fencing-Token": "mode"},
        ),
        Endpoint(
            method="POST", path="/p/{id}/move", may=EVERYBODY, run=_run, summary="", headers=("Miz-Application", "Miz-Fencing-Token"),
        ),
        Endpoint(method="GET", path="/p/{id}", may=EVERYBODY, run=_run, summary=""),
    ]  # fmt: skip
    links = openapi_document(endpoints, title="", version="")["paths"]["/p/{id}/opening"]["post"]["responses"]["201"]["links"]
    assert {name: link["parameters"] for name, link in links.items()} == {
        "post_p_id_move": {
            "path.id": "$request.path.id",
            "header.Miz-Application": "$request.header.Miz-Application",
            "header.Miz-Fencing-Token": "$response.body#/mode",
        }
    }


async def _answered(endpoint: Endpoint, call: Call) -> Reply:
    answer = await endpoint.run(call)
    assert isinstance(answer, Reply)
    return answer


@contextlib.contextmanager
def _answer(url: str, path: str, token: str) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        with connection.getresponse() as response:
            yield response
