"""Doses and their limits: from rows to structures, and what can be wrong with the rows."""

import re
from collections.abc import Iterator
from typing import Any

from miz.knowledge.model import (
    AnaestheticSolution,
    BelowEgfr,
    DentalDrug,
    DoseRegimen,
    FromWeek,
    InLiver,
    PriscusLimit,
    VasoconstrictorLimit,
)
from miz.knowledge.selectors import Selectors
from miz.knowledge.table_files import SEVERITIES, Fault, Row, Tables

NOTHING = "ok"
_LAST_WEEK = 42
_MOST_EGFR = 120
_OLDEST = 120
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")
_IN_TEXT = re.compile(r"\d+(?:[.,]\d+)*")

_SOLUTION = (
    "agent_mg_per_ml epinephrine_ug_per_ml cartridge_ml max_mg_per_kg max_mg_absolute child_max_mg_per_kg min_age_years min_weight_kg"
)
_REGIMEN = "max_single max_day max_day_per_kg min_age_years min_weight_kg max_weight_kg"
_NUMBERS = {
    "dental_drugs.csv": "max_day_mg min_age_years min_weight_kg",
    "organ_limits.csv": "below_egfr",
    "la_max_doses.csv": f"{_SOLUTION} dilution",
    "vasoconstrictor_limits.csv": "limit_per_session",
    "dose_regimens.csv": _REGIMEN,
    "priscus_limits.csv": "max_day_mg max_days",
}
_RANGES = {
    "dental_drugs.csv": "single_mg interval_h",
    "dose_regimens.csv": "single single_per_kg per_day_per_kg doses_per_day interval_h lead_minutes",
}
# what the texts say and what is computed must be the same numbers; grams and thousands are read as they are written
_SAID = {
    "dental_drugs.csv": {"dose": "single_mg interval_h", "max_day": "max_day_mg"},
    "dose_regimens.csv": {
        "text": "single single_per_kg per_day_per_kg doses_per_day interval_h max_day max_day_per_kg lead_minutes",
        "note": "",
        "duration": "",
    },
    "organ_limits.csv": {"action": ""},
    "priscus_limits.csv": {"words": "max_day_mg max_days", "alternative": ""},
    "la_max_doses.csv": {"name": "dilution", "notes": ""},
}
_NUMBER_WORDS = (("einmal", 1.0), ("einmalig", 1.0), ("once", 1.0), ("zweimal", 2.0), ("twice", 2.0))
_DAILY = 24


def parsed_range(cell: str) -> tuple[float, ...]:
    """`400-600` as (400, 600), `400` as (400, 400), empty as ()."""
    found = _RANGE.fullmatch(cell)
    return (float(found[1]), float(found[2] or found[1])) if found else ()


def parsed_number(cell: str) -> float | None:
    return float(cell) if cell else None


def dental_drug_of(row: Row, limits: list[Row]) -> DentalDrug:
    """`limits` are the rows of `organ_limits.csv` of this drug."""
    return DentalDrug(
        id=row["drug_id"],
        group=row.words("group"),
        route=row.words("route"),
        dose=row.words("dose"),
        max_day=row.words("max_day"),
        min_age=row.words("min_age"),
        notes=row.words("notes"),
        single_mg=parsed_range(row["single_mg"]),
        interval_h=parsed_range(row["interval_h"]),
        max_day_mg=parsed_number(row["max_day_mg"]),
        min_age_years=parsed_number(row["min_age_years"]),
        min_weight_kg=parsed_number(row["min_weight_kg"]),
        min_age_severity=row["min_age_severity"] or "warning",  # type: ignore[arg-type]
        pregnancy=tuple(FromWeek(int(week), _level(level)) for week, _, level in _weeks(row)),
        lactation=_level(row["lactation"]),
        is_kidney_rated=bool(row["kidney"]),
        is_liver_rated=bool(row["liver"]),
        renal=tuple(
            sorted(
                (BelowEgfr(float(one["below_egfr"]), one["severity"], one.words("action")) for one in limits if one["organ"] == "kidney"),  # type: ignore[arg-type]
                key=lambda limit: limit.below,
            )
        ),
        hepatic=tuple(InLiver(one["stage"], one["severity"], one.words("action")) for one in limits if one["organ"] == "liver"),  # type: ignore[arg-type]
        sources=row.sources(),
        is_reviewed=row.is_reviewed and all(one.is_reviewed for one in limits),
    )


def solution_of(row: Row, selectors: Selectors) -> AnaestheticSolution:
    return AnaestheticSolution(
        id=row["solution_id"],
        agent=selectors.id_of_inn[row["agent"]],
        vasoconstrictor=selectors.id_of_inn.get(row["vasoconstrictor"], ""),
        dilution=int(row["dilution"] or 0),
        name=row.words("name"),
        mg_per_ml=float(row["agent_mg_per_ml"]),
        epinephrine_ug_per_ml=float(row["epinephrine_ug_per_ml"]),
        cartridge_ml=parsed_number(row["cartridge_ml"]),
        max_mg_per_kg=parsed_number(row["max_mg_per_kg"]),
        max_mg=parsed_number(row["max_mg_absolute"]),
        child_max_mg_per_kg=parsed_number(row["child_max_mg_per_kg"]),
        min_age_years=parsed_number(row["min_age_years"]),
        min_weight_kg=parsed_number(row["min_weight_kg"]),
        notes=row.words("notes"),
        products=tuple(row.parts("products")),
        sources=row.sources(),
        is_reviewed=row.is_reviewed,
    )


def vasoconstrictor_limit_of(row: Row, selectors: Selectors) -> VasoconstrictorLimit:
    return VasoconstrictorLimit(
        id=row["limit_id"],
        agent=selectors.id_of_inn[row["agent"]],
        name=row.words("name"),
        limit=float(row["limit_per_session"]),
        unit="mg" if row["unit"] == "mg" else "I.E.",
        applies="cardiac" if row["applies"] == "cardiac" else "healthy",
        words=row.words("applies_to"),
        sources=row.sources(),
        is_reviewed=row.is_reviewed,
    )


def regimen_of(row: Row, selectors: Selectors) -> DoseRegimen:
    figures: dict[str, Any] = {column: parsed_range(row[column]) for column in _RANGES["dose_regimens.csv"].split()}
    figures |= {column: parsed_number(row[column]) for column in _REGIMEN.split()}
    return DoseRegimen(
        id=row["regimen_id"],
        substance=selectors.id_of_inn[row["substance"]],
        purpose=row["purpose"],
        population=row["population"],  # type: ignore[arg-type]
        route=row["route"],
        unit=row["unit"],  # type: ignore[arg-type]
        duration=row.words("duration"),
        text=row.words("text"),
        note=row.words("note"),
        penicillin_allergy=row["penicillin_allergy"],  # type: ignore[arg-type]
        is_advised_against=row["is_advised_against"] == "yes",
        sources=row.sources(),
        is_reviewed=row.is_reviewed,
        **figures | {"lead_minutes": tuple(int(minutes) for minutes in figures["lead_minutes"])},
    )


def priscus_limit_of(row: Row, selectors: Selectors) -> PriscusLimit:
    unless = [selectors.term(part) for part in row.parts("unless")]
    return PriscusLimit(
        id=row["limit_id"],
        substance=selectors.id_of_inn[row["substance"]],
        max_day_mg=parsed_number(row["max_day_mg"]),
        max_days=int(row["max_days"]) if row["max_days"] else None,
        unless=frozenset(token for term in unless if not isinstance(term, str) for token in term),
        severity=row["severity"],  # type: ignore[arg-type]
        words=row.words("words"),
        alternative=row.words("alternative"),
        sources=row.sources(),
        is_reviewed=row.is_reviewed,
    )


def _level(level: str) -> Any:
    return "" if level == NOTHING else level


def _weeks(row: Row) -> list[tuple[str, str, str]]:
    return [part.partition(":") for part in row.parts("pregnancy") if part != NOTHING]


def dose_faults(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    """Everything about doses that a machine can see."""
    yield from _figures(tables)
    yield from _texts(tables)
    for row in tables["dental_drugs.csv"]:
        yield from _pregnancy(row)
        if bool(row["min_age_years"] or row["min_weight_kg"]) != bool(row["min_age_severity"]):
            yield row.fault("min_age_severity", "belongs to a minimum age or weight")
    yield from _organs(tables)
    for file, column in (
        ("la_max_doses.csv", "agent"), ("vasoconstrictor_limits.csv", "agent"), ("dose_regimens.csv", "substance"),
        ("priscus_limits.csv", "substance"),
    ):  # fmt: skip
        for row in tables[file]:
            if row[column] not in selectors.id_of_inn:
                yield row.fault(column, f"the substance „{row[column]}“ is not in the tables")
    for row in tables["la_max_doses.csv"]:
        yield from _solution(row, selectors)
        yield from _trade_names(row, tables)
    for row in tables["dose_regimens.csv"]:
        yield from _regimen(row)
    yield from _priscus(tables, selectors)


def _figures(tables: Tables) -> Iterator[Fault]:
    for file, columns in _NUMBERS.items():
        for row in tables[file]:
            for column in columns.split():
                if row[column] and not _NUMBER.fullmatch(row[column]):
                    yield row.fault(column, f"„{row[column]}“ is no number")
    for file, columns in _RANGES.items():
        for row in tables[file]:
            for column in columns.split():
                found = _RANGE.fullmatch(row[column])
                if row[column] and not found:
                    yield row.fault(column, f"„{row[column]}“ is neither a number nor two of them")
                elif found and found[2] and float(found[1]) >= float(found[2]):
                    yield row.fault(column, f"„{row[column]}“: the low number comes first")
    for file in ("dental_drugs.csv", "la_max_doses.csv", "dose_regimens.csv"):
        for row in tables[file]:
            if _NUMBER.fullmatch(row["min_age_years"]) and float(row["min_age_years"]) > _OLDEST:
                yield row.fault("min_age_years", "nobody is so old")


def _texts(tables: Tables) -> Iterator[Fault]:
    for file, texts in _SAID.items():
        for row in tables[file]:
            for text, columns in texts.items():
                said = _numbers_in(row[f"{text}_de"], german=True)
                if said != _numbers_in(row[f"{text}_en"], german=False):
                    yield row.fault(f"{text}_en", "names other numbers than the German text")
                said |= _numbers_in(row.cells.get("note_de", ""), german=True)
                for column in columns.split():
                    figures = {float(found) for found in _NUMBER.findall(row[column])}
                    if row[f"{text}_de"] and not figures <= said | _once_a_day(column):
                        yield row.fault(column, f"„{row[column]}“ does not stand in „{text}_de“")


def _numbers_in(text: str, *, german: bool) -> set[float]:
    """The numbers of a text; 2 g counts as 2 and as 2000."""
    point, thousands = (",", ".") if german else (".", ",")
    numbers = {number for word, number in _NUMBER_WORDS if re.search(rf"\b{word}\b", text)}
    for found in _IN_TEXT.finditer(text):
        plain = found[0].replace(thousands, "").replace(point, ".")
        if not _NUMBER.fullmatch(plain):
            continue
        numbers.add(float(plain))
        if re.match(r"\s*g\b", text[found.end() :]) or re.match(r"\s*(?:bis|to)\s+\S+\s+g\b", text[found.end() :]):
            numbers.add(float(plain) * 1000)
    return numbers


def _once_a_day(column: str) -> set[float]:
    """An interval of a day is written "once daily"; how often a day follows from the interval where the text names that."""
    return {float(_DAILY)} if column == "interval_h" else {1.0, 2.0} if column == "doses_per_day" else set()


def _pregnancy(row: Row) -> Iterator[Fault]:
    before = 0
    for week, mark, level in _weeks(row):
        if not mark or level not in (*SEVERITIES, NOTHING):
            yield row.fault("pregnancy", f"„{level}“ is no severity")
        if not week.isdigit() or not 1 <= int(week) <= _LAST_WEEK:
            yield row.fault("pregnancy", f"„{week}“ is no week of pregnancy")
        elif int(week) <= before:
            yield row.fault("pregnancy", "the weeks must rise")
        else:
            before = int(week)
    if not row["pregnancy"]:
        yield row.fault("pregnancy", f"must say „{NOTHING}“ or from which week on what counts")


def _organs(tables: Tables) -> Iterator[Fault]:
    drugs = {row["drug_id"] for row in tables["dental_drugs.csv"]}
    limited: set[tuple[str, str]] = set()
    places: set[tuple[str, ...]] = set()
    for row in tables["organ_limits.csv"]:
        if row["drug_id"] not in drugs:
            yield row.fault("drug_id", f"the drug „{row['drug_id']}“ is not in dental_drugs.csv")
        is_kidney = row["organ"] == "kidney"
        if is_kidney != bool(row["below_egfr"]):
            yield row.fault("below_egfr", "belongs to the kidney, and only there")
        if _NUMBER.fullmatch(row["below_egfr"]) and not 0 < float(row["below_egfr"]) <= _MOST_EGFR:
            yield row.fault("below_egfr", f"must be more than 0 and at most {_MOST_EGFR}")
        if row["stage"] not in (("",) if is_kidney else ("any", "severe")):
            yield row.fault("stage", "is „any“ or „severe“ for the liver, and empty for the kidney")
        place = (row["drug_id"], row["organ"], row["below_egfr"], row["stage"])
        if place in places:
            yield row.fault("limit_id", "the same stage stands twice")
        places.add(place)
        limited.add((row["drug_id"], row["organ"]))
    for row in tables["dental_drugs.csv"]:
        for organ in ("kidney", "liver"):
            if (row[organ] == "limits") != ((row["drug_id"], organ) in limited):
                yield row.fault(organ, "„limits“ stands where organ_limits.csv has rows, and only there")


def _solution(row: Row, selectors: Selectors) -> Iterator[Fault]:
    vasoconstrictor, dilution = row["vasoconstrictor"], row["dilution"]
    if vasoconstrictor and vasoconstrictor not in selectors.id_of_inn:
        yield row.fault("vasoconstrictor", f"the substance „{vasoconstrictor}“ is not in the tables")
    if (vasoconstrictor == "epinephrine") != bool(dilution):
        yield row.fault("dilution", "belongs to epinephrine, and only there")
    strength = row["epinephrine_ug_per_ml"]
    if _NUMBER.fullmatch(strength) and (not dilution or (_NUMBER.fullmatch(dilution) and float(dilution) > 0)):
        expected = 1_000_000 / float(dilution) if dilution else 0.0
        if abs(float(strength) - expected) > 0.01:
            yield row.fault("epinephrine_ug_per_ml", f"1:{dilution or 0} is {expected:g} micrograms per ml")
    if not row["max_mg_per_kg"] and not row["max_mg_absolute"]:
        yield row.fault("max_mg_per_kg", "a solution needs a maximum per kg or an absolute one")


def _trade_names(row: Row, tables: Tables) -> Iterator[Fault]:
    """A product named by a solution holds just its agent and its vasoconstrictor."""
    holds = {product["product_id"]: product.parts("substances") for product in tables["products.csv"]}
    for product in row.parts("products"):
        if holds.get(product) != [part for part in (row["agent"], row["vasoconstrictor"]) if part]:
            yield row.fault("products", f"„{product}“ is no product of this agent and vasoconstrictor")


def _regimen(row: Row) -> Iterator[Fault]:
    amounts = [column for column in ("single", "single_per_kg", "per_day_per_kg") if row[column]]
    if row["is_advised_against"] == "yes":
        if amounts:
            yield row.fault(amounts[0], "what is advised against has no dose")
    elif len(amounts) != 1:
        yield row.fault("single", "a regimen has one kind of dose: single, single_per_kg or per_day_per_kg")
    if row["per_day_per_kg"] and not row["doses_per_day"]:
        yield row.fault("doses_per_day", "must say among how many doses the day is shared")
    single, most = parsed_range(row["single"]), row["max_single"]
    if single and _NUMBER.fullmatch(most) and float(most) < single[1]:
        yield row.fault("max_single", "is less than the single dose")
    low, high = row["min_weight_kg"], row["max_weight_kg"]
    if _NUMBER.fullmatch(low) and _NUMBER.fullmatch(high) and float(low) >= float(high):
        yield row.fault("max_weight_kg", "the least weight must be below the most")
    if (row["purpose"] == "endocarditis_prophylaxis") != bool(row["lead_minutes"]) and row["is_advised_against"] == "no":
        yield row.fault("lead_minutes", "belongs to prophylaxis, and only there")


def _priscus(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    rated = {row["inn_en"]: row["priscus"] for row in tables["substances.csv"]}
    limited = {row["substance"] for row in tables["priscus_limits.csv"] if row["max_day_mg"] or row["max_days"]}
    for row in tables["priscus_limits.csv"]:
        for part in row.parts("unless"):
            term = selectors.term(part)
            if isinstance(term, str):
                yield row.fault("unless", term)
        if not rated.get(row["substance"]):
            yield row.fault("substance", "substances.csv does not rate it")
        if (rated.get(row["substance"]) == "conditional") != (row["substance"] in limited):
            yield row.fault("max_day_mg", "a limit belongs to what substances.csv calls „conditional“")
    for row in tables["substances.csv"]:
        if row["priscus"] == "conditional" and row["inn_en"] not in limited:
            yield row.fault("priscus", "„conditional“ needs its limit in priscus_limits.csv")
