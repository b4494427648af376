"""A browser tab in the narrowest sense, over real HTTP: no script, no htmx unless a test says so."""

import http.client
import json
import re
from urllib.parse import urlencode, urlsplit

from tests.support.practice import PASSWORD

HTMX = {"HX-Request": "true"}


class Answer:
    """One answer: status, headers, content as bytes and as text."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.content = response.read()
        self.text = self.content.decode(errors="replace")


class Visitor:
    """A browser tab in the narrowest sense: keeps its cookie, says where its requests come from."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self.cookie = ""
        self.application = ""

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        return self._ask("POST", path, urlencode(form or {}), {"sec-fetch-site": "same-origin", **headers})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self._host, timeout=10)
        sent = {"accept-language": "de", "cookie": self.cookie, "miz-application": self.application}
        connection.request(method, path, body, {name: value for name, value in {**sent, **headers}.items() if value})
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def call(self, method: str, path: str, body: dict[str, object]) -> Answer:
        """Ask an interface of the server as a page's script does."""
        sent = {"sec-fetch-site": "same-origin", "content-type": "application/json"}
        answer = self._ask(method, path, json.dumps(body), sent)
        assert answer.status < 400, answer.text
        return answer

    def sign_in(self, name: str = "Dr. Prüfer") -> "Visitor":
        answer = self.post("/sign-in", {"user": name, "password": PASSWORD})
        assert answer.status == 303
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        made = self.post("/api/v1/applications")
        self.application = re.search(r'"id":"([^"]+)"', made.text)[1]  # type: ignore[index]
        return self

    def new_patient(self, **identity: str) -> str:
        answer = self.post("/patients", {"family_name": "Probe", "given_name": "Petra", "birth_date": "1960", **identity})
        assert answer.status == 303
        return answer.headers["location"]

    def token(self, address: str) -> str:
        return re.search(r'name="fencing_token" value="([^"]+)"', self.get(address).text)[1]  # type: ignore[index]

    def send(self, path: str, page: str = "", **form: str) -> Answer:
        """Send a form with the token that its page carries; `page` is the patient's address."""
        return self.post(path, {"fencing_token": self.token(page or "/".join(path.split("/")[:3])), **form})
