"""A substance in brief says what the tables say of it, all of it; the search finds it by any of its words; the coverage counts."""

import pytest

from miz.knowledge.coverage import coverage
from miz.knowledge.edition import Edition
from miz.knowledge.monographs import find_monographs, monograph

RANK = ["contraindicated", "warning", "caution", "info"]


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_rule_stands_on_the_page_of_each_substance_it_names(edition: Edition, language: str) -> None:
    told = {
        identity: {one.rule for one in found.interactions}
        for identity in edition.substances
        if (found := monograph(edition, identity, language))
    }
    assert told.keys() == edition.substances.keys()
    named = {(token, rule.id) for rule in edition.facts.rules for side in rule.sides for term in side for token in term if ":" not in token}
    assert {(token, rule) for token, rule in named if rule not in told[token]} == set()


def test_risks_and_illnesses_stand_with_their_severity_the_gravest_first(edition: Edition) -> None:
    for identity, substance in edition.substances.items():
        found = monograph(edition, identity, "de")
        assert found is not None
        assert {one.rule: one.severity for one in found.risks} == substance.risks
        for statements in (found.risks, found.interactions, found.conditions):
            ranks = [RANK.index(one.severity) for one in statements]
            assert ranks == sorted(ranks)
            assert all(one.action for one in statements)


def test_a_rule_between_two_of_a_kind_is_told_once(edition: Edition) -> None:
    found = monograph(edition, "ibuprofen", "de")
    assert found is not None
    said = [(one.rule, one.about) for one in found.interactions]
    assert len(said) == len(set(said))


def test_what_the_edition_does_not_have_has_no_page(edition: Edition) -> None:
    assert monograph(edition, "nothing-such", "de") is None


def test_trade_name_abbreviation_and_content_find_the_substance(edition: Edition) -> None:
    def found(text: str, language: str = "de") -> list[str]:
        return [hit.id for hit in find_monographs(edition, text, language)]

    assert found("Falithrom")[0] == "phenprocoumon"
    assert found("ibuprofen")[0] == "ibuprofen"
    assert "alendronic-acid" in found("Kiefernekrose Extraktion")
    assert "alendronic-acid" in found("osteonecrosis", "en")
    assert found("Kiefernekrose qqqxyz") == []
    assert found("  ") == found("") == []


def test_a_hit_by_content_shows_where(edition: Edition) -> None:
    hits = {hit.id: hit for hit in find_monographs(edition, "Kiefernekrose", "de")}
    assert "kiefernekrose" in hits["alendronic-acid"].excerpt.casefold()
    assert find_monographs(edition, "Ibuprofen", "de")[0].excerpt == ""


def test_coverage_counts_the_rows_of_the_edition(edition: Edition) -> None:
    found, facts = coverage(edition), edition.facts
    rows = {kind.kind: kind.rows for kind in found.kinds}
    assert rows["interactions"] == len(facts.rules) == sum(found.by_evidence.values())
    assert found.substances + found.named_only == len(facts.substances)
    assert found.products + found.combinations + sum(drug.kind == "substance" for drug in facts.drugs) == len(facts.drugs)
    assert all(0 <= kind.reviewed <= kind.rows and 0 <= kind.with_source <= kind.rows for kind in found.kinds)
    without = [monograph(edition, substance.id, "de") for substance in facts.substances if substance.is_checked]
    silent = [one for one in without if one and not (one.risks or one.interactions or one.conditions or one.allergies)]
    assert found.without_statement == len(silent)
