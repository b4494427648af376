"""Local anaesthetics: every figure against a calculation by hand, written out."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miz.checks.anaesthetics import maximum
from miz.checks.evaluation import evaluate
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import AnaestheticMaximum, Case, CasePatient, CheckAnswer, Finding

TODAY = date(2026, 11, 22)
HEALTHY = 0.2
CAREFUL = 0.04
ADULT: dict[str, Any] = {"age": 40, "weight_kg": 75}
EXACT = 1e-9


def ask(edition: Edition, *planned: str, medication: list[str] | None = None, language: str = "de", **patient: object) -> CheckAnswer:
    facts = msgspec.convert({"conditions": [], "allergies": []} | patient, CasePatient)
    return evaluate(
        edition,
        Case(medication=[] if medication is None else medication, planned=list(planned), patient=facts),
        today=TODAY,
        language=language,
    )


def maxima(answer: CheckAnswer) -> list[AnaestheticMaximum]:
    return [one for one in answer.computed if isinstance(one, AnaestheticMaximum)]


def only(answer: CheckAnswer) -> AnaestheticMaximum:
    (one,) = maxima(answer)
    return one


def too_much(answer: CheckAnswer) -> list[Finding]:
    return [finding for finding in answer.findings if finding.kind == "dose" and finding.severity == "warning"]


def figures(one: AnaestheticMaximum) -> tuple[float, float | None, int | None, float, str]:
    return one.max_mg, one.max_ml, one.cartridges, one.epinephrine_ug, one.limited_by


def test_articaine_75_kg(edition: Edition) -> None:
    # 7 mg/kg × 75 kg = 525 mg, more than 500 mg; 500 / 40 = 12.5 ml; 12.5 / 1.7 = 7.35; 12.5 × 10 µg = 125 µg
    assert figures(only(ask(edition, "Articain 4 % 1:100.000", **ADULT))) == (500, 12.5, 7, 125, "absolute")


def test_articaine_child_16_kg(edition: Edition) -> None:
    # 5 mg/kg × 16 kg = 80 mg; 80 / 40 = 2.0 ml; 2.0 / 1.7 = 1.18; 2.0 × 10 µg = 20 µg
    answer = ask(edition, "Articain 4 % 1:100.000", age=4, weight_kg=16)
    assert figures(only(answer)) == (80, 2.0, 1, 20, "child")
    assert "Nicht vorgesehen unter 20\N{NO-BREAK SPACE}kg Körpergewicht." in only(answer).notes
    (finding,) = [finding for finding in answer.findings if finding.kind == "dose"]
    assert (finding.severity, finding.subjects) == ("caution", ["articaine"])


def test_mepivacaine_60_kg(edition: Edition) -> None:
    # 4.4 mg/kg × 60 kg = 264 mg; 264 / 30 = 8.8 ml; 8.8 / 1.7 = 5.18
    assert figures(only(ask(edition, "Mepivacain 3 %", age=40, weight_kg=60))) == (264, 8.8, 5, 0, "weight")


def test_heart_at_risk_as_in_the_contract(edition: Edition) -> None:
    # 40 µg / 10 µg per ml = 4.0 ml; 4.0 × 40 = 160 mg; 4.0 / 1.7 = 2.35
    answer = ask(edition, "Articain 1:100.000", age=78, weight_kg=80, conditions=["Vorhofflimmern"], medication=["Falithrom"])
    assert figures(only(answer)) == (160, 4.0, 2, 40, "vasoconstrictor")
    assert "Adrenalin höchstens 40\N{NO-BREAK SPACE}Mikrogramm wegen: Vorhofflimmern." in only(answer).notes


@pytest.mark.parametrize(
    ("planned", "weight", "expected"),
    [
        # 7 × 80 = 560, at most 500 mg; 500 / 40 = 12.5 ml; 12.5 × 5 µg = 62.5 µg
        ("Articain 4 % 1:200.000", 80, (500, 12.5, 7, 62.5, "absolute")),
        # 7 × 62 = 434 mg; 434 / 40 = 10.85 ml; 10.85 / 1.7 = 6.38; 10.85 × 5 = 54.25 µg
        ("Articain 4 % 1:200.000", 62, (434, 10.85, 6, 54.2, "weight")),
        # 4 × 50 = 200 mg; 200 / 40 = 5 ml; 5 / 1.7 = 2.94
        ("Articain 4 % ohne Adrenalin", 50, (200, 5, 2, 0, "weight")),
        # 200 µg / 20 µg = 10 ml; 10 × 20 = 200 mg, below 7 × 75 = 525 and 500; 10 / 1.8 = 5.56
        ("Lidocain 2 % 1:50.000", 75, (200, 10, 5, 200, "vasoconstrictor")),
        # 200 / 12.5 = 16 ml; 16 × 20 = 320 mg; 16 / 1.8 = 8.89
        ("Lidocain 2 % 1:80.000", 75, (320, 16, 8, 200, "vasoconstrictor")),
        # 7 × 50 = 350 mg; 350 / 20 = 17.5 ml; 17.5 / 1.8 = 9.72; 17.5 × 10 = 175 µg
        ("Lidocain 2 % 1:100.000", 50, (350, 17.5, 9, 175, "weight")),
        # 3 × 75 = 225, at most 200 mg; 200 / 20 = 10 ml; 10 / 1.8 = 5.56
        ("Lidocain 2 % ohne Adrenalin", 75, (200, 10, 5, 0, "absolute")),
        # 4.4 × 90 = 396, at most 300 mg; 300 / 30 = 10 ml; 10 / 1.7 = 5.88
        ("Scandonest 3 %", 90, (300, 10, 5, 0, "absolute")),
        # at most 180 mg whatever the weight; 180 / 30 = 6 ml; 6 / 1.8 = 3.33
        ("Prilocain 3 % mit Felypressin", 75, (180, 6, 3, 0, "absolute")),
        # 6 × 60 = 360 mg; 360 / 40 = 9 ml; 9 / 1.8 = 5
        ("Prilocain 4 % ohne Zusatz", 60, (360, 9, 5, 0, "weight")),
        # 2 × 60 = 120 mg; 120 / 5 = 24 ml; 24 / 1.8 = 13.33; 24 × 5 = 120 µg
        ("Bupivacain 0,5 % 1:200.000", 60, (120, 24, 13, 120, "weight")),
    ],
)
def test_each_solution(edition: Edition, planned: str, weight: float, expected: tuple[float, float, int, float, str]) -> None:
    assert figures(only(ask(edition, planned, age=40, weight_kg=weight))) == expected


@pytest.mark.parametrize(
    ("facts", "medication"),
    [
        ({"conditions": ["KHK"]}, []),
        ({"conditions": ["Herzinsuffizienz"]}, []),
        ({"conditions": ["Koronarstent"]}, []),
        ({"conditions": ["Schlaganfall vor 3 Jahren"]}, []),
        ({}, ["Amitriptylin 25"]),
        ({}, ["Propranolol 40"]),
        ({}, ["Tranylcypromin"]),
    ],
)
def test_what_limits_epinephrine_to_40_micrograms(edition: Edition, facts: dict[str, Any], medication: list[str]) -> None:
    answer = ask(edition, "Articain 4 % 1:200.000", medication=medication, **(ADULT | facts))
    # 40 µg / 5 µg = 8 ml; 8 × 40 = 320 mg; 8 / 1.7 = 4.71
    assert figures(only(answer)) == (320, 8, 4, 40, "vasoconstrictor")


@pytest.mark.parametrize(("facts", "medication"), [({"conditions": ["Bluthochdruck"]}, ["Ramipril 5"]), ({}, ["Metoprolol 47,5"])])
def test_what_does_not(edition: Edition, facts: dict[str, Any], medication: list[str]) -> None:
    answer = ask(edition, "Articain 4 % 1:200.000", medication=medication, **(ADULT | facts))
    assert only(answer).limited_by == "absolute"


def test_no_vasoconstrictor_no_limit_of_it(edition: Edition) -> None:
    assert only(ask(edition, "Mepivacain 3 %", age=40, weight_kg=60, conditions=["KHK"])).max_mg == 264


def test_a_trade_name_tells_the_concentration(edition: Edition) -> None:
    weak, strong = (only(ask(edition, name, age=40, weight_kg=75, conditions=["KHK"])) for name in ("Ultracain D-S", "Ultracain D-S forte"))
    assert (weak.max_ml, strong.max_ml) == (40 / 5, 40 / 10)


@pytest.mark.parametrize(
    "planned", ["2 Karpulen Septanest 1:100.000", "Septanest 1:100.000, 2 Zylinderampullen", "Septanest 1:100.000 2x1,7 ml"]
)
def test_however_the_amount_is_written(edition: Edition, planned: str) -> None:
    assert only(ask(edition, planned, **ADULT)).planned_mg == 136  # 2 × 1.7 ml × 40 mg


def test_an_open_concentration_is_asked_for_and_the_stronger_is_taken(edition: Edition) -> None:
    answer = ask(edition, "Articain mit Adrenalin", age=40, weight_kg=75, conditions=["KHK"])
    assert only(answer).max_ml == 4
    assert any("Konzentration fehlt" in sentence for sentence in answer.not_checked)


@pytest.mark.parametrize("planned", ["Mepivacain 2 % 1:100.000", "Articain 2 % 1:200.000", "Articain 1:50.000"])
def test_a_solution_that_is_not_on_file_gets_no_figure(edition: Edition, planned: str) -> None:
    answer = ask(edition, planned, **ADULT)
    assert not maxima(answer)
    assert any("keine Höchstmenge hinterlegt" in sentence for sentence in answer.not_checked)


def test_missing_weight_and_age_are_asked_for(edition: Edition) -> None:
    no_weight = ask(edition, "Articain 4 % 1:100.000", age=40)
    no_age = ask(edition, "Articain 4 % 1:100.000", weight_kg=75)
    assert not maxima(no_weight) + maxima(no_age)
    assert any("Gewicht fehlt" in sentence for sentence in no_weight.not_checked)
    assert any("Alter fehlt" in sentence for sentence in no_age.not_checked)


def test_no_weight_is_no_weight(edition: Edition) -> None:
    answer = ask(edition, "Mepivacain 3 % 80 mg", age=40, weight_kg=0)
    assert not maxima(answer)
    assert any("Gewicht fehlt" in sentence for sentence in answer.not_checked)


@pytest.mark.parametrize("planned", ["Articain 4 % ohne Adrenalin", "Lidocain 2 % ohne Adrenalin", "Prilocain 3 % mit Felypressin"])
def test_no_value_for_children_is_said_not_assumed(edition: Edition, planned: str) -> None:
    answer = ask(edition, planned, age=8, weight_kg=28)
    assert not maxima(answer)
    assert any("Für Kinder ist keine Höchstmenge hinterlegt" in sentence for sentence in answer.not_checked)


def test_from_twelve_years_the_adults_value(edition: Edition) -> None:
    # 11 years: 5 × 40 = 200 mg; 12 years: 7 × 40 = 280 mg
    assert [only(ask(edition, "Articain 4 % 1:200.000", age=age, weight_kg=40)).max_mg for age in (11.9, 12)] == [200, 280]


@pytest.mark.parametrize(
    "facts", [{"conditions": ["Phäochromozytom"]}, {"conditions": ["Sulfit-Asthma"]}, {"allergies": ["Articain, Anaphylaxie"]}]
)
def test_what_is_forbidden_gets_no_figure(edition: Edition, facts: dict[str, Any]) -> None:
    answer = ask(edition, "Articain 4 % 1:200.000", **(ADULT | facts))
    assert not maxima(answer)
    assert any("keine Höchstmenge" in sentence for sentence in answer.not_checked)


def test_what_is_forbidden_with_epinephrine_is_not_so_without(edition: Edition) -> None:
    answer = ask(edition, "Articain 4 % 1:200.000", "Articain 4 % ohne Adrenalin", conditions=["Phäochromozytom"], **ADULT)
    assert only(answer).solution == "articaine-4-plain"


def test_a_planned_amount_leaves_the_rest(edition: Edition) -> None:
    # planned 2 × 1.7 = 3.4 ml = 136 mg of 500 mg = 27.2 %; left 364 mg = 9.1 ml
    one = only(answer := ask(edition, "Articain 4 % 1:100.000 2 Ampullen", **ADULT))
    assert (one.planned_mg, one.share_percent, one.remaining_mg, one.remaining_ml) == (136, 27.2, 364, 9.1)
    assert not too_much(answer)


@pytest.mark.parametrize(
    ("amount", "is_too_much"), [("4 ml", False), ("2 Ampullen", False), ("4,1 ml", True), ("3 Ampullen", True), ("161 mg", True)]
)
def test_more_than_the_maximum(edition: Edition, amount: str, is_too_much: bool) -> None:
    # at most 40 µg = 4 ml = 160 mg; 2 × 1.7 = 3.4 ml; 3 × 1.7 = 5.1 ml
    answer = ask(edition, f"Articain 4 % 1:100.000 {amount}", age=78, weight_kg=80, conditions=["Vorhofflimmern"])
    assert bool(too_much(answer)) == is_too_much
    if is_too_much:
        assert too_much(answer)[0].subjects == ["articaine"]
        assert "160\N{NO-BREAK SPACE}mg = 4\N{NO-BREAK SPACE}ml = 2 × 1,7\N{NO-BREAK SPACE}ml" in too_much(answer)[0].action
        assert only(answer).remaining_mg == 0


def test_several_solutions_share_one_maximum(edition: Edition) -> None:
    # 210 of 7 × 60 = 420 mg is the half, 132 of 4.4 × 60 = 264 mg the other; 10 mg more are too much
    facts: dict[str, Any] = {"age": 40, "weight_kg": 60}
    whole = ask(edition, "Articain 4 % 1:200.000 210 mg", "Mepivacain 3 % 132 mg", **facts)
    more = ask(edition, "Articain 4 % 1:200.000 210 mg", "Mepivacain 3 % 142 mg", **facts)
    assert not too_much(whole)
    assert [one.remaining_mg for one in maxima(whole)] == [0, 0]
    assert too_much(more)[0].subjects == ["articaine", "mepivacaine"]


def test_the_surface_counts(edition: Edition) -> None:
    # 80 kg: 100 of at most 200 mg of lidocaine are the half; 150 of at most 300 mg of mepivacaine are the other, 151 mg are more
    half = ask(edition, "Lidocain-Spray 100 mg", "Mepivacain 3 % 150 mg", age=40, weight_kg=80)
    more = ask(edition, "Lidocain-Spray 100 mg", "Mepivacain 3 % 151 mg", age=40, weight_kg=80)
    assert (len(too_much(half)), len(too_much(more))) == (0, 1)
    unknown = ask(edition, "Lidocain-Spray", "Mepivacain 3 % 150 mg", age=40, weight_kg=80)
    assert any("Lidocain-Spray" in sentence and "Menge fehlt" in sentence for sentence in unknown.not_checked)


def test_what_was_not_asked_is_said_with_the_figure(edition: Edition) -> None:
    answer = evaluate(
        edition, Case(planned=["Articain 4 % 1:200.000"], patient=CasePatient(age=40, weight_kg=75)), today=TODAY, language="en"
    )
    assert "Holds without heart or circulatory disease only: history or medication was not asked for." in only(answer).notes


# --- properties ------------------------------------------------------------------------------------------------------

weights = st.floats(min_value=3, max_value=200)


@given(weight=weights, more=st.floats(min_value=0, max_value=50), is_child=st.booleans(), limit=st.sampled_from([CAREFUL, HEALTHY]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_never_more_for_less_weight_and_never_above_a_limit(
    edition: Edition, weight: float, more: float, is_child: bool, limit: float
) -> None:
    for solution in edition.facts.anaesthetics:
        light = maximum(solution, weight_kg=weight, is_child=is_child, epinephrine_mg=limit)
        heavy = maximum(solution, weight_kg=weight + more, is_child=is_child, epinephrine_mg=limit)
        assert (light is None) == (heavy is None)
        if light and heavy:
            assert light.mg <= heavy.mg
            assert light.mg <= (solution.max_mg or light.mg)
            assert light.mg / solution.mg_per_ml * solution.epinephrine_ug_per_ml <= limit * 1000 + EXACT


@given(weight=weights, age=st.floats(min_value=0, max_value=100))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_figures_of_one_maximum_agree(edition: Edition, weight: float, age: float) -> None:
    for one in maxima(ask(edition, "Articain 4 % 1:100.000", "Mepivacain 3 %", age=age, weight_kg=weight)):
        per_ml = {"articaine": 40, "mepivacaine": 30}[one.substance]
        assert one.max_ml is not None
        assert one.max_ml * per_ml == pytest.approx(one.max_mg, abs=0.01 * per_ml)
        assert one.cartridges is not None
        assert one.cartridges * 1.7 <= one.max_ml + 0.01 < (one.cartridges + 1) * 1.7 + 0.02


@given(weight=st.floats(min_value=30, max_value=120), share=st.floats(min_value=0.01, max_value=0.99))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_parts_of_two_maxima_that_make_a_whole_are_allowed(edition: Edition, weight: float, share: float) -> None:
    one, other = min(7 * weight, 500), min(4.4 * weight, 300)
    facts: dict[str, Any] = {"age": 40, "weight_kg": weight}

    def planned(first: float, second: float) -> CheckAnswer:
        return ask(edition, f"Articain 4 % 1:200.000 {first:.6f} mg", f"Mepivacain 3 % {second:.6f} mg", **facts)

    assert not too_much(planned(share * one * 0.999, (1 - share) * other))
    assert too_much(planned(share * one + 1, (1 - share) * other + 1))


def test_felypressin_needs_no_limit_of_its_own(edition: Edition) -> None:
    (limit,) = [row for row in edition.facts.vasoconstrictor_limits if row.agent == "felypressin"]
    for solution in edition.facts.anaesthetics:
        if solution.vasoconstrictor == "felypressin":
            assert solution.max_mg is not None
            assert solution.max_mg / solution.mg_per_ml * 0.03 <= limit.limit  # 0.03 I.E. in 1 ml
