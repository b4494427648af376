"""Reads the CSV tables and collects every fault with file, row and column, so that one run shows them all."""

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from miz.kernel.errors import MizError
from miz.knowledge.model import Words

TABLES_FOLDER = Path(__file__).parent / "tables"

COLUMNS: dict[str, str] = {
    "substances.csv": "substance_id inn_en name_de synonyms atc section_de section_en risks acb qt groups priscus sources",
    "dental_drugs.csv": (
        "drug_id inn_en name_de synonyms atc group_de group_en route_de route_en dose_de dose_en single_mg interval_h "
        "max_day_de max_day_en max_day_mg min_age_de min_age_en min_age_years min_weight_kg min_age_severity pregnancy "
        "lactation kidney liver allergy_groups risks qt groups notes_de notes_en sources"
    ),
    "other_ingredients.csv": "inn_en name_de",
    "combinations.csv": "inn_en ingredients is_named_by_ingredients is_usual_form",
    "products.csv": "product_id trade_name synonyms substances is_combination where_listed pzn context_de context_en carries ask",
    "dose_meanings.csv": "low_inn high_inn low_up_to_mg high_from_mg open_names",
    "makers.csv": "maker",
    "class_words.csv": "word_de word_en synonyms members",
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
    "allergies.csv": "allergy_id name_de name_en synonyms members severity notes_de notes_en sources",
    "la_max_doses.csv": (
        "solution_id agent name_de name_en vasoconstrictor dilution agent_mg_per_ml epinephrine_ug_per_ml cartridge_ml "
        "max_mg_per_kg max_mg_absolute child_max_mg_per_kg min_age_years min_weight_kg products notes_de notes_en sources"
    ),
    "vasoconstrictor_limits.csv": "limit_id agent name_de name_en limit_per_session unit applies applies_to_de applies_to_en sources",
    "dose_regimens.csv": (
        "regimen_id purpose population substance route unit single single_per_kg per_day_per_kg doses_per_day interval_h "
        "max_single max_day max_day_per_kg min_age_years min_weight_kg max_weight_kg lead_minutes duration_de duration_en "
        "text_de text_en note_de note_en penicillin_allergy is_advised_against sources"
    ),
    "question_groups.csv": "group_id order name_de name_en",
    "questions.csv": "group_id order condition_id observation question_de question_en hint_de hint_en asked_of sources",
    "organ_limits.csv": "limit_id drug_id organ below_egfr stage severity action_de action_en sources",
    "cross_reactions.csv": "cross_id allergy_id allergens selector severity reactions sources",
    "priscus_limits.csv": "limit_id substance max_day_mg max_days unless severity words_de words_en alternative_de alternative_en sources",
    "documents.csv": "document_id product_id title as_of sources",
    "document_sections.csv": "document_id section title text",
    "gaps.csv": "gap_id text_de text_en",
    "reviews.csv": "table row_id sha256 reviewer date",
    "sources.csv": "source_id title publisher year type url status_and_use_de status_and_use_en",
}

# the column that names a row; rows of the other tables have no name of their own
IDS = {
    "substances.csv": "substance_id",
    "dental_drugs.csv": "drug_id",
    "organ_limits.csv": "limit_id",
    "other_ingredients.csv": "inn_en",
    "combinations.csv": "inn_en",
    "products.csv": "product_id",
    "dose_meanings.csv": "low_inn",
    "makers.csv": "maker",
    "class_words.csv": "word_de",
    "groups.csv": "group_id",
    "risks.csv": "risk_id",
    "mechanisms.csv": "mechanism",
    "interactions.csv": "rule_id",
    "procedures.csv": "procedure_id",
    "conditions.csv": "condition_id",
    "allergies.csv": "allergy_id",
    "cross_reactions.csv": "cross_id",
    "la_max_doses.csv": "solution_id",
    "vasoconstrictor_limits.csv": "limit_id",
    "dose_regimens.csv": "regimen_id",
    "priscus_limits.csv": "limit_id",
    "question_groups.csv": "group_id",
    "documents.csv": "document_id",
    "gaps.csv": "gap_id",
    "sources.csv": "source_id",
}
SEVERITIES = ("info", "caution", "warning", "contraindicated")


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
    """One row of a table, with its place. `is_reviewed` once two people have signed exactly this text."""

    file: str
    number: int
    cells: dict[str, str]
    is_reviewed: bool = False

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def parts(self, column: str, separator: str = "|") -> list[str]:
        """The values of a cell that holds several."""
        return [part.strip() for part in self.cells[column].split(separator) if part.strip()]

    def words(self, name: str) -> Words:
        """The text of the columns `name_de` and `name_en`."""
        return Words(self.cells[f"{name}_de"], self.cells[f"{name}_en"])

    def sources(self) -> tuple[str, ...]:
        """Where to check it; `none` is no source."""
        return tuple(name for name in self.parts("sources") if name != "none")

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
