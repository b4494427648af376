"""The table of the ASVS names tests that exist, and says where none does."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/reference/asvs.md"
SECTIONS = [
    "V1.2",
    "V1.3",
    "V1.5",
    "V2.3.3",
    "V2.3.4",
    "V2.4",
    "V3.3",
    "V3.4",
    "V3.5",
    "V4.1",
    "V5",
    "V6.1",
    "V6.2",
    "V6.3",
    "V6.4",
    "V7.1",
    "V7.2",
    "V7.3",
    "V7.4",
    "V7.5",
    "V8.1",
    "V8.2",
    "V8.3",
    "V11.4",
    "V12.1",
    "V12.2",
    "V12.3",
    "V13.2",
    "V13.3",
    "V13.4",
    "V14.1",
    "V14.2",
    "V14.3",
    "V15.1",
    "V15.2",
    "V16.1",
    "V16.2",
    "V16.3",
    "V16.4",
    "V16.5",
]


def missing_tests(table: str) -> list[str]:
    """Named tests that their file does not hold."""
    named = re.findall(r"\[`(\w+)`\]\(\.\./\.\./([^)]+)\)", table)
    return [test for test, path in named if not ((ROOT / path).is_file() and f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"))]


def test_every_named_test_exists() -> None:
    assert missing_tests(TABLE.read_text(encoding="utf-8")) == []


def test_a_test_that_is_gone_is_noticed() -> None:
    here = "../../tests/docs/test_asvs.py"
    assert missing_tests(f"[`test_gone`]({here}) [`test_every_named_test_exists`]({here}) [`test_x`](../../tests/gone.py)") == [
        "test_gone",
        "test_x",
    ]


def test_every_section_has_a_test_or_says_that_it_has_none() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| V")
    ]
    assert [row[0] for row in rows] == SECTIONS
    assert [row[0] for row in rows if bool(row[2]) == row[3].startswith("not yet")] == []
