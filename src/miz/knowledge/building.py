"""From checked tables to the structures of `model`, and the names under which each drug is found."""

from collections.abc import Iterable, Iterator
from itertools import count

from miz.knowledge.documents import documents_of
from miz.knowledge.dose_tables import dental_drug_of, priscus_limit_of, regimen_of, solution_of, vasoconstrictor_limit_of
from miz.knowledge.model import (
    Allergy,
    ClassWord,
    Condition,
    CrossReaction,
    DentalDrug,
    DoseMeaning,
    Drug,
    Facts,
    Gap,
    Mechanism,
    Procedure,
    Risk,
    Rule,
    Solution,
    Source,
    Substance,
    Tokens,
    Words,
)
from miz.knowledge.questions import question_group_of, question_of
from miz.knowledge.search import without_strength
from miz.knowledge.search_index import IndexedName
from miz.knowledge.selectors import Selectors, Term
from miz.knowledge.table_files import Row, Tables
from miz.knowledge.words import fold

_KIND_RANK = {"substance": 0, "product": 1, "combination": 2}
_SHORTEST_STEM = 3


def build_facts(tables: Tables, selectors: Selectors) -> Facts:
    """The whole content; the tables must be free of faults."""
    return Facts(
        substances=list(_substances(tables)),
        drugs=list(_drugs(tables, selectors)),
        rules=[_rule(row, selectors) for row in tables["interactions.csv"]],
        risks=[
            Risk(
                row["risk_id"],
                row.words("name"),
                row["needs"],
                row.words("meaning"),
                row.words("management"),
                row.sources(),
                row.is_reviewed,
            )
            for row in tables["risks.csv"]
        ],
        procedures=[_procedure(row, selectors) for row in tables["procedures.csv"]],
        conditions=[_condition(row, selectors) for row in tables["conditions.csv"]],
        allergies=[_allergy(row, tables["cross_reactions.csv"], selectors) for row in tables["allergies.csv"]],
        sources=[Source(row["source_id"], row["title"], int(row["year"]) if row["year"] else None) for row in tables["sources.csv"]],
        meanings=[
            DoseMeaning(
                selectors.id_of_inn[row["low_inn"]],
                selectors.id_of_inn[row["high_inn"]],
                int(row["low_up_to_mg"]),
                int(row["high_from_mg"]),
                tuple(fold(name) for name in row.parts("open_names")),
            )
            for row in tables["dose_meanings.csv"]
        ],
        solutions=[
            Solution(selectors.id_of_inn[row["inn_en"]], _ids(row.parts("ingredients"), selectors), row["is_usual_form"] == "yes")
            for row in tables["combinations.csv"]
            if row["is_named_by_ingredients"] == "yes"
        ],
        mechanisms=[Mechanism(row["mechanism"], row.words("name"), row["risk"]) for row in tables["mechanisms.csv"]],
        makers=[row["maker"] for row in tables["makers.csv"]],
        class_words=[
            ClassWord(
                tuple(dict.fromkeys(fold(name) for name in (row["word_de"], row["word_en"], *row.parts("synonyms")))),
                _ids(row.parts("members"), selectors),
            )
            for row in tables["class_words.csv"]
        ],
        dental=list(_dental(tables)),
        question_groups=[question_group_of(row) for row in tables["question_groups.csv"]],
        questions=[question_of(row) for row in tables["questions.csv"]],
        anaesthetics=[solution_of(row, selectors) for row in tables["la_max_doses.csv"]],
        vasoconstrictor_limits=[vasoconstrictor_limit_of(row, selectors) for row in tables["vasoconstrictor_limits.csv"]],
        regimens=[regimen_of(row, selectors) for row in tables["dose_regimens.csv"]],
        priscus_limits=[priscus_limit_of(row, selectors) for row in tables["priscus_limits.csv"]],
        documents=list(documents_of(tables)),
        gaps=[Gap(row["gap_id"], row.words("text")) for row in tables["gaps.csv"]],
    )


def names_of(facts: Facts, tables: Tables) -> Iterator[IndexedName]:
    """Every spelling of every entry of the pick list."""
    by_id = {drug.id: drug for drug in facts.drugs}
    synonyms: dict[str, list[str]] = {}
    for file, column in (("substances.csv", "substance_id"), ("dental_drugs.csv", "drug_id")):
        for row in tables[file]:
            synonyms.setdefault(row[column], []).extend([row["name_de"], *row.parts("synonyms")])
    for row in tables["products.csv"]:
        synonyms[row["product_id"]] = row.parts("synonyms")
    for drug in facts.drugs:
        entry = by_id[drug.stands_for] if drug.stands_for else drug
        own = {drug.name.de, drug.name.en}
        for text in sorted(own | set(synonyms.get(drug.id, ()))):
            for key in {fold(text), fold(text).replace(" ", "")} - {""}:
                is_other = bool(drug.stands_for) or text not in own
                yield IndexedName(_KIND_RANK[entry.kind], is_other, len(key), key, entry.no, text)


def _names(row: Row, identity: str) -> tuple[str, ...]:
    """What is typed for it, folded; the id counts too, as programs send it."""
    return tuple(dict.fromkeys(fold(text) for text in (row["name_de"], row["name_en"], *row.parts("synonyms"), identity)))


def _slug(inn: str) -> str:
    return fold(inn).replace(" ", "-")


def _ids(inns: Iterable[str], selectors: Selectors) -> tuple[str, ...]:
    return tuple(selectors.id_of_inn.get(inn) or _slug(inn) for inn in inns)


def _substances(tables: Tables) -> Iterator[Substance]:
    dental = {row["drug_id"]: row for row in tables["dental_drugs.csv"]}
    for row in tables["substances.csv"]:
        codes = [*row.parts("atc"), *(dental[row["substance_id"]].parts("atc") if row["substance_id"] in dental else [])]
        yield _substance(row["substance_id"], row, codes)
    listed = {row["substance_id"] for row in tables["substances.csv"]}
    yield from (_substance(drug, row, row.parts("atc")) for drug, row in dental.items() if drug not in listed)
    for row in tables["other_ingredients.csv"]:
        yield Substance(_slug(row["inn_en"]), row["inn_en"], Words(row["name_de"], row["inn_en"]), is_checked=False)


def _substance(identity: str, row: Row, codes: list[str]) -> Substance:
    return Substance(
        identity,
        row["inn_en"],
        Words(row["name_de"], row["inn_en"]),
        tuple(dict.fromkeys(codes)),
        dict(part.split(":") for part in row.parts("risks")),  # type: ignore[arg-type]
        acb=int(row["acb"]) if row.cells.get("acb") else None,
        qt=row["qt"],  # type: ignore[arg-type]
        priscus=row.cells.get("priscus", ""),  # type: ignore[arg-type]
        groups=tuple(row.parts("groups")),
        section=row.words("section") if "section_de" in row.cells else Words("", ""),
        synonyms=tuple(row.parts("synonyms")),
        sources=row.sources(),
        is_reviewed=row.is_reviewed,
    )


def _dental(tables: Tables) -> Iterator[DentalDrug]:
    limits: dict[str, list[Row]] = {}
    for row in tables["organ_limits.csv"]:
        limits.setdefault(row["drug_id"], []).append(row)
    for row in tables["dental_drugs.csv"]:
        yield dental_drug_of(row, limits.get(row["drug_id"], []))


def _drugs(tables: Tables, selectors: Selectors) -> Iterator[Drug]:
    fixed = {selectors.id_of_inn[row["inn_en"]]: row for row in tables["combinations.csv"]}
    ingredients = {drug: _ids(row.parts("ingredients"), selectors) for drug, row in fixed.items()}
    names: dict[str, set[str]] = {}
    numbers = count(1)
    rows = tables.inns()
    for inn, identity in sorted(selectors.id_of_inn.items(), key=lambda item: item[1]):
        row = rows[inn]
        is_named_by_ingredients = identity in fixed and fixed[identity]["is_named_by_ingredients"] == "yes"
        is_combination = len(ingredients.get(identity, ())) > 1 or " and " in inn
        names[identity] = {fold(text) for text in (row["name_de"], inn, *row.parts("synonyms"))}
        yield Drug(
            id=identity,
            no=next(numbers),
            name=Words(row["name_de"], inn),
            kind="combination" if is_combination else "substance",
            substances=ingredients[identity] if is_named_by_ingredients else (identity,),
            tokens=frozenset({identity, *ingredients.get(identity, ())}),
        )
    makers = sorted((fold(row["maker"]).replace(" ", "") for row in tables["makers.csv"]), key=len, reverse=True)
    for row in tables["products.csv"]:
        substances = _ids(row.parts("substances"), selectors)
        yield Drug(
            id=row["product_id"],
            no=next(numbers),
            name=Words(row["trade_name"], row["trade_name"]),
            kind="combination" if row["is_combination"] == "ja" else "product",
            substances=substances,
            tokens=frozenset(substances) | {part for substance in substances for part in ingredients.get(substance, ())},
            carries=tuple(fold(word) for word in row.parts("carries")),
            ask=row["ask"],
            stands_for=substances[0] if _is_generic(row, substances, names, makers) else "",
        )


def _is_generic(row: Row, substances: tuple[str, ...], names: dict[str, set[str]], makers: list[str]) -> bool:
    """Whether the trade name is only the substance's name or abbreviation, with a strength or a maker's name."""
    if row["ask"] or len(substances) != 1 or substances[0] not in names:
        return False
    known = names[substances[0]] | {name.replace(" ", "") for name in names[substances[0]]}
    stem = fold(without_strength(row["trade_name"]))
    joined = stem.replace(" ", "")
    stems = {stem, *(joined.removesuffix(maker) for maker in makers)}
    return any(
        stem in known or (len(stem) > _SHORTEST_STEM and any(name.startswith(stem) for name in known))
        for stem in stems
        if len(stem) >= _SHORTEST_STEM
    )


def _side(text: str, selectors: Selectors) -> tuple[Tokens, ...]:
    terms = selectors.side(text)
    assert not isinstance(terms, str)
    return tuple(terms)


def _term(found: Term | str) -> Tokens:
    assert not isinstance(found, str)
    return found


def _rule(row: Row, selectors: Selectors) -> Rule:
    return Rule(
        row["rule_id"],
        (_side(row["dental_side"], selectors), _side(row["patient_side"], selectors)),
        row["severity"],  # type: ignore[arg-type]
        row["mechanism"],
        row.words("effect"),
        row.words("recommendation"),
        row.sources(),
        row["evidence"],
        (row["dental_side"], row["patient_side"]),
        row.is_reviewed,
    )


def _procedure(row: Row, selectors: Selectors) -> Procedure:
    return Procedure(
        row["procedure_id"],
        row.words("name"),
        _names(row, row["procedure_id"]),
        row["bleeding"],
        row["bone"] == "yes",
        row["gingiva_or_apex"] == "yes",
        frozenset().union(*(_term(selectors.term(mark)) for mark in row.parts("proc"))),
    )


def _condition(row: Row, selectors: Selectors) -> Condition:
    parts = [part.rpartition(":") for part in row.parts("affects", ";")]
    return Condition(
        id=row["condition_id"],
        icd=tuple(row.parts("icd10gm", ",")),
        name=row.words("name"),
        names=_names(row, row["condition_id"]),
        affects=tuple((_term(selectors.bare(name)), severity) for name, _, severity in parts if name != "need"),  # type: ignore[misc]
        needs=tuple(need for name, _, need in parts if name == "need"),
        action=row.words("recommendation"),
        sources=row.sources(),
        recent_months=int(row["recent_months"] or 0),
        otherwise=row["otherwise"],
        is_reviewed=row.is_reviewed,
    )


def _members(text: list[str], selectors: Selectors) -> Tokens:
    return frozenset().union(*(_term(selectors.term(member)) for member in text))


def _allergy(row: Row, cross: list[Row], selectors: Selectors) -> Allergy:
    reactions = [
        CrossReaction(
            _members(one.parts("selector", ","), selectors),
            one["severity"],  # type: ignore[arg-type]
            frozenset(one.parts("reactions")),  # type: ignore[arg-type]
            _members(one.parts("allergens", ","), selectors),
            one["cross_id"],
            one["selector"],
            one.sources(),
            one.is_reviewed,
        )
        for one in cross
        if one["allergy_id"] == row["allergy_id"]
    ]
    return Allergy(
        row["allergy_id"],
        row.words("name"),
        _names(row, row["allergy_id"]),
        _members(row.parts("members", ","), selectors),
        row["severity"],  # type: ignore[arg-type]
        tuple(sorted(reactions, key=lambda one: (-len(one.tokens), bool(one.allergens)))),
        row.words("notes"),
        row.sources(),
        row.is_reviewed,
    )
