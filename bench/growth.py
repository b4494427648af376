"""How search, opening and start fare when the practice grows: 1,000, 100,000 and 1,000,000 patients.

    python -m bench.growth [largest number of patients]

The patients are invented from the demo's lists and written straight into the tables. The lists hold few names, so that
with a million patients each family name is borne by more than ten thousand: a hard case. One client asks over HTTP, one
thing after the other; whoever is opened was not opened before.
"""

import contextlib
import itertools
import random
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert

from bench.machine import memory_mb
from miz.apps.demo import synthetic_patients
from miz.infra.data_folder import DataFolder
from miz.infra.db.driver import driver_of
from miz.kernel.fencing import FIRST
from miz.practice.patients.model import folded, name_words
from miz.practice.tables import patient, patient_word
from tests.support.practice import ServerProcess, client_of, new_practice, opened

SIZES = (1_000, 100_000, 1_000_000)
IN_ONE_GO = 10_000
GOES_OF_A_TRANSACTION = 30
TURNS = 200
ALLOWED = 2
STARTS = 3
BYTES_OF_A_PATIENT = 4_000
_SEED = 2026

Person = dict[str, Any]


def run(largest: int = SIZES[-1]) -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    found: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="miz-bench-") as scratch:
        folder = new_practice(Path(scratch))
        people = (identity for identity, _ in synthetic_patients())
        for size in [size for size in SIZES if size <= largest]:
            if shutil.disk_usage(scratch).free < size * BYTES_OF_A_PATIENT:
                print(f"For {size:,} patients the disk is too full: left out.")
                break
            asked = filled(folder, people, size - max(found, default=0))
            found[size] = _measured(folder, asked)
            print(size, found[size], file=sys.stderr)
    return [_row(name, {size: figures[name] for size, figures in found.items()}) for name in found[SIZES[0]]]


def filled(folder: DataFolder, people: Iterator[Person], count: int) -> list[Person]:
    """Write so many of the people; returns `TURNS` of them, with their ids."""
    chance = random.Random(count)
    kept: list[Person] = []
    database = opened(folder)
    with contextlib.closing(database):
        connection = database.writer_connection
        # Ids without order touch every page: with small transactions and the server's own small cache each of them would
        # write most of the file anew.
        connection.exec_driver_sql("PRAGMA cache_size=-2000000")
        driver = driver_of(connection)
        driver.begin()
        for begin in range(0, count, IN_ONE_GO):
            some = [
                {**person, "id": str(uuid.UUID(int=chance.getrandbits(128)))}
                for person in itertools.islice(people, min(count - begin, IN_ONE_GO))
            ]
            kept += some[:: max(1, count // TURNS)]
            connection.execute(insert(patient), [{**_STANDING, **person, **_keys(person)} for person in some])
            connection.execute(
                insert(patient_word), [{"word": word, "patient_id": person["id"]} for person in some for word in _words(person)]
            )
            if (begin // IN_ONE_GO + 1) % GOES_OF_A_TRANSACTION == 0:
                driver.commit()
                driver.begin()
        driver.commit()
    return chance.sample(kept, min(TURNS, len(kept)))


_STANDING = {"is_sample": False, "allergy_answer": "not_asked", "takes_nothing": False, "planned": [], "version": 1, "fencing_token": FIRST}


def _keys(person: Person) -> Person:
    return {"family_key": folded(person["family_name"]), "given_key": folded(person["given_name"])}


def _words(person: Person) -> list[str]:
    return sorted(name_words(person["family_name"], person["given_name"]))


def _measured(folder: DataFolder, asked: list[Person]) -> dict[str, float]:
    """Milliseconds of each way to find somebody and of opening, p50; start and memory."""
    chance = random.Random(_SEED)
    ways: dict[str, Callable[[Person], str]] = {
        "family name": lambda person: str(person["family_name"]),
        "beginning of a name": lambda person: str(person["family_name"])[:3],
        "family and given name": lambda person: f"{person['family_name']}, {person['given_name']}",
        "given name": lambda person: str(person["given_name"]),
        "given, then family name": lambda person: f"{person['given_name']} {person['family_name']}",
        "birth date": lambda person: f"{date.fromisoformat(person['birth_date']):%d.%m.%Y}",
        "month of birth": lambda person: f"{date.fromisoformat(person['birth_date']):%m.%Y}",
        "number": lambda person: str(person["number"]),
        "beginning of a number": lambda person: str(person["number"])[:3],
        "mistyped name": lambda person: _mistyped(str(person["family_name"]), chance),
    }
    server = ServerProcess(folder, PYTHONDONTWRITEBYTECODE="")
    figures = {}
    start_s = median(_started(server, stop=turn < STARTS - 1) for turn in range(STARTS))
    try:
        client = client_of(server.url)
        for name, way in ways.items():
            figures[f"search by {name}"] = _p50_ms([partial(client.search, way(person)) for person in asked])
        figures["opening"] = _p50_ms([partial(client.open_patient, person["id"]) for person in asked])
        memory = memory_mb(server.pid)
    finally:
        server.stop()
    return figures | {"start": start_s * 1e3} | ({"memory": memory} if memory else {})


def _mistyped(name: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(name))
    return f"{name[:place]}x{name[place:]}"


def _started(server: ServerProcess, *, stop: bool) -> float:
    seconds = server.start()
    if stop:
        server.stop()
    return seconds


def _p50_ms(turns: Sequence[Callable[[], object]]) -> float:
    times = []
    for turn in turns:
        began = time.perf_counter()
        turn()
        times.append((time.perf_counter() - began) * 1e3)
    return median(times)


def _row(name: str, by_size: dict[int, float]) -> dict[str, Any]:
    (_, first), *_, (largest, last) = by_size.items()
    unit = "MB" if name == "memory" else "ms"
    digits = 2 if unit == "ms" and last < 100 else 0
    against = ", ".join(f"{size:,}: {figure:.{digits}f} {unit}" for size, figure in list(by_size.items())[:-1])
    work = f"{name}, {largest:,} patients" + ("" if name in ("memory", "start") else ", p50")
    return {
        "work": work,
        "value": round(last, digits),
        "unit": unit,
        "goal": f"<= {ALLOWED * first:,.{digits}f}",
        "ratio": f"{last / first:.1f}",
        "against": against,
    }


if __name__ == "__main__":
    for row in run(*map(int, sys.argv[1:])):
        print(row)
