"""One bit of a database file is turned over: nobody is served a wrong value, the check finds it, and a repair brings back what no damaged page held."""

import contextlib
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
from sqlalchemy import Connection

from miz.access.sessions import LOCAL
from miz.databases.soundness import damage_in
from miz.infra.db import sqlite3mc
from miz.infra.db.engine import ReadOnlyDatabase
from miz.infra.db.log_end import commits_in
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.salvage import salvage
from miz.infra.db.sqlite_file import SqliteFile
from miz.kernel.clock import FakeClock
from miz.kernel.errors import MizError
from miz.practice.patients import queries
from miz.practice.patients.memory import RecordMemory
from tests.support.practice import ServerThread, client_of, new_practice, settings_for

PATIENTS, NOTES = 20, 12
_SAVES = 40


@dataclass
class FlipToll:
    """Flips, values that were served and wrong, refusals without a name; flips that reading all records met, that the check found; repairs
    that brought back every row, that said what is missing, and that were not possible; rows that came back changed.
    """

    flips: int = 0
    wrong: int = 0
    unnamed: int = 0
    met: int = 0
    found: int = 0
    repaired: int = 0
    in_part: int = 0
    beyond_repair: int = 0
    altered: int = 0


def flip_rounds(folder: Path, count: int, *, seed: int) -> FlipToll:
    """Turn one bit over in `count` copies of a practice's database; each is read by the server's own code, checked and repaired."""
    chance, toll = random.Random(seed), FlipToll()
    file, key = filled(folder)
    expected, rows = _records(file, key), rows_of(file, key)
    copy, mended = folder / "flipped.db", folder / "mended.db"
    for _ in range(count):
        shutil.copyfile(file, copy)
        flip(copy, chance)
        toll.flips += 1
        _read(copy, key, expected, toll)
        toll.found += bool(damage_in(copy, key, is_full=True))
        _repair(copy, key, mended, rows, toll)
    return toll


@dataclass
class LogToll:
    """Flips in the write-ahead log of a server that was killed; openings at which nothing was missing; acknowledged saves missing and told;
    only the last save missing, which may have been under way; missing and not told; told though nothing was missing.
    """

    flips: int = 0
    whole: int = 0
    told: int = 0
    last_one: int = 0
    untold: int = 0
    false_alarms: int = 0


def log_flip_rounds(folder: Path, count: int, *, seed: int) -> LogToll:
    """Turn one bit over in `count` copies of the log, and open each copy as the server does."""
    chance, toll = random.Random(seed), LogToll()
    practice = new_practice(folder)
    server = ServerThread(practice, FakeClock())
    server.start()
    client = client_of(server.url)
    patient_id = client.create_patient(family_name="Bit", given_name="Ina", birth_date="1950-01-02").id
    token = client.open_patient(patient_id).fencing_token
    for number in range(_SAVES):
        client.add("notes", patient_id, token, text=str(number))
    killed, copy = folder / "killed.db", folder / "copy.db"
    _copy(practice.database, killed)
    server.stop()
    key = practice.read_key(settings_for(practice))
    commits = commits_in(_log_of(killed))
    for _ in range(count):
        _copy(killed, copy)
        flip(_log_of(copy), chance)
        with contextlib.closing(sqlite3mc.connect(str(copy), key=key, is_read_only=True)) as looking:
            ((_, taken, _),) = looking.rows("PRAGMA wal_checkpoint(NOOP)")
        missing = len([number for number in commits if number > taken])
        with contextlib.closing(PracticeDatabase(SqliteFile(copy, key))) as opened:
            source = cast("SqliteFile", opened.source)
            told = source.lost_commits
        toll.flips += 1
        toll.whole += not missing and not told
        toll.told += bool(missing and told)
        toll.last_one += missing == 1 and not told
        toll.untold += missing > 1 and not told
        toll.false_alarms += bool(told and not missing)
    return toll


def _log_of(file: Path) -> Path:
    return file.with_name(file.name + "-wal")


def _copy(file: Path, target: Path) -> None:
    """A database file with its log, as a kill leaves them."""
    _log_of(target).with_name(f"{target.name}-shm").unlink(missing_ok=True)
    shutil.copyfile(file, target)
    shutil.copyfile(_log_of(file), _log_of(target))


def filled(folder: Path) -> tuple[Path, bytes]:
    """The closed database of a practice with some patients and their notes, and its key."""
    practice = new_practice(folder)
    server = ServerThread(practice, FakeClock())
    server.start()
    client = client_of(server.url)
    for number in range(PATIENTS):
        patient_id = client.create_patient(family_name=f"Bit{number}", given_name="Ina", birth_date="1950-01-02").id
        token = client.open_patient(patient_id).fencing_token
        for place in range(NOTES):
            client.add("notes", patient_id, token, text=f"{place} {number * 'Befund '}")
        client.release_patient(patient_id)
    server.stop()
    return practice.database, practice.read_key(settings_for(practice))


def flip(file: Path, chance: random.Random) -> None:
    """Turn any bit of the file over."""
    with file.open("r+b") as opened:
        place = chance.randrange(file.stat().st_size)
        opened.seek(place)
        (byte,) = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << chance.randrange(8)]))


def rows_of(file: Path, key: bytes | None) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table. Raises `sqlite3mc.Error`."""
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as opened:
        names = [name for (name,) in opened.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {name: opened.rows(f'SELECT rowid, * FROM "{name}" ORDER BY rowid') for name in names}


def _records(file: Path, key: bytes) -> dict[str, bytes]:
    with contextlib.closing(ReadOnlyDatabase(SqliteFile(file, key))) as database:
        reader = database.reader()
        return {one: _record(reader, one) for one in queries.all_patient_ids(reader)}


def _record(reader: Connection, patient_id: str) -> bytes:
    return msgspec.json.encode(queries.read_patient(reader, RecordMemory(), LOCAL, patient_id, FakeClock.instant.date()))


def _read(copy: Path, key: bytes, expected: dict[str, bytes], toll: FlipToll) -> None:
    """Each record by itself, as the rooms ask for them."""
    has_met = False
    try:
        with contextlib.closing(ReadOnlyDatabase(SqliteFile(copy, key))) as database:
            for patient_id, record in expected.items():
                try:
                    toll.wrong += _record(database.reader(), patient_id) != record
                except MizError:
                    has_met = True
    except MizError:
        has_met = True
    except Exception:  # noqa: BLE001 - what has no name here would be an unexplained error on somebody's screen
        toll.unnamed += 1
    toll.met += has_met


def _repair(copy: Path, key: bytes, mended: Path, rows: dict[str, list[tuple[object, ...]]], toll: FlipToll) -> None:
    mended.unlink(missing_ok=True)
    try:
        found = salvage(copy, key, mended)
    except sqlite3mc.Error:
        toll.beyond_repair += 1
        return
    now = rows_of(mended, key)
    toll.repaired += found.is_whole
    toll.in_part += not found.is_whole
    missing = {name for name in rows if len(now[name]) < len(rows[name])}
    toll.altered += any(set(now[name]) - set(rows[name]) for name in rows) or not missing <= set(found.incomplete)
