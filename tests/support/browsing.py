"""A browser without a screen: the typed client by cookie instead of token, as the pages' own scripts call."""

from collections.abc import Mapping
from urllib.parse import urlencode

from miz.access.sessions import COOKIE
from miz.infra.api_client import Answer, ApiClient, HttpSender


class Browser(ApiClient):
    """A client that shows the session cookie of `token`, from a page of the server itself."""

    def __init__(self, url: str, token: str) -> None:
        self._http = HttpSender(url)
        self._own = {"Cookie": f"{COOKIE}={token}", "Sec-Fetch-Site": "same-origin"}
        super().__init__(self._ask)

    def submit(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form to a page."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, content = self._ask("POST", path, headers, urlencode(fields).encode())
        return status, content.decode()

    def page(self, path: str) -> tuple[int, str]:
        """Fetch a page."""
        status, content = self._ask("GET", path, {}, b"")
        return status, content.decode()

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return self._http(method, path, {**headers, **self._own}, body)
