"""What was typed and not saved outlives the lease of its window, and is nobody else's business before."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import update

from miz.practice.tables import draft
from tests.practice.people import Surgery, refused, verdict
from tests.practice.test_writing_paths import state_of
from tests.support.practice import client_of


def test_after_a_take_over_both_sides_are_offered_the_draft(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    surgery.dentist.keep_draft(patient_id, "medication", text="Ramip")
    assert surgery.assistant.drafts(patient_id) == [], "while the window has the patient open"
    surgery.assistant.take_over(patient_id, "emergency")
    (own,) = surgery.dentist.drafts(patient_id)
    (others,) = surgery.assistant.drafts(patient_id)
    assert (own.is_own, others.is_own) == (True, False)
    assert (others.form, others.fields, others.user, others.workplace) == ("medication", {"text": "Ramip"}, "Dr. Prüfer", "Zimmer 1")
    assert others.saved_at == surgery.server.clock.now()


def test_fifty_take_overs_keep_fifty_drafts(surgery: Surgery) -> None:
    for number in range(50):
        patient_id, _ = surgery.opened()
        surgery.dentist.keep_draft(patient_id, "notes", text=f"Entwurf {number}")
        surgery.assistant.take_over(patient_id, "emergency")
        assert [one.fields["text"] for one in surgery.dentist.drafts(patient_id)] == [f"Entwurf {number}"]


def test_the_last_words_come_after_the_lease_has_ended(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    surgery.assistant.take_over(patient_id, "emergency")
    surgery.dentist.keep_draft(patient_id, "notes", text="zu spät, aber nicht verloren")
    assert [one.fields["text"] for one in surgery.assistant.drafts(patient_id)] == ["zu spät, aber nicht verloren"]


def test_a_draft_outlives_its_window_and_the_server(surgery: Surgery) -> None:
    patient_id = surgery.patient().id
    window = surgery.second_window(surgery.dentist)
    window.open_patient(patient_id)
    window.keep_draft(patient_id, "notes", text="überlebt")
    window.close_application()
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    assert [one.fields["text"] for one in surgery.assistant.drafts(patient_id)] == ["überlebt"]


def test_a_form_holds_its_newest_state_and_nothing_when_it_is_empty(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    for text in ("R", "Ra", "Ram"):
        surgery.dentist.keep_draft(patient_id, "medication", text=text)
    surgery.dentist.keep_draft(patient_id, "notes", text="x")
    surgery.dentist.keep_draft(patient_id, "notes")
    surgery.dentist.keep_draft(patient_id, "never", text="")
    surgery.dentist.release_patient(patient_id)
    assert [(one.form, one.fields) for one in surgery.assistant.drafts(patient_id)] == [("medication", {"text": "Ram"})]


def test_a_draft_is_not_the_record(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    before = state_of(surgery.server, patient_id)
    surgery.dentist.keep_draft(patient_id, "notes", text="x")
    assert state_of(surgery.server, patient_id) == before
    assert "fields" not in str(surgery.dentist.read_patient(patient_id))


def test_a_draft_is_discarded_by_either_side_once(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    surgery.dentist.keep_draft(patient_id, "notes", text="x")
    surgery.assistant.take_over(patient_id, "emergency")
    (kept,) = surgery.assistant.drafts(patient_id)
    surgery.assistant.discard_draft(patient_id, kept.id)
    assert surgery.dentist.drafts(patient_id) == []
    assert verdict(surgery.dentist.discard_draft, patient_id, kept.id) == (404, "draft-not-found")


def test_a_draft_belongs_to_its_patient(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    surgery.dentist.keep_draft(patient_id, "notes", text="x")
    surgery.dentist.release_patient(patient_id)
    (kept,) = surgery.dentist.drafts(patient_id)
    other_id = surgery.patient().id
    assert verdict(surgery.dentist.discard_draft, other_id, kept.id) == (404, "draft-not-found")
    assert surgery.dentist.drafts(other_id) == []


def test_only_a_window_that_has_had_the_patient_open_keeps_drafts(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    assert verdict(surgery.assistant.keep_draft, patient_id, "notes", text="x") == (412, "stale-fencing-token")
    assert verdict(surgery.dentist.keep_draft, str(uuid.uuid4()), "notes", text="x") == (412, "stale-fencing-token")
    stranger = client_of(surgery.server.url, "Dr. Prüfer", "Zimmer 2")
    path = f"/patients/{patient_id}/drafts/notes"
    assert verdict(stranger.call, "PUT", path, {"fields": {"a": "b"}}) == (428, "application-missing")
    assert surgery.dentist.application is not None
    foreign = {"Miz_Application": surgery.dentist.application.id}
    assert verdict(stranger.call, "PUT", path, {"fields": {"a": "b"}}, **foreign) == (404, "application-not-found")


def test_drafts_are_few_and_small(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    assert refused(surgery.dentist.keep_draft, patient_id, "notes", text="x" * 10_001).status == 422
    assert refused(surgery.dentist.keep_draft, patient_id, "n" * 101, text="x").status == 422
    for number in range(20):
        surgery.dentist.keep_draft(patient_id, f"form {number}", text="x" * 9_000)
    assert verdict(surgery.dentist.keep_draft, patient_id, "one more", text="x") == (409, "too-many-drafts")
    surgery.dentist.keep_draft(patient_id, "form 7", text="geändert")
    surgery.dentist.release_patient(patient_id)
    assert len(surgery.dentist.drafts(patient_id)) == 20


def test_reception_neither_reads_nor_keeps_drafts(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    for work in (lambda: surgery.reception.drafts(patient_id), lambda: surgery.reception.keep_draft(patient_id, "notes", text="x")):
        assert verdict(work) == (403, "not-permitted")


@pytest.mark.parametrize(("days", "kept"), [(6, 1), (8, 0)])
def test_a_draft_is_removed_after_a_week(surgery: Surgery, days: int, kept: int) -> None:
    patient_id, _ = surgery.opened()
    surgery.dentist.keep_draft(patient_id, "notes", text="x")
    surgery.dentist.release_patient(patient_id)
    server = surgery.server
    typed_at = server.clock.now() - timedelta(days=days)
    server.write(lambda tx: tx.connection.execute(update(draft).where(draft.c.patient_id == patient_id).values(saved_at=typed_at)).rowcount)
    server.write(server.server.drafts.forget_old)
    assert len(surgery.dentist.drafts(patient_id)) == kept
