"""The file of a backup: whole or refused, and readable with public tools."""

import contextlib
import hashlib
import random
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest

from miz.backup.errors import BackupKeyError, BackupPlaceError, BackupUnsoundError
from miz.backup.model import FORMAT, Manifest
from miz.backup.package import Member, open_package, read_manifest, write_package
from miz.infra.db import sqlite3mc
from miz.infra.db.pages import copy_database, read_pages, standing_still, write_pages
from miz.infra.db.sqlite_file import WRITER_PRAGMAS
from miz.infra.files import synced_steadily

KEY = bytes(range(32))
MUTATIONS = 60
MANIFEST = Manifest(
    format=FORMAT, made_at=datetime(2026, 11, 23, 22, tzinfo=UTC), program="1", server_id="s", practice="Testpraxis", schema="0006",
    epoch=1, checkpoint="", counts={"patient": 1}, files=[],
)  # fmt: skip
CONTENT = random.Random(4).randbytes(300_000) + b"MUSTER, Erika" * 5_000


@pytest.fixture
def recovery() -> Any:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def file(tmp_path: Path, recovery: Any) -> Path:
    members = [Member("small", 3, [b"a", b"bc"]), Member("large", len(CONTENT), [CONTENT[:70_000], CONTENT[70_000:]])]
    write_package(tmp_path / "one.mizbackup", members, MANIFEST, [recovery.to_public()])
    return tmp_path / "one.mizbackup"


def test_comes_back_as_it_was(file: Path, recovery: Any) -> None:
    with open_package(file, [recovery]) as package:
        found = {name: b"".join(pieces) for name, pieces in package.members()}
        manifest = package.finish()
    assert found == {"small": b"abc", "large": CONTENT}
    assert [(one.name, one.size, one.sha256) for one in manifest.files] == [
        ("small", 3, hashlib.sha256(b"abc").hexdigest()),
        ("large", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),
    ]
    assert b"MUSTER" not in file.read_bytes()


def test_any_change_is_refused(file: Path, recovery: Any, tmp_path: Path) -> None:
    whole, chance = file.read_bytes(), random.Random(7)
    changed = tmp_path / "changed"
    accepted = []
    for number in range(MUTATIONS):
        if number % 3:
            content = bytearray(whole)
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        else:
            content = bytearray(whole[: chance.randrange(len(whole))] if number else whole[:-1])
        changed.write_bytes(content)
        try:
            read_manifest(changed, [recovery])
        except (BackupUnsoundError, BackupKeyError):
            continue
        accepted.append(number)
    assert accepted == []
    for other in (whole + b"x", b"", b"no backup at all" * 100):
        changed.write_bytes(other)
        with pytest.raises(BackupUnsoundError):
            read_manifest(changed, [recovery])


def test_another_key_is_named_as_the_cause(file: Path) -> None:
    with pytest.raises(BackupKeyError):
        read_manifest(file, [pyrage.x25519.Identity.generate()])


def test_a_member_that_does_not_fit_the_manifest_is_refused(tmp_path: Path, recovery: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as forging:
        forging.setattr("miz.backup.package.FileEntry", lambda name, size, _sha256: ("", name, size))
        forging.setattr("miz.backup.package.msgspec.structs.replace", lambda manifest, **_: manifest)
        write_package(tmp_path / "forged", [Member("small", 3, [b"abc"])], MANIFEST, [recovery.to_public()])
    with pytest.raises(BackupUnsoundError):
        read_manifest(tmp_path / "forged", [recovery])


def test_nothing_is_left_where_nothing_can_be_written(tmp_path: Path, recovery: Any) -> None:
    with pytest.raises(BackupPlaceError):
        write_package(tmp_path / "missing" / "one", [], MANIFEST, [recovery.to_public()])

    def breaking() -> Any:
        yield b"a"
        raise sqlite3mc.OperationalError("the disk is gone")

    with pytest.raises(sqlite3mc.OperationalError):
        write_package(tmp_path / "one", [Member("small", 3, breaking())], MANIFEST, [recovery.to_public()])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not (shutil.which("age") and shutil.which("zstd")), reason="age and zstd are not installed (Debian: age zstd)")
def test_public_tools_open_it(tmp_path: Path, recovery: Any) -> None:
    database(tmp_path / "live.db")
    copy_database(tmp_path / "live.db", KEY, tmp_path / "copy.db")
    size = (tmp_path / "copy.db").stat().st_size
    with reading(tmp_path / "copy.db") as view:
        write_package(tmp_path / "b", [Member("practice.db", size, read_pages(view))], MANIFEST, [recovery.to_public()])
    (tmp_path / "key.txt").write_text(f"{recovery}\n")
    command = f"age -d -i {tmp_path}/key.txt {tmp_path}/b | zstd -dc | tar -x -C {tmp_path}"
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True)
    opened = sqlite3.connect(tmp_path / "practice.db")
    assert opened.execute("SELECT count(*) FROM line").fetchone() == (2_000,)
    opened.close()


def database(path: Path) -> None:
    connection = sqlite3mc.connect(str(path), key=KEY, pragmas=WRITER_PRAGMAS)
    connection.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT)")
    connection.begin()
    for number in range(2_000):
        connection.execute("INSERT INTO line VALUES (?, ?)", (number, f"MUSTER, Erika {number} " * 9))
    connection.commit()
    connection.close()


def test_pages_pass_from_key_to_key_and_never_lie_plain(tmp_path: Path) -> None:
    database(tmp_path / "live.db")
    told: list[tuple[int, int]] = []
    copy_database(tmp_path / "live.db", KEY, tmp_path / "copy.db", told=lambda done, pages: told.append((done, pages)))
    assert told[-1][0] == told[-1][1] > 0
    with reading(tmp_path / "copy.db") as view:
        pieces = (piece[place : place + 999] for piece in read_pages(view) for place in range(0, len(piece), 999))
        write_pages(tmp_path / "new.db", KEY[::-1], pieces)
    opened = sqlite3mc.connect(str(tmp_path / "new.db"), key=KEY[::-1], is_read_only=True)
    assert opened.rows("PRAGMA integrity_check") == [("ok",)]
    assert opened.rows("SELECT count(*), max(text) FROM line")[0][0] == 2_000
    opened.close()
    assert all(b"MUSTER" not in path.read_bytes() for path in tmp_path.iterdir())
    with pytest.raises(ValueError, match="whole pages"):
        write_pages(tmp_path / "torn.db", KEY, [b"x" * 5_000])


def test_a_page_that_is_not_what_was_written_there_goes_into_no_backup(tmp_path: Path) -> None:
    """Wherever it stands: of several pages read at once the library tells only of the last one."""
    database(tmp_path / "live.db")
    whole = (tmp_path / "live.db").read_bytes()
    for place in range(5 * 4096 + 100, len(whole), 40 * 4096):
        (tmp_path / "damaged.db").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with reading(tmp_path / "damaged.db") as view, pytest.raises(sqlite3mc.OperationalError):
            list(read_pages(view))


def test_a_copy_holds_one_moment_while_others_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its transaction the copy would begin anew with every write and hold what came later."""
    monkeypatch.setattr("miz.infra.db.pages._PAGES_A_STEP", 8)
    database(tmp_path / "live.db")
    writing = sqlite3mc.connect(str(tmp_path / "live.db"), key=KEY, pragmas=WRITER_PRAGMAS)
    rounds = 0

    def write(_done: int, _pages: int) -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 5:
            writing.begin()
            writing.execute("UPDATE line SET text = text || 'x'")
            writing.execute("INSERT INTO line VALUES (?, 'later')", (10_000 + rounds,))
            writing.commit()

    copy_database(tmp_path / "live.db", KEY, tmp_path / "copy.db", told=write)
    writing.close()
    opened = sqlite3mc.connect(str(tmp_path / "copy.db"), key=KEY, is_read_only=True)
    assert rounds > 5
    assert opened.rows("SELECT count(*), sum(text LIKE '%x') FROM line") == [(2_000, 0)]
    assert opened.rows("PRAGMA integrity_check") == [("ok",)]
    opened.close()


def test_a_file_stands_still_for_one_reader_while_others_write(tmp_path: Path) -> None:
    live = tmp_path / "live.db"
    database(live)
    with contextlib.closing(sqlite3mc.connect(str(live), key=KEY, pragmas=WRITER_PRAGMAS)) as writing, reading(live) as view:
        add_lines(writing, 10_000)
        with standing_still(view, live, KEY) as is_still:
            assert is_still
            pieces = read_pages(view)
            seen = [next(pieces)]
            add_lines(writing, 20_000)
            writing.rows("PRAGMA wal_checkpoint(PASSIVE)")
            write_pages(tmp_path / "new.db", KEY, [*seen, *pieces])
        assert view.rows("SELECT count(*) FROM line") == [(4_002,)]
    with reading(tmp_path / "new.db") as opened:
        assert opened.rows("PRAGMA integrity_check") == [("ok",)]
        assert opened.rows("SELECT count(*), sum(text LIKE '%x') FROM line") == [(3_001, 2_000)]


def test_a_file_does_not_stand_still_where_somebody_reads_an_older_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miz.infra.db.pages._TRIES", 3)
    live = tmp_path / "live.db"
    database(live)
    with contextlib.closing(sqlite3mc.connect(str(live), key=KEY, pragmas=WRITER_PRAGMAS)) as writing, reading(live) as view:
        add_lines(writing, 10_000)
        with reading(live) as older:
            older.rows("BEGIN")
            older.rows("SELECT count(*) FROM line")
            add_lines(writing, 20_000)
            with standing_still(view, live, KEY) as is_still:
                assert not is_still
        with standing_still(view, live, KEY) as is_still:
            assert is_still


def reading(file: Path) -> contextlib.closing[sqlite3mc.Connection]:
    return contextlib.closing(sqlite3mc.connect(str(file), key=KEY, is_read_only=True))


def add_lines(writing: sqlite3mc.Connection, first: int) -> None:
    writing.begin()
    writing.execute("UPDATE line SET text = text || 'x' WHERE id < 2000")
    for number in range(1_001):
        writing.execute("INSERT INTO line VALUES (?, 'later')", (first + number,))
    writing.commit()


def test_what_cannot_be_synced_meanwhile_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=tmp_path.name), synced_steadily(tmp_path):
        pass
