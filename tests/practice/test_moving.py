"""What stands in the wrong record moves; two records of one person become one, and two again."""

import uuid
from typing import Any

import msgspec
import pytest

from miz.infra.api_client import ApiClient
from miz.practice.patients import queries
from miz.practice.patients.rows import load_record
from miz.wire.client_protocol import ENTRY_KINDS, EntryKind, Patient
from tests.practice.people import Surgery, refused, verdict
from tests.practice.test_writing_paths import ENTRIES, state_of
from tests.support.query_plans import plan_of


def said(record: Patient) -> dict[str, Any]:
    """What a record says, apart from versions and times."""
    changing = ("version", "changed_at", "holder")
    return {name: msgspec.to_builtins(getattr(record, name)) for name in record.__struct_fields__ if name not in changing}


def texts_of(record: Patient) -> list[str]:
    return [entry.text for entry in record.medication]


def full_patient(surgery: Surgery, **identity: Any) -> str:
    """A released patient with one entry of each kind."""
    patient_id, token = surgery.opened(**identity)
    for kind in ENTRY_KINDS:
        surgery.dentist.add(kind, patient_id, token, **ENTRIES[kind])
    surgery.dentist.release_patient(patient_id)
    return patient_id


def test_entries_move_and_the_right_patient_is_open(surgery: Surgery) -> None:
    right = surgery.patient(family_name="Richtig")
    wrong_id, token = surgery.opened(family_name="Falsch")
    dentist = surgery.dentist
    entries = {kind: dentist.add(kind, wrong_id, token, **ENTRIES[kind]) for kind in ENTRY_KINDS}
    stays = dentist.add("notes", wrong_id, token, text="bleibt")
    opening = dentist.move(wrong_id, token, right.id, [(kind, entry.id) for kind, entry in entries.items()])
    assert opening.patient.id == right.id
    assert opening.patient.version == 2, "one act is one version"
    for kind, entry in entries.items():
        (moved,) = getattr(opening.patient, kind)
        assert moved.id != entry.id
        assert {name: getattr(moved, name) for name in ENTRIES[kind]} == {name: getattr(entry, name) for name in ENTRIES[kind]}
    wrong = dentist.read_patient(wrong_id)
    assert [wrong.medication, wrong.allergies, wrong.conditions, wrong.observations] == [[]] * 4
    assert wrong.notes == [stays]
    assert wrong.holder is None
    assert verdict(dentist.add, "notes", wrong_id, token, text="x") == (412, "stale-fencing-token")
    assert dentist.add("notes", right.id, opening.fencing_token, text="weiter").text == "weiter"
    heartbeat = dentist.heartbeat()
    assert heartbeat.lease is not None
    assert heartbeat.lease.patient_id == right.id


def test_the_history_of_both_says_what_went_where_and_nothing_of_the_other_person(surgery: Surgery) -> None:
    right = surgery.patient(family_name="Geheimname")
    wrong_id, token = surgery.opened(family_name="Falschname")
    entry = surgery.dentist.add("medication", wrong_id, token, text="Ramipril")
    surgery.dentist.move(wrong_id, token, right.id, [("medication", entry.id)])
    left, arrived = surgery.dentist.history(wrong_id)[0], surgery.dentist.history(right.id)[0]
    assert (left.action, left.entry_id, arrived.action, arrived.before) == ("moved", entry.id, "moved", None)
    assert left.after is not None
    assert arrived.after is not None
    assert (left.after["moved_to"], left.after["entered_in_error"]) == (right.id, True)
    assert (arrived.after["moved_from"], arrived.after["text"]) == (wrong_id, "Ramipril")
    assert "Geheimname" not in str(left)
    assert "Falschname" not in str(arrived)


def test_a_move_is_taken_back_by_moving_back(surgery: Surgery) -> None:
    right = surgery.patient()
    wrong_id, token = surgery.opened()
    entry = surgery.dentist.add("medication", wrong_id, token, text="Ramipril")
    opening = surgery.dentist.move(wrong_id, token, right.id, [("medication", entry.id)])
    (moved,) = opening.patient.medication
    back = surgery.dentist.move(right.id, opening.fencing_token, wrong_id, [("medication", moved.id)])
    assert texts_of(back.patient) == ["Ramipril"]
    assert texts_of(surgery.dentist.read_patient(right.id)) == []


def test_a_target_open_elsewhere_changes_nothing(surgery: Surgery) -> None:
    right = surgery.patient()
    surgery.assistant.open_patient(right.id)
    wrong_id, token = surgery.opened()
    entry = surgery.dentist.add("medication", wrong_id, token, text="Ramipril")
    before = state_of(surgery.server, wrong_id), state_of(surgery.server, right.id)
    assert verdict(surgery.dentist.move, wrong_id, token, right.id, [("medication", entry.id)]) == (409, "patient-open-elsewhere")
    assert (state_of(surgery.server, wrong_id), state_of(surgery.server, right.id)) == before
    assert surgery.dentist.add("notes", wrong_id, token, text="noch offen").text == "noch offen"
    assert surgery.assistant.read_patient(right.id).medication == []


def test_what_cannot_move_moves_nothing(surgery: Surgery) -> None:
    right = surgery.patient()
    wrong_id, token = surgery.opened()
    dentist = surgery.dentist
    entry = dentist.add("medication", wrong_id, token, text="Ramipril")
    before = state_of(surgery.server, wrong_id), state_of(surgery.server, right.id)
    moving: list[tuple[EntryKind, str]] = [("medication", entry.id)]
    assert verdict(dentist.move, wrong_id, token, right.id, [*moving, ("notes", entry.id)]) == (404, "entry-not-found")
    assert verdict(dentist.move, wrong_id, token, right.id, moving * 2) == (404, "entry-not-found")
    assert verdict(dentist.move, wrong_id, token, str(uuid.uuid4()), moving) == (404, "patient-not-found")
    assert verdict(dentist.move, wrong_id, token, wrong_id, moving) == (422, "invalid-input")
    assert verdict(dentist.move, wrong_id, token, right.id, []) == (422, "invalid-input")
    assert verdict(dentist.move, wrong_id, token, right.id, moving * 201) == (422, "invalid-input")
    assert (state_of(surgery.server, wrong_id), state_of(surgery.server, right.id)) == before


def test_an_assistant_does_not_move_what_is_signed(surgery: Surgery) -> None:
    right = surgery.patient()
    wrong_id, token = surgery.opened()
    entry = surgery.dentist.add("medication", wrong_id, token, text="Ramipril")
    surgery.dentist.review(wrong_id, token)
    surgery.dentist.release_patient(wrong_id)
    token = surgery.assistant.open_patient(wrong_id).fencing_token
    assert verdict(surgery.assistant.move, wrong_id, token, right.id, [("medication", entry.id)]) == (403, "signed-entry")
    assert texts_of(surgery.dentist.read_patient(wrong_id)) == ["Ramipril"]


def test_moving_and_merging_act_once_for_one_key(surgery: Surgery) -> None:
    right, other = surgery.patient(), full_patient(surgery)
    wrong_id, token = surgery.opened()
    entry = surgery.dentist.add("medication", wrong_id, token, text="Ramipril")
    key = str(uuid.uuid4())
    first = surgery.dentist.move(wrong_id, token, right.id, [("medication", entry.id)], idempotency_key=key)
    assert surgery.dentist.move(wrong_id, token, right.id, [("medication", entry.id)], idempotency_key=key) == first
    assert len(surgery.dentist.read_patient(right.id).medication) == 1
    key = str(uuid.uuid4())
    merge = surgery.dentist.merge(right.id, first.fencing_token, other, idempotency_key=key)
    assert surgery.dentist.merge(right.id, first.fencing_token, other, idempotency_key=key) == merge
    assert surgery.dentist.merges(right.id) == [merge]


def test_a_window_that_is_not_announced_moves_and_merges_nothing(surgery: Surgery) -> None:
    other = surgery.patient()
    patient_id, token = surgery.opened()
    stranger = ApiClient(surgery.dentist._send, token=surgery.dentist.token)
    headers = {"Miz_Fencing_Token": token}
    for act, body in (("move", {"to": other.id, "entries": []}), ("merge", {"other": other.id})):
        path = f"/patients/{patient_id}/{act}"
        assert verdict(stranger.call, "POST", path, body, **headers) == (428, "application-missing")
        assert verdict(stranger.call, "POST", path, body, Miz_Application="x", **headers) == (404, "application-not-found")


def test_merging_copies_what_is_missing_and_rests_the_other_record(surgery: Surgery) -> None:
    other_id = full_patient(surgery, family_name="Doppelt")
    kept_id, token = surgery.opened(family_name="Doppelt")
    dentist = surgery.dentist
    dentist.add("medication", kept_id, token, **ENTRIES["medication"])
    merge = dentist.merge(kept_id, token, other_id)
    assert (merge.into_id, merge.from_id, merge.merged_by, merge.undone_at) == (kept_id, other_id, "Dr. Prüfer", None)
    kept, other = dentist.read_patient(kept_id), dentist.read_patient(other_id)
    assert [len(getattr(kept, kind)) for kind in ENTRY_KINDS] == [1] * 5, "what both say is there once"
    assert other.merged_into == kept_id
    assert [len(getattr(other, kind)) for kind in ENTRY_KINDS] == [1] * 5, "nothing is taken from the other record"
    assert [line.id for line in dentist.search("doppelt")] == [kept_id]
    assert dentist.history(other_id)[0].action == "merged"
    assert {line.action for line in dentist.history(kept_id)[:4]} == {"merged"}


def test_nobody_opens_or_writes_a_merged_record(surgery: Surgery) -> None:
    other_id, former = surgery.opened()
    surgery.dentist.release_patient(other_id)
    kept_id, token = surgery.opened()
    surgery.dentist.merge(kept_id, token, other_id)
    refusal = refused(surgery.assistant.open_patient, other_id)
    assert (refusal.status, refusal.code, refusal.problem["into"]) == (409, "patient-merged", kept_id)
    assert refused(surgery.assistant.take_over, other_id, "emergency").code == "patient-merged"
    epoch, counter = former.split(".")
    for guess in (former, *(f"{epoch}.{int(counter) + step}" for step in range(1, 4)), token):
        assert refused(surgery.dentist.add, "notes", other_id, guess, text="x").status in (404, 412)
    assert surgery.dentist.read_patient(other_id).notes == []


def test_a_record_open_elsewhere_is_not_merged(surgery: Surgery) -> None:
    other = surgery.patient()
    surgery.assistant.open_patient(other.id)
    kept_id, token = surgery.opened()
    before = state_of(surgery.server, kept_id), state_of(surgery.server, other.id)
    assert verdict(surgery.dentist.merge, kept_id, token, other.id) == (409, "patient-open-elsewhere")
    assert verdict(surgery.dentist.merge, kept_id, token, kept_id) == (422, "invalid-input")
    assert verdict(surgery.dentist.merge, kept_id, token, str(uuid.uuid4())) == (404, "patient-not-found")
    assert (state_of(surgery.server, kept_id), state_of(surgery.server, other.id)) == before


@pytest.mark.parametrize("answer", ["none_known", "not_asked", "not_available"])
def test_undoing_a_merge_restores_both_records(surgery: Surgery, answer: str) -> None:
    other_id = full_patient(surgery)
    kept_id, token = surgery.opened()
    dentist = surgery.dentist
    dentist.change_patient(kept_id, token, allergy_state=answer, medication_state="none")
    dentist.add("notes", kept_id, token, text="eigene")
    before = said(dentist.read_patient(kept_id)), said(dentist.read_patient(other_id))
    merge = dentist.merge(kept_id, token, other_id)
    assert dentist.read_patient(kept_id).allergy_state == "recorded"
    undone = dentist.undo_merge(kept_id, token, merge.id)
    assert (undone.id, undone.undone_by, undone.kept) == (merge.id, "Dr. Prüfer", 0)
    assert (said(dentist.read_patient(kept_id)), said(dentist.read_patient(other_id))) == before
    assert verdict(dentist.undo_merge, kept_id, token, merge.id) == (404, "merge-not-found")
    assert surgery.assistant.open_patient(other_id).patient.version == dentist.read_patient(other_id).version
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    assert (said(surgery.dentist.read_patient(kept_id)), said(surgery.dentist.read_patient(other_id))) == before


def test_copies_that_were_changed_since_stay_and_are_counted(surgery: Surgery) -> None:
    other_id = full_patient(surgery)
    kept_id, token = surgery.opened()
    dentist = surgery.dentist
    merge = dentist.merge(kept_id, token, other_id)
    kept = dentist.read_patient(kept_id)
    dentist.change("medication", kept_id, kept.medication[0].id, token, strength="10 mg")
    dentist.mark_entered_in_error("notes", kept_id, kept.notes[0].id, token)
    undone = dentist.undo_merge(kept_id, token, merge.id)
    assert undone.kept == 1
    kept = dentist.read_patient(kept_id)
    assert [len(getattr(kept, kind)) for kind in ENTRY_KINDS] == [1, 0, 0, 0, 0]
    assert dentist.merges(kept_id)[0].undone_at == undone.undone_at


def test_a_merge_is_undone_at_the_record_it_went_into(surgery: Surgery) -> None:
    other_id = full_patient(surgery)
    kept_id, token = surgery.opened()
    merge = surgery.dentist.merge(kept_id, token, other_id)
    third_id = surgery.patient().id
    third_token = surgery.second_window(surgery.dentist).open_patient(third_id).fencing_token
    assert verdict(surgery.dentist.undo_merge, third_id, third_token, merge.id) == (404, "merge-not-found")
    assert verdict(surgery.dentist.undo_merge, kept_id, third_token + "0", merge.id) == (412, "stale-fencing-token")
    assert surgery.dentist.read_patient(other_id).merged_into == kept_id


def test_records_merged_one_after_the_other_come_apart_in_the_same_way(surgery: Surgery) -> None:
    first_id, second_id = full_patient(surgery), surgery.patient().id
    dentist = surgery.dentist
    token = dentist.open_patient(second_id).fencing_token
    inner = dentist.merge(second_id, token, first_id)
    third_id, token = surgery.opened()
    outer = dentist.merge(third_id, token, second_id)
    assert [len(getattr(dentist.read_patient(third_id), kind)) for kind in ENTRY_KINDS] == [1] * 5
    assert refused(dentist.merge, third_id, token, first_id).code == "patient-merged"
    dentist.undo_merge(third_id, token, outer.id)
    token = dentist.open_patient(second_id).fencing_token
    dentist.undo_merge(second_id, token, inner.id)
    assert [len(getattr(dentist.read_patient(second_id), kind)) for kind in ENTRY_KINDS] == [0] * 5


def test_a_merged_record_is_in_no_list(surgery: Surgery) -> None:
    other_id, token = surgery.opened(family_name="Verschwunden", number="M-77")
    surgery.dentist.add("notes", other_id, token, text="geändert")
    surgery.dentist.release_patient(other_id)
    kept_id, token = surgery.opened()
    surgery.dentist.merge(kept_id, token, other_id)
    for text in ("verschwunden", "versch", "M-77"):
        assert surgery.dentist.search(text) == []
    assert other_id not in [line.patient.id for line in surgery.dentist.reviews()]
    assert queries.read_lines(surgery.server.server.database.reader(), [other_id]) == []
    assert surgery.dentist.read_patient(other_id).merged_into == kept_id


def test_similar_records_are_a_suggestion(surgery: Surgery) -> None:
    mine = surgery.patient(family_name="Müller-Lüdenscheidt", given_name="Jörg", birth_date="1950-03-01", insurance_number="A111")
    same = surgery.patient(family_name="Mueller-Luedenscheidt", given_name="JOERG", birth_date="1950-03-01")
    insured = surgery.patient(family_name="Ganz", given_name="Anders", insurance_number="A111")
    surgery.patient(family_name="Müller-Lüdenscheidt", given_name="Jörg", birth_date="1951-03-01")
    assert {line.id for line in surgery.dentist.possible_duplicates(mine.id)} == {same.id, insured.id}
    assert [line.id for line in surgery.reception.possible_duplicates(same.id)] == [mine.id]
    assert surgery.dentist.possible_duplicates(surgery.patient().id) == []
    token = surgery.dentist.open_patient(mine.id).fencing_token
    surgery.dentist.merge(mine.id, token, same.id)
    assert [line.id for line in surgery.dentist.possible_duplicates(mine.id)] == [insured.id]


@pytest.mark.sqlite_only("reads the plans of SQLite")
def test_similar_records_are_found_by_indexes(surgery: Surgery) -> None:
    patient_id = surgery.patient(insurance_number="A222").id
    server = surgery.server.server
    reader = server.database.reader()
    record = load_record(reader, server.memory, patient_id, server.today())
    plan = plan_of(reader, lambda: queries.possible_duplicates(reader, record))
    assert "ix_patient_birth_date" in plan
    assert "ix_patient_insurance_number" in plan
    assert "SCAN" not in plan
    assert "SCAN" not in plan_of(reader, lambda: queries.merges(reader, patient_id))
