"""The one case that stops the hand: a drug that must not be given to this patient."""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from miz.apps.verdicts import group_of, verdict_of
from miz.checks.suitability import Concern, Suitability
from miz.knowledge.edition import Edition
from miz.knowledge.model import Tokens
from miz.knowledge.resolution import Resolution
from miz.knowledge.words import fold
from miz.practice.advice import Interruption

_MOST_ALTERNATIVES = 3
_KEY_LENGTH = 32


def interruption_of(suitability: Suitability, meaning: Resolution, dose: str, usual: Sequence[str]) -> Interruption | None:
    """What must be said before this drug is taken over; None where nothing forbids it, or where a decision still holds.

    `usual` are the drugs from which others of the same kind are offered.
    """
    forbidding = [concern for concern in suitability.concerns(meaning) if concern.must_not_be]
    if not forbidding:
        return None
    key = findings_key(suitability.edition, meaning, dose, forbidding)
    if any(decision.findings_key == key for decision in suitability.patient.decisions):
        return None
    lead = forbidding[0].finding
    return Interruption(
        drug=meaning.name.in_language(suitability.language),
        cause=" · ".join(dict.fromkeys(concern.cause for concern in forbidding)),
        effect=lead.effect,
        action=lead.action,
        rules=list(dict.fromkeys(concern.finding.rule for concern in forbidding)),
        findings_key=key,
        alternatives=_alternatives(suitability, meaning, forbidding, usual),
        edition=suitability.edition.id,
    )


def findings_key(edition: Edition, meaning: Resolution, dose: str, concerns: Sequence[Concern]) -> str:
    """The same until the medicine, its dose, what was found or a rule changes; the language does not matter."""
    found = sorted(
        (
            concern.finding.rule,
            concern.finding.severity,
            concern.meets_severe_allergy,
            sorted(concern.finding.subjects),
            _row(edition, concern),
        )
        for concern in concerns
    )
    content = msgspec.json.encode([meaning.ids, meaning.substances, fold(meaning.text), fold(dose), found])
    return hashlib.sha256(content).hexdigest()[:_KEY_LENGTH]


def _row(edition: Edition, concern: Concern) -> str:
    """The statement of the tables behind a finding; an allergy to a single drug has none."""
    rule = concern.finding.rule
    row = edition.rules.get(rule) or edition.conditions.get(rule) or edition.allergies.get(rule)
    return msgspec.json.encode(row, order="deterministic").decode()


def _alternatives(suitability: Suitability, meaning: Resolution, concerns: Sequence[Concern], usual: Sequence[str]) -> list[str]:
    """What the findings offer, then what is usual of the same kind, as far as it is possible for this patient."""
    offered: dict[Tokens, str] = {}
    for text in _candidates(suitability, meaning, concerns, usual):
        tokens = suitability.planned(text).tokens
        if tokens not in offered and verdict_of(suitability, text).verdict == "possible":
            offered[tokens] = text
        if len(offered) == _MOST_ALTERNATIVES:
            break
    return list(offered.values())


def _candidates(suitability: Suitability, meaning: Resolution, concerns: Sequence[Concern], usual: Sequence[str]) -> Iterator[str]:
    for concern in concerns:
        yield from concern.finding.alternatives
    kind = group_of(suitability.edition, meaning, suitability.language)
    yield from (text for text in usual if kind and group_of(suitability.edition, suitability.planned(text), suitability.language) == kind)
