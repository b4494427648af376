"""What a room's display shows: the patient opened there last, with all that was found and all that was not checked."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

import pytest

from miz.apps.viewer.pages import PatientScreen, patient_screen
from miz.practice.advice import Advice, Verdict
from miz.ui.i18n import Language
from miz.ui.render import Look, render
from miz.wire.client_protocol import AllergyState, CheckAnswer, EditionRef, Finding, OwnDrugs, Patient, Severity
from tests.practice.people import Surgery
from tests.support.displays import Display, paired
from tests.support.practice import ServerThread, client_of


def state(screen: str) -> str:
    return str(re.findall(r'data-state="(\w+)"', screen)[0])


def name(screen: str) -> str:
    return str(re.findall(r"<h1[^>]*>([^<]*)</h1>", screen)[0])


def test_rest_shows_the_practice_and_nobody(display: Display) -> None:
    screen = display.screen()
    assert (state(screen), name(screen)) == ("rest", "Testpraxis")
    assert "data-of" not in screen


def test_the_patient_opened_last_in_the_room_is_shown_and_gone_when_closed(surgery: Surgery, display: Display) -> None:
    older, newer = surgery.patient(family_name="Früher"), surgery.patient(family_name="Später")
    second = surgery.second_window(surgery.assistant)
    surgery.assistant.open_patient(older.id)
    assert name(display.screen()) == "FRÜHER, Ina"
    surgery.server.clock.instant += timedelta(seconds=1)
    second.open_patient(newer.id)
    assert name(display.screen()) == "SPÄTER, Ina"
    second.release_patient(newer.id)
    assert name(display.screen()) == "FRÜHER, Ina"
    surgery.assistant.release_patient(older.id)
    assert state(display.screen()) == "rest"


def test_other_rooms_and_mere_viewing_show_nothing_here(surgery: Surgery, display: Display) -> None:
    patient_id, _ = surgery.opened(family_name="Nebenan")
    surgery.assistant.read_patient(patient_id)
    assert state(display.screen()) == "rest"
    assert name(paired(surgery.server, "Zimmer 1").screen()) == "NEBENAN, Ina"


def test_signing_out_ends_what_is_shown(server: ServerThread, display: Display) -> None:
    assistant = client_of(server.url, "Fr. Assistenz", "Zimmer 2")
    made = assistant.create_patient(family_name="Feierabend", given_name="Ina", birth_date="1950-01-02")
    assistant.open_patient(made.id)
    assert name(display.screen()) == "FEIERABEND, Ina"
    assistant.sign_out()
    assert state(display.screen()) == "rest"


@pytest.mark.parametrize(
    ("allergy_state", "said"),
    [("none_known", "Keine Allergien bekannt"), ("not_asked", "Allergien nicht erfragt"), ("not_available", "Allergien nicht abrufbar")],
)
def test_every_state_of_the_allergies_is_told_apart(allergy_state: AllergyState, said: str) -> None:
    screen = shown(invented(allergy_state))
    assert said in screen
    assert sum(words in screen for words in ("Keine Allergien bekannt", "Allergien nicht erfragt", "Allergien nicht abrufbar")) == 1


def test_identity_allergies_findings_and_drugs_stand_on_the_screen(surgery: Surgery, display: Display) -> None:
    patient = surgery.patient(family_name="Voll", given_name="Karl", birth_date="1948-03-12", sex="male", number="4711")
    token = surgery.assistant.open_patient(patient.id).fencing_token
    surgery.assistant.add("medication", patient.id, token, text="Marcumar")
    surgery.assistant.add("medication", patient.id, token, text="Tee vom Heilpraktiker")
    surgery.assistant.add("allergies", patient.id, token, text="Penicillin", reaction="Quaddeln")
    screen = display.screen()
    for words in ("VOLL, Karl", "geb. 12.03.1948", "(78 J.)", "männlich", "Nr. 4711", "<b>Penicillin</b> Quaddeln", "Blutungsrisiko",
                  "Vor der Behandlung beachten", "Ihre Arzneimittel", "Tee vom Heilpraktiker"):  # fmt: skip
        assert words in screen, words
    ranks = re.findall(r'data-rank="(\w+)"', screen.split("column drugs")[0])
    assert ranks == sorted(ranks, key=["high", "unchecked", "medium", "low"].index), "high first, then what nobody could judge"
    verdicts = re.findall(r'data-rank="(\w+)"', screen.split("column drugs")[1])
    assert "avoid" in verdicts
    assert verdicts == sorted(verdicts, key=["avoid", "mind", "possible", "unchecked"].index)
    assert "Musterpatient" not in screen


def test_discreet_leaves_name_and_date_of_birth_out_of_the_page(surgery: Surgery, display: Display) -> None:
    patient = surgery.patient(family_name="Leise", birth_date="1948-03-12")
    surgery.assistant.open_patient(patient.id)
    screen = display.screen(discreet="1")
    assert name(screen) == "Name ausgeblendet"
    assert "LEISE" not in screen.upper()
    assert "1948" not in screen
    assert "78 J." in screen


def test_a_change_of_the_record_gives_another_stamp_and_the_same_state_the_same(surgery: Surgery, display: Display) -> None:
    patient = surgery.patient()
    token = surgery.assistant.open_patient(patient.id).fencing_token
    first, again = display.screen(), display.screen()
    surgery.assistant.add("notes", patient.id, token, text="Spritzenangst")
    changed = display.screen()
    stamps = [re.findall(r'data-stamp="(\w+)"', screen)[0] for screen in (first, again, changed)]
    assert stamps[0] == stamps[1] != stamps[2]
    assert patient.id not in "".join(stamps)


def test_the_practices_own_list_is_shown_and_a_change_of_it_too(surgery: Surgery, display: Display) -> None:
    surgery.assistant.open_patient(surgery.patient().id)
    preset = display.screen()
    own = OwnDrugs(["Ibuprofen 600", "Hausmischung"])
    surgery.dentist.call("PUT", "/own-drugs", own, answer=OwnDrugs)
    try:
        screen = display.screen()
    finally:
        surgery.dentist.call("PUT", "/own-drugs", OwnDrugs([]), answer=OwnDrugs)
    shown_drugs = re.findall(r"<b>([^<]+)</b>", screen.split("column drugs")[1])
    assert sorted(shown_drugs) == ["Hausmischung", "Ibuprofen 600"]
    assert 'data-rank="unchecked"' in screen.split("column drugs")[1]
    assert len(re.findall(r"<b>", preset)) > 2
    assert re.findall(r'data-stamp="(\w+)"', screen) != re.findall(r'data-stamp="(\w+)"', preset)


# --- what the check may say, by hand ------------------------------------------------------------------------------


def invented(allergy_state: AllergyState = "not_asked") -> PatientScreen:
    """The screen of an invented patient with one high finding in front and two notes behind."""
    patient = Patient(
        id="p", family_name="Muster", given_name="Erika", birth_date="1948", sex="female", is_sample=True, version=1,
        medication_state="recorded", allergy_state=allergy_state,
    )  # fmt: skip
    findings = [finding("F1", "warning"), finding("F2", "info")]
    answer = CheckAnswer(edition=EditionRef("2026", date(2027, 3, 31), "current"), resolved=[], findings=findings, not_checked=["Satz A."])
    advice = Advice(answer=answer, cards=[[findings[0]]], further=[[finding("F3", "warning")], [findings[1]]])
    words: tuple[Literal["avoid", "mind", "possible", "unchecked"], ...] = ("avoid", "mind", "possible", "unchecked")
    verdicts = [Verdict(text=word, name="", verdict=word, reason="", rules=[], group="") for word in words]
    return patient_screen(patient, advice, verdicts, today=date(2026, 11, 22), stamp="s", room="Zimmer 2", is_discreet=False)


def finding(rule: str, severity: Severity) -> Finding:
    return Finding(
        kind="risk", severity=severity, subjects=[rule], rule=rule, title=f"Titel {rule}", effect="Wirkung", action=f"Maßnahme {rule}",
        alternatives=[], evidence="", sources=[], reviewed=False,
    )  # fmt: skip


def shown(screen: PatientScreen, language: Language = "de") -> str:
    return render(screen, Look(language=language))


def test_nothing_the_check_says_is_left_out_uncounted() -> None:
    screen = shown(invented())
    assert "Titel F1" in screen
    assert "Maßnahme F1" in screen
    assert "Weitere Hinweise in der Akte: 2" in screen
    assert "davon 1 hoch" in screen
    assert "Satz A." in screen


def test_levels_are_words_with_shapes_of_their_own() -> None:
    screen = shown(invented())
    for word in ("Hoch", "Nicht geprüft", "Vermeiden", "Beachten", "Möglich"):
        assert f"</svg>{word}</span>" in screen
    assert "Musterpatient" in screen


def test_old_drug_data_say_so() -> None:
    made = invented()
    warned = shown(replace(made, edition=EditionRef("2026", date(2027, 3, 31), "warning")))
    passive = shown(replace(made, edition=EditionRef("2026", date(2027, 3, 31), "passive")))
    assert "gelten noch bis 31.03.2027" in warned
    assert "galten bis 31.03.2027" in passive
    assert "31.03.2027" not in shown(made)


def test_without_a_finding_the_screen_does_not_say_safe() -> None:
    assert "keine Unbedenklichkeit" in shown(replace(invented(), lines=[]))


def test_the_screen_speaks_english_too() -> None:
    screen = shown(invented(), "en")
    assert "Mind before treatment" in screen
    assert "Allergies not asked" in screen
