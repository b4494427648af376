"""Prophylaxis only where condition and procedure meet, with what this patient can have; doses by hand."""

from datetime import date

import msgspec
import pytest

from miz.checks.evaluation import evaluate
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, Recommendation

TODAY = date(2026, 11, 22)
VALVE = "Herzklappenprothese"


def ask(edition: Edition, *planned: str, medication: list[str] | None = None, language: str = "de", **patient: object) -> CheckAnswer:
    facts = msgspec.convert({"age": 60, "weight_kg": 70, "conditions": [VALVE], "allergies": []} | patient, CasePatient)
    return evaluate(edition, Case(medication=medication or [], planned=list(planned), patient=facts), today=TODAY, language=language)


def one(answer: CheckAnswer) -> Recommendation:
    (recommendation,) = answer.recommendations
    return recommendation


def options(answer: CheckAnswer) -> dict[str, str]:
    return {option.substance: option.dose.replace("\N{NO-BREAK SPACE}", " ") for option in one(answer).options}


def test_valve_and_extraction(edition: Edition) -> None:
    answer = ask(edition, "Extraktion 36")
    assert (one(answer).purpose, one(answer).necessity) == ("endocarditis_prophylaxis", "needed")
    assert one(answer).because == ["VALVE", "extraction_simple"]
    assert options(answer) == {"amoxicillin": "2 g", "ampicillin": "2 g"}
    assert one(answer).avoid == ["clindamycin"]
    first = one(answer).options[0]
    assert (first.route, first.single_mg, first.lead_minutes) == ("p. o.", 2000, [30, 60])


@pytest.mark.parametrize("procedure", ["Füllung 16", "Leitungsanästhesie", "Röntgen", "Fäden ziehen", "Prothesenanpassung"])
def test_no_procedure_no_prophylaxis(edition: Edition, procedure: str) -> None:
    assert ask(edition, procedure).recommendations == []


@pytest.mark.parametrize("condition", ["Herzschrittmacher", "Mitralklappenprolaps", "Hüft-TEP", "KHK"])
def test_no_condition_no_prophylaxis(edition: Edition, condition: str) -> None:
    assert ask(edition, "Extraktion 36", conditions=[condition]).recommendations == []


def test_no_need_never_cancels_a_need(edition: Edition) -> None:
    assert one(ask(edition, "Extraktion 36", conditions=["Herzschrittmacher", VALVE])).necessity == "needed"


def test_consider_is_told_apart(edition: Edition) -> None:
    assert one(ask(edition, "Extraktion 36", conditions=["Herztransplantation"])).necessity == "consider"
    assert one(ask(edition, "Extraktion 36", conditions=["Herztransplantation", VALVE])).necessity == "needed"


@pytest.mark.parametrize(
    ("allergy", "expected"),
    [
        ("Penicillin, Quaddeln sofort", {"azithromycin", "clarithromycin", "doxycycline"}),
        ("Penicillin", {"azithromycin", "clarithromycin", "doxycycline"}),
        ("Aminopenicilline, Anaphylaxie", {"azithromycin", "clarithromycin", "doxycycline"}),
        ("Penicillin, Übelkeit", {"amoxicillin", "ampicillin"}),
        ("Latex", {"amoxicillin", "ampicillin"}),
    ],
)
def test_by_kind_of_penicillin_reaction(edition: Edition, allergy: str, expected: set[str]) -> None:
    assert set(options(ask(edition, "Extraktion 36", allergies=[allergy]))) == expected


def test_after_a_late_rash_cephalosporins_are_possible_penicillins_not(edition: Edition) -> None:
    offered = set(options(ask(edition, "Extraktion 36", allergies=["Amoxicillin, Ausschlag nach 8 Tagen"])))
    assert {"cefazolin", "ceftriaxone", "azithromycin", "doxycycline"} <= offered
    assert not {"amoxicillin", "ampicillin", "clindamycin"} & offered


def test_two_allergies(edition: Edition) -> None:
    offered = set(options(ask(edition, "Extraktion 36", allergies=["Penicillin, Anaphylaxie", "Makrolide"])))
    assert offered == {"doxycycline"}


def test_what_pregnancy_forbids_is_not_offered(edition: Edition) -> None:
    answer = ask(edition, "Extraktion 36", age=30, sex="f", pregnancy_week=30, allergies=["Penicillin, Anaphylaxie"])
    assert set(options(answer)) == {"azithromycin", "clarithromycin"}


def test_what_an_interaction_forbids_is_not_offered(edition: Edition) -> None:
    answer = ask(edition, "Extraktion 36", allergies=["Penicillin, Anaphylaxie"], medication=["Simvastatin 40"])
    assert "clarithromycin" not in options(answer)
    assert {"azithromycin", "doxycycline"} <= set(options(answer))


@pytest.mark.parametrize(
    ("age", "weight", "allergies", "expected"),
    [
        # 50 × 16 = 800 mg
        (4, 16, [], {"amoxicillin": "800 mg (50 mg je kg)", "ampicillin": "800 mg (50 mg je kg)"}),
        # 50 × 45 = 2250, at most 2000 mg
        (12, 45, [], {"amoxicillin": "2 g (50 mg je kg)", "ampicillin": "2 g (50 mg je kg)"}),
        # 15 × 20 = 300 mg; doxycycline not below 8 years
        (6, 20, ["Penicillin, Anaphylaxie"], {"azithromycin": "300 mg (15 mg je kg)", "clarithromycin": "300 mg (15 mg je kg)"}),
        # 15 × 40 = 600, at most 500 mg; 2.2 × 40 = 88 mg
        (
            10,
            40,
            ["Penicillin, Anaphylaxie"],
            {"azithromycin": "500 mg (15 mg je kg)", "clarithromycin": "500 mg (15 mg je kg)", "doxycycline": "88 mg (2,2 mg je kg)"},
        ),
    ],
)
def test_children(edition: Edition, age: float, weight: float, allergies: list[str], expected: dict[str, str]) -> None:
    assert options(ask(edition, "Extraktion 54", age=age, weight_kg=weight, allergies=allergies)) == expected


def test_a_missing_weight_or_age_is_asked_for_and_the_rule_is_told(edition: Edition) -> None:
    no_weight, no_age = ask(edition, "Extraktion 54", age=6, weight_kg=None), ask(edition, "Extraktion 36", age=None)
    assert options(no_weight)["amoxicillin"] == "50 mg je kg, höchstens 2 g"
    assert options(no_age)["amoxicillin"] == "Erwachsene 2 g; Kinder 50 mg je kg, höchstens 2 g"
    assert any("Gewicht fehlt" in sentence for sentence in no_weight.not_checked)
    assert any("Alter fehlt" in sentence for sentence in no_age.not_checked)
    assert {option.single_mg for answer in (no_weight, no_age) for option in one(answer).options} == {None}


def test_allergies_not_asked_leaves_both_ways_with_their_words(edition: Edition) -> None:
    answer = ask(edition, "Extraktion 36", allergies=None)
    assert {"amoxicillin", "azithromycin"} <= set(options(answer))
    assert all(option.note for option in one(answer).options)


def test_english(edition: Edition) -> None:
    answer = ask(edition, "Extraktion 36", age=6, weight_kg=16, language="en")
    assert options(answer)["amoxicillin"] == "800 mg (50 mg per kg)"
    assert one(answer).options[0].route == "by mouth"


def test_steroid_cover_with_surgery_only(edition: Edition) -> None:
    surgery, filling = (ask(edition, planned, conditions=["Morbus Addison"]) for planned in ("Osteotomie 38", "Füllung 16"))
    assert (one(surgery).purpose, one(surgery).because) == ("steroid_cover", ["ADDISON", "osteotomy"])
    assert filling.recommendations == []
