"""The practice's database checked, compacted and moved while people write; everything acknowledged is in the new file."""

import asyncio
import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from miz.access.audit.model import AuditLines, AuditSearch
from miz.access.sessions import LOCAL
from miz.databases.api import DatabaseList
from miz.databases.model import Care, Check, DatabaseState, Plan, Progress, Run, is_due, progress_of
from miz.infra import data_folder, files
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.infra.db import switching
from miz.infra.db.engine import DiskFullError
from miz.infra.db.practice_database import PracticeDatabase
from miz.kernel.clock import FakeClock
from miz.kernel.errors import DatabaseUnavailableError
from tests.support.practice import ServerThread, client_of, is_on_server, served

pytestmark = pytest.mark.skipif(is_on_server(), reason="a database server is looked after with its own tools")


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path) as started:
        yield started


def local(practice: ServerThread) -> ApiClient:
    return ApiClient(HttpSender(practice.url), token=practice.server.local_token)


def new_patient(client: ApiClient, name: str) -> str:
    return client.create_patient(family_name=name, given_name="Erika", birth_date="1948-03-12", sex="female").id


def move(practice: ServerThread, folder: Path) -> Care:
    return local(practice).call("POST", "/databases/practice/move", {"folder": str(folder)}, answer=Care)


def is_sound(practice: ServerThread) -> bool:
    return local(practice).call("POST", "/databases/practice/check", {"full": True}, answer=Check).ok


def state(practice: ServerThread) -> DatabaseState:
    return local(practice).call("GET", "/databases", answer=DatabaseList).databases[0]


@contextmanager
def writing(practice: ServerThread) -> Iterator[list[str]]:
    """Somebody who adds patients all the time; the list holds those that were acknowledged."""
    is_done = threading.Event()
    written: list[str] = []
    client = client_of(practice.url)

    def write() -> None:
        while not is_done.is_set():
            written.append(new_patient(client, f"SCHREIBER{len(written)}"))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        is_done.set()
        thread.join()


def all_there(practice: ServerThread, written: list[str]) -> bool:
    client = client_of(practice.url, "Fr. Assistenz", "Zimmer 2")
    return all(client.read_patient(patient_id).id == patient_id for patient_id in written)


def test_moved_while_people_write_nothing_is_lost(practice: ServerThread, tmp_path: Path) -> None:
    target = tmp_path / "other disk"
    target.mkdir()
    old = practice.folder.database
    with writing(practice) as written:
        while len(written) < 5:
            pass
        before = len(written)
        done = move(practice, target)
        at_switch = len(written)
        while len(written) < at_switch + 5:
            pass
    assert before < at_switch
    assert Path(done.path) == target / "practice.db" == practice.folder.database
    assert state(practice).is_on_former_disk
    assert all_there(practice, written)
    assert is_sound(practice)
    # The old file is kept until somebody lets it go, and nobody writes to it any more.
    size = old.stat().st_mtime_ns
    new_patient(client_of(practice.url, "Fr. Empfang", "Empfang"), "NACHHER")
    assert old.stat().st_mtime_ns == size
    local(practice).call("DELETE", "/databases/practice/former")
    assert not os.path.exists(old)  # noqa: PTH110 - the type checker remembers what it saw before
    practice.stop()
    practice.start()
    assert all_there(practice, written)


def test_a_move_that_is_done_is_said_to_be_done_and_its_entry_follows(
    practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "other disk"
    target.mkdir()

    def full(*_: object, **__: object) -> None:
        raise DiskFullError

    with monkeypatch.context() as patched:
        patched.setattr(practice.server.trail, "record", full)
        assert Path(move(practice, target).path) == practice.folder.database
    asyncio.run_coroutine_threadsafe(practice.server.trail.catch_up(practice.server.writer), practice.loop).result(10)
    said = local(practice).call("POST", "/audit/search", AuditSearch(limit=20), answer=AuditLines).items
    assert "database_moved" in {line.action for line in said}


def test_compacted_while_people_write_it_gets_smaller_and_nothing_is_lost(practice: ServerThread) -> None:
    def fill_and_empty(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE filling (id INTEGER PRIMARY KEY, text BLOB)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO filling SELECT i, randomblob(2000) FROM n"
        )
        connection.execute("DROP TABLE filling")

    practice.write(lambda tx: fill_and_empty(tx.connection.connection.dbapi_connection.apsw))  # type: ignore[union-attr]
    assert state(practice).free_bytes > 3_000_000
    with writing(practice) as written:
        done = local(practice).call("POST", "/databases/practice/compaction", answer=Care)
        at_switch = len(written)
        while len(written) < at_switch + 5:
            pass
    assert done.after_bytes < done.before_bytes - 3_000_000
    assert all_there(practice, written)
    assert state(practice).free_bytes < 100_000
    assert state(practice).last_compaction
    assert list(practice.folder.path.glob("practice*.db")) == [practice.folder.database]
    assert is_sound(practice)


def test_compacted_twice_within_a_second_it_is_still_there(practice: ServerThread) -> None:
    with writing(practice) as written:
        for _ in range(3):
            local(practice).call("POST", "/databases/practice/compaction", answer=Care)
    assert all_there(practice, written)
    assert list(practice.folder.path.glob("practice*.db")) == [practice.folder.database]
    assert is_sound(practice)


def test_without_the_recorded_changes_entries_would_be_missing(
    practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch of the protection: what is written during the copy is not followed."""
    monkeypatch.setattr(switching, "_apply", lambda *_: None)
    (tmp_path / "new").mkdir()
    with writing(practice) as written:
        while len(written) < 3:
            pass
        move(practice, tmp_path / "new")
    with pytest.raises(RefusedError):
        assert all_there(practice, written)


def test_a_copy_that_is_not_sound_is_never_switched_to(practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = switching._counts
    counted: list[int] = []

    def miscounting(opened: object) -> dict[str, int]:
        counted.append(1)
        return real(opened) | {"patient": len(counted)}  # type: ignore[arg-type]

    monkeypatch.setattr(switching, "_counts", miscounting)
    (tmp_path / "new").mkdir()
    old = practice.folder.database
    with pytest.raises(RefusedError) as refused:
        move(practice, tmp_path / "new")
    assert refused.value.problem["code"] == "copy-not-sound"
    assert list((tmp_path / "new").iterdir()) == []
    assert practice.folder.database == old
    assert new_patient(client_of(practice.url), "WEITER")


@pytest.mark.parametrize("is_last_step", [False, True])
def test_a_switch_that_fails_leaves_server_and_folder_with_the_old_file(
    practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_last_step: bool
) -> None:
    def failing(*_: object) -> None:
        raise DatabaseUnavailableError

    (tmp_path / "new").mkdir()
    old = practice.folder.database
    with monkeypatch.context() as failing_once:
        if is_last_step:
            failing_once.setattr(DataFolder, "point_to", failing)
        else:
            failing_once.setattr(PracticeDatabase, "_open", failing)
        with pytest.raises(RefusedError, match="database-unavailable"):
            move(practice, tmp_path / "new")
    assert new_patient(client_of(practice.url), "WEITER")
    assert practice.folder.database == old
    assert str(practice.server.database.source.shown) == str(old)
    assert move(practice, tmp_path / "new").after_bytes


def test_unusable_targets_are_refused_before_anything_changes(
    practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(folder: Path) -> str:
        with pytest.raises(RefusedError) as error:
            move(practice, folder)
        return str(error.value.problem["code"])

    old = practice.folder.database
    (tmp_path / "Dropbox").mkdir()
    (tmp_path / "small").mkdir()
    assert refused(tmp_path / "missing") == "target-not-usable"
    assert refused(practice.folder.path) == "target-not-usable"
    assert refused(tmp_path / "Dropbox") == "unsafe-data-folder"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    assert refused(tmp_path / "small") == "no-room-for-database"
    assert practice.folder.database == old
    with pytest.raises(RefusedError) as forbidden:
        client_of(practice.url, "Hr. Technik", None).call("POST", "/databases/practice/move", {"folder": "/"})
    assert forbidden.value.status == 403


def test_a_damaged_page_is_found_and_said(tmp_path: Path) -> None:
    with served(tmp_path) as practice:
        folder = practice.folder
    content = bytearray(folder.database.read_bytes())
    content[len(content) // 2] ^= 1
    folder.database.write_bytes(content)
    told = command("check", "--full", "--data", str(folder.path), key_file=folder.path / "test.key")
    assert told.returncode != 0


def command(*words: str, key_file: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MIZ_KEY_FILE": str(key_file), "MIZ_LANG": "en"}
    return subprocess.run(
        [sys.executable, "-m", "miz", "db", *words], check=False, capture_output=True, text=True, env=environment, timeout=60
    )


def test_the_command_line_works_without_a_server(tmp_path: Path) -> None:
    with served(tmp_path, FakeClock()) as practice:
        folder, key_file = practice.folder, practice.folder.path / "test.key"
    (tmp_path / "new").mkdir()
    data = ("--data", str(folder.path))
    assert command("check", *data, key_file=key_file).stdout == "The database is sound.\n"
    assert command("move", str(tmp_path / "new"), *data, key_file=key_file).returncode == 0
    assert DataFolder(folder.path).database == tmp_path / "new" / "practice.db"
    assert "used before" in command("status", *data, key_file=key_file).stdout
    assert command("confirm", *data, key_file=key_file).returncode == 0
    assert not (folder.path / "practice.db").exists()
    assert command("compact", *data, key_file=key_file).returncode == 0
    assert "given back" in command("tidy", *data, key_file=key_file).stdout
    told = command("plan", "--from", "21:30", "--compact-every", "30", *data, key_file=key_file)
    assert told.stdout.startswith("Care every night from 21:30 to 06:00; compaction after 30 days")
    assert "21:30" in command("plan", *data, key_file=key_file).stdout
    assert command("plan", "--keep-log", "0", *data, key_file=key_file).returncode == 10
    assert command("plan", "--off", *data, key_file=key_file).stdout == "Care is off.\n"
    assert "last compaction" in command("status", *data, key_file=key_file).stdout


def give_pages_free(practice: ServerThread) -> None:
    def fill_and_empty(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE filling (id INTEGER PRIMARY KEY, text BLOB)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO filling SELECT i, randomblob(2000) FROM n"
        )
        connection.execute("DROP TABLE filling")

    practice.write(lambda tx: fill_and_empty(tx.connection.connection.dbapi_connection.apsw))  # type: ignore[union-attr]


def test_tidied_while_people_write_the_room_is_given_back_and_nothing_is_lost(practice: ServerThread) -> None:
    give_pages_free(practice)
    assert state(practice).free_bytes > 900_000
    with writing(practice) as written:
        done = local(practice).call("POST", "/databases/practice/tidying", answer=Run)
        at_end = len(written)
        while len(written) < at_end + 3:
            pass
    assert state(practice).free_bytes < 100_000
    assert done.saved_bytes > 900_000
    assert done.paused_ms > 0
    assert state(practice).runs[0].work == "tidy"
    assert all_there(practice, written)
    assert is_sound(practice)


def test_what_was_done_is_remembered_with_how_it_ended(practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    with monkeypatch.context() as broken:
        counted: list[int] = []

        def miscounting(_: object) -> dict[str, int]:
            counted.append(1)
            return {"patient": len(counted)}

        broken.setattr(switching, "_counts", miscounting)
        with pytest.raises(RefusedError):
            move(practice, tmp_path / "new")
    local(practice).call("POST", "/databases/practice/compaction", answer=Care)
    is_sound(practice)
    assert [(run.work, run.fault) for run in state(practice).runs] == [("check", ""), ("compact", ""), ("move", "copy-not-sound")]
    practice.stop()
    practice.start()
    assert len(state(practice).runs) == 3


def test_the_night_s_care_is_done_once_and_made_up_for(tmp_path: Path) -> None:
    clock = FakeClock()
    with served(tmp_path, clock) as practice:

        def keep_up() -> None:
            clock.steady += 4_000
            asyncio.run_coroutine_threadsafe(practice.server.care.keep_up(LOCAL), practice.loop).result(60)

        practice.loop.call_soon_threadsafe(practice.server._housekeeping.cancel)  # it would do the same at its own time
        notes = practice.server.databases.notes
        plan = Plan(quiet_from="20:00", quiet_until="06:00", compact_every_days=1)
        notes.note(plan=plan, last_round=clock.now(), last_compaction=clock.now())
        keep_up()
        assert notes.read().runs == []
        clock.instant += timedelta(days=2)
        keep_up()
        assert [run.work for run in notes.read().runs][-2:] == ["check", "tidy"]
        keep_up()
        assert [run.work for run in notes.read().runs].count("tidy") == 1
        notes.note(plan=replace(plan, is_on=False))
        clock.instant += timedelta(days=9)
        count = len(notes.read().runs)
        keep_up()
        assert len(notes.read().runs) == count


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        ("2026-11-23T21:00", "2026-11-22T21:00", True),  # tonight
        ("2026-11-24T05:59", "2026-11-22T21:00", True),
        ("2026-11-24T06:01", "2026-11-23T19:59", False),  # the quiet hours are over, and only this night was missed
        ("2026-11-24T12:00", "2026-11-22T19:59", True),  # two nights were
        ("2026-11-23T21:00", "2026-11-23T20:00", False),
        ("2026-11-23T19:59", "2026-11-22T20:01", False),
    ],
)
def test_when_care_is_due(now: str, last: str, *, due: bool) -> None:
    assert is_due(Plan(), datetime.fromisoformat(last), datetime.fromisoformat(now)) is due
    assert not is_due(Plan(is_on=False), datetime.fromisoformat(last), datetime.fromisoformat(now))


def test_rate_and_time_left_follow_from_what_is_done() -> None:
    assert progress_of("copy", 1_000, 5_000, 2.0) == Progress("copy", 1_000, 5_000, 2.0, 2_048_000, 8)
    assert progress_of("copy", 0, 5_000, 2.0).left_s is None


@pytest.mark.parametrize("can_write_back", [True, False])
def test_where_the_switch_does_not_reach_the_disk_server_and_folder_name_the_same_file(
    practice: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_write_back: bool
) -> None:
    target, old, real = tmp_path / "other disk", practice.folder.database, files.write_whole
    target.mkdir()
    has_failed = False

    def failing(file: Path, content: bytes, **how: bool) -> None:
        nonlocal has_failed
        if has_failed and not can_write_back and file.name == data_folder.IDENTITY:
            raise OSError(errno.EIO, "the disk fails")
        real(file, content, **how)
        if not has_failed and f"{target}/practice.db" in str(json.loads(content).get("database_file")):
            has_failed = True
            raise OSError(errno.EIO, "the new name stands there, and its sync has failed")

    with monkeypatch.context() as patched:
        patched.setattr(data_folder, "write_whole", failing)
        with pytest.raises(RefusedError) if can_write_back else contextlib.nullcontext():
            move(practice, target)
    assert practice.folder.database == (old if can_write_back else target / "practice.db")
    after = new_patient(client_of(practice.url), "DANACH")
    practice.stop()
    practice.start()
    assert client_of(practice.url).read_patient(after).family_name == "DANACH"
    assert is_sound(practice)
