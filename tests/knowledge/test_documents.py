"""What the documents claim of the tables and of the check is true."""

import csv
import re
from datetime import date
from pathlib import Path

import msgspec

from miz.checks.evaluation import evaluate
from miz.knowledge.edition import Edition
from miz.knowledge.table_files import COLUMNS, TABLES_FOLDER
from miz.wire.client_protocol import Case

DOCS = Path(__file__).parents[2] / "docs"


def test_the_numbers_of_rows_are_true() -> None:
    text = (DOCS / "explanation/knowledge.md").read_text(encoding="utf-8")
    claimed = re.findall(r"^\| `(\w+\.csv)`[^|]*\| (\d+) \|$", text, re.MULTILINE)
    assert len(claimed) >= 10
    for file, rows in claimed:
        with (TABLES_FOLDER / file).open(newline="", encoding="utf-8") as lines:
            assert len(list(csv.DictReader(lines))) == int(rows), file
    assert {file for file in COLUMNS if file in text} >= set(COLUMNS) - {"sources.csv"}


def test_the_case_of_the_reference_is_answered(edition: Edition) -> None:
    text = (DOCS / "reference/check.md").read_text(encoding="utf-8")
    case = msgspec.json.decode(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0], type=Case)
    answer = evaluate(edition, case, today=date(2026, 11, 22))
    assert (answer.id, {line.kind for line in answer.resolved} & {"unresolved"}) == ("42", set())
    assert {"I001", "I189", "A_FIB"} <= {finding.rule for finding in answer.findings}
