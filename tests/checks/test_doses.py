"""Doses for the patient at hand: every figure against a calculation by hand, written out."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miz.checks.doses import dose_for, highest_single
from miz.checks.evaluation import evaluate
from miz.knowledge.edition import Edition
from miz.knowledge.model import DoseRegimen
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, DoseLimit, Finding

TODAY = date(2026, 11, 22)


def ask(edition: Edition, *planned: str, language: str = "de", **patient: object) -> CheckAnswer:
    facts = msgspec.convert({"conditions": [], "allergies": []} | patient, CasePatient)
    return evaluate(edition, Case(medication=[], planned=list(planned), patient=facts), today=TODAY, language=language)


def limits(answer: CheckAnswer) -> list[DoseLimit]:
    return [one for one in answer.computed if isinstance(one, DoseLimit)]


def figures(answer: CheckAnswer) -> tuple[list[float], float | None, str]:
    (one,) = limits(answer)
    return one.single, one.max_day, one.limited_by


def too_high(answer: CheckAnswer) -> list[Finding]:
    return [finding for finding in answer.findings if finding.kind == "dose"]


@pytest.mark.parametrize(
    ("planned", "age", "weight", "expected"),
    [
        # 7 × 20 = 140 mg, 10 × 20 = 200 mg; a day 30 × 20 = 600 mg
        ("Ibuprofen", 6, 20, ([140, 200], 600, "weight")),
        # 10 × 70 = 700 mg, more than the adult's 600 mg; 7 × 70 = 490 mg; a day 30 × 70 = 2100 mg, below the adult's 2400
        ("Ibuprofen", 11, 70, ([490, 600], 2100, "adult")),
        # 10 × 16 = 160 mg, 15 × 16 = 240 mg; a day 60 × 16 = 960 mg
        ("Paracetamol", 4, 16, ([160, 240], 960, "weight")),
        # 8 × 25 = 200 mg, 16 × 25 = 400 mg; a day 64 × 25 = 1600 mg
        ("Metamizol", 7, 25, ([200, 400], 1600, "weight")),
        # 50 × 24 = 1200 mg a day in 3 doses: 400 mg each
        ("Amoxicillin", 7, 24, ([400, 400], 1200, "weight")),
        # from 40 kg the adult's: 500 to 1000 mg, 3000 mg a day
        ("Amoxicillin", 11, 42, ([500, 1000], 3000, "absolute")),
        # 8 × 30 = 240 mg a day in 4 doses: 60 mg; 25 × 30 = 750 mg a day in 3 doses: 250 mg
        ("Clindamycin", 9, 30, ([60, 250], 750, "weight")),
        # 10 × 22 = 220 mg, once a day
        ("Azithromycin", 7, 22, ([220, 220], 500, "weight")),
        # 10 × 60 = 600 mg, more than 500 mg
        ("Azithromycin", 11, 60, ([500, 500], 500, "absolute")),
        # 7.5 × 20 = 150 mg; a day at most 1000 mg
        ("Clarithromycin", 6, 20, ([150, 150], 1000, "weight")),
        # 50 000 × 20 = 1 000 000 IU a day in 3 doses: 333 333.3; 100 000 × 20 = 2 000 000 IU a day in 3 doses: 666 666.6
        ("Penicillin V", 6, 20, ([333_333.3, 666_666.6], 2_000_000, "weight")),
    ],
)
def test_children_by_weight(edition: Edition, planned: str, age: float, weight: float, expected: tuple[list[float], float, str]) -> None:
    assert figures(ask(edition, planned, age=age, weight_kg=weight)) == expected


@pytest.mark.parametrize(
    ("planned", "weight", "expected"),
    [
        ("Ibuprofen", 70, ([400, 600], 2400, "absolute")),
        ("Paracetamol", 70, ([500, 1000], 4000, "absolute")),
        ("Paracetamol", 50, ([500, 1000], 4000, "absolute")),
        # below 50 kg: 60 × 45 = 2700 mg a day; 10 × 45 = 450 mg, 15 × 45 = 675 mg
        ("Paracetamol", 45, ([450, 675], 2700, "weight")),
        ("Clindamycin", 70, ([300, 600], 1800, "absolute")),
        ("Naproxen", 70, ([250, 500], 1000, "absolute")),
    ],
)
def test_adults(edition: Edition, planned: str, weight: float, expected: tuple[list[float], float, str]) -> None:
    assert figures(ask(edition, planned, age=40, weight_kg=weight)) == expected


def test_the_dose_in_words(edition: Edition) -> None:
    (german,) = limits(ask(edition, "Ibuprofen", age=6, weight_kg=20))
    (english,) = limits(ask(edition, "Ibuprofen", age=6, weight_kg=20, language="en"))
    assert german.text.replace("\N{NO-BREAK SPACE}", " ") == "140 bis 200 mg alle 6 bis 8 Stunden, höchstens 600 mg am Tag"
    assert english.text.replace("\N{NO-BREAK SPACE}", " ") == "140 to 200 mg every 6 to 8 hours, at most 600 mg a day"


@pytest.mark.parametrize(
    ("facts", "said"), [({"age": 6}, "Gewicht fehlt"), ({"weight_kg": 20}, "Alter fehlt"), ({"age": 40}, "Gewicht fehlt")]
)
def test_what_is_missing_is_asked_for(edition: Edition, facts: dict[str, Any], said: str) -> None:
    answer = ask(edition, "Paracetamol", **facts)
    assert not limits(answer)
    assert any(said in sentence and "Paracetamol" in sentence for sentence in answer.not_checked)


@pytest.mark.parametrize(
    ("planned", "age", "weight"), [("ASS 500", 12, 40), ("Doxycyclin", 7, 25), ("Tramadol", 8, 28), ("Ibuprofen", 0.5, 5)]
)
def test_too_young_or_too_light_gets_no_figure(edition: Edition, planned: str, age: float, weight: float) -> None:
    assert not limits(ask(edition, planned, age=age, weight_kg=weight))


@pytest.mark.parametrize(
    ("planned", "egfr", "is_told"), [("Ibuprofen", 29, False), ("Ibuprofen", 70, True), ("Amoxiclav 875/125", 29, False)]
)
def test_what_the_kidney_forbids_gets_no_figure(edition: Edition, planned: str, egfr: float, is_told: bool) -> None:
    assert bool(limits(ask(edition, planned, age=70, weight_kg=70, egfr=egfr))) == is_told


@pytest.mark.parametrize(
    ("planned", "facts", "severity"),
    [
        ("Ibuprofen 600 1-1-1", {"age": 40, "weight_kg": 70}, ""),  # 3 × 600 = 1800 of 2400 mg
        ("Ibuprofen 600 5x täglich", {"age": 40, "weight_kg": 70}, "warning"),  # 5 × 600 = 3000 of 2400 mg
        ("Ibuprofen 800", {"age": 40, "weight_kg": 70}, "caution"),  # 800 of 600 mg at once
        ("Paracetamol 1000 1-1-1-1", {"age": 40, "weight_kg": 70}, ""),  # 4 × 1000 = 4000 mg
        ("Paracetamol 500 1-1-1-1", {"age": 40, "weight_kg": 45}, ""),  # 4 × 500 = 2000 of 60 × 45 = 2700 mg
        ("Paracetamol 1000 1-1-1", {"age": 40, "weight_kg": 45}, "warning"),  # 3000 of 2700 mg
        ("Ibuprofen 400", {"age": 6, "weight_kg": 20}, "warning"),  # 400 of 10 × 20 = 200 mg
        ("Ibuprofen 200", {"age": 6, "weight_kg": 20}, ""),
    ],
)
def test_more_than_the_maximum(edition: Edition, planned: str, facts: dict[str, Any], severity: str) -> None:
    assert [finding.severity for finding in too_high(ask(edition, planned, **facts))] == ([severity] if severity else [])


# --- properties ------------------------------------------------------------------------------------------------------


@given(weight=st.floats(min_value=3, max_value=150), more=st.floats(min_value=0, max_value=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_more_weight_never_less_and_never_above_the_adult(edition: Edition, weight: float, more: float) -> None:
    for regimen, adult in _children(edition):
        light, heavy = dose_for(regimen, adult, weight), dose_for(regimen, adult, weight + more)
        assert light.single[0] <= light.single[1] <= heavy.single[1]
        assert light.single[0] <= heavy.single[0]
        assert (light.max_day or 0) <= (heavy.max_day or 0)
        if adult and highest_single(adult) is not None:
            assert heavy.single[1] <= (highest_single(adult) or 0)
        if adult and adult.max_day is not None:
            assert heavy.max_day is not None
            assert heavy.max_day <= adult.max_day


def _children(edition: Edition) -> list[tuple[DoseRegimen, DoseRegimen | None]]:
    rows = edition.facts.regimens
    found = [
        (
            row,
            next(
                (
                    one
                    for one in rows
                    if (one.substance, one.purpose, one.population, one.route) == (row.substance, row.purpose, "adult", row.route)
                ),
                None,
            ),
        )
        for row in rows
        if row.population == "child"
    ]
    assert len(found) >= 10
    return found
