"""A patient's record: what is kept, what a change makes of it, and who did it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import msgspec
import pytest

from miz.access.sessions import LOCAL
from miz.wire.client_protocol import ENTRY_KINDS, EntryKind, Patient
from tests.practice.people import Surgery, refused, verdict
from tests.practice.test_writing_paths import ENTRIES

WITH_FOUR_BYTES = "😀 𝔐edikament 𠜎 – „ß“ ½ \u200d ñ"


def without_holder(record: Patient) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__ if name != "holder"}


def test_a_medicine_is_kept_as_typed_with_its_dose(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dose = {"morning": "1/2", "noon": "", "evening": "0,5", "night": "1"}
    added = surgery.dentist.add(
        "medication",
        patient_id,
        token,
        text="  Ramipril   5 ",
        strength="5 mg",
        dose=dose,
        since="03.2019",
        drug_id="ramipril",
        source="plan",
    )
    assert (added.text, added.dose.morning, added.dose.evening, added.since) == ("Ramipril   5", "1/2", "0,5", "2019-03")
    assert (added.status, added.version, added.changed_by, added.workplace) == ("active", 1, "Dr. Prüfer", "Zimmer 1")
    record = surgery.assistant.read_patient(patient_id)
    assert record.medication == [added]
    assert (record.medication_state, record.version) == ("recorded", 2)


def test_a_medicine_is_stopped_and_taken_up_again(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    added = surgery.dentist.add("medication", patient_id, token, text="Ramipril 5", strength="5 mg")
    stopped = surgery.dentist.change("medication", patient_id, added.id, token, status="stopped", until="2026-11-22")
    assert (stopped.status, stopped.until, stopped.strength, stopped.version) == ("stopped", "2026-11-22", "5 mg", 2)
    record = surgery.dentist.read_patient(patient_id)
    assert (record.medication, record.medication_state) == ([stopped], "not_asked")
    restored = surgery.dentist.restore("medication", patient_id, added.id, token)
    assert (restored.status, restored.until) == ("active", None)


@pytest.mark.parametrize("kind", ENTRY_KINDS)
def test_an_entry_made_in_error_leaves_the_record_and_stays_in_the_history(surgery: Surgery, kind: EntryKind) -> None:
    patient_id, token = surgery.opened()
    added = surgery.dentist.add(kind, patient_id, token, **ENTRIES[kind])
    marked = surgery.dentist.mark_entered_in_error(kind, patient_id, added.id, token)
    assert marked.entered_in_error
    assert getattr(surgery.dentist.read_patient(patient_id), kind) == []
    assert verdict(surgery.dentist.change, kind, patient_id, added.id, token) == (404, "entry-not-found")
    assert verdict(surgery.dentist.mark_entered_in_error, kind, patient_id, added.id, token) == (404, "entry-not-found")
    assert [line.action for line in surgery.dentist.history(patient_id)] == ["entered_in_error", "created", "created"]


@pytest.mark.parametrize("kind", ENTRY_KINDS)
def test_taking_back_twice_does_the_change_again(surgery: Surgery, kind: EntryKind) -> None:
    patient_id, token = surgery.opened()
    added = surgery.dentist.add(kind, patient_id, token, **ENTRIES[kind])
    seen = []
    for _ in range(4):
        surgery.dentist.restore(kind, patient_id, added.id, token)
        seen.append([entry.id for entry in getattr(surgery.dentist.read_patient(patient_id), kind)])
    assert seen == [[], [added.id], [], [added.id]]


def test_the_last_change_is_taken_back_and_not_an_older_one(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    added = surgery.dentist.add("medication", patient_id, token, text="Ramipril", strength="2,5 mg")
    for strength in ("5 mg", "10 mg"):
        surgery.dentist.change("medication", patient_id, added.id, token, strength=strength)
    back = [surgery.dentist.restore("medication", patient_id, added.id, token).strength for _ in range(2)]
    assert back == ["5 mg", "10 mg"]


def test_an_entry_is_found_with_its_own_patient_only(surgery: Surgery) -> None:
    other, other_token = surgery.opened()
    entry = surgery.dentist.add("notes", other, other_token, text="gehört woanders hin")
    patient_id, token = surgery.opened()
    for work in (surgery.dentist.change, surgery.dentist.mark_entered_in_error, surgery.dentist.restore):
        assert verdict(work, "notes", patient_id, entry.id, token) == (404, "entry-not-found")
    assert [note.text for note in surgery.dentist.read_patient(other).notes] == ["gehört woanders hin"]


def test_allergies_are_not_asked_none_known_or_recorded(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist
    assert dentist.read_patient(patient_id).allergy_state == "not_asked"
    assert dentist.change_patient(patient_id, token, allergy_state="none_known").allergy_state == "none_known"
    added = dentist.add("allergies", patient_id, token, text="Penicillin", onset="immediate", severity="severe", year="2011")
    assert dentist.read_patient(patient_id).allergy_state == "recorded"
    for state in ("none_known", "not_asked"):
        assert verdict(dentist.change_patient, patient_id, token, allergy_state=state) == (409, "allergies-recorded")
    dentist.mark_entered_in_error("allergies", patient_id, added.id, token)
    assert dentist.read_patient(patient_id).allergy_state == "not_asked", "nobody has said that there are none"


def test_taking_none_contradicts_medication_on_record(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    dentist = surgery.dentist
    assert dentist.change_patient(patient_id, token, medication_state="none").medication_state == "none"
    added = dentist.add("medication", patient_id, token, text="Ramipril")
    assert verdict(dentist.change_patient, patient_id, token, medication_state="none") == (409, "medication-recorded")
    dentist.change("medication", patient_id, added.id, token, status="stopped")
    assert dentist.change_patient(patient_id, token, medication_state="none").medication_state == "none"
    dentist.change("medication", patient_id, added.id, token, note="vertrug es nicht")
    assert dentist.read_patient(patient_id).medication_state == "none", "a remark on a former medicine says nothing about today"


def test_states_and_lists_agree_after_a_restart(surgery: Surgery) -> None:
    patient_id, token = surgery.opened(prefix="Dr.", insurance_number="A123456789", sex="diverse")
    dentist = surgery.dentist
    dentist.change_patient(patient_id, token, allergy_state="none_known", planned=["Extraktion 36", WITH_FOUR_BYTES])
    for kind in ENTRY_KINDS:
        if kind != "allergies":
            first = dentist.add(kind, patient_id, token, **ENTRIES[kind])
            second = dentist.add(kind, patient_id, token, **ENTRIES[kind])
            dentist.add(kind, patient_id, token, **ENTRIES[kind])
            dentist.change(kind, patient_id, first.id, token, **ENTRIES[kind])
            dentist.mark_entered_in_error(kind, patient_id, second.id, token)
    before, history = dentist.read_patient(patient_id), dentist.history(patient_id)
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    assert without_holder(surgery.dentist.read_patient(patient_id)) == without_holder(before)
    assert surgery.dentist.history(patient_id) == history


def test_entries_stand_in_the_order_they_were_made(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    texts = [f"Mittel {number}" for number in range(12)]
    for text in texts:
        surgery.dentist.add("medication", patient_id, token, text=text)
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    assert [entry.text for entry in surgery.dentist.read_patient(patient_id).medication] == texts


def test_what_is_planned_is_kept_until_the_day_is_over(surgery: Surgery) -> None:
    clock = surgery.server.clock
    patient_id, token = surgery.opened()
    surgery.dentist.change_patient(patient_id, token, planned=["Ibuprofen 600", "  ", "Extraktion 36"])
    evening = clock.instant
    try:
        clock.instant = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
        assert surgery.dentist.read_patient(patient_id).planned == ["Ibuprofen 600", "Extraktion 36"]
    finally:
        clock.instant = evening
    record = surgery.server.server.read_record
    day = surgery.server.server.today()
    assert record(LOCAL, patient_id, day).planned == ["Ibuprofen 600", "Extraktion 36"]
    assert record(LOCAL, patient_id, day + timedelta(days=1)).planned == []
    surgery.dentist.change_patient(patient_id, token, planned=[])
    assert surgery.dentist.read_patient(patient_id).planned == []


def test_the_history_says_who_when_where_and_both_states(surgery: Surgery) -> None:
    patient_id, token = surgery.opened(family_name="Spur")
    added = surgery.dentist.add("medication", patient_id, token, text="Ramipril", strength="5 mg")
    surgery.dentist.release_patient(patient_id)
    token = surgery.assistant.open_patient(patient_id).fencing_token
    surgery.assistant.change("medication", patient_id, added.id, token, strength="10 mg")
    surgery.assistant.change_patient(patient_id, token, family_name="Spür")
    renamed, changed, created, begun = surgery.dentist.history(patient_id)
    assert (begun.kind, begun.action, begun.version) == ("patient", "created", 1)
    assert (created.kind, created.entry_id, created.before) == ("medication", added.id, None)
    assert (created.changed_by, created.workplace) == ("Dr. Prüfer", "Zimmer 1")
    assert (changed.action, changed.changed_by, changed.workplace, changed.version) == ("changed", "Fr. Assistenz", "Zimmer 2", 3)
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["strength"], changed.after["strength"], changed.after["text"]) == ("5 mg", "10 mg", "Ramipril")
    assert changed.changed_at == surgery.server.clock.now()
    assert (renamed.before, renamed.after) == ({"family_name": "Spur"}, {"family_name": "Spür"})


def test_reception_sees_identity_and_allergies_and_writes_no_medication(surgery: Surgery) -> None:
    patient_id, token = surgery.opened(family_name="Vorn")
    for kind in ENTRY_KINDS:
        surgery.dentist.add(kind, patient_id, token, **ENTRIES[kind])
    surgery.dentist.change_patient(patient_id, token, planned=["Extraktion 36"])
    surgery.dentist.release_patient(patient_id)
    seen = surgery.reception.read_patient(patient_id)
    assert seen.is_restricted
    assert (seen.family_name, [entry.text for entry in seen.allergies]) == ("Vorn", ["Latex"])
    assert [seen.medication, seen.conditions, seen.observations, seen.notes, seen.planned] == [[]] * 5
    opening = surgery.reception.open_patient(patient_id)
    assert opening.patient == seen
    for kind in ENTRY_KINDS:
        assert verdict(surgery.reception.add, kind, patient_id, opening.fencing_token, **ENTRIES[kind]) == (403, "not-permitted")
    assert verdict(surgery.reception.history, patient_id) == (403, "not-permitted")
    renamed = surgery.reception.change_patient(patient_id, opening.fencing_token, family_name="Vorne")
    assert (renamed.family_name, renamed.is_restricted, renamed.medication) == ("Vorne", True, [])
    assert len(surgery.dentist.read_patient(patient_id).medication) == 1


def test_reception_neither_plans_nor_says_what_is_not_taken(surgery: Surgery) -> None:
    patient = surgery.patient()
    token = surgery.reception.open_patient(patient.id).fencing_token
    for patch in ({"planned": ["Extraktion 36"]}, {"allergy_state": "none_known"}, {"medication_state": "none"}):
        assert verdict(surgery.reception.change_patient, patient.id, token, **patch) == (403, "not-permitted")
    assert surgery.dentist.read_patient(patient.id).version == 1


def test_the_version_rises_with_every_change_and_travels_as_an_etag(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    versions = [surgery.dentist.read_patient(patient_id).version]
    for number in range(3):
        surgery.dentist.add("notes", patient_id, token, text=str(number))
        versions.append(surgery.dentist.read_patient(patient_id).version)
    assert versions == [1, 2, 3, 4]
    asked = Request(f"{surgery.server.url}/api/v1/patients/{patient_id}", headers={"Authorization": f"Bearer {surgery.dentist.token}"})
    with urlopen(asked, timeout=10) as answer:
        assert answer.headers["ETag"] == '"4"'


def test_nobody_makes_a_sample_patient(surgery: Surgery) -> None:
    assert verdict(surgery.patient, is_sample=True) == (403, "not-permitted")


def test_samples_can_be_practised_on_like_anybody(surgery: Surgery) -> None:
    (sample,) = surgery.dentist.search("beispiel, karl")
    assert sample.is_sample
    token = surgery.dentist.open_patient(sample.id).fencing_token
    assert surgery.dentist.add("notes", sample.id, token, text="geübt").text == "geübt"


@pytest.mark.parametrize("kind", ["medication", "allergies", "conditions", "notes"])
def test_any_letter_comes_back_as_it_was(surgery: Surgery, kind: EntryKind) -> None:
    patient_id, token = surgery.opened(family_name="Nguyễn-Łuczak", given_name="🦷 Ågot")
    text = WITH_FOUR_BYTES + "<script>alert(1)</script>'; DROP TABLE patient; --{{7*7}}=cmd|x\nzweite Zeile"
    surgery.dentist.add(kind, patient_id, token, **(ENTRIES[kind] | {"text": text}))
    record = surgery.assistant.read_patient(patient_id)
    assert getattr(record, kind)[0].text == text
    assert (record.family_name, record.given_name) == ("Nguyễn-Łuczak", "🦷 Ågot")


NEW = {"family_name": "Neu", "given_name": "Ina", "birth_date": "1950"}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"family_name": ""}, "invalid-input", "family_name"),
        ({"family_name": " \t"}, "invalid-input", "family_name"),
        ({"family_name": "x" * 201}, "text-too-long", "family_name"),
        ({"given_name": "x" * 10_000}, "text-too-long", "given_name"),
        ({"given_name": "a\x07b"}, "invalid-input", "given_name"),
        ({"birth_date": ""}, "invalid-input", "birth_date"),
        ({"birth_date": "31.02.1950"}, "impossible-date", "birth_date"),
        ({"birth_date": "1950-13"}, "impossible-date", "birth_date"),
        ({"birth_date": "29.02.1951"}, "impossible-date", "birth_date"),
        ({"birth_date": "0000"}, "impossible-date", "birth_date"),
        ({"birth_date": "gestern"}, "impossible-date", "birth_date"),
        ({"birth_date": "23.11.2026"}, "impossible-date", "birth_date"),
        ({"birth_date": "12.2026"}, "impossible-date", "birth_date"),
        ({"birth_date": "2027"}, "impossible-date", "birth_date"),
        ({"number": "1" * 41}, "text-too-long", "number"),
        ({"sex": "many"}, "invalid-input", "sex"),
        ({"colour": "blue"}, "invalid-input", "colour"),
        ({"family_name": None}, "invalid-input", "family_name"),
    ],
)
def test_an_impossible_identity_is_refused_at_its_field(surgery: Surgery, change: dict[str, Any], code: str, field: str) -> None:
    patient_id, token = surgery.opened()
    for refusal in (
        refused(surgery.dentist.call, "POST", "/patients", NEW | change),
        refused(surgery.dentist.call, "PATCH", f"/patients/{patient_id}", change, Miz_Fencing_Token=token),
    ):
        assert (refusal.status, refusal.code, refusal.problem.get("field")) == (422, code, field)
    assert surgery.dentist.read_patient(patient_id).version == 1


@pytest.mark.parametrize("birth_date", ["1948", "03.1948", "12.3.1948", "22.11.2026", "2026", "11.2026", "29.02.1952"])
def test_a_possible_birth_date_is_taken_even_in_part(surgery: Surgery, birth_date: str) -> None:
    assert surgery.patient(birth_date=birth_date).birth_date.replace("-", "") == "".join(
        part.zfill(2) for part in reversed(birth_date.split("."))
    )


@pytest.mark.parametrize(
    ("kind", "change", "code", "field"),
    [
        ("medication", {"text": ""}, "invalid-input", "text"),
        ("medication", {"text": "x" * 10_000}, "text-too-long", "text"),
        ("medication", {"text": "a\x07b"}, "invalid-input", "text"),
        ("medication", {"text": "a\x1b[31m"}, "invalid-input", "text"),
        ("medication", {"text": None}, "invalid-input", "text"),
        ("medication", {"text": 5}, "invalid-input", "text"),
        ("medication", {"since": "31.02.2020"}, "impossible-date", "since"),
        ("medication", {"status": "entered_in_error"}, "invalid-input", "status"),
        ("medication", {"status": "sometimes"}, "invalid-input", "status"),
        ("medication", {"dose": {"morning": "x" * 10_000}}, "text-too-long", "morning"),
        ("medication", {"dose": "1-0-0-0"}, "invalid-input", "dose"),
        ("medication", {"strength": "x" * 101}, "text-too-long", "strength"),
        ("medication", {"changed_by": "somebody else"}, "invalid-input", "changed_by"),
        ("medication", {"version": 99}, "invalid-input", "version"),
        ("allergies", {"onset": "slow"}, "invalid-input", "onset"),
        ("allergies", {"year": "20111"}, "impossible-date", "year"),
        ("conditions", {"text": None}, "invalid-input", "text"),
        ("conditions", {"answer": "perhaps"}, "invalid-input", "answer"),
        ("observations", {"value": 25}, "invalid-input", "value"),
        ("observations", {"value": -1}, "invalid-input", "value"),
        ("observations", {"value": True}, "invalid-input", "value"),
        ("observations", {"value": "2,5"}, "invalid-input", "value"),
        ("observations", {"kind": "mood"}, "invalid-input", "kind"),
        ("observations", {"measured_on": "2026-02-30"}, "impossible-date", "measured_on"),
        ("notes", {"text": "x" * 2_001}, "text-too-long", "text"),
    ],
)
def test_an_impossible_entry_is_refused_at_its_field(
    surgery: Surgery, kind: EntryKind, change: dict[str, Any], code: str, field: str
) -> None:
    patient_id, token = surgery.opened()
    entry = surgery.dentist.add(kind, patient_id, token, **ENTRIES[kind])
    for work in (
        lambda: surgery.dentist.add(kind, patient_id, token, **(ENTRIES[kind] | change)),
        lambda: surgery.dentist.change(kind, patient_id, entry.id, token, **change),
    ):
        refusal = refused(work)
        assert (refusal.status, refusal.code, refusal.problem.get("field")) == (422, code, field)
    record = surgery.dentist.read_patient(patient_id)
    assert (record.version, getattr(record, kind)) == (2, [entry])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("medication", "[" * 100_000),
        ("medication", '{"x":' + "[" * 100_000),
        ("medication", '{"dose":' * 50_000),
        ("medication", "[]"),
        ("notes", '"text"'),
        ("notes", '{"text":"\\ud83d"}'),
    ],
    ids=["deep list", "deep field", "deep object", "a list", "a text", "half a letter"],
)
def test_what_is_no_entry_at_all_is_refused(surgery: Surgery, kind: str, body: str) -> None:
    patient_id, token = surgery.opened()
    refusal = refused(surgery.dentist.call, "POST", f"/patients/{patient_id}/{kind}", msgspec.Raw(body.encode()), Miz_Fencing_Token=token)
    assert refusal.status in (400, 422)
    assert surgery.dentist.read_patient(patient_id).version == 1


@pytest.mark.parametrize("planned", [["x"] * 51, ["x" * 2_001], ["a\x07"], [7], "Extraktion"])
def test_an_impossible_plan_is_refused(surgery: Surgery, planned: Any) -> None:
    patient_id, token = surgery.opened()
    refusal = refused(surgery.dentist.change_patient, patient_id, token, planned=planned)
    assert (refusal.status, refusal.problem.get("field")) == (422, "planned")
    assert surgery.dentist.read_patient(patient_id).version == 1
