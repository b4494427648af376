"""Cases by hand (`cases.jsonl`): findings that must appear with at least their severity, and findings that must not.

Each line holds a case, `expect`, `absent` (kind, and subjects that must not all appear together) and `unresolved` texts.
"""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from miz.checks.evaluation import evaluate
from miz.checks.model import RANK
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, Finding

CASES: list[dict[str, Any]] = [msgspec.json.decode(line) for line in (Path(__file__).parent / "cases.jsonl").read_bytes().splitlines()]


def fits(finding: Finding, wanted: dict[str, Any]) -> bool:
    return finding.kind == wanted["kind"] and set(wanted["subjects"]) <= set(finding.subjects)


def said(findings: list[Finding]) -> list[tuple[str, str, list[str]]]:
    return [(finding.kind, finding.severity, finding.subjects) for finding in findings]


@pytest.mark.parametrize("line", CASES, ids=lambda line: line["case"]["id"])
def test_a_case_says_what_it_must_and_not_more(edition: Edition, line: dict[str, Any]) -> None:
    answer = evaluate(edition, msgspec.convert(line["case"], Case), today=date(2026, 11, 22))
    for wanted in line["expect"]:
        severities = [RANK[finding.severity] for finding in answer.findings if fits(finding, wanted)]
        assert severities, (wanted, said(answer.findings))
        assert max(severities) >= RANK[wanted["severity"]], (wanted, said(answer.findings))
        if wanted["severity"] == "info":
            assert max(severities) == RANK["info"], (wanted, said(answer.findings))
    for unwanted in line["absent"]:
        assert not [finding for finding in answer.findings if fits(finding, unwanted)], (unwanted, said(answer.findings))
    assert [finding.subjects[0] for finding in answer.findings if finding.kind == "unresolved"] == line["unresolved"]


def test_there_are_enough_cases() -> None:
    assert len({line["case"]["id"] for line in CASES}) == len(CASES) >= 40
