"""Findings as the screen shows them: one card for each clinical risk, and what can be folded away."""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import structs

from miz.checks.model import RANK, level, worst
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import CheckAnswer, Finding, FindingKind, Severity


@dataclass(frozen=True, slots=True)
class Card:
    """One clinical risk. The finding that leads stands first; the others stay visible under it."""

    severity: Severity
    level: str
    findings: tuple[Finding, ...]

    @property
    def lead(self) -> Finding:
        return self.findings[0]

    @property
    def subjects(self) -> list[str]:
        return list(dict.fromkeys(subject for finding in self.findings for subject in finding.subjects))


# What an illness says of a drug, the drug's own row says more exactly.
_EXACT: dict[str, FindingKind] = {
    "PREG": "pregnancy", "BREAST": "lactation", "CKD3": "renal", "CKD4": "renal", "CKD5": "renal", "DIALYSE": "renal",
    "CIRRHOSIS": "hepatic", "LIVER_INSUFF": "hepatic", "HEPATITIS": "hepatic",
}  # fmt: skip
_AMONG_OWN = {"interaction", "condition", "duplicate", "dose", "age", "priscus", *_EXACT.values()}


def group_findings(edition: Edition, findings: Iterable[Finding]) -> list[Card]:
    """One card for each clinical risk, and for findings that ask for the same action on the same subject; the worst card first."""
    cards: list[tuple[set[str], list[Finding]]] = []
    for finding in _said_once(_each_mechanism_once(list(findings))):
        keys = {f"action {subject} {finding.action}" for subject in finding.subjects}
        if risk := _risk_of(edition, finding):
            keys.add(f"risk {risk}")
        same = [card for card in cards if card[0] & keys]
        merged = (keys.union(*(card[0] for card in same)), [each for card in same for each in card[1]] + [finding])
        cards = [card for card in cards if card not in same] + [merged]
    made = [_card(together) for _, together in cards]
    return sorted(made, key=lambda card: (-RANK[card.severity], card.lead.rule))


def _each_mechanism_once(findings: list[Finding]) -> list[Finding]:
    """A combination and its substance may each have a row on the same mechanism with the same drug: the worse one is said, else the first."""
    told: dict[str, Finding] = {}
    for one in findings:
        if one.kind == "interaction" and (one.title not in told or RANK[told[one.title].severity] < RANK[one.severity]):
            told[one.title] = one
    return [one for one in findings if one.kind != "interaction" or told[one.title] is one]


def _said_once(findings: list[Finding]) -> list[Finding]:
    """Without what an illness says of a drug whose own row says it at least as strongly; what was offered instead stays."""
    exact = {(one.kind, subject): one for one in findings if one.kind in _EXACT.values() for subject in one.subjects}
    offered: dict[tuple[str, str], list[str]] = {}
    kept = []
    for one in findings:
        drugs = [subject for subject in one.subjects if subject != one.rule]
        said = [exact.get((_EXACT[one.rule], drug)) for drug in drugs] if one.kind == "condition" and one.rule in _EXACT else []
        if said and all(own and RANK[own.severity] >= RANK[one.severity] for own in said):
            for drug in drugs:
                offered[_EXACT[one.rule], drug] = one.alternatives
        else:
            kept.append(one)
    return [
        structs.replace(one, alternatives=list(dict.fromkeys([*one.alternatives, *more]))) if more else one
        for one in kept
        for more in [[name for subject in one.subjects for name in offered.get((one.kind, subject), ())]]
    ]


def is_background(answer: CheckAnswer, finding: Finding) -> bool:
    """Whether the finding lies among the patient's own medicines only, so that the screen folds it.

    Risks, allergies and what was not recognised are never background; while nothing is planned, every interaction is.
    """
    if finding.kind not in _AMONG_OWN:
        return False
    planned = {name for line in answer.resolved if line.role == "planned" for name in (*line.substances, *line.ids)}
    return planned.isdisjoint(finding.subjects)


def _risk_of(edition: Edition, finding: Finding) -> str:
    if finding.kind == "risk":
        return finding.rule
    rule = edition.rules.get(finding.rule)
    return edition.mechanisms[rule.mechanism].risk if rule and finding.kind in ("interaction", "procedure_risk") else ""


def _card(findings: list[Finding]) -> Card:
    severity = worst(finding.severity for finding in findings)
    ordered = sorted(findings, key=lambda finding: (-RANK[finding.severity], finding.kind == "risk", finding.rule))
    return Card(severity, level(severity), tuple(ordered))
