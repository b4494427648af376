"""Doses and their limits: from rows to structures."""

import re
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
from miz.knowledge.table_files import Row

NOTHING = "ok"
RANGE = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")
REGIMEN_NUMBERS = "max_single max_day max_day_per_kg min_age_years min_weight_kg max_weight_kg"
REGIMEN_RANGES = "single single_per_kg per_day_per_kg doses_per_day interval_h lead_minutes"


def parsed_range(cell: str) -> tuple[float, ...]:
    """`400-600` as (400, 600), `400` as (400, 400), empty as ()."""
    found = RANGE.fullmatch(cell)
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
        pregnancy=tuple(FromWeek(int(week), _level(level)) for week, _, level in weeks_of(row)),
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
    figures: dict[str, Any] = {column: parsed_range(row[column]) for column in REGIMEN_RANGES.split()}
    figures |= {column: parsed_number(row[column]) for column in REGIMEN_NUMBERS.split()}
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


def weeks_of(row: Row) -> list[tuple[str, str, str]]:
    """Week, mark and level as written, `ok` for the whole pregnancy left out."""
    return [part.partition(":") for part in row.parts("pregnancy") if part != NOTHING]
