"""Questions, values, notes and the four states of the allergies, as forms without scripts."""

import re
from datetime import timedelta

import pytest

from tests.practice.web.visitor import HTMX, Visitor
from tests.support.practice import ServerThread


def checked(page: str) -> set[str]:
    """The ids of the radio buttons that stand chosen."""
    return set(re.findall(r'<input type="radio" id="([^"]+)"[^>]* checked', page))


def open_count(page: str) -> int:
    """The number at the tab."""
    found = re.search(r'href="[^"]+/anamnesis"[^>]*>[^<]*<span class="count">(\d+)', page)
    return int(found[1]) if found else 0


def test_nothing_is_answered_before_somebody_has_asked(dentist: Visitor) -> None:
    page = dentist.get(dentist.new_patient(sex="female") + "/anamnesis").text
    assert checked(page) == set()
    assert open_count(page) == page.count('class="question"') > 20


def test_men_are_not_asked_whether_they_are_pregnant(dentist: Visitor) -> None:
    assert "Sind Sie schwanger?" in dentist.get(dentist.new_patient(sex="female") + "/anamnesis").text
    assert "Sind Sie schwanger?" not in dentist.get(dentist.new_patient(sex="male") + "/anamnesis").text


@pytest.mark.parametrize("answer", ["yes", "no", "unknown"])
def test_an_answer_is_kept_and_counted(dentist: Visitor, answer: str) -> None:
    address = dentist.new_patient()
    before = open_count(dentist.get(address).text)
    assert dentist.send(f"{address}/answers", question="HTN", answer=answer).status == 303
    page = dentist.get(f"{address}/anamnesis").text
    assert checked(page) == {f"q-HTN-{answer}"}
    assert open_count(page) == before - 1


def test_the_history_says_what_was_answered_in_the_language_of_the_practice(dentist: Visitor) -> None:
    address = dentist.new_patient()
    form = {"question": "A_FIB", "answer": "no", "fencing_token": dentist.token(address)}
    dentist.post(f"{address}/answers", form, **{"accept-language": "en"})
    assert re.search(r"Erkrankung erfasst: <strong>Vorhofflimmern</strong> – Nein", dentist.get(f"{address}/history").text)


def test_details_belong_to_a_yes(dentist: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/answers", question="HTN", answer="yes", since="03.2019", detail="160 im Mittel")
    page = dentist.get(f"{address}/anamnesis").text
    assert 'value="03.2019"' in page
    assert 'value="160 im Mittel"' in page
    dentist.send(f"{address}/answers", question="HTN", answer="no", since="03.2019", detail="160 im Mittel")
    assert "160 im Mittel" not in dentist.get(f"{address}/anamnesis").text


def test_the_same_answer_again_changes_nothing(dentist: Visitor) -> None:
    address = dentist.new_patient()
    for _ in range(2):
        dentist.send(f"{address}/answers", question="HTN", answer="yes", since="2019")
    assert dentist.get(f"{address}/history").text.count("Erkrankung erfasst") == 1
    assert "Erkrankung geändert" not in dentist.get(f"{address}/history").text


def test_a_condition_typed_as_text_answers_its_question(dentist: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/conditions", text="Vorhofflimmern")
    assert checked(dentist.get(f"{address}/anamnesis").text) == {"q-A_FIB-yes"}


def test_a_pregnancy_waits_for_its_week_and_is_a_value(dentist: Visitor) -> None:
    address = dentist.new_patient(sex="female", birth_date="1996")
    assert dentist.send(f"{address}/answers", question="pregnancy_week", answer="yes").status == 204
    assert checked(dentist.get(f"{address}/anamnesis").text) == set()
    dentist.send(f"{address}/answers", question="pregnancy_week", answer="yes", week="24")
    page = dentist.get(f"{address}/anamnesis").text
    assert checked(page) == {"q-pregnancy_week-yes"}
    assert "Schwangerschaftswoche" in page
    dentist.send(f"{address}/answers", question="pregnancy_week", answer="no")
    page = dentist.get(f"{address}/anamnesis").text
    assert checked(page) == {"q-pregnancy_week-no"}
    assert "nicht schwanger" in page
    dentist.send(f"{address}/answers", question="breastfeeding", answer="unknown")
    assert "q-breastfeeding-unknown" in checked(dentist.get(f"{address}/anamnesis").text)


@pytest.mark.parametrize(
    "form", [{"question": "HTN", "answer": "vielleicht"}, {"question": "pregnancy_week", "answer": "yes", "week": "bald"}]
)
def test_what_is_no_answer_is_refused(dentist: Visitor, form: dict[str, str]) -> None:
    address = dentist.new_patient(sex="female")
    assert dentist.send(f"{address}/answers", **form).status == 422
    assert dentist.send(f"{address}/answers", question="NIE_GEHÖRT", answer="yes").status == 404


def test_a_group_is_confirmed_with_date_and_name(dentist: Visitor) -> None:
    address = dentist.new_patient()
    assert "unverändert bestätigt" not in dentist.get(f"{address}/anamnesis").text
    dentist.send(f"{address}/answers", question="HTN", answer="no")
    assert dentist.send(f"{address}/confirmations", group="heart").status == 303
    assert re.search(r"unverändert bestätigt [\d. :]+ von Dr. Prüfer", dentist.get(f"{address}/anamnesis").text)


def test_what_changed_since_the_sign_off_is_marked(server: ServerThread, dentist: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/answers", question="HTN", answer="no")
    dentist.send(f"{address}/review")
    assert "seit der letzten Prüfung geändert" not in dentist.get(f"{address}/anamnesis").text
    server.clock.instant += timedelta(minutes=1)
    dentist.send(f"{address}/answers", question="DM2", answer="yes")
    assert dentist.get(f"{address}/anamnesis").text.count("seit der letzten Prüfung geändert") == 1


def test_the_newest_value_leads_and_former_ones_follow(dentist: Visitor) -> None:
    address = dentist.new_patient()
    for value, day in [("64", "12.03.2024"), ("66,5", "12.03.2025"), ("65", "12.03.2023")]:
        dentist.send(f"{address}/observations", kind="weight_kg", value=value, measured_on=day)
    page = dentist.get(f"{address}/anamnesis").text
    values = re.findall(r"([\d,]+)\N{NO-BREAK SPACE}kg</b> <small|([\d,]+)\N{NO-BREAK SPACE}kg <small", page)
    assert [one or other for one, other in values] == ["66,5", "64", "65"]
    assert "2 frühere Werte" in page


def test_values_and_notes_are_changed_in_place(dentist: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/notes", text="Angst vor Spritzen")
    entry = re.search(r'hx-get="([^"]+/notes/[^"]+)/edit"', dentist.get(f"{address}/anamnesis").text)[1]  # type: ignore[index]
    assert ">Angst vor Spritzen</textarea>" in dentist.get(f"{entry}/edit", **HTMX).text
    dentist.send(entry, address, text="Keine Angst mehr")
    page = dentist.get(f"{address}/anamnesis").text
    assert "Keine Angst mehr" in page
    assert "Angst vor Spritzen" not in page
    dentist.send(f"{entry}/mark", address)
    assert "Keine Notiz erfasst." in dentist.get(f"{address}/anamnesis").text


@pytest.mark.parametrize(
    ("state", "words"), [("none_known", "Keine Allergien bekannt (gefragt am "), ("not_available", "Allergien nicht abrufbar"), ("not_asked", "Allergien nicht erfragt")]
)  # fmt: skip
def test_the_states_of_the_allergies_have_three_texts(dentist: Visitor, state: str, words: str) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/state", allergy_state=state)
    assert words in dentist.get(f"{address}/allergies").text


def test_an_allergy_ends_none_known_and_is_changed_in_place(dentist: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/state", allergy_state="none_known")
    dentist.send(f"{address}/allergies", text="Penicillin", reaction="Quaddeln", onset="immediate", severity="severe", year="2011")
    page = dentist.get(f"{address}/allergies").text
    assert "Bekannte Allergien" in page
    assert "Keine Allergien bekannt" not in page
    entry = re.search(r'hx-get="([^"]+/allergies/[^"]+)/edit"', page)[1]  # type: ignore[index]
    dentist.send(entry, address, text="Penicillin", reaction="Anaphylaxie", onset="immediate", severity="severe", year="2011")
    assert "Anaphylaxie" in dentist.get(address).text


def test_an_assistant_reads_what_another_room_edits(dentist: Visitor, assistant: Visitor) -> None:
    address = dentist.new_patient()
    dentist.send(f"{address}/answers", question="HTN", answer="yes", detail="eingestellt")
    page = assistant.get(f"{address}/anamnesis").text
    assert "eingestellt" in page
    assert "<form" not in page[page.index('id="list"') : page.index('id="add"')]
