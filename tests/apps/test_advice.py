"""What the pages ask the knowledge base: questions, the practice's own drugs, and what stops the hand."""

import re
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any

import pytest
from msgspec import structs

from miz.apps.advice import PLACES, EditionAdvisor, places_of
from miz.checks import wording
from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition
from miz.knowledge.resolver import Resolver
from miz.practice.advice import Interruption, Verdict
from miz.ui.i18n import translator
from miz.wire.client_protocol import Decision, Patient
from tests.checks.test_model import TODAY, entry, record


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    path = tmp_path_factory.mktemp("edition") / "edition.sqlite"
    compile_edition(path)
    return Edition.open(path)


@pytest.fixture
def advisor(edition: Edition) -> EditionAdvisor:
    return EditionAdvisor(edition, today=lambda: TODAY)


def asked(**lists: Any) -> Patient:
    """Somebody who was asked everything; without more, who takes and has nothing."""
    known = {"medication_state": "none", "allergy_state": "none_known", "conditions": [entry(1, answer="no", condition_id="CHD")]}
    return record(**known | lists)


ERIKA = asked(
    medication=[entry(1, text="Falithrom"), entry(2, text="Ramipril"), entry(3, text="Torasemid")],
    conditions=[entry(4, answer="yes", condition_id="A_FIB")],
    allergies=[entry(5, text="Penicillin", severity="severe")],
)


def one(advisor: EditionAdvisor, patient: Patient, text: str) -> Verdict:
    return advisor.check_one(patient, text, language="de")


# --- questions -----------------------------------------------------------------------------------------------------


def test_questions_come_in_their_groups(advisor: EditionAdvisor) -> None:
    groups = advisor.questions(language="de")
    assert [group.name for group in groups][:2] == ["Herz-Kreislauf", "Blutgerinnung"]
    assert sum(len(group.questions) for group in groups) == 35
    (pregnancy,) = [group for group in groups if group.id == "pregnancy"]
    week, feeding = pregnancy.questions
    assert (week.observation, week.condition_id, week.asked_of, week.text) == ("pregnancy_week", None, "female", "Sind Sie schwanger?")
    assert feeding.id == "breastfeeding"
    clotting = groups[1].questions[0]
    assert (clotting.condition_id, clotting.observation, clotting.name) == ("HAEMOPHILIA", None, "Hämophilie A/B")


def test_questions_are_put_in_english_too(advisor: EditionAdvisor) -> None:
    german, english = (
        [question for group in advisor.questions(language=language) for question in group.questions] for language in ("de", "en")
    )
    assert [question.id for question in german] == [question.id for question in english]
    assert all(left.text != right.text and right.hint for left, right in zip(german, english, strict=True))


# --- own drugs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_usual_drug_is_a_drug_of_the_data(advisor: EditionAdvisor, edition: Edition, language: str) -> None:
    texts = advisor.usual_drugs(language=language)
    assert 12 <= len(texts) == len(set(texts)) <= 16
    meant = [Resolver(edition).planned(text) for text in texts]
    assert [line.text for line in meant if not line.substances] == []
    assert all(verdict.group for verdict in advisor.own_drugs(ERIKA, texts, language=language))


def test_usual_drugs_mean_the_same_in_both_languages(advisor: EditionAdvisor, edition: Edition) -> None:
    german, english = (
        [Resolver(edition).planned(text).ids for text in advisor.usual_drugs(language=language)] for language in ("de", "en")
    )
    assert german == english


def test_each_severity_has_its_verdict(advisor: EditionAdvisor) -> None:
    verdicts = {
        text: one(advisor, ERIKA, text)
        for text in ("Ibuprofen 600", "Amoxicillin 1000", "Clindamycin 600", "Paracetamol 500", "Chlorhexidin 0,2 %")
    }
    assert [verdict.verdict for verdict in verdicts.values()] == ["avoid", "avoid", "mind", "possible", "possible"]
    assert [verdict.reason for verdict in verdicts.values()] == [
        "Phenprocoumon: Blutung · Ramipril + Torasemid: Niere",
        "Allergie: Penicilline",
        "Phenprocoumon: Darmflora",
        "Phenprocoumon: Wirkspiegel",
        "Keine Regel in den Daten spricht dagegen",
    ]
    assert verdicts["Ibuprofen 600"].rules[:2] == ["I001", "I013"]
    assert (verdicts["Ibuprofen 600"].name, verdicts["Ibuprofen 600"].group) == ("Ibuprofen", "Analgetikum")
    assert verdicts["Chlorhexidin 0,2 %"].rules == []


def test_the_list_is_sorted_by_verdict_and_keeps_the_order_of_the_practice(advisor: EditionAdvisor) -> None:
    texts = ["Tee", "Paracetamol 500", "Clindamycin 600", "Chlorhexidin", "Ibuprofen 600", "Amoxicillin 1000", "Doxycyclin 100"]
    found = advisor.own_drugs(ERIKA, texts, language="de")
    assert [verdict.text for verdict in found] == [
        "Ibuprofen 600",
        "Amoxicillin 1000",
        "Clindamycin 600",
        "Doxycyclin 100",
        "Paracetamol 500",
        "Chlorhexidin",
        "Tee",
    ]


def test_what_is_planned_does_not_speak_against_the_list(advisor: EditionAdvisor) -> None:
    planned = structs.replace(asked(), planned=["Diclofenac 50", "Extraktion 36"])
    assert one(advisor, planned, "Ibuprofen 600").verdict == "possible"


def test_a_long_row_of_causes_is_cut_after_the_second(advisor: EditionAdvisor) -> None:
    ill = [entry(number, answer="yes", condition_id=name) for number, name in enumerate(("HF", "ULCER", "IBD"))]
    found = one(advisor, asked(conditions=ill), "Ibuprofen 600")
    assert found.reason == "Herzinsuffizienz · Chronisch entzündliche Darmerkrankung · und weitere"
    assert found.rules == ["HF", "IBD", "ULCER"]


@pytest.mark.parametrize("text", ["Tee vom Heilpraktiker", "Ibuprxfenn", "Füllung 16", "Amlodipin plus"])
def test_what_is_no_drug_of_the_data_is_unchecked(advisor: EditionAdvisor, text: str) -> None:
    found = one(advisor, ERIKA, text)
    assert found.verdict == "unchecked"
    assert found.reason.startswith("Kein Eintrag der Arzneimitteldaten")


@pytest.mark.parametrize(
    ("unknown", "verdict", "reason"),
    [
        ({"allergy_state": "not_asked"}, "possible", "Keine Regel in den Daten spricht dagegen · Allergien nicht erfragt"),
        ({"allergy_state": "not_available"}, "possible", "Keine Regel in den Daten spricht dagegen · Allergien nicht abrufbar"),
        ({"medication_state": "not_asked"}, "possible", "Keine Regel in den Daten spricht dagegen · Medikation nicht erfragt"),
        ({"conditions": []}, "possible", "Keine Regel in den Daten spricht dagegen · Anamnese nicht erfragt"),
        (
            {"medication_state": "not_asked", "allergy_state": "not_asked"},
            "unchecked",
            "Medikation nicht erfragt · Allergien nicht erfragt",
        ),
        ({"is_restricted": True, "conditions": []}, "possible", None),
        ({"is_restricted": True, "allergy_state": "not_available"}, "unchecked", None),
    ],
)
def test_what_was_not_asked_is_said(advisor: EditionAdvisor, unknown: dict[str, Any], verdict: str, reason: str | None) -> None:
    found = one(advisor, asked(**unknown), "Ibuprofen 600")
    assert found.verdict == verdict
    assert reason is None or found.reason.startswith(reason)


def test_a_finding_counts_even_where_nothing_was_asked(advisor: EditionAdvisor) -> None:
    ill = record(conditions=[entry(1, answer="yes", condition_id="ASTHMA_NSAR")])
    assert one(advisor, ill, "Ibuprofen 600").verdict == "avoid"
    assert one(advisor, ill, "Paracetamol 500").verdict == "mind"
    assert one(advisor, ill, "Amoxicillin 1000").verdict == "unchecked"


def test_what_was_not_recognised_of_the_patient_is_said(advisor: EditionAdvisor) -> None:
    patient = asked(medication=[entry(1, text="Tee vom Heilpraktiker")])
    assert one(advisor, patient, "Chlorhexidin").reason == "Keine Regel in den Daten spricht dagegen · Nicht erkannt: Tee vom Heilpraktiker"


@pytest.mark.parametrize(
    ("patient", "text", "verdict", "reason"),
    [
        (asked(birth_date="2012-05-01"), "ASS 500", "avoid", "Mindestalter"),
        (
            asked(birth_date="1995-05-01", observations=[entry(1, kind="pregnancy_week", value=30, measured_on="2026-11-20")]),
            "Ibuprofen 600",
            "avoid",
            "Schwangerschaft",
        ),
        (
            asked(birth_date="1995-05-01", observations=[entry(1, kind="breastfeeding", value=1, measured_on="2026-11-20")]),
            "Doxycyclin",
            "avoid",
            "Stillzeit",
        ),
        (asked(observations=[entry(1, kind="egfr", value=25, measured_on="2026-11-20")]), "Ibuprofen 600", "avoid", "Niere"),
    ],
)
def test_age_weeks_feeding_and_kidney_count(advisor: EditionAdvisor, patient: Patient, text: str, verdict: str, reason: str) -> None:
    found = one(advisor, patient, text)
    assert (found.verdict, reason in found.reason) == (verdict, True)


def test_out_of_date_data_call_nothing_possible(edition: Edition) -> None:
    late = EditionAdvisor(edition, today=lambda: date(2027, 4, 1))
    assert [verdict.verdict for verdict in late.own_drugs(ERIKA, ["Chlorhexidin", "Ibuprofen 600"], language="de")] == [
        "avoid",
        "unchecked",
    ]
    assert late.check_one(ERIKA, "Chlorhexidin", language="de").reason == "Arzneimitteldaten abgelaufen"


def test_a_changed_record_a_new_list_and_another_language_are_judged_anew(advisor: EditionAdvisor) -> None:
    texts = ["Ibuprofen 600"]
    first = advisor.own_drugs(ERIKA, texts, language="de")
    assert advisor.own_drugs(ERIKA, texts, language="de") == first
    assert advisor.own_drugs(ERIKA, texts, language="en")[0].reason == "phenprocoumon: bleeding · ramipril + torasemide: kidney"
    assert len(advisor.own_drugs(ERIKA, [*texts, "Chlorhexidin"], language="de")) == 2
    without = structs.replace(ERIKA, version=ERIKA.version + 1, medication=[])
    assert advisor.own_drugs(without, texts, language="de")[0].verdict == "possible"
    hidden = structs.replace(ERIKA, is_restricted=True, medication=[], conditions=[])
    assert "Medikation nicht erfragt" in advisor.own_drugs(hidden, texts, language="de")[0].reason


def test_a_new_day_is_judged_anew(edition: Edition) -> None:
    days = [TODAY, date(2027, 4, 1)]
    advisor = EditionAdvisor(edition, today=lambda: days[0])
    assert advisor.own_drugs(ERIKA, ["Chlorhexidin"], language="de")[0].verdict == "possible"
    days.pop(0)
    assert advisor.own_drugs(ERIKA, ["Chlorhexidin"], language="de")[0].verdict == "unchecked"


def test_sixteen_drugs_are_judged_within_five_milliseconds(advisor: EditionAdvisor) -> None:
    texts = [*advisor.usual_drugs(language="de"), "Lachgas"][:16]
    assert len(texts) == 16

    def took(version: int) -> float:
        start = perf_counter()
        advisor.own_drugs(structs.replace(ERIKA, version=version), texts, language="de")
        return perf_counter() - start

    assert min(took(version) for version in range(2, 22)) < 0.005


# --- what stops the hand -------------------------------------------------------------------------------------------


def planning(advisor: EditionAdvisor, patient: Patient, text: str, language: str = "de") -> Interruption | None:
    return advisor.interrupts(patient, text, role="planned", language=language)


def test_an_allergy_stops_the_hand(advisor: EditionAdvisor) -> None:
    patient = asked(allergies=[entry(5, text="Penicillin", severity="severe")])
    found = planning(advisor, patient, "Amoxicillin 1000")
    assert found is not None
    assert (found.drug, found.cause, found.rules, found.edition) == ("Amoxicillin", "Allergie: Penicilline", ["penicillin"], "2026.1")
    assert found.action.startswith("Nicht anwenden; etwas anderes wählen.")
    assert found.alternatives == ["Clindamycin 600", "Metronidazol 400", "Doxycyclin 100"]


def test_alternatives_are_possible_for_this_patient(advisor: EditionAdvisor) -> None:
    found = planning(advisor, ERIKA, "Amoxicillin 1000")
    assert found is not None
    assert found.alternatives == []
    gel = planning(advisor, asked(medication=[entry(1, text="Falithrom")]), "Miconazol-Mundgel")
    assert gel is not None
    assert gel.alternatives == ["Nystatin", "Amphotericin B lokal"]
    assert {one(advisor, asked(medication=[entry(1, text="Falithrom")]), text).verdict for text in gel.alternatives} == {"possible"}


def test_a_severe_reaction_stops_what_may_react_across(advisor: EditionAdvisor) -> None:
    severe, mild = (asked(allergies=[entry(5, text="Penicillin", severity=severity)]) for severity in ("severe", "mild"))
    assert planning(advisor, severe, "Cefuroxim")
    assert planning(advisor, mild, "Cefuroxim") is None
    assert planning(advisor, mild, "Amoxicillin 1000")


@pytest.mark.parametrize("text", ["Ibuprofen 600", "Clindamycin 600", "Chlorhexidin", "Extraktion 36", "Tee vom Heilpraktiker"])
def test_nothing_else_stops_the_hand(advisor: EditionAdvisor, text: str) -> None:
    assert planning(advisor, ERIKA, text) is None


def test_a_procedure_is_no_medicine(advisor: EditionAdvisor) -> None:
    assert planning(advisor, asked(conditions=[entry(1, answer="yes", condition_id="ANGINA_UNST")]), "Extraktion 36") is None


def test_what_is_taken_stops_the_hand_too(advisor: EditionAdvisor) -> None:
    patient = asked(medication=[entry(1, text="Capecitabin")])
    found = advisor.interrupts(patient, "Zostex", role="medication", drug_id="brivudine", language="de")
    assert found is not None
    assert found.cause.startswith("Capecitabin: ")
    assert advisor.interrupts(patient, "Capecitabin", role="medication", language="de") is None


def test_what_is_planned_already_counts(advisor: EditionAdvisor) -> None:
    patient = asked(planned=["Brivudin"])
    assert advisor.interrupts(patient, "Capecitabin", role="medication", language="de")
    assert planning(advisor, patient, "Brivudin") is None


def test_a_decision_holds_until_medicine_dose_or_findings_change(advisor: EditionAdvisor) -> None:
    patient = asked(allergies=[entry(5, text="Penicillin", severity="severe")])
    found = planning(advisor, patient, "Amoxicillin 1000")
    assert found is not None
    decided = structs.replace(patient, decisions=[decision(found)])
    assert planning(advisor, decided, "Amoxicillin 1000") is None
    assert planning(advisor, decided, "Amoxicillin 1000", language="en") is None
    assert planning(advisor, decided, "Amoxicillin 500")
    assert planning(advisor, decided, "Ampicillin")
    milder = structs.replace(decided, allergies=[structs.replace(decided.allergies[0], severity="mild")])
    assert planning(advisor, milder, "Amoxicillin 1000")
    more = structs.replace(decided, conditions=[structs.replace(decided.conditions[0], answer="yes", condition_id="PENALL")])
    assert planning(advisor, more, "Amoxicillin 1000")
    unrelated = structs.replace(decided, conditions=[structs.replace(decided.conditions[0], answer="yes")])
    assert planning(advisor, unrelated, "Amoxicillin 1000") is None


def test_a_decision_on_what_is_taken_holds_for_its_dose(advisor: EditionAdvisor) -> None:
    patient = asked(allergies=[entry(5, text="Penicillin")])

    def taking(who: Patient, dose: str) -> Interruption | None:
        return advisor.interrupts(who, "Amoxicillin", role="medication", strength="1000 mg", dose=dose, language="de")

    found = taking(patient, "1-0-1")
    assert found is not None
    decided = structs.replace(patient, decisions=[decision(found)])
    assert taking(decided, "1-0-1") is None
    assert taking(decided, "1-1-1")


def test_a_changed_rule_asks_again(edition: Edition) -> None:
    patient = asked(medication=[entry(1, text="Falithrom")])
    found = planning(EditionAdvisor(edition, today=lambda: TODAY), patient, "Miconazol-Mundgel")
    assert found is not None
    decided = structs.replace(patient, decisions=[decision(found)])
    rule = edition.rules[found.rules[0]]
    edition.rules[rule.id] = structs.replace(rule, action=structs.replace(rule.action, de="Anders."))
    try:
        assert planning(EditionAdvisor(edition, today=lambda: TODAY), decided, "Miconazol-Mundgel")
    finally:
        edition.rules[rule.id] = rule
    assert planning(EditionAdvisor(edition, today=lambda: TODAY), decided, "Miconazol-Mundgel") is None


def decision(found: Interruption) -> Decision:
    return Decision(
        findings_key=found.findings_key,
        drug=found.drug,
        rules=list(found.rules),
        reason="other",
        edition=found.edition,
        decided_at=datetime(2026, 11, 22, 9, 41, tzinfo=UTC),
        decided_by="Dr. Kern",
    )


# --- advice --------------------------------------------------------------------------------------------------------


def test_allergies_that_cannot_be_obtained_are_said_so(advisor: EditionAdvisor) -> None:
    advice = advisor.advise(asked(allergy_state="not_available", planned=["Ibuprofen 600"]), language="de")
    assert "Allergien nicht abrufbar: Sie sind nicht geprüft." in advice.answer.not_checked
    assert not [sentence for sentence in advice.answer.not_checked if "nicht erfragt" in sentence]


def test_allergies_are_offered_by_name(advisor: EditionAdvisor) -> None:
    names = {names[0]: names for names in advisor.allergies(language="de")}
    assert "penizillin" in names["Penicilline"]
    assert "Penicillins" in {names[0] for names in advisor.allergies(language="en")}


@pytest.mark.parametrize("language", ["de", "en"])
def test_each_sentence_of_what_is_missing_leads_to_its_place(language: str) -> None:
    say = translator(language)
    said = {re.sub(r"\{\w+\}", "Articain 4 % (1:100.000)", say(sentence)): place for sentence, place in PLACES.items()}
    assert places_of(list(said), language) == said
    assert places_of([say(wording.OUT_OF_DATE), "Etwas ganz anderes."], language) == {}
