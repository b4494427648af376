"""`kill -9` under writers: nothing acknowledged is lost, nothing is written twice, nothing readable lies on the disk."""

from pathlib import Path

import pytest

from tests.crash.kills import kill_rounds
from tests.support.practice import ServerProcess, client_of, new_practice

KILLS = 20
RESTART_LIMIT_S = 10


@pytest.mark.slow
def test_no_acknowledged_write_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    server = ServerProcess(new_practice(tmp_path))
    toll = kill_rounds(server, KILLS, seed=20261122)
    assert toll.acknowledged > KILLS, "the writers hardly wrote, so the kills proved nothing"
    assert (toll.lost, toll.doubled, toll.failed_checks) == (0, 0, 0)
    assert toll.slowest_restart_s <= RESTART_LIMIT_S


@pytest.mark.sqlite_only("looks for names in the SQLite file")
def test_the_data_folder_holds_no_name_in_clear(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    with ServerProcess(folder) as server:
        client = client_of(server.url)
        record = client.create_patient(
            family_name="Klarnamenprobe", given_name="Quirinius", birth_date="1950-01-02", insurance_number="Z123456780"
        )
        token = client.open_patient(record.id).fencing_token
        client.add("medication", record.id, token, text="Geheimnisprobol 5 mg")
        server.kill()
    planted = ("Klarnamenprobe", "Quirinius", "Z123456780", "Geheimnisprobol", "Prüfer", "Muster")
    needles = [word.encode(encoding) for word in planted for encoding in ("utf-8", "utf-16-le", "latin-1")]
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert any(path.name == "practice.db-wal" for path in files)
    for path in files:
        content = path.read_bytes().lower()
        assert not [needle for needle in needles if needle.lower() in content], path.name


def test_a_second_server_on_the_folder_is_refused(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    with ServerProcess(folder), pytest.raises(RuntimeError, match=r"data folder|Datenordner"):
        ServerProcess(folder).start()
