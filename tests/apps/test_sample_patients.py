"""The invented patients show what the tables know, and practise nothing twice."""

from collections.abc import Sequence
from datetime import date

import pytest

from miz.apps.demo import SYNTHETIC, synthetic_patients
from miz.apps.sample_patients import SAMPLE_PATIENTS, SamplePatient
from miz.checks.evaluation import evaluate
from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, EntryKind, ObservationKind

TODAY = date(2026, 11, 22)
NOT_IN_ANY_TABLE = {"Tee vom Heilpraktiker"}


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    path = tmp_path_factory.mktemp("edition") / "edition.sqlite"
    compile_edition(path)
    return Edition.open(path)


def texts(patient: SamplePatient, kind: EntryKind) -> list[str]:
    return [entry["text"] for of, entry in patient.entries if of == kind]


def judged(edition: Edition, patient: SamplePatient, planned: Sequence[str]) -> CheckAnswer:
    measured: dict[ObservationKind, float] = {entry["kind"]: entry["value"] for of, entry in patient.entries if of == "observations"}
    facts = CasePatient(
        conditions=texts(patient, "conditions"),
        allergies=texts(patient, "allergies"),
        weight_kg=measured.get("weight_kg"),
        inr=measured.get("inr"),
    )
    return evaluate(edition, Case(patient=facts, medication=texts(patient, "medication"), planned=list(planned)), today=TODAY)


def test_together_they_show_every_risk_that_a_substance_can_have(edition: Edition) -> None:
    possible = {risk for substance in edition.substances.values() for risk in substance.risks}
    shown = {finding.rule for patient in SAMPLE_PATIENTS for finding in judged(edition, patient, []).findings if finding.kind == "risk"}
    assert len(possible) >= 40
    assert sorted(possible - shown) == []


def test_together_they_show_every_severity_and_kind_of_finding(edition: Edition) -> None:
    planned = ["Ibuprofen 600", "Amoxicillin 1000", "Extraktion 36"]
    findings = [finding for patient in SAMPLE_PATIENTS for finding in judged(edition, patient, planned).findings]
    assert {finding.severity for finding in findings} == {"info", "caution", "warning", "contraindicated"}
    assert {"interaction", "procedure_risk", "risk", "condition", "allergy", "unresolved"} <= {finding.kind for finding in findings}


def test_all_they_take_and_have_is_recognised_but_the_tea(edition: Edition) -> None:
    resolved = [line for patient in SAMPLE_PATIENTS for line in judged(edition, patient, []).resolved]
    assert {line.text for line in resolved if line.kind == "unresolved"} == NOT_IN_ANY_TABLE


def test_they_are_twelve_different_people() -> None:
    assert len(SAMPLE_PATIENTS) == 12
    for name in ("number", "birth_date"):
        assert len({patient.identity[name] for patient in SAMPLE_PATIENTS}) == 12
    assert all(patient.identity["number"].startswith("9") for patient in SAMPLE_PATIENTS)


def test_invented_patients_are_the_same_for_the_same_seed() -> None:
    first, second, other = (
        [next(made) for made in [source] for _ in range(SYNTHETIC)]
        for source in (synthetic_patients(), synthetic_patients(), synthetic_patients(7))
    )
    assert first == second != other
    assert len({identity["number"] for identity, _ in first}) == SYNTHETIC
