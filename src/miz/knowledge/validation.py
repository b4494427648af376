"""Every fault of the tables that a machine can see. What it cannot see is whether a statement is true."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from miz.knowledge.documents import document_faults
from miz.knowledge.dose_faults import dose_faults
from miz.knowledge.dose_tables import NOTHING
from miz.knowledge.model import ReactionKind
from miz.knowledge.questions import OBSERVATIONS, question_faults
from miz.knowledge.reviews import review_faults
from miz.knowledge.selectors import Selectors
from miz.knowledge.table_files import COLUMNS, IDS, SEVERITIES, Fault, Row, Tables
from miz.knowledge.words import fold

NEEDS = ("endocarditis_prophylaxis", "endocarditis_prophylaxis_consider", "steroid_cover", "none")
NOT_LISTED = "nicht in der Tabelle"

_REQUIRED = {
    "substances.csv": "inn_en name_de section_de sources",
    "dental_drugs.csv": "inn_en name_de group_de route_de lactation sources",
    "organ_limits.csv": "drug_id organ severity action_de sources",
    "other_ingredients.csv": "name_de",
    "combinations.csv": "ingredients",
    "products.csv": "trade_name substances where_listed",
    "groups.csv": "name_de name_en",
    "risks.csv": "name_de name_en meaning_de management_de sources",
    "mechanisms.csv": "name_de name_en",
    "interactions.csv": "dental_side patient_side severity effect_de recommendation_de sources",
    "procedures.csv": "name_de name_en",
    "conditions.csv": "name_de name_en affects recommendation_de sources",
    "allergies.csv": "name_de name_en members severity sources",
    "cross_reactions.csv": "allergy_id selector severity sources",
    "la_max_doses.csv": "agent name_de agent_mg_per_ml epinephrine_ug_per_ml sources",
    "vasoconstrictor_limits.csv": "agent name_de limit_per_session applies_to_de sources",
    "dose_regimens.csv": "purpose population substance text_de sources",
    "priscus_limits.csv": "substance severity words_de alternative_de sources",
    "documents.csv": "product_id title as_of sources",
    "document_sections.csv": "section title text",
    "question_groups.csv": "name_de",
    "questions.csv": "group_id question_de hint_de",
    "gaps.csv": "text_de",
    "sources.csv": "title status_and_use_de",
}
_REACTIONS = get_args(ReactionKind)
_NAMED = {
    "substances.csv": "inn_en name_de",
    "dental_drugs.csv": "inn_en name_de",
    "procedures.csv": "name_de name_en synonyms",
    "conditions.csv": "name_de name_en synonyms",
    "allergies.csv": "name_de name_en synonyms",
}
_YES_NO = ("yes", "no")
_ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("interactions.csv", "severity"): SEVERITIES,
    ("interactions.csv", "evidence"): ("A", "B", "C", "D", ""),
    ("risks.csv", "default_severity"): SEVERITIES,
    ("risks.csv", "needs"): ("", "bleeding", "surgery", "implant", "gingiva"),
    ("allergies.csv", "severity"): SEVERITIES,
    ("substances.csv", "acb"): ("", "0", "1", "2", "3"),
    ("substances.csv", "qt"): ("", "known", "possible", "conditional"),
    ("substances.csv", "priscus"): ("", "yes", "conditional"),
    ("dental_drugs.csv", "qt"): ("", "known", "possible", "conditional"),
    ("dental_drugs.csv", "lactation"): (*SEVERITIES, NOTHING),
    ("dental_drugs.csv", "min_age_severity"): ("", *SEVERITIES),
    ("dental_drugs.csv", "kidney"): ("", "none", "limits"),
    ("dental_drugs.csv", "liver"): ("", "none", "limits"),
    ("organ_limits.csv", "organ"): ("kidney", "liver"),
    ("organ_limits.csv", "severity"): SEVERITIES,
    ("cross_reactions.csv", "severity"): SEVERITIES,
    ("priscus_limits.csv", "severity"): SEVERITIES,
    ("vasoconstrictor_limits.csv", "unit"): ("mg", "I.E."),
    ("vasoconstrictor_limits.csv", "applies"): ("healthy", "cardiac"),
    ("dose_regimens.csv", "purpose"): ("analgesia", "antibiotic", "endocarditis_prophylaxis"),
    ("dose_regimens.csv", "population"): ("child", "adolescent", "adult", "any"),
    ("dose_regimens.csv", "route"): ("oral", "intravenous"),
    ("dose_regimens.csv", "unit"): ("mg", "IU"),
    ("dose_regimens.csv", "penicillin_allergy"): ("none", "not_immediate", "any"),
    ("dose_regimens.csv", "is_advised_against"): _YES_NO,
    ("products.csv", "is_combination"): ("ja", "nein"),
    ("products.csv", "ask"): ("", "strength", "form"),
    ("procedures.csv", "bleeding"): ("none", "low", "high"),
    ("procedures.csv", "bone"): _YES_NO,
    ("procedures.csv", "gingiva_or_apex"): _YES_NO,
    ("combinations.csv", "is_named_by_ingredients"): _YES_NO,
    ("combinations.csv", "is_usual_form"): _YES_NO,
    ("questions.csv", "observation"): ("", *OBSERVATIONS),
    ("questions.csv", "asked_of"): ("all", "female"),
}
_ATC = re.compile(r"[A-Z]\d\d[A-Z]{2}\d\d")
_ATC_PREFIX = re.compile(r"[A-Z](?:\d\d(?:[A-Z](?:[A-Z]\d{0,2})?)?)?")
_PZN = re.compile(r"\d{8}")


def faults_of(tables: Tables, selectors: Selectors) -> list[Fault]:
    """All faults, in the order of the tables and rows."""
    checks: list[Callable[[Tables, Selectors], Iterator[Fault]]] = [
        _ids, _cells, _languages, _sources, _substances, _combinations, _products, _groups, _interactions, _conditions, _allergies,
        _double_names, dose_faults, question_faults, document_faults, review_faults,
    ]  # fmt: skip
    faults = {fault for check in checks for fault in check(tables, selectors)}
    files = list(COLUMNS)
    return tables.faults + sorted(faults, key=lambda fault: (files.index(fault.file), fault.row, fault.column, fault.text))


def _every_row(tables: Tables) -> Iterable[Row]:
    return (row for rows in tables.rows.values() for row in rows)


def _ids(tables: Tables, _: Selectors) -> Iterator[Fault]:
    for file, column in IDS.items():
        seen: set[str] = set()
        for row in tables[file]:
            if not row[column]:
                yield row.fault(column, "the id is missing")
            elif row[column] in seen:
                yield row.fault(column, f"„{row[column]}“ stands twice")
            seen.add(row[column])


def _cells(tables: Tables, _: Selectors) -> Iterator[Fault]:
    for file, columns in _REQUIRED.items():
        for row in tables[file]:
            yield from (row.fault(column, "must not be empty") for column in columns.split() if not row[column])
    for (file, column), allowed in _ALLOWED.items():
        for row in tables[file]:
            if row[column] not in allowed:
                yield row.fault(column, f"„{row[column]}“ is none of: {', '.join(word for word in allowed if word)}")


def _languages(tables: Tables, _: Selectors) -> Iterator[Fault]:
    for row in _every_row(tables):
        for column in row.cells:
            english = column.removesuffix("_de") + "_en"
            if column.endswith("_de") and english in row.cells and bool(row[column]) != bool(row[english]):
                yield row.fault(english if row[column] else column, "stands in one language only")


def _sources(tables: Tables, _: Selectors) -> Iterator[Fault]:
    known = {row["source_id"] for row in tables["sources.csv"]} | {"none"}
    for row in _every_row(tables):
        if "sources" in row.cells:
            yield from (
                row.fault("sources", f"the source „{name}“ is not in sources.csv") for name in row.parts("sources") if name not in known
            )


def _substances(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    risks = {row["risk_id"] for row in tables["risks.csv"]}
    own_id = {row["inn_en"]: row["substance_id"] for row in tables["substances.csv"]}
    allergies = {row["allergy_id"] for row in tables["allergies.csv"]} | set(selectors.id_of_inn)
    for row in [*tables["substances.csv"], *tables["dental_drugs.csv"]]:
        for risk in row.parts("risks"):
            code, _, severity = risk.partition(":")
            if code not in risks:
                yield row.fault("risks", f"the risk „{code}“ is not in risks.csv")
            if severity not in SEVERITIES:
                yield row.fault("risks", f"„{severity}“ is no severity")
        for code in row.parts("atc"):
            if not _ATC.fullmatch(code):
                yield row.fault("atc", f"„{code}“ is no ATC code")
        substance = selectors.id_of_inn.get(row["inn_en"], "")
        for group in row.parts("groups"):
            if group not in selectors.groups:
                yield row.fault("groups", f"the group „{group}“ is not in groups.csv")
            elif substance not in selectors.groups[group]:
                yield row.fault("groups", f"groups.csv does not count it to „{group}“")
    for row in tables["dental_drugs.csv"]:
        if own_id.get(row["inn_en"], row["drug_id"]) != row["drug_id"]:
            yield row.fault("drug_id", f"the same substance has the id „{own_id[row['inn_en']]}“ in substances.csv")
        for name in row.parts("allergy_groups"):
            if name not in allergies:
                yield row.fault("allergy_groups", f"„{name}“ is not in allergies.csv")


def _combinations(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    known = set(selectors.id_of_inn) | {row["inn_en"] for row in tables["other_ingredients.csv"]}
    for row in tables["combinations.csv"]:
        if row["inn_en"] not in selectors.id_of_inn:
            yield row.fault("inn_en", f"the substance „{row['inn_en']}“ is not in the tables")
        yield from (
            row.fault("ingredients", f"the substance „{inn}“ is not in the tables") for inn in row.parts("ingredients") if inn not in known
        )
    for row in tables["dose_meanings.csv"]:
        for column in ("low_inn", "high_inn"):
            if row[column] not in selectors.id_of_inn:
                yield row.fault(column, f"the substance „{row[column]}“ is not in the tables")
        if not (row["low_up_to_mg"].isdigit() and row["high_from_mg"].isdigit() and int(row["low_up_to_mg"]) < int(row["high_from_mg"])):
            yield row.fault("low_up_to_mg", "needs two whole numbers, the low one first")
    for row in tables["class_words.csv"]:
        yield from (
            row.fault("members", f"the substance „{inn}“ is not in the tables")
            for inn in row.parts("members")
            if inn not in selectors.id_of_inn
        )
    for row in tables["other_ingredients.csv"]:
        if row["inn_en"] in selectors.id_of_inn:
            yield row.fault("inn_en", "has a row of its own in another table")


def _products(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    others = {row["inn_en"] for row in tables["other_ingredients.csv"]}
    combined = {row["inn_en"] for row in tables["combinations.csv"] if len(row.parts("ingredients")) > 1} | {
        inn for inn in selectors.id_of_inn if " and " in inn or "combinations" in inn
    }
    files = {"substances": "substances.csv", "dental_drugs": "dental_drugs.csv"}
    listed = {place: {row["inn_en"] for row in tables[file]} for place, file in files.items()} | {NOT_LISTED: others}
    named: dict[str, str] = {}
    for row in tables["products.csv"]:
        inns, places = row.parts("substances"), row.parts("where_listed")
        if len(inns) != len(places):
            yield row.fault("where_listed", f"{len(places)} places for {len(inns)} substances")
        for inn, place in zip(inns, places, strict=False):
            if place not in listed:
                yield row.fault("where_listed", f"„{place}“ is no table")
            elif inn not in listed[place]:
                is_elsewhere = any(inn in inns_there for inns_there in listed.values())
                yield row.fault("where_listed" if is_elsewhere else "substances", f"„{inn}“ is not in „{place}“")
        if (row["is_combination"] == "ja") != (len(inns) > 1 or bool(combined & set(inns))):
            yield row.fault("is_combination", f"does not fit {len(inns)} substances")
        if row["pzn"] and not _PZN.fullmatch(row["pzn"]):
            yield row.fault("pzn", "a PZN has eight digits")
        name = fold(row["trade_name"])
        if named.setdefault(name, row["substances"]) != row["substances"]:
            yield row.fault("trade_name", "the same name stands for other substances")


def _groups(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    for row in tables["groups.csv"]:
        for column in ("extra_substances", "excluded_substances"):
            yield from (
                row.fault(column, f"the substance „{inn}“ is not in the tables")
                for inn in row.parts(column)
                if inn not in selectors.id_of_inn
            )
        members = selectors.groups[row["group_id"]]
        if row.parts("atc_prefixes") and not any(selectors.with_atc(prefix) for prefix in row.parts("atc_prefixes")):
            yield row.fault("atc_prefixes", "no substance has such an ATC code")
        yield from (
            row.fault("atc_prefixes", f"„{prefix}“ is no ATC prefix")
            for prefix in row.parts("atc_prefixes")
            if not _ATC_PREFIX.fullmatch(prefix)
        )
        if not members:
            yield row.fault("group_id", "the group has no member")
        if row["member_count"] != str(len(members)):
            yield row.fault("member_count", f"{row['member_count'] or 'nothing'} stands there, {len(members)} members were found")


def _interactions(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    risks = {row["risk_id"] for row in tables["risks.csv"]} | {""}
    mechanisms = {row["mechanism"] for row in tables["mechanisms.csv"]}
    for row in tables["mechanisms.csv"]:
        if row["risk"] not in risks:
            yield row.fault("risk", f"the risk „{row['risk']}“ is not in risks.csv")
    for row in tables["procedures.csv"]:
        for mark in row.parts("proc"):
            term = selectors.term(mark)
            if isinstance(term, str):
                yield row.fault("proc", term)
    for row in tables["interactions.csv"]:
        for column in ("dental_side", "patient_side"):
            side = selectors.side(row[column])
            if isinstance(side, str):
                yield row.fault(column, side)
        if row["mechanism"] not in mechanisms:
            yield row.fault("mechanism", f"„{row['mechanism']}“ is not in mechanisms.csv")
        if row["evidence"] == "D" and row["severity"] in SEVERITIES[2:]:
            yield row.fault("severity", "plausibility alone (evidence D) reaches at most caution")


def _double_names(tables: Tables, _: Selectors) -> Iterator[Fault]:
    """A name leads to one row: two rows of a table may not be typed alike, nor two substances be called the same."""
    for file, columns in _NAMED.items():
        owners: dict[str, str] = {}
        for row in tables[file]:
            typed = [(column, name) for column in columns.split() for name in row.parts(column)]
            for column, name in typed:
                if owners.setdefault(fold(name), row[IDS[file]]) != row[IDS[file]]:
                    yield row.fault(column, f"„{name}“ is a name of „{owners[fold(name)]}“ too")


def _conditions(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    for row in tables["conditions.csv"]:
        for part in row.parts("affects", ";"):
            name, _, severity = part.rpartition(":")
            if name == "need":
                if severity not in NEEDS:
                    yield row.fault("affects", f"„{severity}“ is no need")
                continue
            if severity not in SEVERITIES:
                yield row.fault("affects", f"„{severity}“ is no severity")
            term = selectors.bare(name)
            if isinstance(term, str):
                yield row.fault("affects", term)
        if row["recent_months"] and not row["recent_months"].isdigit():
            yield row.fault("recent_months", "must be a whole number")
        if bool(row["recent_months"]) != bool(row["otherwise"]):
            yield row.fault("otherwise", "„recent_months“ and „otherwise“ belong together")
        if row["otherwise"] and row["otherwise"] not in selectors.conditions:
            yield row.fault("otherwise", f"the condition „{row['otherwise']}“ is not in conditions.csv")


def _allergies(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    known = {row["allergy_id"] for row in tables["allergies.csv"]}
    for row in tables["allergies.csv"]:
        for member in row.parts("members", ","):
            term = selectors.term(member)
            if isinstance(term, str):
                yield row.fault("members", term)
    for row in tables["cross_reactions.csv"]:
        if row["allergy_id"] not in known:
            yield row.fault("allergy_id", f"the allergy „{row['allergy_id']}“ is not in allergies.csv")
        for column in ("allergens", "selector"):
            terms = [selectors.term(part) for part in row.parts(column, ",")]
            yield from (row.fault(column, term) for term in terms if isinstance(term, str))
        for reaction in row.parts("reactions"):
            if reaction not in _REACTIONS:
                yield row.fault("reactions", f"„{reaction}“ is none of: {', '.join(_REACTIONS)}")
