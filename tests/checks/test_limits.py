"""Every row about an illness or an allergy, generated: what it affects, what it does not, and the nearest drug that it affects no more."""

from collections.abc import Callable, Iterable
from datetime import date

import msgspec
import pytest

from miz.checks.evaluation import evaluate
from miz.checks.model import RANK, worst
from miz.knowledge.building import build_facts
from miz.knowledge.edition import Edition
from miz.knowledge.model import Allergy, Condition, Substance, Tokens
from miz.knowledge.resolver import Resolver
from miz.knowledge.selectors import selectors_of
from miz.knowledge.table_files import read_tables
from miz.wire.client_protocol import Case, CasePatient, Finding, FindingKind, Severity

TODAY = date(2026, 11, 22)
MOST = 6  # members of a row that are tried
_TABLES = read_tables()
FACTS = build_facts(_TABLES, selectors_of(_TABLES))
DRUGS = {drug.id: drug for drug in FACTS.substances if drug.is_checked}
CONDITIONS = [condition for condition in FACTS.conditions if condition.affects]

Planned = Callable[[str], Tokens]


@pytest.fixture(scope="module")
def means(edition: Edition) -> Planned:
    """The tokens of a planned line."""
    resolver = Resolver(edition)
    return lambda text: resolver.planned(text).tokens


def findings(edition: Edition, kind: FindingKind, planned: str, **patient: object) -> list[Finding]:
    facts = msgspec.convert({"age": 40, "sex": "m", "conditions": [], "allergies": []} | patient, CasePatient)
    answer = evaluate(edition, Case(planned=[planned], medication=[], patient=facts), today=TODAY)
    return [finding for finding in answer.findings if finding.kind == kind]


def names_of(tokens: Tokens) -> list[str]:
    """How the drugs and procedures of some tokens are typed, a few of them, always the same ones."""
    typed = [DRUGS[token].name.de for token in sorted(tokens) if token in DRUGS]
    marks = {token for token in tokens if token.startswith("proc:")}
    typed += [procedure.name.de for procedure in FACTS.procedures if procedure.tokens & marks]
    return typed[:: max(1, len(typed) // MOST)]


def outsiders(inside: Tokens) -> list[str]:
    """The names of the drugs that share most of their ATC code with those inside."""
    codes = {code for token in inside if token in DRUGS for code in DRUGS[token].atc}
    outside = [drug for drug in DRUGS.values() if drug.id not in inside]
    return [drug.name.de for drug in sorted(outside, key=lambda drug: (-_likeness(drug, codes), drug.id))[:3]]


def _likeness(drug: Substance, codes: Iterable[str]) -> int:
    return max((sum(code[:length] == own[:length] for length in (1, 3, 4, 5, 7)) for own in drug.atc for code in codes), default=0)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.id)
def test_an_illness_affects_what_its_row_names(edition: Edition, means: Planned, condition: Condition) -> None:
    for affected, _ in condition.affects:
        for planned in names_of(affected):
            expected = worst(severity for tokens, severity in condition.affects if tokens & means(planned))
            found = [
                finding
                for finding in findings(edition, "condition", planned, conditions=[condition.id])
                if condition.id in finding.subjects
            ]
            assert [finding.severity for finding in found] == [expected], planned


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.id)
def test_an_illness_affects_nothing_else(edition: Edition, means: Planned, condition: Condition) -> None:
    inside: Tokens = frozenset().union(*(tokens for tokens, _ in condition.affects))
    for planned in outsiders(inside):
        if not means(planned) & inside:
            assert [
                one.title for one in findings(edition, "condition", planned, conditions=[condition.id]) if condition.id in one.subjects
            ] == []


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.id)
def test_without_the_illness_nothing_is_said_of_it(edition: Edition, condition: Condition) -> None:
    for affected, _ in condition.affects:
        for planned in names_of(affected)[:2]:
            assert findings(edition, "condition", planned) == []


@pytest.mark.parametrize("condition", [one for one in FACTS.conditions if one.recent_months], ids=lambda condition: condition.id)
def test_time_turns_an_illness_into_an_older_one(edition: Edition, condition: Condition) -> None:
    resolver, limit = Resolver(edition), condition.recent_months
    name = next(
        one
        for one in condition.names
        if one not in (condition.id.casefold(), condition.name.de.casefold()) and "monat" not in one and "month" not in one
    )
    for months, expected in ((limit - 1, condition.id), (limit, condition.otherwise), (limit + 1, condition.otherwise)):
        assert resolver.condition(f"{name} vor {months} Monaten", TODAY).ids == (expected,), months
    assert resolver.condition(name, TODAY).ids == (condition.id,), "not told when: the more careful one"


def allergic(edition: Edition, allergy: Allergy, planned: str, reaction: str = "") -> list[Severity]:
    line = f"{allergy.name.de.partition(',')[0]}{reaction}"
    return [finding.severity for finding in findings(edition, "allergy", planned, allergies=[line])]


@pytest.mark.parametrize("allergy", FACTS.allergies, ids=lambda allergy: allergy.id)
def test_an_allergy_is_against_all_its_members(edition: Edition, allergy: Allergy) -> None:
    for planned in names_of(allergy.members):
        assert allergic(edition, allergy, planned, ", Quaddeln sofort") == [allergy.severity], planned


@pytest.mark.parametrize("allergy", [one for one in FACTS.allergies if one.cross], ids=lambda allergy: allergy.id)
def test_an_allergy_may_react_across(edition: Edition, means: Planned, allergy: Allergy) -> None:
    for cross in allergy.cross:
        counts = not cross.allergens and (not cross.reactions or "immediate" in cross.reactions)
        for planned in names_of(cross.tokens - allergy.members) if counts else ():
            narrower = [other for other in allergy.cross if other.tokens < cross.tokens and other.tokens & means(planned)]
            if not narrower and not means(planned) & allergy.members:
                assert RANK[worst(allergic(edition, allergy, planned, ", Quaddeln sofort"))] >= RANK[cross.severity], planned


@pytest.mark.parametrize("allergy", FACTS.allergies, ids=lambda allergy: allergy.id)
def test_an_allergy_ends_at_the_nearest_drug_that_is_no_member(edition: Edition, means: Planned, allergy: Allergy) -> None:
    inside = allergy.members.union(*(cross.tokens for cross in allergy.cross))
    for planned in outsiders(inside):
        if not means(planned) & inside:
            assert allergic(edition, allergy, planned, ", Quaddeln sofort") == [], planned


@pytest.mark.parametrize("allergy", [one for one in FACTS.allergies if one.members & DRUGS.keys()], ids=lambda allergy: allergy.id)
def test_nausea_is_no_allergy(edition: Edition, allergy: Allergy) -> None:
    for planned in names_of(allergy.members):
        assert set(allergic(edition, allergy, planned, ": Übelkeit")) <= {"info"}, planned
