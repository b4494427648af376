"""The table of the lock as pages: who sees what, and which form does what."""

import pytest

from tests.practice.web.visitor import HTMX, Visitor
from tests.support.practice import ServerThread


def test_asking_giving_time_and_releasing(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    assert assistant.post(f"{address}/request").status == 303
    assert "angefragt um" in assistant.get(address).text
    page = dentist.get(address).text
    assert "(Fr. Assistenz) möchte bearbeiten" in page
    assert f'action="{address}/release"' in page
    dentist.post(f"{address}/later")
    assert "Sie haben um Zeit bis" in dentist.get(address).text
    assert "wird noch bis" in assistant.get(address).text
    dentist.post(f"{address}/release")
    assert f'action="{address}/opening"' in dentist.get(address).text, "who has released goes on reading"
    assert "data-reopen" in assistant.get(address).text, "who has asked opens it by itself"


def test_who_takes_the_asking_back_is_asked_for_no_more(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    assistant.post(f"{address}/request")
    assistant.post(f"{address}/request/withdraw")
    assert "möchte bearbeiten" not in dentist.get(address).text


def test_asking_for_what_is_free_opens_it(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    dentist.post(f"{address}/closing")
    assistant.post(f"{address}/request")
    assert "Sie bearbeiten" in assistant.get(address).text


def test_taking_over_names_whose_work_it_ends_and_what_is_unsaved(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    assert "hat alles gespeichert" in assistant.get(f"{address}/takeover", **HTMX).text
    keep_draft(dentist, address, "medication", text="Ramipril", reason="Bluthochdruck")
    dialog = assistant.get(f"{address}/takeover", **HTMX)
    assert "Dr. Prüfer in" in dialog.text
    assert "hat nicht gespeicherte Eingaben. Sie bleiben als Entwurf erhalten." in dialog.text
    assert dialog.headers["hx-retarget"] == "#dialog"


def test_assistants_give_a_reason_and_dentists_may(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    refused = assistant.post(f"{address}/takeover", {"reason": ""}, **HTMX)
    assert (refused.status, "Bitte einen Grund angeben." in refused.text) == (422, True)
    assert assistant.post(f"{address}/takeover", {"reason": "agreed"}).status == 303
    assert "Sie bearbeiten" in assistant.get(address).text
    assert "In Benutzung" in dentist.get(address).text
    assert dentist.post(f"{address}/takeover").status == 303
    assert "Sie bearbeiten" in dentist.get(address).text


def test_a_draft_is_offered_to_both_sides_after_the_lease_and_goes_when_discarded(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    keep_draft(dentist, address, "medication", text="Ramipril", reason="Bluthochdruck")
    assert "Entwurf von" not in assistant.get(address).text, "while its window has the patient open it is nobody's business"
    assistant.post(f"{address}/takeover", {"reason": "agreed"})
    page = assistant.get(address).text
    assert "Entwurf von Dr. Prüfer" in page
    assert "Grund: Bluthochdruck" in page
    assert 'data-take-draft="medication"' in page
    former = dentist.get(address).text
    assert "Entwurf von Dr. Prüfer" in former
    assert "data-take-draft" not in former, "without the lease there is no form to take it into"
    assert "Zum Formular" in assistant.get(f"{address}/allergies").text
    discard = page[page.index(f"{address}/drafts/") :].split('"')[0]
    assert assistant.post(discard).status == 303
    assert assistant.post(discard).status == 303, "whoever comes second finds it gone"
    assert "Entwurf von" not in dentist.get(address).text


def test_reception_asks_and_does_not_take_over(server: ServerThread, dentist: Visitor) -> None:
    address = dentist.new_patient()
    reception = Visitor(server.url).sign_in("Fr. Empfang")
    page = reception.get(address).text
    assert f"{address}/request" in page
    assert f"{address}/takeover" not in page
    assert reception.get(f"{address}/takeover").status == 403


def test_setup_mode_says_what_works_meanwhile(dentist: Visitor) -> None:
    address = dentist.new_patient()
    assert 'id="setup-mode" role="status" hidden' in dentist.get(address).text
    dentist.call("PUT", "/api/v1/server/mode", {"mode": "setup", "now": True})
    page = dentist.get(address).text
    assert 'id="setup-mode" role="status">' in page
    assert "Nur lesen" in page
    assert f'action="{address}/opening"' not in page
    assert "fencing_token" not in page
    assert dentist.post(f"{address}/opening").status == 409


@pytest.mark.parametrize(
    ("person", "links"), [("Dr. Prüfer", (True, True)), ("Fr. Assistenz", (False, False)), ("Fr. Empfang", (False, False))]
)
def test_console_and_list_of_the_dentist_are_for_their_roles(server: ServerThread, person: str, links: tuple[bool, bool]) -> None:
    page = Visitor(server.url).sign_in(person).get("/").text
    assert ('href="/console"' in page, 'href="/reviews"' in page) == links
    assert 'href="/account"' in page
    assert 'href="/change-user"' in page


def keep_draft(visitor: Visitor, address: str, form: str, **fields: str) -> None:
    visitor.call("PUT", f"/api/v1{address}/drafts/{form}", {"fields": fields})
