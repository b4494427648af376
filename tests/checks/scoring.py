"""What the check answers to the cases written by hand (`cases.jsonl`), counted: the figures of docs/reference/check-cases.md.

A line of the file holds a `case` as `miz check` reads it, and what a dentist who knows drugs expects of the answer:

- `expect`: findings of a kind (`a|b` where either kind says it), with at least the severity and all the subjects
- `absent`: findings that must not appear; with a severity, that must not appear from this severity on
- `unresolved`: the lines, of whatever role, that must be left as typed; all others must be understood
- `means`: the substances of a line; `not_checked`: a pattern for each sentence that must stand there
- `computed`: figures by hand; `not_computed`: substances for which no maximum may be told
- `recommendations`: purpose, `options` (substance and a pattern of its dose), `without` (substances that must not be offered), `avoid`
- `language`: that of the answer, German where it is not named
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from miz.checks.evaluation import evaluate
from miz.checks.model import RANK, SEVERITIES
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, CheckAnswer, Finding, Severity

TODAY = date(2026, 11, 22)
LINES: list[dict[str, Any]] = [msgspec.json.decode(line) for line in (Path(__file__).parent / "cases.jsonl").read_bytes().splitlines()]

_NEAR = 0.005  # figures by hand are rounded


@dataclass(frozen=True)
class Miss:
    """An expectation that an answer does not meet: of which case, what was wanted, what was said."""

    case: str
    sort: str
    wanted: str
    got: str

    def __str__(self) -> str:
        return f"{self.case}: {self.sort} {self.wanted}, got {self.got or 'nothing'}"


@dataclass(frozen=True)
class Expectation:
    """One thing that a case expects: of which sort and severity, and the miss, if it is one."""

    sort: str
    severity: Severity | None
    miss: Miss | None


def answer_to(edition: Edition, line: dict[str, Any]) -> CheckAnswer:
    """The answer of the check to the case of a line."""
    return evaluate(edition, msgspec.convert(line["case"], Case), today=TODAY, language=line.get("language", "de"))


def expectations(edition: Edition, lines: Iterable[dict[str, Any]] = LINES) -> Iterator[Expectation]:
    """Everything that the lines expect, met or not."""
    for line in lines:
        answer = answer_to(edition, line)
        yield from _of_findings(line, answer)
        yield from _of_names(line, answer)
        yield from _of_sentences(line, answer)
        yield from _of_figures(line, answer)
        yield from _of_recommendations(line, answer)


def _of_findings(line: dict[str, Any], answer: CheckAnswer) -> Iterator[Expectation]:
    for wanted in line["expect"]:
        ranks = [RANK[finding.severity] for finding in answer.findings if fits(finding, wanted)]
        is_met = bool(ranks) and max(ranks) >= RANK[wanted["severity"]] and (wanted["severity"] != "info" or max(ranks) == 0)
        yield _judged(line, "finding", is_met, _short(wanted), _said(answer, wanted), severity=wanted["severity"])
    for unwanted in line["absent"]:
        least = RANK[unwanted.get("severity", "info")]
        found = [finding for finding in answer.findings if fits(finding, unwanted) and RANK[finding.severity] >= least]
        yield _judged(line, "non-finding", not found, _short(unwanted), _said(answer, unwanted))


def _of_names(line: dict[str, Any], answer: CheckAnswer) -> Iterator[Expectation]:
    for resolved in answer.resolved:
        if resolved.text in line["unresolved"]:
            yield _judged(line, "left as typed", resolved.kind == "unresolved", resolved.text, " + ".join(resolved.substances))
        else:
            wanted = line.get("means", {}).get(resolved.text)
            is_met = resolved.kind != "unresolved" and (wanted is None or set(wanted) == set(resolved.substances))
            yield _judged(line, "name", is_met, f"{resolved.text} = {' + '.join(wanted or ['?'])}", " + ".join(resolved.substances))
    said = {finding.subjects[0] for finding in answer.findings if finding.kind == "unresolved"}
    for text in line["unresolved"]:
        yield _judged(line, "left as typed", text in said, f"finding for {text}", ", ".join(said))


def _of_sentences(line: dict[str, Any], answer: CheckAnswer) -> Iterator[Expectation]:
    for pattern in line.get("not_checked", ()):
        is_met = any(re.search(pattern, sentence) for sentence in answer.not_checked)
        yield _judged(line, "not checked", is_met, pattern, " / ".join(answer.not_checked))


def _of_figures(line: dict[str, Any], answer: CheckAnswer) -> Iterator[Expectation]:
    computed = msgspec.to_builtins(answer.computed)
    for wanted in line.get("computed", ()):
        is_met = any(all(_equal(one.get(key), value) for key, value in wanted.items()) for one in computed)
        near = [{key: one.get(key) for key in wanted} for one in computed]
        yield _judged(line, "figure", is_met, str(wanted), str(near))
    maxima = {one["substance"] for one in computed if one["kind"] == "local_anaesthetic_max"}
    for substance in line.get("not_computed", ()):
        yield _judged(line, "figure", substance not in maxima, f"none for {substance}", str(maxima))


def _of_recommendations(line: dict[str, Any], answer: CheckAnswer) -> Iterator[Expectation]:
    if "recommendations" not in line:
        return
    given = {one["purpose"]: one for one in msgspec.to_builtins(answer.recommendations)}
    wanted = line["recommendations"]
    yield _judged(
        line, "recommendation", set(given) == {one["purpose"] for one in wanted}, str([one["purpose"] for one in wanted]), str(list(given))
    )
    for one in wanted:
        got = given.get(one["purpose"], {})
        options = {option["substance"]: option.get("dose", "") for option in got.get("options", ())}
        for substance, dose in one.get("options", {}).items():
            is_met = substance in options and re.search(dose, options[substance]) is not None
            yield _judged(line, "recommendation", is_met, f"{substance} {dose}", str(options))
        for substance in one.get("without", ()):
            yield _judged(line, "recommendation", substance not in options, f"without {substance}", str(options))
        for substance in one.get("avoid", ()):
            yield _judged(line, "recommendation", substance in got.get("avoid", ()), f"avoid {substance}", str(got.get("avoid")))


def fits(finding: Finding, wanted: dict[str, Any]) -> bool:
    """Whether a finding is of a wanted kind and speaks of all the subjects."""
    return finding.kind in wanted["kind"].split("|") and set(wanted["subjects"]) <= set(finding.subjects)


def _judged(line: dict[str, Any], sort: str, is_met: bool, wanted: str, got: str, severity: Severity | None = None) -> Expectation:
    return Expectation(sort, severity, None if is_met else Miss(line["case"]["id"], sort, wanted, got))


def _short(wanted: dict[str, Any]) -> str:
    return " ".join(part for part in (wanted["kind"], wanted.get("severity", ""), " + ".join(wanted["subjects"])) if part)


def _said(answer: CheckAnswer, wanted: dict[str, Any]) -> str:
    near = [
        finding
        for finding in answer.findings
        if set(wanted["subjects"]) & set(finding.subjects) or finding.kind in wanted["kind"].split("|")
    ]
    return "; ".join(f"{finding.kind} {finding.severity} {' + '.join(finding.subjects)} ({finding.rule})" for finding in near)


def _equal(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(_equal, got, wanted))
    if isinstance(wanted, int | float):
        return isinstance(got, int | float) and abs(got - wanted) <= max(abs(wanted) * _NEAR, _NEAR)
    return bool(got == wanted)


# --- the table -------------------------------------------------------------------------------------------------------

_SORTS = {
    "name": ("lines understood, with all their substances", ">= 95 %"),
    "left as typed": ("lines that nobody can know: left as typed, and said", ""),
    "not checked": ("missing values asked for", ""),
    "figure": ("maxima as calculated by hand", ""),
    "recommendation": ("what prophylaxis offers and leaves out", ""),
}


def share(met: Iterable[bool]) -> tuple[int, int]:
    """How many of how many."""
    all_of_them = list(met)
    return sum(all_of_them), len(all_of_them)


def rows(found: list[Expectation]) -> list[tuple[str, str, str, str]]:
    """The table: what is counted, how many of how many, the share, the goal."""
    table = []
    for severity in reversed(SEVERITIES):
        goal = {"contraindicated": "100 %", "warning": ">= 97 %"}.get(severity, "")
        table.append(_row(f"expected findings of `{severity}`", (one.miss is None for one in found if one.severity == severity), goal))
    grave = (one.miss is None for one in found if one.severity in ("warning", "contraindicated"))
    table.append(_row("expected findings of `warning` and above", grave, ">= 97 %"))
    table.append(_row("named non-findings that appear", (one.miss is not None for one in found if one.sort == "non-finding"), "<= 5 %"))
    return table + [_row(text, (one.miss is None for one in found if one.sort == sort), goal) for sort, (text, goal) in _SORTS.items()]


def _row(text: str, met: Iterable[bool], goal: str) -> tuple[str, str, str, str]:
    count, total = share(met)
    return text, f"{count} of {total}", f"{100 * count / total:.1f} %" if total else "", goal
