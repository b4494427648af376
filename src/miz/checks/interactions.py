"""Rules of `interactions.csv`: between what is planned, what is taken, procedures and conditions, in both directions."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from miz.checks.model import Thing
from miz.knowledge.edition import Edition
from miz.knowledge.model import Rule

Met = dict[int, list[str]]


@dataclass(frozen=True, slots=True)
class Interaction:
    """A rule that holds: which things on its two sides, and the tokens each was found by."""

    rule: Rule
    left: Met
    right: Met


def interactions(edition: Edition, things: list[Thing], about: Thing | None = None) -> Iterator[Interaction]:
    """Every rule that holds, once for each pair of things. A thing never interacts with itself.

    With `about`, one of the things, only rules in which it takes part.
    """
    concerned = None if about is None else {place.rule for token in about.tokens for place in edition.rule_sides.get(token, ())}
    met: dict[int, list[list[Met]]] = {}
    rules = edition.facts.rules
    for thing in things:
        for token in thing.tokens:
            for place in edition.rule_sides.get(token, ()):
                if concerned is not None and place.rule not in concerned:
                    continue
                sides = met.get(place.rule)
                if sides is None:
                    sides = met[place.rule] = [[{} for _ in terms] for terms in rules[place.rule].sides]
                sides[place.side][place.term].setdefault(thing.place, []).append(token)
    for number, (left, right) in sorted(met.items()):
        if all(left) and all(right):
            for found in _pairs(rules[number], left, right):
                if about is None or about.place in found.left or about.place in found.right:
                    yield found


def _pairs(rule: Rule, left: list[Met], right: list[Met]) -> Iterator[Interaction]:
    seen: set[frozenset[int]] = set()
    for one, other in product(_options(left), _options(right)):
        if len(one) == 1 and len(right) > 1:
            other = _without(other, one, right)  # noqa: PLW2901 - the single thing cannot stand on both sides
        elif len(other) == 1 and len(left) > 1:
            one = _without(one, other, left)  # noqa: PLW2901
        if not one or not other or not one.keys().isdisjoint(other):
            continue
        pair = frozenset(one) | frozenset(other)
        if pair not in seen:
            seen.add(pair)
            yield Interaction(rule, one, other)


def _options(terms: list[Met]) -> list[Met]:
    """A side with one term is met by each thing alone; with several, by all their things together."""
    if len(terms) == 1:
        return [{place: tokens} for place, tokens in terms[0].items()]
    together: Met = {}
    for term in terms:
        for place, tokens in term.items():
            together.setdefault(place, []).extend(tokens)
    return [together]


def _without(together: Met, single: Met, terms: list[Met]) -> Met:
    """The joint side without the thing of the other one; nothing when a term is then no longer met."""
    rest = {place: tokens for place, tokens in together.items() if place not in single}
    return rest if all(any(place in rest for place in term) for term in terms) else {}
