"""Patients that are open, and ending one."""

import re
import time

from miz.infra.api_client import ApiClient
from tests.apps.console.test_applications import rows, sentences
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, client_of

PATH = "/console/leases"


def holder(visitor: Visitor) -> str:
    """The window that the page's first form names."""
    found = re.search(r'name="holder" value="([^"]+)"', visitor.get(PATH).text)
    assert found
    return found[1]


def test_openings_are_listed(owner: Visitor, admin: Visitor, patient_id: str) -> None:
    assert rows(owner.get(PATH).text)[0].startswith("Sesselmann, Ina Zimmer 2 Fr. Assistenz ")
    shown = admin.get(PATH).text
    assert rows(shown)[0].startswith("eine Akte Zimmer 2 Fr. Assistenz ")
    assert "Fr. Assistenz (Zimmer 2) kann diese Akte dann nur noch lesen." in shown
    assert "Sesselmann" not in shown


def test_nothing_open_is_said(admin: Visitor) -> None:
    assert rows(admin.get(PATH).text) == ["Keine Akte ist geöffnet."]


def test_an_opening_is_ended_with_a_reason(admin: Visitor, window: ApiClient, patient_id: str) -> None:
    token = window.open_patient(patient_id).fencing_token
    window.keep_draft(patient_id, "medication", text="halb getippt")
    ended = admin.post(f"{PATH}/{patient_id}/end", {"holder": holder(admin), "reason": "not_reachable"})
    assert (ended.status, ended.headers["location"]) == (303, f"{PATH}?done=ended")
    assert "Die Akte ist frei." in admin.get(ended.headers["location"]).text
    assert rows(admin.get(PATH).text) == ["Keine Akte ist geöffnet."]
    assert window.heartbeat().lease is None
    assert [dict(draft.fields) for draft in window.drafts(patient_id)] == [{"text": "halb getippt"}]
    assert window.open_patient(patient_id).fencing_token != token
    # The trail shows what is sealed, and that is done within a second.
    end = time.monotonic() + 5
    while "Fr. Assistenz / not_reachable" not in admin.get("/console/trail").text:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_without_a_reason_nothing_ends(admin: Visitor, window: ApiClient, patient_id: str) -> None:
    for reason in ("", "  "):
        answer = admin.post(f"{PATH}/{patient_id}/end", {"holder": holder(admin), "reason": reason})
        assert answer.status == 422
        assert "Bitte einen Grund angeben." in sentences(answer)
    lease = window.heartbeat().lease
    assert lease
    assert lease.patient_id == patient_id


def test_only_what_the_page_showed_is_ended(server: ServerThread, admin: Visitor, window: ApiClient, patient_id: str) -> None:
    shown = holder(admin)
    window.release_patient(patient_id)
    other = client_of(server.url, "Dr. Prüfer", "Zimmer 1")
    other.open_patient(patient_id)
    answer = admin.post(f"{PATH}/{patient_id}/end", {"holder": shown, "reason": "agreed"})
    assert answer.status == 422
    assert "Inzwischen ist die Akte an einem anderen Platz geöffnet: Zimmer 1 (Dr. Prüfer)." in sentences(answer)
    assert other.heartbeat().lease
    other.release_patient(patient_id)
    assert admin.post(f"{PATH}/{patient_id}/end", {"holder": shown, "reason": "agreed"}).status == 303
    other.sign_out()


def test_an_unknown_patient_is_said(admin: Visitor) -> None:
    answer = admin.post(f"{PATH}/nobody/end", {"reason": "agreed"})
    assert answer.status == 404
    assert "Diesen Patienten gibt es nicht." in sentences(answer)
