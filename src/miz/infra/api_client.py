"""A small typed client of the server's interface, as an application of the practice would use it.

Used by the command line, the tests and the benchmarks. One client is one connection and belongs to one thread.
"""

import http.client
import ssl
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from miz.kernel.errors import MizError
from miz.wire import client_protocol as protocol

T = TypeVar("T")
Answer = tuple[int, bytes]
Send = Callable[[str, str, Mapping[str, str], bytes], Answer]


class RefusedError(MizError):
    """The server refused; `status` and `code` are its own, `problem` the whole document."""

    code = "refused"
    title = "The server refused."
    kind = "conflict"

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", "")))
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", "unknown"))  # type: ignore[misc]
        self.title = str(problem.get("title", ""))  # type: ignore[misc]
        self.hint = str(problem.get("hint", ""))  # type: ignore[misc]

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.detail}"

    @property
    def exit_code(self) -> int:
        return {400: 10, 422: 10, 401: 11, 403: 11, 404: 12, 409: 13, 412: 14, 428: 14, 429: 15, 503: 15, 500: 17}.get(self.status, 2)


class HttpSender:
    """One kept-alive connection to a server; it is closed with the last reference to it.

    A connection that the server has closed meanwhile is opened again once, but only for requests that may be repeated:
    GET, and writes with an idempotency key. Raises `OSError` when the server cannot be reached, or is not the one that `certificate`
    (PEM, of the server itself or of its own authority) vouches for.
    """

    def __init__(self, url: str, *, timeout_s: float = 30, certificate: str = "") -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout_s, context=_trusting(certificate))
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout_s)
        )
        self._used_s = time.monotonic()
        weakref.finalize(self, self._connection.close)

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            return self._once(method, path, headers, body)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if method != "GET" and "Idempotency-Key" not in headers:
                raise
            return self._once(method, path, headers, body)

    def _once(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if time.monotonic() - self._used_s > _RESTING_S:
            self._connection.close()
        self._used_s = time.monotonic()
        try:
            if self._connection.sock is None:
                self._connect()
            self._connection.request(method, path, body, dict(headers))
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def _connect(self) -> None:
        try:
            self._connection.connect()
        except (ssl.SSLEOFError, ConnectionResetError):
            # A server that has just replaced its certificate may cut a connection that it has not heard yet.
            self._connection.close()
            self._connection.connect()


# The server lets go of connections that rest for longer; what is sent on one is lost.
_RESTING_S = 5
# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the module does not name.
_NO_CHECK_TIME = 0x200000


def _trusting(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # What is trusted here vouches for this server only, whatever its name, and also when it has run out: the command that
    # brings a new certificate must reach the server.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    if certificate:
        context.load_verify_locations(cadata=certificate)
    return context


class ApiClient:
    """One signed-in program, and the application it has announced."""

    def __init__(self, send: Send, *, token: str = "", language: str = "en") -> None:
        self._send = send
        self.token = token
        self._language = language
        self.application: protocol.RegisteredApplication | None = None

    def call(self, method: str, path: str, body: Any = None, *, answer: type[T] | None = None, **headers: str) -> T:
        """One request below `/api/v1`. Raises `RefusedError`; returns None for an empty answer."""
        content = self.fetch(method, path, body, **headers)
        return msgspec.json.decode(content, type=answer or Any) if content else None  # type: ignore[return-value]

    def fetch(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        """The answer to one request below `/api/v1` as it came, such as a document. Raises `RefusedError`."""
        sent = {"Content-Type": "application/json", "Accept-Language": self._language}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        status, content = self._send(method, "/api/v1" + path, sent, b"" if body is None else msgspec.json.encode(body))
        if status >= 400:
            try:
                problem = msgspec.json.decode(content)
            except msgspec.DecodeError:
                problem = {"code": "unknown", "title": f"HTTP {status}"}
            raise RefusedError(status, problem)
        return content

    def sign_in(self, user: str, password: str, workplace: str | None = None, code: str | None = None) -> None:
        self.token = self.call("POST", "/session", protocol.SignIn(user, password, workplace, code), answer=protocol.SessionToken).token

    def sign_out(self) -> None:
        self.call("DELETE", "/session")
        self.token = ""

    def register(self, *, kind: str = "active", workplace: str | None = None, version: str = "client") -> protocol.RegisteredApplication:
        body = {"kind": kind, "workplace": workplace, "version": version}
        self.application = self.call("POST", "/applications", body, answer=protocol.RegisteredApplication)
        return self.application

    def heartbeat(self, seen: Sequence[str] = ()) -> protocol.Heartbeat:
        body = protocol.SignOfLife(list(seen)) if seen else None
        return self.call("POST", f"/applications/{self._application_id}/heartbeat", body, answer=protocol.Heartbeat)

    def close_application(self) -> None:
        """Close in order; the id is worth nothing from then on."""
        self.call("DELETE", f"/applications/{self._application_id}")

    def search(self, text: str, limit: int = 20) -> list[protocol.PatientLine]:
        return self.call("POST", "/patients/search", protocol.PatientSearch(text, limit), answer=protocol.PatientLines).items

    def create_patient(self, **identity: Any) -> protocol.Patient:
        return self.call("POST", "/patients", protocol.NewPatient(**identity), answer=protocol.Patient, Idempotency_Key=str(uuid.uuid4()))

    def read_patient(self, patient_id: str) -> protocol.Patient:
        return self.call("GET", f"/patients/{patient_id}", answer=protocol.Patient)

    def history(self, patient_id: str) -> list[protocol.Change]:
        return self.call("GET", f"/patients/{patient_id}/history", answer=protocol.Changes).items

    def open_patient(self, patient_id: str) -> protocol.Opening:
        return self.call("POST", f"/patients/{patient_id}/opening", answer=protocol.Opening, Miz_Application=self._application_id)

    def release_patient(self, patient_id: str) -> None:
        self.call("DELETE", f"/patients/{patient_id}/opening", Miz_Application=self._application_id)

    def take_over(self, patient_id: str, reason: str = "") -> protocol.Opening:
        path, body = f"/patients/{patient_id}/opening/takeover", protocol.TakeOver(reason)
        return self.call("POST", path, body, answer=protocol.Opening, Miz_Application=self._application_id)

    def ask_for_patient(self, patient_id: str) -> protocol.OpeningRequest:
        path = f"/patients/{patient_id}/opening/request"
        return self.call("POST", path, answer=protocol.OpeningRequest, Miz_Application=self._application_id)

    def ask_for_time(self, patient_id: str) -> protocol.OpeningRequest:
        path = f"/patients/{patient_id}/opening/later"
        return self.call("POST", path, answer=protocol.OpeningRequest, Miz_Application=self._application_id)

    def set_mode(self, mode: str, *, now: bool = False) -> protocol.Server:
        return self.call("PUT", "/server/mode", {"mode": mode, "now": now}, answer=protocol.Server)

    def change_patient(self, patient_id: str, token: str, **patch: Any) -> protocol.Patient:
        return self.call("PATCH", f"/patients/{patient_id}", patch, answer=protocol.Patient, Miz_Fencing_Token=token)

    def add(self, kind: protocol.EntryKind, patient_id: str, token: str, /, *, idempotency_key: str | None = None, **entry: Any) -> Any:
        """Add an entry; the answer is of the kind's own structure."""
        key = idempotency_key or str(uuid.uuid4())
        return self._entry("POST", kind, f"/patients/{patient_id}/{kind}", token, entry, Idempotency_Key=key)

    def change(self, kind: protocol.EntryKind, patient_id: str, entry_id: str, token: str, /, **patch: Any) -> Any:
        return self._entry("PATCH", kind, f"/patients/{patient_id}/{kind}/{entry_id}", token, patch)

    def mark_entered_in_error(self, kind: protocol.EntryKind, patient_id: str, entry_id: str, token: str) -> Any:
        return self._entry("DELETE", kind, f"/patients/{patient_id}/{kind}/{entry_id}", token)

    def restore(
        self, kind: protocol.EntryKind, patient_id: str, entry_id: str, token: str, change: str | None = None, state: str = "before"
    ) -> Any:  # fmt: skip
        """Bring back the state before or after a change of the history; without one, take back the last change."""
        body = {"change": change, "state": state} if change else None
        return self._entry("POST", kind, f"/patients/{patient_id}/{kind}/{entry_id}/restore", token, body)

    def review(self, patient_id: str, token: str) -> protocol.Patient:
        return self._record("review", patient_id, token)

    def reviews(self) -> list[protocol.ReviewLine]:
        return self.call("GET", "/reviews", answer=protocol.Reviews).items

    def confirm(self, patient_id: str, token: str, group_id: str) -> protocol.Patient:
        return self._record("confirmations", patient_id, token, protocol.ConfirmGroup(group_id))

    def decide(self, patient_id: str, token: str, **decision: Any) -> protocol.Patient:
        return self._record("decisions", patient_id, token, decision)

    def move(
        self, patient_id: str, token: str, to: str, entries: Sequence[tuple[protocol.EntryKind, str]], *, idempotency_key: str | None = None
    ) -> protocol.Opening:
        """Move entries to the patient they belong to, who is open here afterwards."""
        body = protocol.MoveEntries(to, [protocol.EntryRef(kind, entry_id) for kind, entry_id in entries])
        return self._moving(f"/patients/{patient_id}/move", body, protocol.Opening, token, idempotency_key)

    def merge(self, patient_id: str, token: str, other: str, *, idempotency_key: str | None = None) -> protocol.Merge:
        """Merge the record `other` of the same person into this one."""
        return self._moving(f"/patients/{patient_id}/merge", protocol.MergePatients(other), protocol.Merge, token, idempotency_key)

    def undo_merge(self, patient_id: str, token: str, merge_id: str, *, idempotency_key: str | None = None) -> protocol.Merge:
        return self._moving(f"/patients/{patient_id}/merge/{merge_id}/undo", None, protocol.Merge, token, idempotency_key)

    def merges(self, patient_id: str) -> list[protocol.Merge]:
        return self.call("GET", f"/patients/{patient_id}/merges", answer=protocol.Merges).items

    def possible_duplicates(self, patient_id: str) -> list[protocol.PatientLine]:
        return self.call("GET", f"/patients/{patient_id}/possible-duplicates", answer=protocol.PatientLines).items

    def keep_draft(self, patient_id: str, form: str, **fields: str) -> None:
        """Keep what is typed and not saved; no fields = nothing unsaved any more."""
        path = f"/patients/{patient_id}/drafts/{quote(form, safe='')}"
        self.call("PUT", path, protocol.DraftContent(fields), Miz_Application=self._application_id)

    def drafts(self, patient_id: str) -> list[protocol.Draft]:
        return self.call("GET", f"/patients/{patient_id}/drafts", answer=protocol.Drafts).items

    def discard_draft(self, patient_id: str, draft_id: str) -> None:
        self.call("DELETE", f"/patients/{patient_id}/drafts/{draft_id}")

    def own_drugs(self) -> list[str]:
        return self.call("GET", "/own-drugs", answer=protocol.OwnDrugs).items

    def set_own_drugs(self, items: Sequence[str]) -> list[str]:
        return self.call("PUT", "/own-drugs", protocol.OwnDrugs(list(items)), answer=protocol.OwnDrugs).items

    def check(self, case: protocol.Case) -> protocol.CheckAnswer:
        return self.call("POST", "/check", case, answer=protocol.CheckAnswer)

    def evaluate(self, patient_id: str, planned: list[str] | None = None) -> protocol.CheckAnswer:
        return self.call("POST", f"/patients/{patient_id}/evaluation", protocol.Planned(planned), answer=protocol.CheckAnswer)

    def drugs(self, text: str, limit: int = 12) -> list[protocol.DrugItem]:
        return self.call("GET", f"/drugs?q={quote(text)}&limit={limit}", answer=protocol.DrugItems).items

    def _record(self, act: str, patient_id: str, token: str, body: Any = None) -> protocol.Patient:
        key = str(uuid.uuid4())
        return self.call(
            "POST", f"/patients/{patient_id}/{act}", body, answer=protocol.Patient, Miz_Fencing_Token=token, Idempotency_Key=key
        )

    def _moving(self, path: str, body: Any, answer: type[T], token: str, key: str | None) -> T:
        headers = {"Miz_Application": self._application_id, "Miz_Fencing_Token": token, "Idempotency_Key": key or str(uuid.uuid4())}
        return self.call("POST", path, body, answer=answer, **headers)

    def _entry(self, method: str, kind: protocol.EntryKind, path: str, token: str, body: Any = None, **headers: str) -> Any:
        return self.call(method, path, body, answer=_SHAPES[kind], Miz_Fencing_Token=token, **headers)

    @property
    def _application_id(self) -> str:
        assert self.application is not None, "register first"
        return self.application.id


_SHAPES: dict[str, Any] = {
    "medication": protocol.Medication, "allergies": protocol.Allergy, "conditions": protocol.Condition,
    "observations": protocol.Observation, "notes": protocol.Note,
}  # fmt: skip
