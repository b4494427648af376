"""One evaluation of 10 medicines against 5 planned things, and how it grows.

python -m bench.evaluation
"""

import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from miz.checks.evaluation import evaluate
from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, CasePatient

TODAY = date(2026, 11, 22)
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


def case_of_size(medication: int, planned: int) -> Case:
    patient = CasePatient(age=78, conditions=["KHK", "Vorhofflimmern"], allergies=["Penicillin"])
    return Case(medication=list(MEDICATION[:medication]), planned=list(PLANNED[:planned]), patient=patient)


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
    with TemporaryDirectory() as folder:
        path = Path(folder) / "edition.sqlite"
        compile_ms = milliseconds(lambda: compile_edition(path), 2)
        opening_ms = milliseconds(lambda: Edition.open(path), 9)
        tracemalloc.start()
        edition = Edition.open(path)
        evaluate(edition, case_of_size(10, 5), today=TODAY)
        memory_mb = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()

        def evaluated(medication: int, planned: int) -> float:
            case = case_of_size(medication, planned)
            return milliseconds(lambda: evaluate(edition, case, today=TODAY), 101)

        base, double, large = evaluated(10, 5), evaluated(20, 10), evaluated(30, 20)
    found = len(evaluate(edition, case_of_size(10, 5), today=TODAY).findings)
    return [
        {
            "work": "evaluation 10 x 5",
            "value": round(base, 2),
            "unit": "ms",
            "goal": "<= 2",
            "ratio": "1.0",
            "against": f"{found} findings",
        },
        {
            "work": "evaluation 20 x 10",
            "value": round(double, 2),
            "unit": "ms",
            "goal": "",
            "ratio": f"{double / base:.1f}",
            "against": "10 x 5",
        },
        {
            "work": "evaluation 30 x 20",
            "value": round(large, 2),
            "unit": "ms",
            "goal": "",
            "ratio": f"{large / base:.1f}",
            "against": "10 x 5",
        },
        {"work": "opening the edition", "value": round(opening_ms, 1), "unit": "ms", "goal": "<= 150", "ratio": "", "against": ""},
        {"work": "memory of the edition", "value": round(memory_mb, 1), "unit": "MB", "goal": "<= 40", "ratio": "", "against": ""},
        {"work": "compiling the edition", "value": round(compile_ms), "unit": "ms", "goal": "<= 5000", "ratio": "", "against": ""},
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
