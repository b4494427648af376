"""The description of the interface and its refusals are as the standards want them."""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

from miz.infra.http import EVERYBODY, Call, Endpoint
from miz.infra.openapi import openapi_document
from miz.wire.client_protocol import SetMode, SignOfLife
from tests.support.practice import served


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
