"""One drug alone against one patient: the same findings as the whole check, no more and no less."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from miz.checks.evaluation import evaluate
from miz.checks.model import case_of, chosen_drugs
from miz.checks.suitability import Concern, Suitability
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Finding, Patient
from tests.checks.test_model import TODAY, entry, record

LINES = {
    "medication": ["Falithrom", "Ramipril", "Torasemid", "Simvastatin", "Citalopram", "Prolia", "Metoprolol"],
    "conditions": ["A_FIB", "ASTHMA_NSAR", "EPILEPSY"],
    "allergies": ["Penicillin", "Latex"],
}


def patient(**changed: Any) -> Patient:
    lists = {
        "medication": [entry(number, text=text) for number, text in enumerate(LINES["medication"])],
        "conditions": [entry(number, answer="yes", condition_id=name) for number, name in enumerate(LINES["conditions"])],
        "allergies": [entry(number, text=text) for number, text in enumerate(LINES["allergies"])],
    }
    return record(**{"medication_state": "recorded", "allergy_state": "recorded"} | lists | changed)


def concerns(edition: Edition, who: Patient, text: str, **how: Any) -> list[Concern]:
    suitability = Suitability(edition, who, today=TODAY, language="de", **how)
    return suitability.concerns(suitability.planned(text))


def of_whole_check(edition: Edition, who: Patient, planned: list[str]) -> Counter[tuple[str, str, str]]:
    answer = evaluate(edition, case_of(who, planned, TODAY), today=TODAY, chosen=chosen_drugs(who))
    return Counter(
        finding_key(finding)
        for finding in answer.findings
        if finding.kind not in ("risk", "dose", "duplicate", "unresolved", "procedure_risk")
    )


def finding_key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.severity, finding.title


def test_every_dental_drug_is_judged_as_the_whole_check_judges_it(edition: Edition) -> None:
    who, judged = patient(), 0
    before = of_whole_check(edition, who, [])
    for drug in edition.facts.dental:
        text = edition.drugs[drug.id].name.de
        found = Counter(finding_key(concern.finding) for concern in concerns(edition, who, text))
        assert found == of_whole_check(edition, who, [text]) - before, text
        judged += bool(found)
    assert judged > 40


def test_what_lies_among_the_patients_own_medicines_does_not_count(edition: Edition) -> None:
    who = patient(medication=[entry(1, text="Falithrom"), entry(2, text="Ibuprofen 400")], conditions=[], allergies=[])
    assert concerns(edition, who, "Nystatin") == []


def test_what_is_planned_counts_only_when_asked_for(edition: Edition) -> None:
    who = patient(planned=["Ibuprofen 600"], medication=[entry(1, text="Pantoprazol")], conditions=[], allergies=[])
    assert concerns(edition, who, "Diclofenac 50") == []
    assert concerns(edition, who, "Diclofenac 50", with_planned=True)
    assert concerns(edition, who, "Ibuprofen 600", with_planned=True, without="Ibuprofen 600") == []


def test_the_cause_names_the_other_side_only(edition: Edition) -> None:
    causes = {concern.finding.rule: concern.cause for concern in concerns(edition, patient(), "Ibuprofen 600")}
    assert causes["I001"] == "Phenprocoumon: Blutung"
    assert causes["I013"] == "Ramipril + Torasemid: Niere"
    assert causes["ASTHMA_NSAR"] == "NSAR-verschlechtertes Asthma"
    assert concerns(edition, patient(), "Amoxicillin 1000")[0].cause == "Allergie: Penicilline"
    assert [concern.cause for concern in concerns(edition, patient(medication=[]), "Cefuroxim")] == [
        "Kreuzreaktion mit Allergie: Penicilline"
    ]


def test_the_worst_stands_first(edition: Edition) -> None:
    assert concerns(edition, patient(), "Ibuprofen 600")[0].finding.severity == "contraindicated"


@pytest.mark.parametrize(("severity", "stops"), [("severe", True), ("mild", False), ("unknown", False)])
def test_a_cross_reaction_stops_the_hand_only_after_a_severe_reaction(edition: Edition, severity: str, stops: bool) -> None:
    who = patient(medication=[], allergies=[entry(1, text="Penicillin", severity=severity)])
    assert [concern.must_not_be for concern in concerns(edition, who, "Cefuroxim")] == [stops]
    assert [concern.must_not_be for concern in concerns(edition, who, "Amoxicillin 1000")] == [True]


def test_a_procedure_is_no_drug(edition: Edition) -> None:
    who = patient(allergies=[entry(1, text="Latex", severity="severe")])
    assert concerns(edition, who, "Extraktion 36") == []
    assert concerns(edition, who, "Irgendetwas") == []
    assert [
        concern.finding.rule for concern in concerns(edition, patient(conditions=[entry(1, answer="yes", condition_id="B12")]), "Lachgas")
    ] == ["B12"]


@pytest.mark.parametrize(
    ("kind", "value", "drug", "rule"),
    [
        ("egfr", 59.9, "Ibuprofen", "CKD3"),
        ("egfr", 30, "Ibuprofen", "CKD3"),
        ("egfr", 29.9, "Ibuprofen", "CKD4"),
        ("egfr", 15, "Ibuprofen", "CKD4"),
        ("egfr", 14.9, "Ibuprofen", "CKD5"),
        ("pregnancy_week", 6, "Doxycyclin", "PREG"),
        ("breastfeeding", 1, "Codein", "BREAST"),
    ],
)
def test_a_value_stands_for_its_condition(edition: Edition, kind: str, value: float, drug: str, rule: str) -> None:
    who = record(birth_date="1990-01-01", observations=[entry(1, kind=kind, value=value, measured_on="2026-11-20")])
    assert rule in [concern.finding.rule for concern in concerns(edition, who, drug)]
    whole = evaluate(edition, case_of(who, [drug], TODAY), today=TODAY)
    assert rule in {finding.rule for finding in whole.findings}
    assert [line.role for line in whole.resolved] == ["planned"]


@pytest.mark.parametrize(("kind", "value"), [("egfr", 60), ("pregnancy_week", 0), ("breastfeeding", 0)])
def test_a_value_that_says_no_stands_for_nothing(edition: Edition, kind: str, value: float) -> None:
    who = record(birth_date="1990-01-01", observations=[entry(1, kind=kind, value=value, measured_on="2026-11-20")])
    for drug in ("Ibuprofen", "Doxycyclin", "Codein"):
        assert concerns(edition, who, drug) == []


def test_a_condition_recorded_and_measured_counts_once(edition: Edition) -> None:
    who = record(
        conditions=[entry(1, answer="yes", condition_id="CKD3")], observations=[entry(2, kind="egfr", value=48, measured_on="2026-11-20")]
    )
    assert [concern.finding.rule for concern in concerns(edition, who, "Ibuprofen")].count("CKD3") == 1


def test_an_edition_past_its_end_is_noticed(edition: Edition) -> None:
    assert not Suitability(edition, patient(), today=TODAY, language="de").is_out_of_date
    assert Suitability(edition, patient(), today=date(2027, 4, 1), language="de").is_out_of_date
