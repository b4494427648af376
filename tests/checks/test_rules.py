"""Every rule of the tables, generated: it holds with a member of each side, not with one side alone, and not with the nearest drug
that is no member any more.
"""

import random
from collections.abc import Iterator
from datetime import date
from itertools import product

import pytest

from miz.checks.interactions import interactions
from miz.checks.model import Thing
from miz.knowledge.building import build_facts
from miz.knowledge.edition import Edition
from miz.knowledge.model import Rule, Tokens, Words
from miz.knowledge.resolution import Resolution, Role
from miz.knowledge.selectors import selectors_of
from miz.knowledge.table_files import read_tables

TODAY = date(2026, 11, 22)
_TABLES = read_tables()
_FACTS = build_facts(_TABLES, selectors_of(_TABLES))
RULES = _FACTS.rules


def thing(place: int, tokens: Tokens, role: Role = "medication") -> Thing:
    substances = tuple(sorted(token for token in tokens if ":" not in token))
    return Thing(
        place, Resolution(text="", role=role, kind="substance", name=Words("", ""), ids=tuple(tokens), substances=substances, tokens=tokens)
    )


def met(edition: Edition, *lines: tuple[Tokens, Role] | Tokens) -> list[str]:
    things = [thing(place, *(line if isinstance(line, tuple) else (line,))) for place, line in enumerate(lines)]
    return [found.rule.id for found in interactions(edition, things)]


def one_of_each(rule: Rule) -> Iterator[tuple[list[str], list[str]]]:
    """Members for the terms of both sides, a few for each rule, always the same ones."""
    chance = random.Random(rule.id)
    sides = [[sorted(term) for term in side] for side in rule.sides]
    for _ in range(3):
        left, right = ([chance.choice(members) for members in side] for side in sides)
        yield left, right


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_holds_with_a_member_of_each_side(edition: Edition, rule: Rule) -> None:
    for left, right in one_of_each(rule):
        tokens = [frozenset({token}) for token in (*left, *right)]
        found = {found.rule.id: found.rule for found in interactions(edition, [thing(place, each) for place, each in enumerate(tokens)])}
        assert found[rule.id].severity == rule.severity, (left, right)
        assert rule.id in met(edition, *reversed(tokens)), "both directions"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_does_not_hold_with_one_side_alone(edition: Edition, rule: Rule) -> None:
    for left, right in one_of_each(rule):
        for side, other in ((left, rule.sides[1]), (right, rule.sides[0])):
            if not all(any(token in term for token in side) for term in other):
                assert rule.id not in met(edition, *(frozenset({token}) for token in side)), side
        for token in (*left, *right):
            assert rule.id not in met(edition, frozenset({token})), "one drug alone"


def shared_levels(code: str, other: str) -> int:
    """How many of the five levels of the ATC two codes have in common."""
    return sum(code[:length] == other[:length] for length in (1, 3, 4, 5, 7))


def nearest_outsiders(rule: Rule, term: Tokens) -> list[str]:
    """The drugs that share most levels of the ATC code with a member of the term, and are in no term of the rule."""
    members = frozenset().union(*(tokens for side in rule.sides for tokens in side))
    codes = {code for drug in _FACTS.substances if drug.id in term for code in drug.atc}
    near = {
        drug.id: max((shared_levels(code, own) for own in drug.atc for code in codes), default=0)
        for drug in _FACTS.substances
        if drug.id not in members and drug.is_checked
    }
    return sorted(near, key=lambda drug: (-near[drug], drug))[:2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_ends_at_the_nearest_drug_that_is_no_member(edition: Edition, rule: Rule) -> None:
    left, right = next(one_of_each(rule))
    for members, other, terms in ((left, right, rule.sides[0]), (right, left, rule.sides[1])):
        for place, term in enumerate(terms):
            for outsider in nearest_outsiders(rule, term):
                changed = [*members[:place], outsider, *members[place + 1 :]]
                if not all(any(token in term for token in (*changed, *other)) for side in rule.sides for term in side):
                    assert rule.id not in met(edition, *(frozenset({token}) for token in (*changed, *other))), outsider


@pytest.mark.parametrize("rule", [rule for rule in RULES if max(map(len, rule.sides)) > 1], ids=lambda rule: rule.id)
def test_a_joint_side_needs_all_its_terms(edition: Edition, rule: Rule) -> None:
    for left, right in one_of_each(rule):
        for missing in range(len(right)):
            rest = [frozenset({token}) for place, token in enumerate(right) if place != missing]
            assert rule.id not in met(edition, frozenset({left[0]}), *rest)


@pytest.mark.parametrize("roles", list(product(("planned", "medication"), repeat=2)))
def test_drugs_meet_whether_planned_or_taken(edition: Edition, roles: tuple[Role, Role]) -> None:
    assert "I001" in met(edition, (frozenset({"ibuprofen"}), roles[0]), (frozenset({"phenprocoumon"}), roles[1]))


def test_excluded_members_of_a_group_do_not_count(edition: Edition) -> None:
    warfarin = frozenset({"warfarin"})
    assert "I001" not in met(edition, frozenset({"choline-salicylate"}), warfarin)
    assert "I199" not in met(edition, frozenset({"proc:surgery"}), frozenset({"methotrexate"}))
    assert "I146" not in met(edition, frozenset({"prilocaine-combinations", "prilocaine", "felypressin"}), frozenset({"propranolol"}))


def test_members_beyond_the_atc_prefix_count(edition: Edition) -> None:
    assert "I189" not in met(edition, frozenset({"proc:surgery"}), frozenset({"certoparin"}))
    assert "I191" in met(edition, frozenset({"proc:surgery"}), frozenset({"certoparin"}))


def test_the_two_doses_of_aspirin_are_two_things(edition: Edition) -> None:
    low, high = frozenset({"acetylsalicylic-acid-low-dose"}), frozenset({"acetylsalicylic-acid"})
    rivaroxaban = frozenset({"rivaroxaban"})
    assert "I008" in met(edition, high, rivaroxaban)
    assert "I008" not in met(edition, low, rivaroxaban)
    assert "I005" in met(edition, frozenset({"ibuprofen"}), low)


def test_a_drug_does_not_interact_with_itself(edition: Edition) -> None:
    assert met(edition, frozenset({"ibuprofen"})) == []
    assert "I020" not in met(edition, frozenset({"ibuprofen", "naproxen"}))
    assert met(edition, frozenset({"ibuprofen"}), frozenset({"naproxen"})).count("I020") == 1


def test_one_combination_meets_a_joint_side(edition: Edition) -> None:
    assert "I013" in met(edition, frozenset({"ibuprofen"}), frozenset({"ramipril", "hydrochlorothiazide"}))
    assert "I193" in met(edition, frozenset({"proc:surgery"}), frozenset({"clopidogrel", "acetylsalicylic-acid-low-dose"}))


def test_the_single_thing_does_not_complete_the_joint_side(edition: Edition) -> None:
    """A combination of an NSAID and a diuretic, with an ACE inhibitor: the diuretic may not count for both sides."""
    assert "I013" not in met(edition, frozenset({"ibuprofen", "hydrochlorothiazide"}), frozenset({"ramipril"}))


def test_a_joint_side_is_one_finding_with_all_its_drugs(edition: Edition) -> None:
    tokens = [frozenset({token}) for token in ("ibuprofen", "ramipril", "candesartan", "torasemide")]
    assert met(edition, *tokens).count("I013") == 1


def test_conditions_take_part_in_rules(edition: Edition) -> None:
    assert "I208" in met(edition, frozenset({"articaine-combinations"}), frozenset({"cond:ASTHMA_SULFIT"}))
    assert "I208" not in met(edition, frozenset({"articaine"}), frozenset({"cond:ASTHMA_SULFIT"}))
