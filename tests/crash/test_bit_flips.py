"""A single bit that a disk turns over serves nobody a wrong value and is found by the check; `dev.py crash flips` turns five hundred."""

import contextlib
import random
import shutil
from pathlib import Path

import pytest

from miz.databases.soundness import damage_in
from miz.infra.db import sqlite3mc
from tests.crash.bit_flips import filled, flip, flip_rounds, log_flip_rounds, rows_of
from tests.support.practice import is_on_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(is_on_server(), reason="about the files of SQLite")]


def test_a_flipped_bit_is_found_and_serves_no_wrong_value(tmp_path: Path) -> None:
    toll = flip_rounds(tmp_path, 24, seed=7)
    assert (toll.wrong, toll.unnamed, toll.altered) == (0, 0, 0)
    assert toll.found == toll.flips
    assert toll.met > 0
    assert min(toll.repaired, toll.in_part) > 0


def test_a_log_that_breaks_off_is_told_when_acknowledged_saves_are_missing(tmp_path: Path) -> None:
    toll = log_flip_rounds(tmp_path, 60, seed=7)
    assert (toll.untold, toll.false_alarms) == (0, 0)
    assert toll.told > 10


def test_without_authenticated_pages_the_same_flips_serve_wrong_values(tmp_path: Path) -> None:
    file, key = filled(tmp_path)
    plain = tmp_path / "plain.db"
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, is_read_only=True)) as opened:
        opened.rows("BEGIN")
        copy = sqlite3mc.connect(str(plain))
        with contextlib.closing(copy):
            for sql, name in opened.rows("SELECT sql, name FROM sqlite_schema WHERE type = 'table'"):
                copy.rows(sql)
                rows = opened.rows(f'SELECT * FROM "{name}"')
                for row in rows:
                    copy.rows(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(row))})', row)
    expected, chance, wrong = rows_of(plain, None), random.Random(7), 0
    flipped = tmp_path / "flipped.db"
    for _ in range(40):
        shutil.copyfile(plain, flipped)
        flip(flipped, chance)
        with contextlib.suppress(sqlite3mc.Error, UnicodeDecodeError):
            wrong += rows_of(flipped, None) != expected
    assert wrong > 0


def test_a_free_page_is_looked_at_as_well(tmp_path: Path) -> None:
    file, key = filled(tmp_path)
    with contextlib.closing(sqlite3mc.connect(str(file), key=key, pragmas=("foreign_keys=OFF",))) as opened:
        opened.rows("DELETE FROM change")
        opened.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        [(free,)] = opened.rows("PRAGMA freelist_count")
        [(pages,)] = opened.rows("PRAGMA page_count")
        used = {number for (number,) in opened.rows("SELECT pageno FROM dbstat")}
    assert free > 3
    for number in sorted(set(range(1, pages + 1)) - used)[1:4]:
        broken = tmp_path / "broken.db"
        shutil.copyfile(file, broken)
        with broken.open("r+b") as bytes_:
            bytes_.seek(number * 4096 - 100)
            bytes_.write(b"damage")
        assert f"page {number} is not what was written there" in damage_in(broken, key, is_full=True)
