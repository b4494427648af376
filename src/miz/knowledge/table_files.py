"""Reads the CSV tables and collects every fault with file, row and column, so that one run shows them all."""

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from miz.kernel.errors import MizError

TABLES_FOLDER = Path(__file__).parent / "tables"

COLUMNS: dict[str, str] = {
    "substances.csv": "substance_id inn_en name_de synonyms atc section risks acb qt groups priscus sources",
    "dental_drugs.csv": (
        "drug_id inn_en name_de synonyms atc group_de group_en route dose_adult_de max_day_de min_age_de preg_t1 preg_t2 preg_t3 lactation renal_de "
        "hepatic_de allergy_groups risks qt groups notes_de notes_en sources"
    ),
    "other_ingredients.csv": "inn_en name_de",
    "combinations.csv": "inn_en ingredients is_named_by_ingredients is_usual_form",
    "products.csv": "product_id trade_name synonyms substances is_combination where_listed pzn context_de carries ask",
    "dose_meanings.csv": "low_inn high_inn low_up_to_mg high_from_mg open_names",
    "makers.csv": "maker",
    "groups.csv": "group_id name_de name_en atc_prefixes extra_substances excluded_substances member_count",
    "risks.csv": "risk_id name_de name_en default_severity needs meaning_de meaning_en management_de management_en sources",
    "interactions.csv": (
        "rule_id dental_side patient_side severity mechanism effect_de recommendation_de effect_en recommendation_en sources evidence"
    ),
    "mechanisms.csv": "mechanism name_de name_en risk",
    "procedures.csv": "procedure_id name_de name_en synonyms bleeding bone gingiva_or_apex proc",
    "conditions.csv": (
        "condition_id icd10gm name_de name_en synonyms recent_months otherwise affects recommendation_de recommendation_en sources"
    ),
    "allergies.csv": "allergy_id name_de name_en synonyms members severity cross_reactions notes_de notes_en sources",
    "la_max_doses.csv": (
        "agent product_strength_de vasoconstrictor agent_mg_per_ml epinephrine_ug_per_ml cartridge_ml max_mg_per_kg max_mg_absolute "
        "child_max_mg_per_kg min_age_years min_weight_kg notes_de sources"
    ),
    "vasoconstrictor_limits.csv": "agent name_de limit_per_session unit applies_to_de sources",
    "dose_regimens.csv": "purpose population substance dose_de dose_upper_de interval_de max_de duration_de condition_de sources",
    "question_groups.csv": "group_id order name_de name_en",
    "questions.csv": "group_id order condition_id observation question_de question_en hint_de hint_en asked_of sources",
    "sources.csv": "source_id title publisher year type url status_and_use_de",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the tables. `row` counts as a spreadsheet does: the heading is row 1."""

    file: str
    row: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}, column {self.column}: {self.text}"


class KnowledgeFaultsError(MizError):
    """The tables hold faults; no edition was written. `faults` names every one of them."""

    code = "knowledge-faults"
    title = "The tables of the drug data hold faults."
    kind = "integrity"
    hint = "Correct each place named and compile again. The edition in use stays as it is."

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table, with its place."""

    file: str
    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def parts(self, column: str, separator: str = "|") -> list[str]:
        """The values of a cell that holds several."""
        return [part.strip() for part in self.cells[column].split(separator) if part.strip()]

    def fault(self, column: str, text: str) -> Fault:
        return Fault(self.file, self.number, column, text)


@dataclass
class Tables:
    """All tables as read, and the faults found while reading."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    edition: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)

    def __getitem__(self, file: str) -> list[Row]:
        return self.rows[file]

    def inns(self) -> dict[str, Row]:
        """Every substance with a row of its own, by English INN; the patient's table before the dentist's."""
        return {row["inn_en"]: row for file in ("dental_drugs.csv", "substances.csv") for row in self.rows[file]}


def read_tables(folder: Path = TABLES_FOLDER) -> Tables:
    """Read every table of `folder`. Faults of form (no file, no column, cells too many) are collected, not raised."""
    tables = Tables()
    for file, columns in COLUMNS.items():
        tables.rows[file] = list(_rows(folder / file, columns.split(), tables))
    _read_edition(folder / "edition.toml", tables)
    return tables


def _rows(path: Path, columns: list[str], tables: Tables) -> Iterator[Row]:
    try:
        tables.content[path.name] = path.read_bytes()
        lines = csv.reader(tables.content[path.name].decode("utf-8").splitlines())
        heading = next(lines, [])
    except (OSError, UnicodeDecodeError) as error:
        tables.faults.append(Fault(path.name, 1, "-", f"cannot be read: {type(error).__name__}"))
        return
    missing = [column for column in columns if column not in heading]
    tables.faults += [Fault(path.name, 1, column, "the column is missing") for column in missing]
    for number, cells in enumerate(lines, 2):
        if len(cells) != len(heading):
            tables.faults.append(Fault(path.name, number, heading[0], f"{len(cells)} cells, the heading has {len(heading)}"))
        else:
            yield Row(path.name, number, dict.fromkeys(columns, "") | dict(zip(heading, (cell.strip() for cell in cells), strict=True)))


def _read_edition(path: Path, tables: Tables) -> None:
    try:
        tables.content[path.name] = path.read_bytes()
        tables.edition = tomllib.loads(tables.content[path.name].decode("utf-8"))
    except (OSError, ValueError) as error:
        tables.faults.append(Fault(path.name, 1, "-", f"cannot be read: {type(error).__name__}"))
        return
    shapes = {"id": str, "year": int, "date": date, "valid_until": date}
    for name, shape in shapes.items():
        if type(tables.edition.get(name)) is not shape:
            tables.faults.append(Fault(path.name, 1, name, f"must be given as {shape.__name__}"))
            return
    year = tables.edition["year"]
    if not tables.edition["id"].startswith(f"{year}."):
        tables.faults.append(Fault(path.name, 1, "id", "must begin with the year"))
    if tables.edition["date"].year != year:
        tables.faults.append(Fault(path.name, 1, "date", "must lie in the year"))
    if tables.edition["valid_until"] != date(year + 1, 3, 31):
        tables.faults.append(Fault(path.name, 1, "valid_until", "must be 31 March of the year after"))
