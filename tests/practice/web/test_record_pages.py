"""Verlauf, sign-off, own drugs, what interrupts, entries of others, two records of one person."""

import re
from datetime import timedelta

import pytest

from tests.practice.web.visitor import HTMX, Answer, Visitor
from tests.support.practice import ServerThread


@pytest.fixture
def allergic(dentist: Visitor) -> str:
    """The address of a patient with a severe allergy to penicillin, open at the dentist's."""
    address = dentist.new_patient()
    dentist.send(f"{address}/allergies", text="Penicillin", reaction="Anaphylaxie", onset="immediate", severity="severe")
    return address


# --- Verlauf ------------------------------------------------------------------------------------------------------------


def test_the_history_is_filtered_by_kind_person_and_text(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/medication", text="Ramipril")
    dentist.send(f"{address}/notes", text="Angst vor Spritzen")
    assistant.post(f"{address}/takeover", {"reason": "agreed"})
    assistant.send(f"{address}/notes", text="Kommt mit Tochter")

    def found(**wanted: str) -> list[str]:
        page = dentist.post(f"{address}/history", wanted).text
        return [text for text in ("Ramipril", "Angst vor Spritzen", "Kommt mit Tochter") if f"<strong>{text}</strong>" in page]

    assert found() == ["Ramipril", "Angst vor Spritzen", "Kommt mit Tochter"]
    assert found(kind="notes") == ["Angst vor Spritzen", "Kommt mit Tochter"]
    assert found(kind="notes", person="Fr. Assistenz") == ["Kommt mit Tochter"]
    assert found(q="spritzen") == ["Angst vor Spritzen"]
    assert "Keine Änderung passt zum Filter." in dentist.post(f"{address}/history", {"q": "xyz"}).text


def test_two_states_stand_side_by_side_and_either_comes_back(dentist: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/medication", text="Ramipril", morning="1", reason="Bluthochdruck")
    entry = re.search(r'hx-get="([^"]+/medication/[^"]+)/edit"', dentist.get(address).text)[1]  # type: ignore[index]
    dentist.send(entry, address, morning="2", reason="Bluthochdruck")
    compare = re.search(rf'href="({address}/history/\d+)"', dentist.get(f"{address}/history").text)[1]  # type: ignore[index]
    page = dentist.get(compare).text
    rows = {
        re.sub("<[^>]+>", "", row).split()[0]: "differs" in row
        for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)
        if '<th scope="row"' in row
    }
    assert rows["Dosierung"]
    assert not rows["Grund"]
    assert "geändert" in page, "a difference is a word, not a colour"
    assert page.count("Diesen Stand wiederherstellen") == 2
    form = dict(re.findall(r'name="(change|state)" value="([^"]+)"', page[: page.index('value="after"')]))
    assert dentist.send(f"{entry}/restore", address, change=form["change"], state="before").status == 303
    assert 'when some" data-label="mo">1' in dentist.get(address).text
    dentist.send(f"{entry}/restore", address, change=form["change"], state="after")
    assert 'when some" data-label="mo">2' in dentist.get(address).text


def test_the_sign_off_is_for_dentists_and_shows_what_changed_since(server: ServerThread, dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/medication", text="Ramipril")
    assert "Noch nie vollständig geprüft." in dentist.get(address).text
    assert count_at_header(dentist) == 1
    assert "PROBE" in dentist.get("/reviews").text
    dentist.send(f"{address}/review")
    page = dentist.get(address).text
    assert re.search(r"Zuletzt vollständig geprüft: [\d. :]+, Dr. Prüfer", page)
    assert "Änderungen seitdem" not in page
    assert count_at_header(dentist) == 0
    server.clock.instant += timedelta(minutes=1)
    assistant.post(f"{address}/takeover", {"reason": "agreed"})
    assert 'id="review-today"' not in assistant.get(address).text
    assert assistant.send(f"{address}/review").status == 403
    assistant.send(f"{address}/medication", text="Bisoprolol")
    assert f'href="{address}/history?since=review"' in dentist.get(address).text
    since = dentist.get(f"{address}/history?since=review").text
    assert "<strong>Bisoprolol</strong>" in since
    assert "<strong>Ramipril</strong>" not in since
    assert assistant.get("/reviews").status == 403


def count_at_header(visitor: Visitor) -> int:
    return int(re.search(r'id="to-review".*?<span class="count">(\d+)', visitor.get("/").text, re.DOTALL)[1])  # type: ignore[index]


# --- the practice's own drugs -------------------------------------------------------------------------------------------


def test_own_drugs_are_judged_and_the_list_is_the_practice_s(dentist: Visitor, assistant: Visitor, allergic: str) -> None:
    page = dentist.get(allergic).text
    own = page[page.index('id="own"') : page.index('id="check-text"')]
    assert own.index("Amoxicillin 1000") < own.index("Mepivacain"), "what is to be avoided stands first"
    assert "Das ist keine Unbedenklichkeit." in own
    dentist.post("/own-drugs", {"text": "Ibuprofen 400\n\nIbuprofen 400\nTee vom Heilpraktiker"})
    page = dentist.get(allergic).text
    own = page[page.index('id="own"') : page.index('id="check-text"')]
    assert own.count("<b>Ibuprofen 400</b>") == 1
    assert re.search(r"Nicht geprüft</span>.*?Tee vom Heilpraktiker</b>", own, re.DOTALL)
    assert "Mepivacain" not in own
    dentist.post("/own-drugs", {"is_preset": "1", "text": "x"})
    assert "Mepivacain" in dentist.get("/own-drugs").text
    assert dentist.post("/own-drugs", {"text": "\n".join(map(str, range(61)))}).status == 422
    assert assistant.post("/own-drugs", {"text": "x"}).status == 403


def test_another_medicine_is_checked_without_a_lease(dentist: Visitor, assistant: Visitor, allergic: str) -> None:
    page = assistant.post(f"{allergic}/check-drug", {"text": "Amoxicillin 500"}).text
    result = page[page.index('id="check-result"') :]
    assert "Amoxicillin 500" in result
    assert result.index("Vermeiden") < 400


# --- what interrupts ----------------------------------------------------------------------------------------------------


def planned(visitor: Visitor, address: str) -> list[str]:
    return re.findall(r'<li class="chip[^"]*"><span>([^<]+)', visitor.get(address).text)


def test_planning_what_must_not_be_given_stops_with_cause_and_keeps_the_text(dentist: Visitor, allergic: str) -> None:
    answer = dentist.post(f"{allergic}/planned", {"text": "Amoxicillin 1000", "fencing_token": dentist.token(allergic)}, **HTMX)
    assert (answer.status, answer.headers["hx-retarget"]) == (409, "#dialog")
    assert "Amoxicillin nicht geben?" in answer.text
    assert "Allergie" in answer.text
    assert re.search(r"<button[^>]*data-close-dialog autofocus>Abbrechen", answer.text)
    assert 'name="text" value="Amoxicillin 1000"' in answer.text
    assert "Patient nimmt es bereits" not in answer.text
    assert planned(dentist, allergic) == []


def test_the_dentist_overrides_with_a_reason_and_the_decision_holds(dentist: Visitor, allergic: str) -> None:
    dentist.send(f"{allergic}/planned", text="Amoxicillin 1000", reason_chosen="früher vertragen")
    assert planned(dentist, allergic) == ["Amoxicillin 1000"]
    page = dentist.get(allergic).text
    assert re.search(r"Zur Kenntnis genommen von Dr. Prüfer \([\d. :]+\): früher vertragen", page)
    dentist.send(f"{allergic}/planned/remove", text="Amoxicillin 1000")
    assert dentist.send(f"{allergic}/planned", text="Amoxicillin 1000").status == 303, "the same finding does not interrupt again"


def test_an_assistant_cannot_override_but_records_what_the_patient_takes(dentist: Visitor, assistant: Visitor, allergic: str) -> None:
    dentist.post(f"{allergic}/closing")
    assistant.post(f"{allergic}/opening")
    refused = assistant.send(f"{allergic}/planned", text="Amoxicillin 1000", reason_chosen="früher vertragen")
    assert refused.status == 409
    assert "Über eine Ausnahme entscheidet" in refused.text
    assert planned(assistant, allergic) == []
    stopped = assistant.send(f"{allergic}/medication", text="Amoxicillin", morning="1")
    assert (stopped.status, "Patient nimmt es bereits" in stopped.text) == (409, True)
    assert assistant.send(f"{allergic}/medication", text="Amoxicillin", morning="1", is_taken="1").status == 303
    page = assistant.get(allergic).text
    assert "Amoxicillin" in page[page.index('id="list"') : page.index('id="planned"')]
    assert re.search(r'<details class="card high".*?Amoxicillin', page, re.DOTALL), "the finding stays in sight"


# --- the wrong patient, and two records ---------------------------------------------------------------------------------


def fields_of(page: Answer) -> dict[str, str]:
    return dict(re.findall(r'name="(entry-[^"]+)" value="(1)" checked', page.text))


def test_entries_go_to_the_right_patient_who_is_named_before_and_open_afterwards(dentist: Visitor) -> None:
    right = dentist.new_patient(family_name="Richtig", given_name="Rita")
    wrong = dentist.new_patient(family_name="Falsch", given_name="Fred")
    dentist.send(f"{wrong}/medication", text="Ramipril")
    dialog = dentist.get(f"{wrong}/move", **HTMX)
    chosen = fields_of(dialog)
    assert len(chosen) == 1, "what this window entered today is chosen beforehand"
    assert dentist.send(f"{wrong}/move", q="", **chosen).status == 422
    confirm = dentist.send(f"{wrong}/move", q="Richtig", **chosen)
    assert "Zu RICHTIG, Rita verschieben?" in confirm.text
    assert "Ramipril" in dentist.get(wrong).text
    moved = dentist.send(f"{wrong}/move", to=right.rsplit("/", 1)[1], is_confirmed="1", **chosen)
    assert (moved.status, moved.headers["location"]) == (303, right)
    assert "Sie bearbeiten" in dentist.get(right).text
    assert "Ramipril" in dentist.get(right).text
    assert "data-row id=" not in dentist.get(wrong).text
    assert "zum richtigen Patienten verschoben" in dentist.get(f"{wrong}/history").text


def test_two_records_of_one_person_are_suggested_compared_merged_and_made_two_again(dentist: Visitor) -> None:
    other = dentist.new_patient()
    dentist.send(f"{other}/medication", text="Bisoprolol")
    kept = dentist.new_patient()
    assert "Möglicherweise gibt es eine zweite Akte dieser Person" in dentist.get(kept).text
    address = f"{kept}/merge/{other.rsplit('/', 1)[1]}"
    compared = dentist.get(address).text
    assert "Bisoprolol" in compared
    assert "unterscheiden sich" not in compared
    assert dentist.send(address, kept).status == 303
    assert "Bisoprolol" in dentist.get(kept).text
    rested = dentist.get(other).text
    assert "Diese Akte ist in einer anderen Akte derselben Person aufgegangen." in rested
    assert f'href="{kept}"' in rested
    assert f'action="{other}/opening"' not in rested
    undo = re.search(rf'action="({kept}/merges/[^"]+/undo)"', dentist.get(f"{kept}/merge").text)[1]  # type: ignore[index]
    assert dentist.send(undo, kept).status == 303
    assert "Rückgängig gemacht" in dentist.get(f"{kept}/merge").text
    assert "data-row id=" not in dentist.get(kept).text
    assert "aufgegangen" not in dentist.get(other).text


def test_records_of_different_people_are_compared_with_a_warning(dentist: Visitor) -> None:
    other = dentist.new_patient(family_name="Anders")
    kept = dentist.new_patient()
    assert "Möglicherweise gibt es" not in dentist.get(kept).text
    assert "Name oder Geburtsdatum unterscheiden sich." in dentist.get(f"{kept}/merge/{other.rsplit('/', 1)[1]}").text
