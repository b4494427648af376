"""Every former state of an entry can come back, and taking back can be taken back."""

from typing import Any

import pytest

from miz.wire.client_protocol import ENTRY_KINDS, Change, EntryKind
from tests.practice.people import Surgery, verdict
from tests.practice.test_writing_paths import ENTRIES


def changes_of(surgery: Surgery, patient_id: str, entry_id: str) -> list[Change]:
    """The history of one entry, oldest first."""
    return [line for line in reversed(surgery.dentist.history(patient_id)) if line.entry_id == entry_id]


def test_every_state_of_the_history_comes_back_from_any_other(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist
    entry = dentist.add("medication", patient_id, token, text="Ramipril 5", strength="5 mg", dose={"morning": "1"})
    dentist.change("medication", patient_id, entry.id, token, strength="10 mg")
    dentist.change("medication", patient_id, entry.id, token, status="stopped")
    dentist.mark_entered_in_error("medication", patient_id, entry.id, token)
    for line in changes_of(surgery, patient_id, entry.id):
        for state in ("before", "after"):
            restored = dentist.restore("medication", patient_id, entry.id, token, line.id, state)
            wanted: dict[str, Any] | None = getattr(line, state)
            assert restored.entered_in_error == (wanted is None or wanted["entered_in_error"])
            if wanted is not None:
                assert (restored.strength, restored.status) == (wanted["strength"], wanted["status"])
            record = dentist.read_patient(patient_id)
            assert record.medication == ([] if restored.entered_in_error else [restored])
            newest = dentist.history(patient_id)[0]
            assert (newest.action, newest.entry_id, newest.version) == ("restored", entry.id, record.version)


@pytest.mark.parametrize("kind", ENTRY_KINDS)
def test_taking_back_is_taken_back(surgery: Surgery, kind: EntryKind) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist
    entry = dentist.add(kind, patient_id, token, **ENTRIES[kind])
    for is_in_error in (True, False, True, False):
        assert dentist.restore(kind, patient_id, entry.id, token).entered_in_error == is_in_error
        assert len(getattr(dentist.read_patient(patient_id), kind)) == (0 if is_in_error else 1)
    dentist.mark_entered_in_error(kind, patient_id, entry.id, token)
    assert not dentist.restore(kind, patient_id, entry.id, token).entered_in_error


def test_a_restored_entry_stands_in_its_former_place(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    entries = [surgery.dentist.add("medication", patient_id, token, text=f"Mittel {number}") for number in range(4)]
    surgery.dentist.mark_entered_in_error("medication", patient_id, entries[1].id, token)
    surgery.dentist.restore("medication", patient_id, entries[1].id, token)
    assert [entry.id for entry in surgery.dentist.read_patient(patient_id).medication] == [entry.id for entry in entries]


def test_states_follow_what_is_restored(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist
    allergy = dentist.add("allergies", patient_id, token, text="Latex")
    dentist.mark_entered_in_error("allergies", patient_id, allergy.id, token)
    dentist.change_patient(patient_id, token, allergy_state="none_known")
    dentist.restore("allergies", patient_id, allergy.id, token, changes_of(surgery, patient_id, allergy.id)[0].id, "after")
    assert dentist.read_patient(patient_id).allergy_state == "recorded"
    dentist.mark_entered_in_error("allergies", patient_id, allergy.id, token)
    assert dentist.read_patient(patient_id).allergy_state == "not_asked"


@pytest.mark.parametrize("change", ["0", "999999999", "x", "9" * 30, "-1", "1; DROP TABLE change"])
def test_a_change_that_is_not_the_entry_s_is_refused(surgery: Surgery, change: str) -> None:
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add("notes", patient_id, token, text="eins")
    assert verdict(surgery.dentist.restore, "notes", patient_id, entry.id, token, change) == (404, "change-not-found")
    assert surgery.dentist.read_patient(patient_id).version == 2


def test_a_change_of_another_entry_or_patient_is_refused(surgery: Surgery) -> None:
    other_id, other_token = surgery.opened()
    surgery.dentist.add("notes", other_id, other_token, text="fremd")
    foreign = surgery.dentist.history(other_id)[0].id
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add("notes", patient_id, token, text="eins")
    surgery.dentist.add("notes", patient_id, token, text="zwei")
    for change in (foreign, surgery.dentist.history(patient_id)[0].id):
        assert verdict(surgery.dentist.restore, "notes", patient_id, entry.id, token, change) == (404, "change-not-found")
