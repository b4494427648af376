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
    rules, whole = edition.facts.rules, edition.whole_rules
    places = [(thing.place, token, edition.rule_sides.get(token, ())) for thing in things for token in thing.tokens]
    bits: dict[int, int] = {}
    for _, _, sides in places:
        for side in sides:
            bits[side.rule] = bits.get(side.rule, 0) | side.bit
    concerned = bits.keys() if about is None else {side.rule for token in about.tokens for side in edition.rule_sides.get(token, ())}
    met: dict[int, list[list[Met]]] = {
        rule: [[{} for _ in terms] for terms in rules[rule].sides] for rule in sorted(concerned) if bits[rule] == whole[rule]
    }
    for place, token, sides in places:
        for side in sides:
            if side.rule in met:
                met[side.rule][side.side][side.term].setdefault(place, []).append(token)
    for rule, (left, right) in met.items():
        for found in _pairs(rules[rule], left, right):
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
