"""One patient, one writer: who holds it, since when, and when it is free again."""

import re
from datetime import datetime, timedelta

from miz.kernel.fencing import next_token
from miz.wire.client_protocol import Applications, Patient
from tests.practice.people import Surgery, refused, verdict
from tests.support.practice import INTERVAL_S, client_of

LEASE_S = INTERVAL_S * 4


def is_free(surgery: Surgery, patient_id: str) -> bool:
    return surgery.assistant.read_patient(patient_id).holder is None


def test_opening_gives_lease_and_record_in_one_answer(surgery: Surgery) -> None:
    patient = surgery.patient(family_name="Ganz", number="4711")
    opening = surgery.dentist.open_patient(patient.id)
    assert re.fullmatch(r"\d+\.\d+", opening.fencing_token)
    assert (opening.patient.family_name, opening.patient.number) == ("Ganz", "4711")
    assert opening.expires_at == surgery.server.clock.now() + timedelta(seconds=LEASE_S)


def test_a_patient_open_elsewhere_says_who_where_since_and_until(surgery: Surgery) -> None:
    patient = surgery.patient()
    surgery.dentist.open_patient(patient.id)
    refusal = refused(surgery.assistant.open_patient, patient.id)
    assert (refusal.status, refusal.code) == (409, "patient-open-elsewhere")
    assert (refusal.problem["holder"], refusal.problem["workplace"]) == ("Dr. Prüfer", "Zimmer 1")
    since, until = (datetime.fromisoformat(refusal.problem[name]) for name in ("since", "until"))
    assert since == surgery.server.clock.now()
    assert until - since == timedelta(seconds=LEASE_S)
    holder = surgery.assistant.read_patient(patient.id).holder
    assert holder is not None
    assert (holder.user, holder.workplace, holder.since) == ("Dr. Prüfer", "Zimmer 1", since)
    found = surgery.reception.search(patient.family_name)
    assert [line.holder.workplace if line.holder else None for line in found] == ["Zimmer 1"]


def test_the_same_user_at_a_second_window_is_another_writer(surgery: Surgery) -> None:
    patient = surgery.patient()
    surgery.dentist.open_patient(patient.id)
    assert verdict(surgery.second_window(surgery.dentist).open_patient, patient.id) == (409, "patient-open-elsewhere")


def test_opening_again_gives_the_same_token(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    assert surgery.dentist.open_patient(patient_id).fencing_token == token
    assert surgery.dentist.add("notes", patient_id, token, text="x").text == "x"


def test_opening_another_patient_frees_the_one_before(surgery: Surgery) -> None:
    first, token = surgery.opened()
    second = surgery.patient()
    surgery.dentist.open_patient(second.id)
    assert is_free(surgery, first)
    assert verdict(surgery.dentist.add, "notes", first, token, text="x") == (412, "stale-fencing-token")
    lease = surgery.dentist.heartbeat().lease
    assert lease is not None
    assert lease.patient_id == second.id


def test_a_refused_opening_keeps_what_is_open(surgery: Surgery) -> None:
    mine, token = surgery.opened()
    theirs = surgery.patient()
    surgery.assistant.open_patient(theirs.id)
    assert verdict(surgery.dentist.open_patient, theirs.id)[0] == 409
    assert verdict(surgery.dentist.open_patient, "nobody") == (404, "patient-not-found")
    assert surgery.dentist.add("notes", mine, token, text="noch da").text == "noch da"


def test_releasing_frees_and_ends_the_token(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.release_patient(patient_id)
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")
    again = surgery.dentist.open_patient(patient_id).fencing_token
    assert again != token
    surgery.dentist.release_patient("another-patient")
    assert surgery.dentist.add("notes", patient_id, again, text="x").text == "x"


def test_closing_the_application_frees_at_once(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.dentist.close_application()
    assert is_free(surgery, patient_id)
    assert verdict(surgery.dentist.heartbeat) == (404, "application-not-found")
    assert verdict(surgery.dentist.open_patient, patient_id) == (404, "application-not-found")
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")


def test_leaving_frees_after_three_seconds(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened()
    assert surgery.dentist.application is not None
    surgery.dentist.call("POST", f"/applications/{surgery.dentist.application.id}/leaving")
    surgery.server.pass_time(3)
    assert verdict(surgery.assistant.open_patient, patient_id)[0] == 409
    surgery.server.pass_time(0.1)
    assert is_free(surgery, patient_id)


def test_a_heartbeat_takes_the_leaving_back(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    assert surgery.dentist.application is not None
    surgery.dentist.call("POST", f"/applications/{surgery.dentist.application.id}/leaving")
    surgery.server.pass_time(2)
    assert surgery.dentist.heartbeat().lease is not None
    surgery.server.pass_time(4)
    assert surgery.dentist.add("notes", patient_id, token, text="da").text == "da"


def test_a_silent_application_loses_its_patient_after_the_lease_and_not_before(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.server.pass_time(LEASE_S - 1)
    surgery.assistant.heartbeat()
    assert verdict(surgery.assistant.open_patient, patient_id)[0] == 409
    surgery.server.pass_time(2)
    assert is_free(surgery, patient_id)
    assert surgery.assistant.open_patient(patient_id).fencing_token == next_token(token, 1)
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")


def test_the_next_takes_over_an_ended_lease_without_waiting_for_the_housekeeping(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.server.clock.steady += LEASE_S + 0.1
    surgery.assistant.register()
    assert surgery.assistant.open_patient(patient_id).fencing_token != token
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")


def test_heartbeats_keep_the_patient_for_as_long_as_they_come(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    for _ in range(10):
        surgery.server.pass_time(LEASE_S - 1)
        lease = surgery.dentist.heartbeat().lease
        assert lease is not None
        assert lease.fencing_token == token
    assert surgery.dentist.add("notes", patient_id, token, text="da").text == "da"


def test_the_wall_clock_has_no_say(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    instant = surgery.server.clock.instant
    for jump in (timedelta(hours=-5), timedelta(days=-365), timedelta(hours=11)):
        surgery.server.clock.instant = instant + jump
        surgery.server.sweep()
        assert verdict(surgery.assistant.open_patient, patient_id)[0] == 409
        assert surgery.dentist.add("notes", patient_id, token, text="da").text == "da"
    surgery.server.clock.instant = instant


def test_a_viewer_opens_nothing_and_sees_everything(surgery: Surgery) -> None:
    patient = surgery.patient()
    viewer = surgery.second_window(surgery.dentist, kind="viewer")
    assert verdict(viewer.open_patient, patient.id) == (403, "viewer-opens-nothing")
    assert isinstance(viewer.read_patient(patient.id), Patient)
    assert viewer.heartbeat().lease is None


def test_an_opening_names_its_own_application(surgery: Surgery) -> None:
    patient = surgery.patient()
    path = f"/patients/{patient.id}/opening"
    assert verdict(surgery.dentist.call, "POST", path) == (428, "application-missing")
    assert surgery.assistant.application is not None
    for foreign in (surgery.assistant.application.id, "guessed"):
        assert verdict(surgery.dentist.call, "POST", path, Miz_Application=foreign) == (404, "application-not-found")
        assert verdict(surgery.dentist.call, "POST", f"/applications/{foreign}/heartbeat") == (404, "application-not-found")
        assert verdict(surgery.dentist.call, "DELETE", f"/applications/{foreign}") == (404, "application-not-found")
    assert is_free(surgery, patient.id)


def test_after_a_restart_each_stored_lease_has_its_full_time(surgery: Surgery) -> None:
    patient_id, token = surgery.opened()
    surgery.server.clock.steady += LEASE_S - 1
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    surgery.server.pass_time(LEASE_S - 1)
    surgery.assistant.heartbeat()
    refusal = refused(surgery.assistant.open_patient, patient_id)
    assert (refusal.status, refusal.problem["holder"], refusal.problem["workplace"]) == (409, "Dr. Prüfer", "Zimmer 1")
    lease = surgery.dentist.heartbeat().lease
    assert lease is not None
    assert lease.fencing_token == token
    assert surgery.dentist.add("notes", patient_id, token, text="weiter").text == "weiter"
    surgery.server.pass_time(LEASE_S + 1)
    assert verdict(surgery.dentist.add, "notes", patient_id, token, text="x") == (412, "stale-fencing-token")


def test_who_is_online_is_for_those_who_may_see_it_and_names_only_for_those_who_search(surgery: Surgery) -> None:
    patient_id, _ = surgery.opened(family_name="Sichtbar")
    listed = surgery.dentist.call("GET", "/applications", answer=Applications).items
    found = {item.id: item for item in listed}
    assert surgery.dentist.application is not None
    mine = found[surgery.dentist.application.id]
    assert (mine.user, mine.room, mine.patient_id, mine.patient) == ("Dr. Prüfer", "Zimmer 1", patient_id, "Sichtbar, Ina")
    admin = client_of(surgery.server.url, "Hr. Verwaltung")
    items = admin.call("GET", "/applications", answer=Applications).items
    assert len(items) > 2
    assert all(item.patient_id is None and item.patient is None for item in items)
    assert verdict(surgery.reception.call, "GET", "/applications") == (403, "not-permitted")
    admin.close_application()


def test_reception_may_hold_a_patient_for_a_new_telephone_number(surgery: Surgery) -> None:
    patient = surgery.patient()
    opening = surgery.reception.open_patient(patient.id)
    assert opening.patient.is_restricted
    assert verdict(surgery.dentist.open_patient, patient.id)[0] == 409
