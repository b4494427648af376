"""A new version of the program and the data of an older one: a copy first, then everything or nothing."""

import contextlib
import json
import logging
import shutil
import stat
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest
from sqlalchemy import inspect, text

from miz.apps.bootstrap import Server
from miz.infra.data_folder import DataFolder
from miz.infra.db import sqlite3mc, upgrade
from miz.infra.db.migrate import HEAD, SCRIPTS, NewerSchemaError, schema_of
from miz.infra.db.upgrade import NoRoomForCopyError, UnsoundCopyError
from tests.support.older_practice import FAMILY_NAME, PATIENT_ID, older_practice, settings_of
from tests.support.postgres import NoPostgresError, postmaster
from tests.support.practice import opened

OLDER = sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))[:-1]


def start(folder: DataFolder) -> None:
    """As `miz serve` begins, and ends at once."""
    Server(folder, settings_of(folder)).close()


class Found(NamedTuple):
    schema: str
    family_name: str
    check: str


def found_in(path: Path, folder: DataFolder) -> Found:
    key = folder.read_key(settings_of(folder))
    with contextlib.closing(sqlite3mc.connect(str(path), key=key, is_read_only=True)) as database:
        ((schema,),) = database.rows("SELECT version_num FROM alembic_version")
        ((name,),) = database.rows("SELECT family_name FROM patient WHERE id = ?", [PATIENT_ID])
        ((check,),) = database.rows("PRAGMA integrity_check")
    return Found(schema, name, check)


def copies_of(folder: DataFolder) -> list[Path]:
    return sorted(folder.backups.iterdir()) if folder.backups.exists() else []


@pytest.fixture
def practice(tmp_path: Path) -> DataFolder:
    return older_practice(tmp_path, OLDER[0])


@pytest.mark.parametrize("schema", OLDER)
def test_every_older_schema_is_brought_up_to_date_after_a_copy(tmp_path: Path, schema: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = older_practice(tmp_path, schema)
    start(folder)
    assert found_in(folder.database, folder) == (HEAD, FAMILY_NAME, "ok")
    (copy,) = copies_of(folder)
    assert copy.name.startswith(f"before-upgrade-{schema}-")
    assert found_in(copy, folder) == (schema, FAMILY_NAME, "ok")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert FAMILY_NAME.encode() not in copy.read_bytes()
    assert f"from schema {schema} to {HEAD}" in caplog.text
    assert str(copy) in caplog.text
    assert not folder.upgrade_note.exists()


def test_a_copy_put_back_is_the_practice_of_before(practice: DataFolder) -> None:
    start(practice)
    (copy,) = copies_of(practice)
    for left in practice.path.glob("practice.db*"):
        left.unlink()
    shutil.copy(copy, practice.database)
    assert found_in(practice.database, practice).schema == OLDER[0]
    start(practice)
    assert found_in(practice.database, practice) == (HEAD, FAMILY_NAME, "ok")


def test_a_start_with_nothing_to_do_makes_no_copy(practice: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    start(practice)
    made = copies_of(practice)
    caplog.clear()
    start(practice)
    assert copies_of(practice) == made
    assert caplog.text == ""


def test_the_last_three_copies_are_kept(practice: DataFolder) -> None:
    practice.backups.mkdir()
    former = [practice.backups / f"before-upgrade-000{number}-2020-01-0{number}.db" for number in range(1, 5)]
    for path in [*former, practice.backups / "of-my-own.db"]:
        path.write_bytes(b"former")
    start(practice)
    kept = [path.name for path in copies_of(practice)]
    assert len([name for name in kept if name.startswith("before-upgrade-")]) == 3
    assert kept[-1] == "of-my-own.db"
    assert any(name.startswith(f"before-upgrade-{OLDER[0]}-2") and "2020" not in name for name in kept)


def test_a_disk_without_room_refuses_and_changes_nothing(practice: DataFolder) -> None:
    full = shutil.disk_usage(practice.path)._replace(free=1_000_000)
    with mock.patch("shutil.disk_usage", return_value=full), pytest.raises(NoRoomForCopyError) as refused:
        start(practice)
    assert refused.value.fields["free_mb"] == 1
    assert found_in(practice.database, practice).schema == OLDER[0]
    assert copies_of(practice) == []


def test_a_copy_that_is_not_sound_refuses_and_changes_nothing(practice: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = upgrade._require_sound

    def spoil(copy: Path, *more: str) -> None:
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 1
        copy.write_bytes(content)
        genuine(copy, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(upgrade, "_require_sound", spoil)
    with pytest.raises(UnsoundCopyError):
        start(practice)
    assert found_in(practice.database, practice).schema == OLDER[0]
    # The switch: without the proof the spoilt copy would pass for a way back.
    monkeypatch.setattr(upgrade, "_require_sound", lambda copy, *_: copy.write_bytes(b"no database"))
    start(practice)
    assert [path.read_bytes() for path in copies_of(practice)] == [b"no database"]


def test_a_step_that_fails_leaves_the_old_state_and_the_next_start_says_so(practice: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    with mock.patch("alembic.op.create_index", side_effect=RuntimeError("a step fails")), pytest.raises(RuntimeError, match="a step"):
        start(practice)
    assert found_in(practice.database, practice) == (OLDER[0], FAMILY_NAME, "ok")
    caplog.clear()
    start(practice)
    assert "was cut off; the database is whole and in the old state" in caplog.text
    assert found_in(practice.database, practice).schema == HEAD


def test_a_cut_after_the_last_step_is_told_as_the_new_state(practice: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    start(practice)
    practice.upgrade_note.write_text(json.dumps({"from": OLDER[0], "to": HEAD, "copy": "before.db"}))
    caplog.clear()
    start(practice)
    assert f"in the new state, schema {HEAD}; copy from before: before.db" in caplog.text
    assert not practice.upgrade_note.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"from": "0001"}', '{"from": [], "to": {}}'])
def test_a_note_that_cannot_be_read_stops_nobody(practice: DataFolder, content: str, caplog: pytest.LogCaptureFixture) -> None:
    practice.upgrade_note.parent.mkdir(exist_ok=True)
    practice.upgrade_note.write_text(content)
    start(practice)
    assert found_in(practice.database, practice).schema == HEAD


def test_a_newer_schema_is_refused_before_anything_is_written(practice: DataFolder) -> None:
    start(practice)
    made = copies_of(practice)
    with contextlib.closing(sqlite3mc.connect(str(practice.database), key=practice.read_key(settings_of(practice)))) as database:
        database.rows("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchemaError) as refused:
        start(practice)
    assert refused.value.fields == {"found": "9999", "known": HEAD}
    assert "Install the newer version" in refused.value.hint
    assert found_in(practice.database, practice) == ("9999", FAMILY_NAME, "ok")
    assert copies_of(practice) == made


@pytest.fixture
def on_a_server(tmp_path: Path) -> DataFolder:
    """A practice of an older version on PostgreSQL."""
    try:
        server = postmaster()
    except NoPostgresError as error:
        pytest.skip(str(error))
    return older_practice(tmp_path, OLDER[0], url=server.url(server.new_database()))


def found_on_a_server(folder: DataFolder) -> tuple[str, str, bool]:
    with contextlib.closing(opened(folder)) as database:
        connection = database.reader()
        name = connection.execute(text("SELECT family_name FROM patient WHERE id = :id"), {"id": PATIENT_ID}).scalar_one()
        return str(schema_of(connection)), name, inspect(connection).has_table("audit_entry")


def test_a_database_server_is_upgraded_in_one_transaction_and_its_copy_is_not_ours(
    on_a_server: DataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with mock.patch("alembic.op.create_index", side_effect=RuntimeError("a step fails")), pytest.raises(RuntimeError, match="a step"):
        start(on_a_server)
    assert found_on_a_server(on_a_server) == (OLDER[0], FAMILY_NAME, False)
    start(on_a_server)
    assert "in the old state" in caplog.text
    assert "a copy from before is the matter of the database server" in caplog.text
    assert found_on_a_server(on_a_server) == (HEAD, FAMILY_NAME, True)
    assert not on_a_server.backups.exists()


def test_nothing_of_a_patient_is_logged(practice: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    start(practice)
    assert "schema" in caplog.text
    assert FAMILY_NAME not in caplog.text
