"""Lines as receptionists type them (`typed_lines.csv`): what each means, what it asks, what is kept of it; `-` stays as typed.

`means` are English INNs, or ids of procedures, conditions, allergies; `keeps` names parts of the dosing in milligrams and
units, the reaction, the months that have passed, the place.
"""

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from miz.knowledge.edition import Edition
from miz.knowledge.resolution import Resolution
from miz.knowledge.resolver import Resolver

TODAY = date(2026, 11, 22)
LEFT = "-"
with (Path(__file__).parent / "typed_lines.csv").open(encoding="utf-8", newline="") as file:
    LINES = list(csv.DictReader(file))


@pytest.fixture(scope="module")
def resolver(edition: Edition) -> Resolver:
    return Resolver(edition)


def understood(resolver: Resolver, role: str, line: str) -> Resolution:
    match role:
        case "medication":
            return resolver.medication(line)
        case "planned":
            return resolver.planned(line)
        case "condition":
            return resolver.condition(line, TODAY)
        case _:
            return resolver.allergy(line)


def means(edition: Edition, found: Resolution) -> str:
    if not found.is_resolved:
        return LEFT
    is_drug = found.role in ("medication", "planned") and found.kind != "procedure"
    return " + ".join(edition.substances[part].inn for part in found.substances) if is_drug else " + ".join(found.ids)


def kept(found: Resolution, part: str) -> str:
    dosing = found.dosing
    whole: dict[str, Any] = {
        "strengths": "/".join(f"{value:g}" for value in dosing.strengths_mg) if dosing else "",
        "form": dosing.form if dosing else "",
        "scheme": "/".join(f"{value:g}" for value in dosing.scheme or ()) if dosing else "",
        "needed": "yes" if dosing and dosing.is_as_needed else "no",
        "schedule": dosing.schedule if dosing else "",
        "units": f"{dosing.units_per_day:g}" if dosing and dosing.units_per_day is not None else "",
        "day": f"{dosing.day_mg:g}" if dosing and dosing.day_mg is not None else "",
        "days": f"{dosing.days}" if dosing and dosing.days is not None else "",
        "reaction": found.reaction,
        "months": "" if found.months_ago is None else f"{found.months_ago:g}",
        "place": found.place,
    }
    return str(whole[part])


@pytest.mark.parametrize("row", LINES, ids=lambda row: f"{row['role']}: {row['line']}")
def test_a_typed_line_means_what_it_says_and_no_more(edition: Edition, resolver: Resolver, row: dict[str, str]) -> None:
    found = understood(resolver, row["role"], row["line"])
    assert (means(edition, found), " ".join(found.questions)) == (row["means"], row["asks"])
    for part, wanted in (wish.split("=", 1) for wish in _wishes(row["keeps"])):
        assert kept(found, part) == wanted, part


def _wishes(keeps: str) -> list[str]:
    """`schedule=seit gestern needed=yes` in its parts; a value may hold blanks."""
    wishes: list[str] = []
    for word in keeps.split(" "):
        if "=" in word:
            wishes.append(word)
        elif word:
            wishes[-1] += f" {word}"
    return wishes


def test_there_are_enough_lines_and_enough_that_ask_or_stay() -> None:
    assert len(LINES) >= 300
    assert len([row for row in LINES if row["means"] == LEFT or row["asks"]]) >= 50
    assert len({(row["role"], row["line"]) for row in LINES}) == len(LINES)


def test_a_line_that_stays_as_typed_counts_for_no_rule(resolver: Resolver) -> None:
    for row in LINES:
        if row["means"] == LEFT:
            found = understood(resolver, row["role"], row["line"])
            assert (found.tokens, found.substances, found.ids, found.text) == (frozenset(), (), (), row["line"])
