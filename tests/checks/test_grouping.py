"""One card for each clinical risk."""

from datetime import date
from typing import Any

import pytest

from miz.checks.evaluation import evaluate
from miz.checks.grouping import group_findings, is_background
from miz.checks.model import level
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, Severity

TODAY = date(2026, 11, 22)


def ask(edition: Edition, medication: list[str], planned: list[str], conditions: list[str] | None = None) -> CheckAnswer:
    case = Case(medication=medication, planned=planned, patient=CasePatient(conditions=conditions or [], allergies=[]))
    return evaluate(edition, case, today=TODAY)


@pytest.mark.parametrize(("severity", "name"), [("contraindicated", "high"), ("warning", "high"), ("caution", "medium"), ("info", "low")])
def test_levels_follow_the_severity(severity: Severity, name: str) -> None:
    assert level(severity) == name


def test_bleeding_is_one_card_led_by_what_to_do(edition: Edition) -> None:
    answer = ask(edition, ["Falithrom"], ["Ibuprofen", "Extraktion 36"])
    (card,) = [card for card in group_findings(edition, answer.findings) if "phenprocoumon" in card.subjects and "BLEED" in card.subjects]
    assert [finding.rule for finding in card.findings] == ["I001", "I189", "BLEED"]
    assert (card.level, card.lead.rule) == ("high", "I001")


def test_findings_with_the_same_action_are_one_card(edition: Edition) -> None:
    answer = ask(edition, ["Ramipril", "Digoxin"], ["Itraconazol"])
    actions = [{finding.action for finding in card.findings} for card in group_findings(edition, answer.findings)]
    assert not [both for place, both in enumerate(actions) for other in actions[place + 1 :] if both & other]


def test_no_finding_is_lost_and_the_worst_card_stands_first(edition: Edition) -> None:
    answer = ask(edition, ["Falithrom", "Simvastatin", "Citalopram", "Prolia"], ["Clarithromycin", "Ibuprofen", "Extraktion"], ["KHK"])
    cards = group_findings(edition, answer.findings)
    shown = {finding.rule for card in cards for finding in card.findings}
    # Clarithromycin and citalopram prolong the QT interval: the label's contraindication is said, not the class's warning as well.
    assert {finding.rule for finding in answer.findings} - shown == {"I099"}
    assert "I306" in shown
    assert cards[0].severity == "contraindicated"
    assert len(cards) < len(answer.findings)


def test_what_lies_among_the_patients_own_drugs_is_background(edition: Edition) -> None:
    answer = ask(edition, ["Falithrom", "Ibuprofen 400"], ["Paracetamol", "Extraktion 36"])
    background = {finding.rule for finding in answer.findings if is_background(answer, finding)}
    assert "I001" in background
    assert not background & {"I033", "I189", "BLEED"}


@pytest.mark.parametrize(
    ("condition", "patient", "kind"),
    [
        ("PREG", {"sex": "f", "age": 30, "pregnancy_week": 30}, "pregnancy"),
        ("CKD4", {"age": 70, "egfr": 25}, "renal"),
        ("CIRRHOSIS", {"age": 60, "conditions": ["Leberzirrhose"]}, "hepatic"),
    ],
)
def test_an_illness_and_the_drugs_own_row_are_said_once(edition: Edition, condition: str, patient: dict[str, Any], kind: str) -> None:
    case = Case(medication=[], planned=["Ibuprofen 400"], patient=CasePatient(**{"conditions": [], "allergies": [], **patient}))
    findings = evaluate(edition, case, today=TODAY).findings
    assert {(one.kind, one.rule) for one in findings} >= {("condition", condition), (kind, f"{kind.upper()}-ibuprofen")}
    shown = [one for card in group_findings(edition, findings) for one in card.findings if "ibuprofen" in one.subjects]
    assert [one.kind for one in shown] == [kind]


def test_what_an_illness_says_more_strongly_stays(edition: Edition) -> None:
    case = Case(medication=[], planned=["Lidocain"], patient=CasePatient(age=60, conditions=["Leberzirrhose"], allergies=[]))
    shown = [one for card in group_findings(edition, evaluate(edition, case, today=TODAY).findings) for one in card.findings]
    assert {(one.kind, one.severity) for one in shown} >= {("condition", "warning"), ("hepatic", "caution")}


def test_an_illness_offers_only_what_is_of_the_same_kind(edition: Edition) -> None:
    case = Case(
        medication=[],
        planned=["Doxycyclin 100", "Diclofenac 50"],
        patient=CasePatient(breastfeeding=True, conditions=["IBD"], allergies=[]),
    )
    offered = {one.subjects[-1]: one.alternatives for one in evaluate(edition, case, today=TODAY).findings if one.kind == "condition"}
    assert (offered["doxycycline"], offered["diclofenac"]) == ([], ["Paracetamol"])


@pytest.mark.parametrize(
    ("taken", "planned", "rule"),
    [("Paroxetin 20", "Talvosilen", "I060"), ("Paracetamol 500", "Talvosilen", "I021"), ("Tranylcypromin", "Talvosilen", "I061")],
)
def test_a_combination_and_its_substance_say_the_same_mechanism_once(edition: Edition, taken: str, planned: str, rule: str) -> None:
    findings = ask(edition, [taken], [planned]).findings
    pairs = [one.title for one in findings if one.kind == "interaction"]
    assert len(pairs) > len(set(pairs))
    shown = [one for card in group_findings(edition, findings) for one in card.findings if one.kind == "interaction"]
    assert sorted(one.title for one in shown) == sorted(set(pairs))
    assert rule in {one.rule for one in shown}
