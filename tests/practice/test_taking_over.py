"""A patient that another window has open: asking for it, five more minutes, taking it over."""

from datetime import timedelta

import pytest

from tests.practice.people import Surgery, refused, verdict
from tests.support.practice import client_of


def test_asking_shows_on_both_sides_and_ends_with_the_release(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    asked = surgery.assistant.ask_for_patient(patient_id)
    assert (asked.user, asked.workplace) == ("Fr. Assistenz", "Zimmer 2")
    holder = surgery.dentist.read_patient(patient_id).holder
    assert holder is not None
    assert holder.request == asked
    surgery.dentist.release_patient(patient_id)
    opening = surgery.assistant.open_patient(patient_id)
    assert opening.fencing_token
    holder = surgery.dentist.read_patient(patient_id).holder
    assert holder is not None
    assert holder.request is None, "what was asked for is done"


def test_five_more_minutes_are_told_to_who_asked(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    surgery.assistant.ask_for_patient(patient_id)
    answer = surgery.dentist.ask_for_time(patient_id)
    assert answer.later_until == surgery.server.clock.now() + timedelta(minutes=5)
    assert surgery.assistant.ask_for_patient(patient_id) == answer, "asking again does not ask twice"


def test_there_must_be_somebody_to_ask_and_somebody_who_asked(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    assert verdict(surgery.dentist.ask_for_patient, patient_id) == (409, "nobody-to-ask")
    assert verdict(surgery.assistant.ask_for_patient, surgery.patient().id) == (409, "nobody-to-ask")
    assert verdict(surgery.dentist.ask_for_time, patient_id) == (409, "nobody-asked")
    surgery.assistant.ask_for_patient(patient_id)
    assert verdict(surgery.assistant.ask_for_time, patient_id) == (409, "nobody-asked")
    refusal = refused(surgery.reception.ask_for_patient, patient_id)
    assert (refusal.code, refusal.problem["workplace"]) == ("already-asked-for", "Zimmer 2")


def test_a_window_that_is_gone_asks_no_more(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    surgery.assistant.ask_for_patient(patient_id)
    surgery.assistant.close_application()
    holder = surgery.dentist.read_patient(patient_id).holder
    assert holder is not None
    assert holder.request is None
    assert surgery.reception.ask_for_patient(patient_id).user == "Fr. Empfang"


def test_taking_over_ends_the_token_of_the_former_holder(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    opening = surgery.assistant.take_over(patient_id, "emergency")
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="zu spät") == (412, "stale-fencing-token")
    assert surgery.assistant.add("notes", patient_id, opening.fencing_token, text="gilt").text == "gilt"
    assert surgery.dentist.heartbeat().lease is None


def test_taking_over_frees_what_one_had_open_before(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    other = surgery.patient().id
    surgery.assistant.open_patient(other)
    surgery.assistant.take_over(patient_id, "agreed")
    assert surgery.dentist.read_patient(other).holder is None


def test_taking_over_what_is_free_or_one_s_own_opens_it(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    assert surgery.dentist.take_over(patient_id).fencing_token == token
    assert surgery.dentist.take_over(surgery.patient().id).fencing_token


def test_who_may_take_over(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    assert verdict(surgery.assistant.take_over, patient_id) == (422, "reason-missing")
    assert verdict(surgery.assistant.take_over, patient_id, "x" * 201) == (422, "invalid-input")
    assert verdict(surgery.reception.take_over, patient_id, "emergency") == (403, "not-permitted")
    assert verdict(surgery.second_window(surgery.dentist, "viewer").take_over, patient_id) == (403, "viewer-opens-nothing")
    surgery.dentist.add("notes", patient_id, token, text="noch meins")
    surgery.assistant.take_over(patient_id, "not_reachable")
    assert surgery.dentist.take_over(patient_id).fencing_token, "a dentist needs no reason"


@pytest.mark.parametrize("person", ["Dr. Prüfer", "Hr. Verwaltung"])
def test_a_lease_is_ended_from_the_console_with_a_reason(surgery: Surgery, person: str) -> None:
    patient_id, token = surgery.opened()
    console = client_of(surgery.server.url, person, None)
    path = f"/patients/{patient_id}/opening/end"
    assert verdict(console.call, "POST", path, {}) == (422, "reason-missing")
    console.call("POST", path, {"reason": "not_reachable"})
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")
    assert surgery.assistant.read_patient(patient_id).holder is None
    assert verdict(surgery.assistant.call, "POST", path, {"reason": "emergency"}) == (403, "not-permitted")
    console.close_application()
