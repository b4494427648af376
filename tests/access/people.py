"""What the tests of this room do again and again."""

import http.client
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import pytest

from miz.access.sessions import COOKIE
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from tests.support.practice import PASSWORD, ServerThread

NEW_PASSWORD = "ein neues Kennwort für Tests"
PIN = "280519"


def person(server: ServerThread, user: str, *, password: str = PASSWORD, place: str | None = None) -> ApiClient:
    """Somebody signed in, without an application."""
    client = ApiClient(HttpSender(server.url))
    client.sign_in(user, password, place)
    return client


def refusal(client: ApiClient, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and code of the refusal that the call must meet."""
    with pytest.raises(RefusedError) as caught:
        client.call(method, path, body)
    return caught.value.status, caught.value.code


def items(client: ApiClient, path: str) -> list[dict[str, Any]]:
    """What a list holds."""
    found: Any = client.call("GET", path)
    return list(found["items"])


def actions(client: ApiClient) -> list[str]:
    """What the audit trail tells of, newest first."""
    found: Any = client.call("POST", "/audit/search", {})
    return [str(item["action"]) for item in found["items"]]


def is_in(client: ApiClient) -> bool:
    """Whether the session of the client still counts."""
    told = ""
    try:
        client.call("GET", "/server")
    except RefusedError as error:
        told = error.code
    assert told in {"", "not-signed-in"}
    return not told


class Served(Protocol):
    """A server that has an address."""

    url: str


class Tab:
    """A browser's tab without a screen: keeps cookies, sends forms from a page of the server, follows nothing."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}
        self.came_from = "/"
        self.location = ""
        self.headers: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, str]:
        status, text = self._ask("GET", path, None)
        if status == 200:
            self.came_from = path
        return status, text

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        return self._ask("POST", path, fields)

    @property
    def token(self) -> str:
        """The session's token."""
        return self.cookies[COOKIE]

    def client(self) -> ApiClient:
        """A program that shows the session's token."""
        return ApiClient(HttpSender(self.server.url), token=self.token)

    def _ask(self, method: str, path: str, fields: dict[str, str] | None) -> tuple[int, str]:
        host = urlsplit(self.server.url).netloc
        connection = http.client.HTTPConnection(host, timeout=20)
        headers = {"Sec-Fetch-Site": "same-origin", "Referer": f"{self.server.url}{self.came_from}", "Accept-Language": "de"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, urlencode(fields) if fields is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        self.headers = dict(answer.getheaders())
        self.location = answer.getheader("location") or ""
        for cookie in answer.headers.get_all("set-cookie") or []:
            name, _, rest = cookie.partition("=")
            value = rest.split(";")[0]
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        connection.close()
        return answer.status, text
