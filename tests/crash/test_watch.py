"""A disk without room, a file that went away: the cause is named, nothing is confirmed that is not stored, and it goes on by itself afterwards."""

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.infra.api_client import ApiClient, RefusedError
from tests.crash.disk import Disk, NoDiskError, disk
from tests.support.practice import ServerProcess, client_of, is_on_server, new_practice

TEXT = "x" * 400
NOTICED_WITHIN_S, WORKS_WITHIN_S = 1.0, 10.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    if is_on_server():
        pytest.skip("about the SQLite file")
    try:
        with disk(tmp_path) as made:
            yield made
    except NoDiskError as missing:
        pytest.skip(str(missing))


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:
            return bool(json.load(answer)["databases"]["practice"] == "open")
    except urllib.error.HTTPError as refused:
        return bool(refused.code != 503 or json.load(refused)["databases"]["practice"] != "unavailable")


def wait_until(is_so: bool, url: str, within_s: float) -> None:
    end = time.monotonic() + within_s
    while is_ready(url) is not is_so:
        assert time.monotonic() < end
        time.sleep(0.05)


def notes_until_refused(client: ApiClient, patient_id: str, token: str) -> tuple[int, RefusedError]:
    for stored in range(2_000):
        try:
            client.add("notes", patient_id, token, text=f"{stored} {TEXT}")
        except RefusedError as refused:
            return stored, refused
    raise AssertionError("the disk was never full")


def fill(ballast: Path) -> None:
    """Write until the disk takes no more."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4_096)):
            pass


@pytest.mark.slow
def test_a_full_disk_is_named_and_what_was_confirmed_is_there(small_disk: Disk) -> None:
    server = ServerProcess(new_practice(small_disk.place))
    server.start()
    try:
        client = client_of(server.url)
        patient_id = client.create_patient(family_name="Voll", given_name="Ina", birth_date="1950-01-02").id
        token = client.open_patient(patient_id).fencing_token
        assert is_ready(server.url)
        ballast = small_disk.place / "ballast"
        fill(ballast)
        wait_until(False, server.url, NOTICED_WITHIN_S)
        stored, refused = notes_until_refused(client, patient_id, token)
        assert (refused.status, refused.problem["code"]) == (503, "disk-full")
        assert len(client.read_patient(patient_id).notes) == stored
        ballast.unlink()
        wait_until(True, server.url, WORKS_WITHIN_S)
        client.add("notes", patient_id, token, text="danach")
        assert len(client.read_patient(patient_id).notes) == stored + 1
    finally:
        server.stop()


@pytest.mark.slow
def test_a_file_that_was_moved_away_is_noticed_and_found_again(tmp_path: Path) -> None:
    if is_on_server():
        pytest.skip("about the SQLite file")
    server = ServerProcess(new_practice(tmp_path))
    server.start()
    try:
        client = client_of(server.url)
        patient_id = client.create_patient(family_name="Fort", given_name="Ina", birth_date="1950-01-02").id
        token = client.open_patient(patient_id).fencing_token
        file = server.folder.path / "practice.db"
        file.rename(file.with_name("elsewhere.db"))
        wait_until(False, server.url, NOTICED_WITHIN_S)
        with pytest.raises(RefusedError, match="database-replaced"):
            client.add("notes", patient_id, token, text="unterwegs")
        file.with_name("elsewhere.db").rename(file)
        wait_until(True, server.url, WORKS_WITHIN_S)
        client.add("notes", patient_id, token, text="zurück")
        assert [note.text for note in client.read_patient(patient_id).notes] == ["zurück"]
    finally:
        server.stop()
