"""Rows that the program would never write are found and named by their ids; `conftest.py` asks the same after every other test of this room."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, text, update

from miz.databases.model import Check
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.db.writer import Transaction
from miz.practice.soundness import broken_rules
from miz.practice.tables import change, erased_patient, lease, medication, observation, patient, patient_word, server_state
from tests.support.practice import ServerThread, client_of, served

Plant = Callable[[Connection, str], object]


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as running:
        yield running


FAULTS: dict[str, Plant] = {
    "a record was merged into one that is not there": lambda rows, one: rows.execute(
        update(patient).where(patient.c.id == one).values(merged_into="nobody")
    ),
    "the search finds a patient by no name": lambda rows, one: rows.execute(delete(patient_word).where(patient_word.c.patient_id == one)),
    "an open patient has another token than its record": lambda rows, one: rows.execute(
        update(lease).where(lease.c.patient_id == one).values(fencing_token="1.99")
    ),
    "an erased patient is still there": lambda rows, one: rows.execute(
        insert(erased_patient).values(id=one, erased_at=datetime(2026, 1, 1, tzinfo=UTC))
    ),
    "the history is ahead of its record": lambda rows, one: rows.execute(
        update(change).where(change.c.patient_id == one).values(version=change.c.version + 100)
    ),
    "medication: an entry that cannot be read": lambda rows, one: rows.execute(
        update(medication).where(medication.c.patient_id == one).values(status="vielleicht")
    ),
    "observations: an entry that cannot be read": lambda rows, one: rows.execute(
        update(observation).where(observation.c.patient_id == one).values(kind="shoe_size")
    ),
    "the practice has 2 states": lambda rows, one: rows.execute(
        insert(server_state).values(id=2, practice=one, epoch=1, control_interval_s=30, is_set_up=True)
    ),
    "medication: entries that cannot be read": lambda rows, one: rows.execute(
        text("UPDATE medication SET changed_at = 'gestern' WHERE patient_id = :one"), {"one": one}
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_is_found_and_named(practice: ServerThread, fault: str) -> None:
    client = client_of(practice.url)
    one = client.create_patient(family_name="GEHEIMNIS", given_name="Ina", birth_date="1950-01-02").id
    token = client.open_patient(one).fencing_token
    client.add("medication", one, token, text="Ramipril 5")
    client.add("observations", one, token, kind="inr", value=2.5, measured_on="2026-01-01")
    assert broken_rules(practice.server.database.reader()) == []

    def plant(tx: Transaction) -> None:
        FAULTS[fault](tx.connection, one)

    practice.write(plant)
    found = broken_rules(practice.server.database.reader())
    assert [one for one in found if one.startswith(fault)]
    assert not [one for one in found if "GEHEIMNIS" in one]
    local = ApiClient(HttpSender(practice.url), token=practice.server.local_token)
    checked = local.call("POST", "/databases/practice/check", {"full": True}, answer=Check)
    assert not checked.ok
    assert checked.is_sound  # the pages are: nobody is stopped
