"""A client that slept past its lease cannot write; with the token check taken out this test must fail."""

import pytest
from sqlalchemy import bindparam, update

from miz.infra.db.prepared import Prepared
from miz.practice.patients import store
from miz.practice.tables import patient
from tests.crash.sleepers import sleeper_rounds


@pytest.mark.slow
def test_a_client_that_slept_past_its_lease_is_refused() -> None:
    refused, rounds = sleeper_rounds(8)
    assert refused == rounds


@pytest.mark.slow
def test_without_the_token_check_the_sleeper_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded = (
        update(patient).where(patient.c.id == bindparam("of_patient")).values(version=patient.c.version + 1).returning(patient.c.version)
    )
    monkeypatch.setattr(store, "_GUARDED", Prepared(unguarded))
    refused, rounds = sleeper_rounds(2)
    assert refused < rounds
