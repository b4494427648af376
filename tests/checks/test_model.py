"""The question that a record makes."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from miz.checks.model import ChosenDrug, case_of, chosen_drugs
from miz.wire.client_protocol import Patient

TODAY = date(2026, 11, 22)
TRACE: dict[str, Any] = {"version": 1, "changed_at": datetime(2026, 11, 1, tzinfo=UTC), "changed_by": "Kern"}


def record(**lists: Any) -> Patient:
    patient: dict[str, Any] = {
        "id": "p1", "family_name": "Muster", "given_name": "Erika", "birth_date": "1948-03-12", "sex": "female", "is_sample": True, "version": 1,
        "allergy_state": "not_asked", "medication_state": "not_asked",
    }  # fmt: skip
    return msgspec.convert(patient | lists, Patient)


def entry(number: int, **values: Any) -> dict[str, Any]:
    return {"id": str(number), **TRACE, **values}


def test_an_empty_record_was_asked_nothing() -> None:
    case = case_of(record(), None, TODAY)
    assert (case.medication, case.planned, case.patient.allergies, case.patient.conditions) == (None, [], None, None)
    assert (case.id, case.patient.age, case.patient.sex) == ("p1", 78, "f")


def test_asked_and_none_is_an_empty_list() -> None:
    case = case_of(
        record(allergy_state="none_known", medication_state="none", conditions=[entry(1, answer="no", condition_id="A_FIB")]), [], TODAY
    )
    assert (case.medication, case.patient.allergies, case.patient.conditions) == ([], [], [])


def test_what_counts_is_active_or_as_needed() -> None:
    medication = [
        entry(place, text=status, status=status) for place, status in enumerate(("active", "as_needed", "stopped", "entered_in_error"))
    ]
    assert case_of(record(medication=medication, medication_state="recorded"), None, TODAY).medication == ["active", "as_needed"]


def test_conditions_answered_yes_by_id_or_text() -> None:
    conditions = [
        entry(1, answer="yes", condition_id="A_FIB", text="Vorhofflimmern"),
        entry(2, answer="yes", text="Asthma"),
        entry(3, answer="unknown", condition_id="CHD"),
    ]
    assert case_of(record(conditions=conditions), None, TODAY).patient.conditions == ["A_FIB", "Asthma"]


def test_the_latest_observation_counts() -> None:
    observations = [
        entry(1, kind="egfr", value=40, measured_on="2026-05-01"),
        entry(2, kind="egfr", value=55, measured_on="2025-05-01"),
        entry(3, kind="breastfeeding", value=0, measured_on="2026-05-01"),
        entry(4, kind="pregnancy_week", value=12, measured_on="2026-05"),
    ]
    patient = case_of(record(observations=observations), None, TODAY).patient
    assert (patient.egfr, patient.breastfeeding, patient.pregnancy_week, patient.weight_kg) == (40, False, 12, None)


def test_what_is_planned_now_counts_before_what_was_kept() -> None:
    assert case_of(record(planned=["PZR"]), None, TODAY).planned == ["PZR"]
    assert case_of(record(planned=["PZR"]), ["Extraktion"], TODAY).planned == ["Extraktion"]


def test_picked_drugs_are_handed_on_with_their_strength() -> None:
    medication = [
        entry(1, text="Aspirin", drug_id="aspirin", strength="100 mg"),
        entry(2, text="Tee"),
        entry(3, text="Marcumar", drug_id="marcumar", status="stopped"),
    ]
    assert chosen_drugs(record(medication=medication)) == {"Aspirin": ChosenDrug("aspirin", "100 mg")}


@pytest.mark.parametrize(
    ("value", "measured_on", "week"),
    [
        (12, "2026-11-22", 12),
        (12, "2026-11-16", 12),
        (12, "2026-11-15", 13),
        (12, "2026-05-01", 41),
        (20, "2026-05-01", None),
        (0, "2026-11-22", None),
        (12, "2026-05", 12),
        (12, "2026-12-01", 12),
    ],
)
def test_the_week_of_pregnancy_counts_on_until_it_must_be_over(value: float, measured_on: str, week: int | None) -> None:
    observations = [entry(1, kind="pregnancy_week", value=value, measured_on=measured_on)]
    assert case_of(record(observations=observations), None, TODAY).patient.pregnancy_week == week


def test_what_a_role_may_not_see_was_not_asked() -> None:
    case = case_of(record(is_restricted=True, medication_state="none", allergy_state="none_known"), None, TODAY)
    assert (case.medication, case.patient.conditions, case.patient.allergies) == (None, None, [])
