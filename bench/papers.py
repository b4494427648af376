"""Each paper of a patient with twelve medicines, and a list of forty.

python -m bench.papers

The median from the record to the whole PDF, check included, in one thread with nothing kept from the paper before: every paper carries
another name and number.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec
from msgspec import structs

from bench.evaluation import MEDICATION, PLANNED
from miz.apps.advice import EditionAdvisor
from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition
from miz.practice.web import views
from miz.practice.web.evaluation import evaluation_of
from miz.practice.web.papers.anamnesis import empty_anamnesis, filled_anamnesis
from miz.practice.web.papers.evaluation import evaluation_paper
from miz.practice.web.papers.letter import Letter, letter_paper
from miz.practice.web.papers.sheet import Printing
from miz.ui.paper import Paper, set_paper
from miz.wire.client_protocol import Patient

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ROUNDS = 21


def patient(medicines: int) -> Patient:
    trace = {"version": 1, "changed_at": AT, "changed_by": "Dr. Kern"}
    taken = (MEDICATION * 2)[:medicines]
    told = {
        "id": "p", "family_name": "Muster", "given_name": "Erika", "birth_date": "1948-03-12", "sex": "female", "is_sample": True, "version": 1,
        "allergy_state": "recorded", "medication_state": "recorded", "planned": list(PLANNED[:3]),
        "medication": [{"id": str(place), "text": text, "reason": "wie im Plan", **trace} for place, text in enumerate(taken)],
        "allergies": [{"id": "a", "text": "Penicillin", "reaction": "Quaddeln sofort", **trace}],
    }  # fmt: skip
    return msgspec.convert(told, Patient)


def papers(advisor: EditionAdvisor, edition: Edition, record: Patient) -> dict[str, Any]:
    printing = Printing(
        practice="Praxis am Markt", user="Dr. Kern", at=AT, language="de", edition=edition.ref(AT.date()), names_among=advisor.names_among
    )
    questions = advisor.questions(language="de")

    def judged(one: Patient) -> tuple[Any, Any]:
        advice = advisor.advise(one, language="de")
        return views.medication_groups(one, advice, partial(advisor.drug, language="de")), evaluation_of(one, advice)

    return {
        "evaluation": lambda one: evaluation_paper(one, *judged(one), printing),
        "anamnesis, filled": lambda one: filled_anamnesis(one, questions, judged(one)[0], printing),
        "anamnesis, empty": lambda one: empty_anamnesis(one, questions, printing),
        "letter": lambda one: letter_paper(one, *judged(one), Letter(), printing),
    }


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    with TemporaryDirectory(prefix="miz-bench-") as scratch:
        path = Path(scratch) / "edition.sqlite"
        compile_edition(path)
        edition = Edition.open(path)
        advisor = EditionAdvisor(edition, today=AT.date)
        return [*_rows(advisor, edition, 12), *_rows(advisor, edition, 40)]


def _rows(advisor: EditionAdvisor, edition: Edition, medicines: int) -> Iterator[dict[str, Any]]:
    record = patient(medicines)
    for kind, made in papers(advisor, edition, record).items():
        times, size = [], 0
        for number in range(ROUNDS + 1):
            one = structs.replace(record, family_name=f"Muster{number}", number=str(number))
            started = perf_counter()
            paper: Paper = made(one)
            size = len(set_paper(paper, AT))
            times.append((perf_counter() - started) * 1e3)
        yield {
            "work": f"paper: {kind}, {medicines} medicines", "value": round(median(times[1:])), "unit": "ms", "goal": "", "ratio": "",
            "against": f"{size // 1000} kB; slowest of {ROUNDS}: {max(times[1:]):.0f} ms",
        }  # fmt: skip


if __name__ == "__main__":
    for row in run():
        print(f"{row['work']:45} {row['value']:>5} {row['unit']}  {row['against']}")
