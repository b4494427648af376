"""Promise B8: every route that writes to a patient shows the token of its lease, or writes nothing."""

import http.client
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import func, select

from miz.access.roles import EVALUATE, SEARCH_PATIENTS
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.http import EVERYBODY, Endpoint
from miz.kernel.fencing import FIRST, next_token
from miz.practice.tables import change, patient
from miz.wire.client_protocol import ENTRY_KINDS, EntryKind
from tests.practice.people import Surgery, verdict
from tests.support.browsing import Browser
from tests.support.practice import PASSWORD, PEOPLE, ServerThread

ENTRIES: dict[EntryKind, dict[str, Any]] = {
    "medication": {"text": "Ramipril 5"},
    "allergies": {"text": "Latex"},
    "conditions": {"text": "Asthma", "answer": "yes"},
    "observations": {"kind": "inr", "value": 2.5, "measured_on": "2026-11-01"},
    "notes": {"text": "ruft an"},
}
READING_OR_OPENING = re.compile(r"/opening(/\w+)?$|/(evaluation|search)$|/patients$")
READING_OR_OPENING_PAGE = re.compile(r"/(opening|closing|release|request|withdraw|later|takeover|history|check-drug|letter|merge|discard)$")
# What is typed and not saved is not the record; it is needed just when a token has ended.
# An erasure is of a patient whom nobody has open.
NOT_THE_RECORD = re.compile(r"/drafts/{\w+}$|/erasure(/confirmation)?$")
WHOLE_RECORD: dict[str, dict[str, Any]] = {
    "review": {},
    "confirmations": {"group_id": "bones"},
    "decisions": {"findings_key": "k", "drug": "Amoxicillin", "rules": [], "reason": "getestet", "edition": "e"},
    "move": {"to": "other", "entries": [{"kind": "notes", "id": "one"}]},
    "merge": {"other": "other"},
    "merge/{merge}/undo": {},
}


def writing_routes(server: ServerThread) -> list[Endpoint]:
    found = [e for e in server.server.endpoints() if not e.is_page and e.method != "GET" and "/patients/{id}" in e.path]
    return [e for e in found if not READING_OR_OPENING.search(e.path) and not NOT_THE_RECORD.search(e.path)]


def body_of(endpoint: Endpoint, kind: EntryKind | None) -> dict[str, Any]:
    """A body that the endpoint would take."""
    act = endpoint.path.removeprefix("/api/v1/patients/{id}/")
    if kind is None:
        return WHOLE_RECORD.get(act, {"planned": ["Extraktion 36"]})
    return ENTRIES[kind] if endpoint.method == "POST" and not act.endswith("/restore") else {}


def state_of(server: ServerThread, patient_id: str) -> tuple[int, int]:
    """The patient's version and the length of the history, as they lie in the database."""
    reader = server.server.database.reader()
    version = reader.execute(select(patient.c.version).where(patient.c.id == patient_id)).scalar_one()
    return version, reader.execute(select(func.count()).where(change.c.patient_id == patient_id)).scalar_one()


def ask(server: ServerThread, endpoint: Endpoint, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request(endpoint.method, path, msgspec.json.encode(body), headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, msgspec.json.decode(content).get("code", "") if content else ""


def test_the_contract_s_writing_routes_are_all_there(surgery: Surgery) -> None:
    routes = {f"{endpoint.method} {endpoint.path.removeprefix('/api/v1/patients/')}" for endpoint in writing_routes(surgery.server)}
    for kind in ENTRY_KINDS:
        wanted = {
            f"POST {{id}}/{kind}",
            f"PATCH {{id}}/{kind}/{{entry}}",
            f"DELETE {{id}}/{kind}/{{entry}}",
            f"POST {{id}}/{kind}/{{entry}}/restore",
        }
        assert wanted <= routes
    assert {"PATCH {id}", *(f"POST {{id}}/{act}" for act in WHOLE_RECORD)} <= routes
    assert all("Miz-Fencing-Token" in endpoint.headers for endpoint in writing_routes(surgery.server))


def test_every_writing_route_wants_the_token_that_holds(surgery: Surgery) -> None:
    dentist = surgery.dentist
    patient_id, former = surgery.opened()
    entries = {kind: dentist.add(kind, patient_id, former, **ENTRIES[kind]).id for kind in ENTRY_KINDS}
    dentist.release_patient(patient_id)
    token = dentist.open_patient(patient_id).fencing_token
    other_token = surgery.assistant.open_patient(surgery.patient().id).fencing_token
    before = state_of(surgery.server, patient_id)
    record = dentist.read_patient(patient_id)
    epoch, counter = token.split(".")
    stale = (
        former,
        f"{epoch}.{int(counter) + 1}",
        f"{int(epoch) - 1}.{counter}",
        f"{int(epoch) + 1}.{counter}",
        "0.0",
        "x",
        f" {token}0",
        "'--",
    )
    for endpoint in writing_routes(surgery.server):
        kind = next((kind for kind in ENTRY_KINDS if f"/{kind}" in endpoint.path), None)
        path = endpoint.path.replace("{id}", patient_id).replace("{entry}", entries[kind] if kind else "")
        body = body_of(endpoint, kind)
        signed_in = {"Authorization": f"Bearer {dentist.token}"}
        if "Miz-Application" in endpoint.headers:
            assert dentist.application is not None
            signed_in["Miz-Application"] = dentist.application.id
        assert ask(surgery.server, endpoint, path, body, signed_in) == (428, "fencing-token-missing"), endpoint.path
        for wrong in (*stale, other_token if other_token != token else former):
            answer = ask(surgery.server, endpoint, path, body, signed_in | {"Miz-Fencing-Token": wrong})
            assert answer == (412, "stale-fencing-token"), (endpoint.method, endpoint.path, wrong)
    assert state_of(surgery.server, patient_id) == before
    assert dentist.read_patient(patient_id) == record
    assert dentist.add("notes", patient_id, token, text="mit dem richtigen").text == "mit dem richtigen"


def test_the_token_of_a_free_patient_cannot_be_guessed(surgery: Surgery) -> None:
    never_opened = surgery.patient().id
    assert verdict(surgery.dentist.add, "notes", never_opened, FIRST, text="x") == (412, "stale-fencing-token")
    patient_id, token = surgery.opened()
    surgery.dentist.release_patient(patient_id)
    assert verdict(surgery.dentist.add, "notes", patient_id, next_token(token, 1), text="x") == (412, "stale-fencing-token")


def test_a_form_of_a_page_wants_the_token_too(surgery: Surgery) -> None:
    patient_id, former = surgery.opened()
    note = surgery.dentist.add("medication", patient_id, former, text="Ramipril 5")
    surgery.dentist.release_patient(patient_id)
    before = state_of(surgery.server, patient_id)
    browser = Browser(surgery.server.url, surgery.dentist.token)
    pages = [
        endpoint for endpoint in surgery.server.server.endpoints()
        if endpoint.is_page and endpoint.method == "POST" and endpoint.path.startswith("/patients/{id}/")
        and not READING_OR_OPENING_PAGE.search(endpoint.path)
    ]  # fmt: skip
    assert len(pages) > 5
    for endpoint in pages:
        for kind in ENTRY_KINDS:
            path = endpoint.path.replace("{id}", patient_id).replace("{kind}", kind).replace("{entry}", note.id)
            for token in (former, "", "9.9"):
                fields = {
                    "text": "Falithrom",
                    "fencing_token": token,
                    "token": token,
                    "family_name": "Neu",
                    "given_name": "Neu",
                    "birth_date": "1950",
                }
                status, _ = browser.submit(path, **fields)
                assert status >= 400, (path, token)
    assert state_of(surgery.server, patient_id) == before


ROLE_OF = {name: frozenset(roles) for name, roles in PEOPLE.items()}


def signed_in(surgery: Surgery, person: str) -> str:
    client = ApiClient(HttpSender(surgery.server.url))
    client.sign_in(person, PASSWORD)
    return client.token


@pytest.mark.parametrize("person", PEOPLE)
def test_every_route_lets_in_whom_the_table_names_and_nobody_else(surgery: Surgery, person: str) -> None:
    """The roles are those of the endpoint; what they must be for records is said in the next test."""
    token = surgery.clients[person].token if person in surgery.clients else signed_in(surgery, person)
    for endpoint in surgery.server.server.endpoints():
        if endpoint.may is EVERYBODY or endpoint.is_page or endpoint.path == "/api/v1/session" or "events" in endpoint.path:
            continue
        path = re.sub(r"{\w+}", "guessed", endpoint.path)
        status, code = ask(surgery.server, endpoint, path, {}, {"Authorization": f"Bearer {token}"})
        if endpoint.may & ROLE_OF[person]:
            assert (status, code) != (403, "not-permitted"), endpoint.path
        else:
            assert (status, code) == (403, "not-permitted"), endpoint.path


def test_records_are_for_those_who_treat(surgery: Surgery) -> None:
    treating = {"dentist", "assistant", "owner", "local"}
    for endpoint in writing_routes(surgery.server):
        by_reception, by_dentists = endpoint.path.endswith("{id}"), endpoint.path.endswith(("/review", "/decisions"))
        may = treating | {"front_desk"} if by_reception else treating - {"assistant"} if by_dentists else treating
        assert endpoint.may == may, endpoint.path
    assert treating | {"front_desk"} == SEARCH_PATIENTS
    assert "auditor" not in EVALUATE
