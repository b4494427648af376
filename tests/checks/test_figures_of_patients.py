"""Age, weeks, kidney, liver, PRISCUS: each limit of the tables from both of its sides, generated; and nothing where nobody told."""

from collections.abc import Callable, Iterable

import pytest

from miz.checks.evaluation import evaluate
from miz.checks.model import RANK, SEVERITIES, worst
from miz.knowledge.edition import Edition
from miz.knowledge.model import DentalDrug, PriscusLimit, Substance
from miz.knowledge.resolver import Resolver
from miz.wire.client_protocol import Case, CasePatient, Finding, Severity
from tests.checks.test_limits import DRUGS, FACTS, TODAY, findings

DENTAL = {drug.id: drug for drug in FACTS.dental}
WOMAN = {"age": 30, "sex": "f"}


@pytest.fixture(scope="module")
def parts(edition: Edition) -> Callable[[DentalDrug], list[DentalDrug]]:
    """The rows of a drug and of all that it consists of."""
    resolver = Resolver(edition)
    return lambda drug: [DENTAL[token] for token in sorted(resolver.planned(name_of(drug)).tokens) if token in DENTAL]


Parts = Callable[[DentalDrug], list[DentalDrug]]


def name_of(drug: DentalDrug) -> str:
    return DRUGS[drug.id].name.de


def said(found: Iterable[Finding]) -> str:
    """The worst that findings say; nothing when there are none."""
    severities = [finding.severity for finding in found]
    return worst(severities) if severities else ""


def worst_of(severities: Iterable[Severity | str]) -> str:
    told = [severity for severity in severities if severity]
    return max(told, key=SEVERITIES.index) if told else ""


def in_week(drug: DentalDrug, week: int) -> str:
    passed = [one for one in drug.pregnancy if one.week <= week]
    return max(passed, key=lambda one: one.week).severity if passed else ""


def at_egfr(drug: DentalDrug, egfr: float) -> str:
    holding = [stage for stage in drug.renal if egfr < stage.below]
    return min(holding, key=lambda stage: stage.below).severity if holding else ""


@pytest.mark.parametrize("drug", [one for one in FACTS.dental if one.pregnancy], ids=lambda drug: drug.id)
def test_pregnancy_week_by_week(edition: Edition, parts: Parts, drug: DentalDrug) -> None:
    rows = parts(drug)
    for week in sorted({week for row in rows for start in row.pregnancy for week in (start.week - 1, start.week) if week > 0}):
        expected = worst_of(in_week(row, week) for row in rows)
        assert said(findings(edition, "pregnancy", name_of(drug), pregnancy_week=week, **WOMAN)) == expected, week


@pytest.mark.parametrize("drug", FACTS.dental, ids=lambda drug: drug.id)
def test_nothing_is_said_of_what_is_not_so(edition: Edition, drug: DentalDrug) -> None:
    for kind in ("pregnancy", "lactation", "renal", "hepatic", "priscus"):
        assert findings(edition, kind, name_of(drug), pregnancy_week=0, breastfeeding=False, egfr=120, **WOMAN) == [], kind


@pytest.mark.parametrize("drug", FACTS.dental, ids=lambda drug: drug.id)
def test_breast_feeding(edition: Edition, parts: Parts, drug: DentalDrug) -> None:
    expected = worst_of(row.lactation for row in parts(drug))
    assert said(findings(edition, "lactation", name_of(drug), breastfeeding=True, **WOMAN)) == expected


@pytest.mark.parametrize("drug", [one for one in FACTS.dental if one.renal], ids=lambda drug: drug.id)
def test_the_kidney_stage_by_stage(edition: Edition, parts: Parts, drug: DentalDrug) -> None:
    rows = parts(drug)
    for below in {stage.below for row in rows for stage in row.renal}:
        for egfr in (below - 1, below):
            expected = worst_of(at_egfr(row, egfr) for row in rows)
            assert said(findings(edition, "renal", name_of(drug), egfr=egfr)) == expected, egfr


def in_liver(drug: DentalDrug, *stages: str) -> list[Severity]:
    return [row.severity for row in drug.hepatic if row.stage in stages]


@pytest.mark.parametrize("drug", [one for one in FACTS.dental if one.hepatic], ids=lambda drug: drug.id)
def test_stages_of_the_liver(edition: Edition, parts: Parts, drug: DentalDrug) -> None:
    rows = parts(drug)
    expected = {
        "Leberzirrhose Child B": worst_of(one for row in rows for one in in_liver(row, "any")),
        "Leberzirrhose": worst_of(one for row in rows for one in in_liver(row, "any") or in_liver(row, "severe")),
        "Leberzirrhose Child C": worst_of(one for row in rows for one in in_liver(row, "any", "severe")),
    }
    assert {told: said(findings(edition, "hepatic", name_of(drug), conditions=[told])) for told in expected} == expected


def test_a_missing_stage_of_the_liver_is_asked_for_where_it_decides(edition: Edition) -> None:
    def asked(*conditions: str) -> list[str]:
        patient = CasePatient(age=60, conditions=list(conditions), allergies=[])
        answer = evaluate(edition, Case(planned=["Paracetamol 500"], medication=[], patient=patient), today=TODAY, language="en")
        return [sentence for sentence in answer.not_checked if "Child-Pugh" in sentence]

    assert asked("Leberzirrhose")
    assert asked("Leberzirrhose", "Leberzirrhose Child A") == asked("dekompensierte Leberzirrhose") == asked("Hepatitis C") == asked() == []


@pytest.mark.parametrize("drug", [one for one in FACTS.dental if one.min_age_years], ids=lambda drug: drug.id)
def test_the_youngest_age(edition: Edition, parts: Parts, drug: DentalDrug) -> None:
    rows = parts(drug)
    for age in {age for row in rows if row.min_age_years for age in (row.min_age_years - 0.1, row.min_age_years)}:
        expected = worst_of(row.min_age_severity for row in rows if row.min_age_years and age < row.min_age_years)
        assert said(findings(edition, "age", name_of(drug), age=age, weight_kg=100)) == expected, age


ALWAYS = [drug for drug in DRUGS.values() if drug.priscus == "yes" and drug.id not in {limit.substance for limit in FACTS.priscus_limits}]


@pytest.mark.parametrize("drug", ALWAYS, ids=lambda drug: drug.id)
def test_priscus_counts_from_65_on(edition: Edition, drug: Substance) -> None:
    name = drug.name.de
    assert findings(edition, "priscus", name, age=65)
    assert findings(edition, "priscus", name, age=64.9) == []
    assert findings(edition, "priscus", name, age=None) == []


@pytest.mark.parametrize("limit", [one for one in FACTS.priscus_limits if one.max_day_mg], ids=lambda limit: limit.substance)
def test_a_limit_of_priscus_is_a_dose(edition: Edition, limit: PriscusLimit) -> None:
    name, most = DRUGS[limit.substance].name.de, limit.max_day_mg or 0
    with_ppi: dict[str, object] = {"age": 70}
    at = findings(edition, "priscus", f"{name} {most:g} mg 1-0-0", **with_ppi)
    above = findings(edition, "priscus", f"{name} {most:g} mg 1-0-1", **with_ppi)
    assert said(above) == limit.severity
    assert not [finding for finding in at if RANK[finding.severity] >= RANK["caution"]]


def test_the_tables_have_limits_to_test() -> None:
    assert sum(bool(drug.pregnancy) for drug in FACTS.dental) >= 40
    assert sum(bool(drug.renal) for drug in FACTS.dental) >= 20
    assert sum(bool(drug.min_age_years) for drug in FACTS.dental) >= 25
    assert len(ALWAYS) >= 60
