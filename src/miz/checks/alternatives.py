"""Which of the dentist's own drugs a recommendation of the tables offers instead."""

import re
from collections.abc import Container
from functools import lru_cache

from miz.knowledge.edition import Edition
from miz.knowledge.model import Tokens, Words

# in whose clause a drug is not offered but warned of, limited or timed
_REFUSAL = re.compile(
    r"\b(?:nicht|kein\w*|ohne|meiden|statt|höchstens|mindestens|maximal|halbieren|pausieren|kontraindiziert|gegenanzeige|gabe|nach|vor|bis|mit|"
    r"not|no|avoid|instead|without|max|hold|halve|pause|contraindicated|contraindication|after|before|with|total)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.;,:]")


@lru_cache(maxsize=4096)
def drugs_offered(edition: Edition, recommendation: str, language: str) -> tuple[str, ...]:
    """Ids of the drugs that stand in the recommendation in a clause that refuses or limits nothing, in its order."""
    clauses = [clause for clause in _CLAUSE.split(recommendation) if not _REFUSAL.search(clause)]
    offered = " ; ".join(clauses)
    places = ((found.start(), drug) for pattern, drug in _patterns(edition, language) if (found := pattern.search(offered)))
    return tuple(drug for _, drug in sorted(places))


def alternatives(edition: Edition, recommendation: str, language: str, refused: Tokens, kinds: Container[Words] | None = None) -> list[str]:
    """Names of the drugs offered, without those that a recorded allergy refuses; with `kinds` only drugs of these groups."""
    offered = drugs_offered(edition, recommendation, language)
    drugs = [edition.drugs[identity] for identity in offered if kinds is None or edition.dental[identity].group in kinds]
    return [drug.name.in_language(language) for drug in drugs if not drug.tokens & refused]


@lru_cache(maxsize=4)
def _patterns(edition: Edition, language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    drugs = [edition.drugs[drug.id] for drug in edition.facts.dental]
    return tuple((re.compile(rf"(?<!\w){re.escape(drug.name.in_language(language))}(?!\w)", re.IGNORECASE), drug.id) for drug in drugs)
