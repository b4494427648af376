"""The cases by hand (`cases.jsonl`) against the check: how much appears that must, and how little that must not."""

import re
from collections import Counter
from typing import get_args

import pytest

from miz.knowledge.edition import Edition
from miz.wire.client_protocol import FindingKind
from tests.checks.scoring import LINES, Expectation, answer_to, expectations, rows, share

# no answer may call something safe, in any inflection; "unsafe" words such as "sicherstellen" judge nothing
VERDICTS = re.compile(r"\b(?:safe(?:ly)?|harmless|unbedenklich\w*|gefahrlos\w*|sicher(?:e[mnrs]?|er)?)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def found(edition: Edition) -> list[Expectation]:
    return list(expectations(edition))


def misses(found: list[Expectation], *sorts: str) -> str:
    return "\n".join(str(one.miss) for one in found if one.miss and one.sort in sorts)


def test_every_contraindication_appears(found: list[Expectation]) -> None:
    missed = [str(one.miss) for one in found if one.severity == "contraindicated" and one.miss]
    assert missed == []


def test_nearly_all_expected_findings_from_warning_on_appear(found: list[Expectation]) -> None:
    met, total = share(one.miss is None for one in found if one.severity in ("warning", "contraindicated"))
    assert met >= 0.97 * total, misses(found, "finding")


def test_hardly_a_named_non_finding_appears(found: list[Expectation]) -> None:
    met, total = share(one.miss is None for one in found if one.sort == "non-finding")
    assert met >= 0.95 * total, misses(found, "non-finding")


def test_lines_are_understood(found: list[Expectation]) -> None:
    met, total = share(one.miss is None for one in found if one.sort == "name")
    assert met >= 0.95 * total, misses(found, "name")


@pytest.mark.parametrize("sort", ["left as typed", "not checked", "figure", "recommendation"])
def test_what_is_asked_left_and_calculated(found: list[Expectation], sort: str) -> None:
    assert misses(found, sort) == ""


def test_there_are_enough_cases_and_of_every_kind() -> None:
    assert len({line["case"]["id"] for line in LINES}) == len(LINES) >= 190
    kinds = Counter(kind for line in LINES for wanted in line["expect"] for kind in wanted["kind"].split("|"))
    assert set(kinds) == set(get_args(FindingKind)) - {"unresolved"}


def test_what_is_missed_is_counted(edition: Edition) -> None:
    wrong = {
        "case": {"id": "wrong", "medication": ["Falithrom"], "planned": ["Ibuprofen 600"]},
        "expect": [{"kind": "interaction", "severity": "contraindicated", "subjects": ["ibuprofen", "phenprocoumon"]}],
        "absent": [{"kind": "interaction", "subjects": ["phenprocoumon"]}],
        "unresolved": ["Falithrom"],
        "means": {"Ibuprofen 600": ["naproxen"]},
        "not_checked": ["nowhere"],
        "computed": [{"max_mg": 1}],
        "recommendations": [{"purpose": "endocarditis_prophylaxis", "options": {"amoxicillin": ""}, "avoid": ["clindamycin"]}],
    }
    found = list(expectations(edition, [wrong]))
    assert len(found) == 10
    assert all(one.miss for one in found)
    assert rows(found)[0] == ("expected findings of `contraindicated`", "0 of 1", "0.0 %", "100 %")


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_answer_calls_anything_safe(edition: Edition, language: str) -> None:
    for line in LINES:
        answer = answer_to(edition, line | {"language": language})
        sentences = [text for one in answer.findings for text in (one.title, one.effect, one.action)]
        for sentence in (*sentences, *answer.not_checked):
            assert not VERDICTS.search(sentence), (line["case"]["id"], sentence)
