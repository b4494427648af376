"""What the dentist signs off, and what a signed record is protected from; groups confirmed, contraindications overridden."""

from datetime import timedelta
from typing import Any

import pytest

from miz.practice.patients import queries
from miz.wire.client_protocol import ENTRY_KINDS, EntryKind, ReviewLine
from tests.practice.people import Surgery, refused, verdict
from tests.practice.test_writing_paths import ENTRIES
from tests.support.practice import client_of
from tests.support.query_plans import plan_of

DECISION: dict[str, Any] = {
    "findings_key": "amoxicillin/allergy", "drug": "Amoxicillin 1000", "rules": ["allergy:penicillin"], "reason": "Allergietest negativ",
    "edition": "2026-11",
}  # fmt: skip


def review_of(surgery: Surgery, patient_id: str) -> ReviewLine | None:
    return next((line for line in surgery.dentist.reviews() if line.patient.id == patient_id), None)


def later(surgery: Surgery, seconds: int = 60) -> None:
    surgery.server.clock.instant += timedelta(seconds=seconds)


def opened_by_assistant(surgery: Surgery, patient_id: str) -> str:
    surgery.dentist.release_patient(patient_id)
    return surgery.assistant.open_patient(patient_id).fencing_token


def test_a_dentist_signs_off_and_the_history_says_so(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.add("medication", patient_id, token, text="Ramipril 5")
    signed = surgery.dentist.review(patient_id, token)
    assert (signed.reviewed_at, signed.reviewed_by) == (surgery.server.clock.now(), "Dr. Prüfer")
    newest = surgery.dentist.history(patient_id)[0]
    assert (newest.action, newest.kind, newest.before) == ("reviewed", "patient", {"reviewed_at": None, "reviewed_by": None})
    assert newest.after is not None
    assert newest.after["reviewed_by"] == "Dr. Prüfer"


def test_who_does_not_sign_off_is_refused(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    token = opened_by_assistant(surgery, patient_id)
    assert verdict(surgery.assistant.review, patient_id, token) == (403, "not-permitted")
    assert verdict(surgery.assistant.reviews) == (403, "not-permitted")
    assert verdict(surgery.assistant.decide, patient_id, token, **DECISION) == (403, "not-permitted")
    assert surgery.dentist.read_patient(patient_id).reviewed_at is None


def test_a_changed_patient_is_on_the_list_until_signed_off(surgery: Surgery) -> None:
    patient_id, token = surgery.opened(family_name="Liste")
    assert review_of(surgery, patient_id) is None, "nobody has changed the new record"
    surgery.dentist.add("notes", patient_id, token, text="eins")
    token = opened_by_assistant(surgery, patient_id)
    later(surgery)
    surgery.assistant.add("allergies", patient_id, token, text="Latex")
    surgery.assistant.change_patient(patient_id, token, planned=["Extraktion 36"])
    line = review_of(surgery, patient_id)
    assert line is not None
    assert (line.patient.family_name, line.changed_by, line.changes) == ("Liste", "Fr. Assistenz", 2)
    assert line.changed_at == surgery.server.clock.now()
    assert line.patient.holder is not None
    assert surgery.dentist.reviews()[0] == line, "the newest change comes first"
    surgery.assistant.release_patient(patient_id)
    token = surgery.dentist.open_patient(patient_id).fencing_token
    surgery.dentist.review(patient_id, token)
    assert review_of(surgery, patient_id) is None
    later(surgery)
    surgery.dentist.add("notes", patient_id, token, text="zwei")
    again = review_of(surgery, patient_id)
    assert again is not None
    assert again.changes == 1, "what was signed off does not count again"


def test_a_clock_that_is_set_back_hides_no_change(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.add("notes", patient_id, token, text="eins")
    surgery.dentist.review(patient_id, token)
    later(surgery, -3_600)
    surgery.dentist.add("notes", patient_id, token, text="zwei")
    line = review_of(surgery, patient_id)
    later(surgery, 3_600)
    assert line is not None
    assert (line.changes, line.changed_by) == (1, "Dr. Prüfer")


def test_what_is_planned_and_the_signing_off_itself_are_no_medical_changes(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.change_patient(patient_id, token, planned=["Extraktion 36"])
    assert surgery.dentist.review(patient_id, token).changed_at is None
    later(surgery)
    surgery.dentist.change_patient(patient_id, token, planned=[])
    assert review_of(surgery, patient_id) is None
    assert surgery.dentist.change_patient(patient_id, token, medication_state="none").changed_at == surgery.server.clock.now()
    assert review_of(surgery, patient_id) is not None


def test_every_kind_of_medical_change_puts_the_patient_on_the_list(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist

    def signed_off() -> None:
        later(surgery)
        dentist.review(patient_id, token)
        assert review_of(surgery, patient_id) is None
        later(surgery)

    for kind in ENTRY_KINDS:
        entry = dentist.add(kind, patient_id, token, **ENTRIES[kind])
        for change in (
            lambda kind=kind, entry=entry: dentist.change(kind, patient_id, entry.id, token, **ENTRIES[kind]),
            lambda kind=kind, entry=entry: dentist.mark_entered_in_error(kind, patient_id, entry.id, token),
            lambda kind=kind, entry=entry: dentist.restore(kind, patient_id, entry.id, token),
            lambda: dentist.confirm(patient_id, token, "cardiovascular"),
            lambda: dentist.change_patient(patient_id, token, birth_date="1951"),
        ):
            signed_off()
            change()
            assert review_of(surgery, patient_id) is not None


@pytest.mark.sqlite_only("reads the plans of SQLite")
def test_the_list_is_read_by_its_own_index(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.add("notes", patient_id, token, text="eins")
    reader = surgery.server.server.database.reader()
    plan = plan_of(reader, lambda: queries.reviews(reader))
    # The index holds only what is on the list, so walking all of it is the list.
    assert "patient USING INDEX ix_patient_changed_at" in plan
    assert plan.count("SEARCH change USING INDEX ix_change_patient") == 2
    assert plan.count("SCAN") == 1
    assert "TEMP B-TREE" not in plan
    assert "ix_patient_changed_at" in plan_of(reader, lambda: queries.count_reviews(reader))
    assert queries.count_reviews(reader) == len(queries.reviews(reader, limit=1_000))


@pytest.mark.parametrize("kind", ENTRY_KINDS)
def test_only_who_signs_off_says_that_a_signed_entry_was_wrong(surgery: Surgery, kind: EntryKind) -> None:
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add(kind, patient_id, token, **ENTRIES[kind])
    surgery.dentist.review(patient_id, token)
    token = opened_by_assistant(surgery, patient_id)
    before = surgery.dentist.read_patient(patient_id)
    assert verdict(surgery.assistant.mark_entered_in_error, kind, patient_id, entry.id, token) == (403, "signed-entry")
    assert verdict(surgery.assistant.restore, kind, patient_id, entry.id, token) == (403, "signed-entry")
    assert surgery.dentist.read_patient(patient_id) == before
    later(surgery)
    changed = surgery.assistant.change(kind, patient_id, entry.id, token, **ENTRIES[kind])
    line = review_of(surgery, patient_id)
    assert line is not None
    assert line.changed_by == "Fr. Assistenz"
    assert surgery.assistant.mark_entered_in_error(kind, patient_id, changed.id, token).entered_in_error, "her own change is not signed yet"


def test_an_assistant_stops_a_signed_medicine(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add("medication", patient_id, token, text="Ramipril 5")
    surgery.dentist.review(patient_id, token)
    token = opened_by_assistant(surgery, patient_id)
    later(surgery)
    assert surgery.assistant.change("medication", patient_id, entry.id, token, status="stopped").status == "stopped"


def test_who_signs_off_takes_a_signed_entry_out(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add("allergies", patient_id, token, text="Latex")
    surgery.dentist.review(patient_id, token)
    assert surgery.dentist.mark_entered_in_error("allergies", patient_id, entry.id, token).entered_in_error
    assert not surgery.dentist.restore("allergies", patient_id, entry.id, token).entered_in_error


def test_a_group_is_confirmed_unchanged(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    first = surgery.dentist.confirm(patient_id, token, "bones")
    token = opened_by_assistant(surgery, patient_id)
    later(surgery)
    surgery.assistant.confirm(patient_id, token, "allergies")
    again = surgery.assistant.confirm(patient_id, token, "bones")
    assert [(known.group_id, known.confirmed_by) for known in again.confirmations] == [
        ("allergies", "Fr. Assistenz"), ("bones", "Fr. Assistenz"),
    ]  # fmt: skip
    newest = surgery.dentist.history(patient_id)[0]
    assert (newest.action, newest.entry_id) == ("confirmed", "bones")
    assert newest.before is not None
    assert newest.after is not None
    assert (newest.before["confirmed_by"], newest.after["confirmed_by"]) == ("Dr. Prüfer", "Fr. Assistenz")
    assert first.confirmations[0].confirmed_at < again.confirmations[1].confirmed_at
    assert refused(surgery.assistant.confirm, patient_id, token, "x" * 41).problem.get("field") == "group_id"
    assert surgery.reception.read_patient(patient_id).confirmations == []


def test_a_decision_is_kept_with_its_reason(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    (decision,) = surgery.dentist.decide(patient_id, token, **DECISION).decisions
    assert (decision.reason, decision.decided_by, decision.workplace) == ("Allergietest negativ", "Dr. Prüfer", "Zimmer 1")
    (newer,) = surgery.dentist.decide(patient_id, token, **(DECISION | {"reason": "in Narkose"})).decisions
    assert newer.reason == "in Narkose"
    assert len(surgery.dentist.decide(patient_id, token, **(DECISION | {"findings_key": "another"})).decisions) == 2
    decided = [line for line in surgery.dentist.history(patient_id) if line.action == "decided"]
    assert [line.before is None for line in decided] == [True, False, True]
    assert decided[1].after is not None
    assert decided[1].after["rules"] == ["allergy:penicillin"]
    assert surgery.reception.read_patient(patient_id).decisions == []


@pytest.mark.parametrize(
    "change", [{"reason": "  "}, {"reason": "x" * 501}, {"drug": "x" * 501}, {"findings_key": ""}, {"findings_key": "x" * 65}]
)
def test_a_decision_without_its_parts_is_refused(surgery: Surgery, change: dict[str, Any]) -> None:
    patient_id, token = surgery.opened()
    assert refused(surgery.dentist.decide, patient_id, token, **(DECISION | change)).status == 422
    assert surgery.dentist.read_patient(patient_id).version == 1


def test_allergies_have_four_states(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist
    assert dentist.read_patient(patient_id).allergies_asked_at is None
    assert dentist.change_patient(patient_id, token, allergy_state="not_available").allergy_state == "not_available"
    asked = dentist.change_patient(patient_id, token, allergy_state="none_known")
    assert (asked.allergy_state, asked.allergies_asked_at) == ("none_known", surgery.server.clock.now())
    dentist.add("allergies", patient_id, token, text="Latex")
    assert dentist.read_patient(patient_id).allergy_state == "recorded"
    assert verdict(dentist.change_patient, patient_id, token, allergy_state="not_available") == (409, "allergies-recorded")


def test_signing_off_confirming_and_deciding_survive_a_restart(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.change_patient(patient_id, token, allergy_state="none_known")
    surgery.dentist.confirm(patient_id, token, "bones")
    surgery.dentist.decide(patient_id, token, **DECISION)
    surgery.dentist.review(patient_id, token)
    before = surgery.dentist.read_patient(patient_id)
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    after = surgery.dentist.read_patient(patient_id)
    assert after == type(after)(**{name: getattr(before, name) for name in before.__struct_fields__} | {"holder": after.holder})
    assert (after.allergy_state, len(after.confirmations), len(after.decisions)) == ("none_known", 1, 1)


def test_a_dentist_elsewhere_sees_the_list_too(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.add("notes", patient_id, token, text="eins")
    owner = client_of(surgery.server.url, "Dr. Prüfer", "Zimmer 2")
    assert patient_id in [line.patient.id for line in owner.reviews()]


@pytest.mark.parametrize("act", ["review", "confirmations", "decisions", "notes/{entry}/restore"])
def test_the_same_key_acts_once(surgery: Surgery, act: str) -> None:
    patient_id, token = surgery.opened()
    note = surgery.dentist.add("notes", patient_id, token, text="eins")
    body = {"confirmations": {"group_id": "bones"}, "decisions": DECISION}.get(act, {})
    path = f"/patients/{patient_id}/{act}".replace("{entry}", note.id)
    headers: dict[str, Any] = {"Miz_Fencing_Token": token, "Idempotency_Key": f"{act} once"}
    first = surgery.dentist.call("POST", path, body, **headers)
    later(surgery)
    assert surgery.dentist.call("POST", path, body, **headers) == first
    assert len(surgery.dentist.history(patient_id)) == 3
    other = {"confirmations": {"group_id": "other"}, "decisions": DECISION | {"reason": "andere"}}.get(act, {"change": "1"})
    assert verdict(surgery.dentist.call, "POST", path, other, **headers) == (422, "idempotency-key-reused")
