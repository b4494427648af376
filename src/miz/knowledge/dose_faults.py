"""What can be wrong with the tables of doses: figures out of range, and texts that name others."""

import re
from collections.abc import Iterator

from miz.knowledge.dose_tables import NOTHING, RANGE, REGIMEN_NUMBERS, REGIMEN_RANGES, parsed_range, weeks_of
from miz.knowledge.selectors import Selectors
from miz.knowledge.table_files import SEVERITIES, Fault, Row, Tables

_LAST_WEEK = 42
_MOST_EGFR = 120
_OLDEST = 120
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_IN_TEXT = re.compile(r"\d+(?:[.,]\d+)*")

_SOLUTION = (
    "agent_mg_per_ml epinephrine_ug_per_ml cartridge_ml max_mg_per_kg max_mg_absolute child_max_mg_per_kg min_age_years min_weight_kg"
)
_NUMBERS = {
    "dental_drugs.csv": "max_day_mg min_age_years min_weight_kg",
    "organ_limits.csv": "below_egfr",
    "la_max_doses.csv": f"{_SOLUTION} dilution",
    "vasoconstrictor_limits.csv": "limit_per_session",
    "dose_regimens.csv": REGIMEN_NUMBERS,
    "priscus_limits.csv": "max_day_mg max_days",
}
_RANGES = {
    "dental_drugs.csv": "single_mg interval_h",
    "dose_regimens.csv": REGIMEN_RANGES,
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
                found = RANGE.fullmatch(row[column])
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
    for week, mark, level in weeks_of(row):
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
