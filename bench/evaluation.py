"""One evaluation, how it grows with the medicines, and a whole practice evaluated anew.

python -m bench.evaluation

Its bounds in the same run: the answer written as JSON and nothing else, which no check can undercut; every rule of the tables asked of
every pair of lines, which is what the tables say when they are read plainly; the records read and not evaluated.
"""

import contextlib
import itertools
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from sqlalchemy import Connection

from miz.access.sessions import LOCAL
from miz.apps.bootstrap import data_folder, set_up_practice
from miz.apps.demo import synthetic_patients
from miz.checks.evaluation import evaluate, resolve_lines, things_of
from miz.checks.model import case_of, chosen_drugs
from miz.infra.db.writer import Transaction
from miz.infra.settings import read_settings
from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition
from miz.knowledge.model import Tokens
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.queries import all_patient_ids
from miz.practice.patients.rows import load_record
from miz.practice.patients.service import Records
from miz.wire.client_protocol import Case, CasePatient, NewPatient, Patient
from tests.support.practice import PASSWORD, opened

TODAY = date(2026, 11, 22)
PATIENTS = 10_000
SIZES = (0, 5, 10, 20, 40, 80)
ROUNDS = 101
MEDICATION = (
    "Falithrom", "Ramipril 5", "Torasemid 10", "Beloc-Zok mite 47,5", "Simvastatin 20", "Citalopram 20", "ASS 100",
    "Pantoprazol 40", "Metformin 1000", "Prolia", "L-Thyroxin 75", "Novalgin Tropfen b. Bed.", "Candesartan/HCT 16/12,5",
    "Allopurinol 300", "Amlodipin 5", "Digitoxin", "Prednisolon 5", "Tamsulosin", "Mirtazapin 15", "Quetiapin 25",
    "Lithium Apogepha", "Metex 10", "Folsäure 5", "Spironolacton 25", "Salbuhexal", "Symbicort", "Alendronat 70",
    "Gabapentin 300", "Insulin glargin", "Atorvastatin 40",
)  # fmt: skip
PLANNED = (
    "Ibuprofen 600", "Articain 1:100.000", "Extraktion 36", "Amoxicillin 1000", "Leitungsanästhesie", "Clindamycin 600",
    "Implantat regio 46", "Metronidazol 400", "Diclofenac 50", "Midazolam 7,5", "PZR", "Füllung 16", "WSR 15",
    "Tramadol 50", "Clarithromycin 500", "Daktar", "Fluconazol", "Dexamethason 8", "Lachgas", "Paracetamol 500",
)  # fmt: skip
KNOWN = CasePatient(age=78, sex="m", weight_kg=80, egfr=55, conditions=["KHK", "Vorhofflimmern"], allergies=["Penicillin, Quaddeln sofort"])


def case_of_size(medication: int, planned: int, taken: Sequence[str] = MEDICATION) -> Case:
    return Case(medication=list(taken[:medication]), planned=list(PLANNED[:planned]), patient=KNOWN)


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median of `rounds`, after a warm-up."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1e3)
    return median(times)


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    with TemporaryDirectory(prefix="miz-bench-") as scratch:
        path = Path(scratch) / "edition.sqlite"
        compile_ms = milliseconds(lambda: compile_edition(path), 2)
        opening_ms = milliseconds(lambda: Edition.open(path), 9)
        tracemalloc.start()
        edition = Edition.open(path)
        evaluate(edition, case_of_size(10, 5), today=TODAY)
        memory_mb = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()
        return [
            *_single(edition),
            *_growth(edition),
            *_practice(edition, Path(scratch)),
            _row("opening the edition", opening_ms, "ms", "<= 150", digits=1),
            _row("memory of the edition", memory_mb, "MB", "<= 40", digits=1),
            _row("compiling the edition", compile_ms, "ms", "<= 5000", digits=0),
        ]


def _single(edition: Edition) -> Iterator[dict[str, Any]]:
    schemes = itertools.product(range(1, 10), repeat=3)
    for medication, planned, goal in ((10, 5, "<= 1"), (30, 20, "<= 5")):
        case = case_of_size(medication, planned)
        answer = evaluate(edition, case, today=TODAY)
        fresh = [_with_scheme(case, "-".join(map(str, scheme))) for scheme in itertools.islice(schemes, ROUNDS + 1)]
        waiting = iter(fresh)
        unread = milliseconds(lambda: evaluate(edition, next(waiting), today=TODAY), ROUNDS)  # noqa: B023 - used at once
        again = milliseconds(lambda: evaluate(edition, case, today=TODAY), ROUNDS)  # noqa: B023
        as_json = milliseconds(lambda: msgspec.json.encode(answer), ROUNDS)  # noqa: B023
        plainly = milliseconds(lambda: _asked_plainly(edition, case), 9)  # noqa: B023
        size = f"{medication} x {planned}"
        yield _row(
            f"evaluation {size}",
            again,
            "ms",
            goal,
            f"{again / as_json:.0f}",
            f"its {len(answer.findings)} findings as JSON alone: {as_json:.3f} ms",
        )
        yield _row(f"the same, lines never read before, {size}", unread, "ms", goal, f"{unread / again:.1f}", "lines read before")
        yield _row(f"every rule asked of every pair, {size}", plainly, "ms", "", f"{plainly / again:.1f}", "the whole evaluation")


def _with_scheme(case: Case, scheme: str) -> Case:
    return msgspec.structs.replace(case, medication=[f"{line} {scheme}" for line in case.medication or ()])


def _asked_plainly(edition: Edition, case: Case) -> int:
    """How many rules hold when each is asked of each pair of lines; the joint sides of two drugs are not even looked at."""
    tokens = [thing.tokens for thing in things_of(resolve_lines(edition, case, TODAY, {}))]
    return sum(_holds(rule.sides, one, other) for rule in edition.facts.rules for one, other in itertools.permutations(tokens, 2))


def _holds(sides: tuple[tuple[Tokens, ...], tuple[Tokens, ...]], one: Tokens, other: Tokens) -> bool:
    return not sides[0][0].isdisjoint(one) and not sides[1][0].isdisjoint(other)


def _growth(edition: Edition) -> Iterator[dict[str, Any]]:
    """What more medicines cost; beyond the usual ones they are drawn from the edition."""
    drawn = random.Random(2026).sample([drug.name.de for drug in edition.facts.drugs], SIZES[-1])
    taken = [*MEDICATION, *drawn]
    times = {size: milliseconds(lambda: evaluate(edition, case_of_size(size, 5, taken), today=TODAY), ROUNDS) for size in SIZES}  # noqa: B023
    for size, value in times.items():
        found = len(evaluate(edition, case_of_size(size, 5, taken), today=TODAY).findings)
        yield _row(f"growth: {size} x 5", value, "ms", "", f"{value / times[10]:.1f}", f"10 x 5; {found} findings")


def _practice(edition: Edition, scratch: Path) -> Iterator[dict[str, Any]]:
    """A practice that evaluates all its patients anew, as after an update of the drug data; on one core, record by record."""
    database = opened(_filled(scratch))
    with contextlib.closing(database):
        reader = database.reader()
        ids = all_patient_ids(reader)
        chance = random.Random(2026)
        plans = [chance.sample(PLANNED, 3) for _ in ids]
        read_s = _seconds(lambda: sum(1 for _ in _records(reader, ids)))
        found = 0

        def anew() -> None:
            nonlocal found
            for record, planned in zip(_records(reader, ids), plans, strict=True):
                answer = evaluate(edition, case_of(record, planned, TODAY), today=TODAY, chosen=chosen_drugs(record))
                found += len(answer.findings)

        anew_s = _seconds(anew)
    yield _row(
        f"{len(ids):,} stored patients evaluated anew",
        anew_s,
        "s",
        "<= 10",
        f"{anew_s / read_s:.1f}",
        f"reading their records alone: {read_s:.2f} s; {found:,} findings",
    )


def _filled(scratch: Path) -> Any:
    folder = data_folder(scratch / "practice")

    def fill(records: Records, tx: Transaction) -> None:
        for identity, entries in itertools.islice(synthetic_patients(), PATIENTS):
            records.create_patient(tx, LOCAL, NewPatient(**identity), entries)

    set_up_practice(
        folder, read_settings(key_file=str(folder.path / "test.key")), practice="Messpraxis", owner="Dr. Prüfer",
        owner_roles=["dentist", "owner"], password=PASSWORD, places={"Zimmer 1": True}, follow=fill,
    )  # fmt: skip
    return folder


def _records(reader: Connection, ids: Sequence[str]) -> Iterator[Patient]:
    memory = RecordMemory()
    return (load_record(reader, memory, identity, TODAY) for identity in ids)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _row(work: str, value: float, unit: str, goal: str, ratio: str = "", against: str = "", digits: int = 2) -> dict[str, Any]:
    return {"work": work, "value": round(value, digits), "unit": unit, "goal": goal, "ratio": ratio, "against": against}


if __name__ == "__main__":
    for row in run():
        print(row)
