"""What an edition says of one substance, put together from its tables in one language; and the search over all of it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from miz.knowledge.edition import Edition
from miz.knowledge.model import (
    AnaestheticSolution,
    DentalDrug,
    Document,
    DoseRegimen,
    Drug,
    PriscusLimit,
    Substance,
    Tokens,
    Words,
)
from miz.knowledge.words import fold
from miz.wire.client_protocol import Severity, SourceRef

_GRAVEST_FIRST: tuple[Severity, ...] = ("contraindicated", "warning", "caution", "info")
_NAMES_IN_SIGHT = 5
_EXCERPT = 160


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One row of the tables about the substance: `about` is the other side, the risk or the illness; `rule` its id."""

    rule: str
    severity: Severity
    about: str
    effect: str
    action: str
    evidence: str
    sources: list[SourceRef]
    is_reviewed: bool


@dataclass(frozen=True, kw_only=True)
class Monograph:
    """A substance in brief. Statements are sorted by severity, the gravest first.

    `dental`, `regimens` and `solutions` are there for what dentists give. `documents` are full product informations of its products.
    `sources` are all that the page rests on, `is_reviewed` says that two professionals have signed every row of it.
    """

    id: str
    name: str
    inn: str
    section: str
    atc: tuple[str, ...]
    products: list[str]
    risks: list[Statement]
    interactions: list[Statement]
    conditions: list[Statement]
    allergies: list[str]
    dental: DentalDrug | None
    regimens: list[DoseRegimen]
    solutions: list[AnaestheticSolution]
    priscus: PriscusLimit | None
    substance: Substance
    documents: list[Document]
    sources: list[SourceRef]
    is_reviewed: bool


@dataclass(frozen=True, kw_only=True)
class MonographHit:
    """A substance that was found. `excerpt` is the place where, empty when its name was found."""

    id: str
    name: str
    inn: str
    excerpt: str


def monograph(edition: Edition, identity: str, language: str) -> Monograph | None:
    """The substance with this id; None where the edition has none."""
    substance = edition.substances.get(identity)
    if substance is None:
        return None
    tokens = edition.drugs[identity].tokens if identity in edition.drugs else frozenset({identity})
    products = {drug.id: drug.name.in_language(language) for drug in edition.drugs.values() if _is_product(drug, identity)}
    risks, conditions = list(_risks(edition, substance, language)), list(_conditions(edition, tokens, language))
    interactions, dental, facts = list(_interactions(edition, tokens, language)), edition.dental.get(identity), edition.facts
    regimens = [regimen for regimen in facts.regimens if regimen.substance == identity]
    solutions = [solution for solution in facts.anaesthetics if solution.agent == identity]
    priscus = edition.priscus_limits.get(identity)
    rows = [row for row in (substance, dental, *regimens, *solutions, priscus) if row is not None]
    named = [source for statement in (*risks, *interactions, *conditions) for source in statement.sources]
    named += [source for row in rows for source in edition.source_refs(row.sources)]
    return Monograph(
        id=identity,
        name=substance.name.in_language(language),
        inn=substance.inn,
        section=substance.section.in_language(language),
        atc=substance.atc,
        products=sorted(set(products.values())),
        risks=_sorted(risks),
        interactions=_sorted(interactions),
        conditions=_sorted(conditions),
        allergies=[allergy.name.in_language(language) for allergy in edition.allergies.values() if allergy.members & tokens],
        dental=dental,
        regimens=regimens,
        solutions=solutions,
        priscus=priscus,
        substance=substance,
        documents=[document for document in facts.documents if document.product in products or document.product == identity],
        sources=list({source.id: source for source in named}.values()),
        is_reviewed=all(row.is_reviewed for row in (*rows, *risks, *interactions, *conditions)),
    )


def find_monographs(edition: Edition, text: str, language: str, limit: int = 50) -> list[MonographHit]:
    """Substances by name, trade name or abbreviation first, then those whose text holds every word of `text`."""
    words = fold(text).split()
    if not words:
        return []
    named = [part for item in edition.search(text, 12, language) for part in (ref.id for ref in item.substances)]
    found = {identity: "" for identity in named if identity in edition.substances}
    for identity, sentences in read_all(edition, language).items():
        if identity not in found and all(any(word in folded for folded, _ in sentences) for word in words):
            found[identity] = next(sentence for folded, sentence in sentences if any(word in folded for word in words))
    return [_hit(edition.substances[identity], excerpt, language) for identity, excerpt in list(found.items())[:limit]]


def _hit(substance: Substance, excerpt: str, language: str) -> MonographHit:
    brief = excerpt if len(excerpt) <= _EXCERPT else f"{excerpt[:_EXCERPT].rsplit(' ', 1)[0]} …"
    return MonographHit(id=substance.id, name=substance.name.in_language(language), inn=substance.inn, excerpt=brief)


@lru_cache(maxsize=4)
def read_all(edition: Edition, language: str) -> dict[str, list[tuple[str, str]]]:
    """Each sentence of each monograph, folded for the search and as it stands; takes a moment once, and needs no file."""
    texts = {}
    for identity in sorted(edition.substances):
        if found := monograph(edition, identity, language):
            stated = (*found.risks, *found.interactions, *found.conditions)
            sentences = [f"{one.about}: {one.effect} {one.action}" for one in stated]
            sentences += [*found.allergies, " ".join(found.atc)]
            sentences += [words.in_language(language) for words in _words(found)]
            sentences += [section.text.in_language(language) for document in found.documents for section in document.sections]
            texts[identity] = [(fold(sentence), sentence) for sentence in sentences]
    return texts


def _words(found: Monograph) -> Iterator[Words]:
    """What the page says apart from its statements."""
    yield found.substance.section
    if found.dental:
        yield from (found.dental.group, found.dental.dose, found.dental.notes)
        yield from (stage.action for stage in found.dental.renal)
        yield from (stage.action for stage in found.dental.hepatic)
    for regimen in found.regimens:
        yield from (regimen.text, regimen.note)
    if found.priscus:
        yield from (found.priscus.words, found.priscus.alternative)


def _is_product(drug: Drug, substance: str) -> bool:
    """Whether this is a trade name of the substance, alone or with others."""
    return substance in drug.substances and drug.id != substance


def _sorted(statements: Iterable[Statement]) -> list[Statement]:
    return sorted(statements, key=lambda one: (_GRAVEST_FIRST.index(one.severity), one.about))


def _risks(edition: Edition, substance: Substance, language: str) -> Iterator[Statement]:
    for identity, severity in substance.risks.items():
        risk = edition.risks[identity]
        yield Statement(
            rule=identity, severity=severity, about=risk.name.in_language(language), effect=risk.meaning.in_language(language),
            action=risk.action.in_language(language), evidence="", sources=edition.source_refs(risk.sources), is_reviewed=risk.is_reviewed,
        )  # fmt: skip


def _interactions(edition: Edition, tokens: Tokens, language: str) -> Iterator[Statement]:
    places = {(place.rule, place.side) for token in tokens for place in edition.rule_sides.get(token, ())}
    seen: set[tuple[str, str]] = set()
    for number, side in sorted(places):
        rule = edition.facts.rules[number]
        about = " + ".join(_term(edition, term, language) for term in rule.sides[1 - side])
        rest = [term for term in rule.sides[side] if term.isdisjoint(tokens)]
        if rest:
            about = f"{about} + {' + '.join(_term(edition, term, language) for term in rest)}"
        if (rule.id, about) in seen:
            continue
        seen.add((rule.id, about))
        yield Statement(
            rule=rule.id, severity=rule.severity, about=f"{about}: {edition.mechanisms[rule.mechanism].name.in_language(language)}",
            effect=rule.effect.in_language(language), action=rule.action.in_language(language), evidence=rule.evidence,
            sources=edition.source_refs(rule.sources), is_reviewed=rule.is_reviewed,
        )  # fmt: skip


def _term(edition: Edition, tokens: Tokens, language: str) -> str:
    """Whom a selector means, by name; of many the first few."""
    names = sorted({name for token in tokens for name in _names(edition, token, language)})
    return ", ".join(names[:_NAMES_IN_SIGHT]) + (f" … ({len(names)})" if len(names) > _NAMES_IN_SIGHT else "")


def _names(edition: Edition, token: str, language: str) -> list[str]:
    kind, mark, name = token.partition(":")
    if not mark:
        return [edition.substances[token].name.in_language(language)]
    if kind == "cond":
        return [edition.conditions[name].name.in_language(language)]
    return [procedure.name.in_language(language) for procedure in edition.procedures.values() if token in procedure.tokens]


def _conditions(edition: Edition, tokens: Tokens, language: str) -> Iterator[Statement]:
    for condition in edition.conditions.values():
        hits = [severity for affected, severity in condition.affects if affected & tokens]
        if hits:
            yield Statement(
                rule=condition.id, severity=min(hits, key=_GRAVEST_FIRST.index), about=condition.name.in_language(language), effect="",
                action=condition.action.in_language(language), evidence="", sources=edition.source_refs(condition.sources),
                is_reviewed=condition.is_reviewed,
            )  # fmt: skip
