"""A backup of a real server, opened by somebody who has the recovery key on paper, Debian's `age` and the standard library."""

import io
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from miz.infra.keys import KEY_BEGIN, groups_of
from tests.backup.test_backups import new_patient, practice_backup
from tests.support.practice import ServerThread, client_of, recovery_key

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def unpacked(packed: bytes) -> bytes:
    """By the program, where there is one, else by the library."""
    if program := shutil.which("zstd"):
        return subprocess.run([program, "-dc"], input=packed, capture_output=True, check=True).stdout
    return zstd.decompress(packed)


@pytest.mark.skipif(not shutil.which("age"), reason="age is not installed (Debian: apt install age)")
def test_a_patient_stands_in_a_backup_that_age_has_opened(practice: ServerThread, tmp_path: Path) -> None:
    client = client_of(practice.url)
    patient_id = new_patient(client, "PAPIERSCHLÜSSEL")
    token = client.open_patient(patient_id).fencing_token
    client.add("medication", patient_id, token, text="Marcumar 3 mg", note="nach INR-Plan")
    file = practice_backup(practice)["file"]
    # As it is typed from the sheet: its beginning and its groups, in one line.
    (tmp_path / "key.txt").write_text(KEY_BEGIN + "".join(groups_of(recovery_key())))

    opened = subprocess.run(["age", "-d", "-i", tmp_path / "key.txt", file], capture_output=True, check=False)
    assert opened.returncode == 0, opened.stderr
    with tarfile.open(fileobj=io.BytesIO(unpacked(opened.stdout))) as members:
        assert {"manifest.json", "practice.db"} <= set(members.getnames())
        members.extractall(tmp_path, filter="data")
    database = sqlite3.connect(tmp_path / "practice.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    found = database.execute("SELECT given_name, birth_date FROM patient WHERE family_name = 'PAPIERSCHLÜSSEL'").fetchall()
    assert found == [("Erika", "1948-03-12")]
    assert database.execute("SELECT count(*) FROM patient").fetchone() == (13,)
    database.close()

    # Another practice's key opens nothing.
    other = subprocess.run(["age-keygen", "-o", tmp_path / "other.txt"], capture_output=True, check=False)
    assert other.returncode == 0, other.stderr
    refused = subprocess.run(["age", "-d", "-i", tmp_path / "other.txt", file], capture_output=True, check=False)
    assert refused.returncode != 0
    assert b"SQLite" not in refused.stdout
