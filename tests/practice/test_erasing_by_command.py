"""`miz patient erase` on a practice whose server does not run."""

import json
from pathlib import Path

import pytest

from miz.infra.data_folder import DataFolder
from tests.apps.test_commands import miz
from tests.support.practice import new_practice

NAME = "Muster, Erika"


@pytest.fixture
def practice(tmp_path: Path) -> DataFolder:
    return new_practice(tmp_path)


def patients(practice: DataFolder) -> list[str]:
    found = miz("patient", "list", "muster eri", "--json", "--data", practice.path, folder=practice.path)
    return [line["id"] for line in json.loads(found.stdout)["items"]]


def erase(practice: DataFolder, patient_id: str, *, reason: str = "patient_request", name: str = NAME, status: int = 0) -> str:
    words = ("patient", "erase", patient_id, "--reason", reason, "--name", name, "--data", practice.path)
    done = miz(*words, folder=practice.path, status=status, MIZ_LANG="en")
    return done.stdout + done.stderr


def test_one_person_erases_by_one_command(practice: DataFolder) -> None:
    (patient_id,) = patients(practice)
    assert "not the name" in erase(practice, patient_id, name="Muster", status=10)
    assert "has to be kept into the year" in erase(practice, patient_id, reason="retention_over", status=13)
    assert patients(practice) == [patient_id]
    assert "The patient is erased." in erase(practice, patient_id)
    assert patients(practice) == []
    erase(practice, patient_id, status=12)
    assert json.loads(practice.erased_list.read_bytes()) == [patient_id]
    miz("audit", "verify", "--data", practice.path, folder=practice.path)


def test_with_a_second_person_a_command_only_asks(practice: DataFolder) -> None:
    (patient_id,) = patients(practice)
    miz("user", "roles", "Fr. Assistenz", "--role", "dentist", "--data", practice.path, folder=practice.path)
    assert "confirms it in the console" in erase(practice, patient_id)
    assert patients(practice) == [patient_id]
    listed = miz("patient", "erasures", "--json", "--data", practice.path, folder=practice.path).stdout
    (asked,) = json.loads(listed)["requests"]
    assert (asked["patient"]["id"], asked["reason"], asked["may_confirm"]) == (patient_id, "patient_request", False)
    told = miz("patient", "erasures", "--data", practice.path, folder=practice.path, MIZ_LANG="en").stdout
    assert f"{patient_id}  {NAME}  1948-03-12  requested by local" in told


def test_the_retention_is_a_setting(practice: DataFolder) -> None:
    words = ("patient", "erasures", "--json", "--data", practice.path)
    found = json.loads(miz(*words, folder=practice.path, MIZ_RETENTION_YEARS="30").stdout)
    assert (found["retention_years"], found["due"], found["due_count"]) == (30, [], 0)
    miz(*words, folder=practice.path, MIZ_RETENTION_YEARS="0", status=10)
