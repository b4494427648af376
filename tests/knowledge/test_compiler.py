"""The compiler names every fault with file, row and column, and makes the same bytes of the same tables."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from miz.knowledge.compiler import compile_edition, main
from miz.knowledge.edition import Edition
from miz.knowledge.monographs import find_monographs, monograph
from miz.knowledge.reviews import fingerprint
from miz.knowledge.table_files import TABLES_FOLDER, KnowledgeFaultsError, read_tables

Change = Callable[[list[dict[str, str]]], None]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    shutil.copytree(TABLES_FOLDER, folder)
    return folder


def change(path: Path, edit: Change) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows, columns = list(reader), list(reader.fieldnames or ())
    edit(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def cell(row: int, column: str, value: str) -> Change:
    def edit(rows: list[dict[str, str]]) -> None:
        rows[row - 2][column] = value

    return edit


def row_of(file: str, column: str, value: str) -> int:
    with (TABLES_FOLDER / file).open(newline="", encoding="utf-8") as lines:
        return next(number for number, row in enumerate(csv.DictReader(lines), 2) if row[column] == value)


def also(**values: str) -> Change:
    """A copy of the first row with other values, at the end."""

    def edit(rows: list[dict[str, str]]) -> None:
        rows.append(rows[0] | values)

    return edit


PLANTED = {
    "substance of a rule unknown": ("interactions.csv", 2, "dental_side", "sub:ibuprofn"),
    "group of a rule unknown": ("interactions.csv", 2, "patient_side", "grp:vkas"),
    "second half of a + selector unknown": ("interactions.csv", 14, "patient_side", "grp:raas+grp:diuretics"),
    "kind of selector unknown": ("interactions.csv", 3, "dental_side", "drug:ibuprofen"),
    "no selector at all": ("interactions.csv", 3, "dental_side", "ibuprofen"),
    "atc prefix that meets nothing": ("interactions.csv", 3, "dental_side", "atc:Q99"),
    "procedure mark that no procedure carries": ("interactions.csv", 3, "dental_side", "proc:surgeri"),
    "condition of a rule unknown": ("interactions.csv", 3, "dental_side", "cond:ASTMA"),
    "severity unknown": ("interactions.csv", 2, "severity", "high"),
    "evidence unknown": ("interactions.csv", 2, "evidence", "E"),
    "plausibility as a warning": ("interactions.csv", row_of("interactions.csv", "rule_id", "I028"), "severity", "warning"),
    "mechanism unknown": ("interactions.csv", 2, "mechanism", "PD-MAGIC"),
    "source unknown": ("interactions.csv", 2, "sources", "DZZ2018|GUESS"),
    "English missing": ("interactions.csv", 2, "effect_en", ""),
    "action missing": ("interactions.csv", 2, "recommendation_de", ""),
    "risk of a substance unknown": ("substances.csv", 2, "risks", "TAST:info"),
    "severity of a risk unknown": ("substances.csv", 2, "risks", "TASTE:bad"),
    "atc code malformed": ("substances.csv", 2, "atc", "A02BC1"),
    "group column against groups.csv": ("substances.csv", 2, "groups", "ppi|vka"),
    "qt class unknown": ("substances.csv", 2, "qt", "maybe"),
    "id of the same substance differs": ("dental_drugs.csv", 2, "drug_id", "ibuprofen-dental"),
    "pregnancy value unknown": ("dental_drugs.csv", 2, "pregnancy", "1:perhaps"),
    "week of pregnancy beyond the last": ("dental_drugs.csv", 2, "pregnancy", "1:caution|43:warning"),
    "week of pregnancy zero": ("dental_drugs.csv", 2, "pregnancy", "0:caution"),
    "weeks of pregnancy that fall": ("dental_drugs.csv", 2, "pregnancy", "20:caution|14:warning"),
    "pregnancy not stated": ("dental_drugs.csv", 2, "pregnancy", ""),
    "lactation value unknown": ("dental_drugs.csv", 2, "lactation", "avoid"),
    "dose in words": ("dental_drugs.csv", 2, "single_mg", "400 bis 600"),
    "dose upside down": ("dental_drugs.csv", 2, "single_mg", "600-400"),
    "dose that its text does not name": ("dental_drugs.csv", 2, "single_mg", "400-800"),
    "maximum that its text does not name": ("dental_drugs.csv", 2, "max_day_mg", "4800"),
    "interval that its text does not name": ("dental_drugs.csv", 2, "interval_h", "4"),
    "dose in one language": ("dental_drugs.csv", 2, "dose_en", ""),
    "dose of other numbers in English": ("dental_drugs.csv", 2, "dose_en", "400 to 500 mg every 6 to 8 h"),
    "minimum age of nobody": ("dental_drugs.csv", 2, "min_age_years", "300"),
    "minimum age without a severity": ("dental_drugs.csv", 2, "min_age_severity", ""),
    "kidney called unlimited against its rows": ("dental_drugs.csv", 2, "kidney", "none"),
    "kidney value unknown": ("dental_drugs.csv", 2, "kidney", "bad"),
    "eGFR out of range": ("organ_limits.csv", 2, "below_egfr", "150"),
    "eGFR missing": ("organ_limits.csv", 2, "below_egfr", ""),
    "limit of an unknown drug": ("organ_limits.csv", 2, "drug_id", "ibuprofn"),
    "limit without an action": ("organ_limits.csv", 2, "action_de", ""),
    "limit of a severity unknown": ("organ_limits.csv", 2, "severity", "ok"),
    "limit without a source": ("organ_limits.csv", 2, "sources", ""),
    "stage of the liver unknown": ("organ_limits.csv", row_of("organ_limits.csv", "organ", "liver"), "stage", "half"),
    "organ unknown": ("organ_limits.csv", 2, "organ", "heart"),
    "allergy group unknown": ("dental_drugs.csv", 2, "allergy_groups", "nsaids"),
    "substance of a product unknown": ("products.csv", 2, "substances", "phenprocoumone"),
    "product points to the wrong table": ("products.csv", 2, "where_listed", "dental_drugs"),
    "product with too few places": ("products.csv", row_of("products.csv", "trade_name", "DuoPlavin"), "where_listed", "substances"),
    "single product called combination": ("products.csv", 2, "is_combination", "ja"),
    "impossible PZN": ("products.csv", 2, "pzn", "123"),
    "member count wrong": ("groups.csv", 2, "member_count", "6"),
    "excluded substance unknown": ("groups.csv", 2, "excluded_substances", "omeprazol"),
    "condition affects something unknown": ("conditions.csv", 2, "affects", "la_vasos:caution"),
    "need unknown": ("conditions.csv", 2, "affects", "need:prayer"),
    "later condition unknown": ("conditions.csv", row_of("conditions.csv", "condition_id", "ACS_RECENT"), "otherwise", "CHDX"),
    "member of an allergy unknown": ("allergies.csv", 2, "members", "atc:J99"),
    "cross-reaction with something unknown": ("cross_reactions.csv", 2, "selector", "sub:cefalexine"),
    "cross-reaction of an unknown allergen": ("cross_reactions.csv", 2, "allergens", "sub:penicilin"),
    "cross-reaction of an unknown allergy": ("cross_reactions.csv", 2, "allergy_id", "penicilin"),
    "kind of reaction unknown": ("cross_reactions.csv", 2, "reactions", "immediate|itch"),
    "severity of a cross-reaction unknown": ("cross_reactions.csv", 2, "severity", "high"),
    "bleeding class unknown": ("procedures.csv", 2, "bleeding", "lots"),
    "dose is no number": ("la_max_doses.csv", 2, "max_mg_per_kg", "sieben"),
    "trade name of another agent": ("la_max_doses.csv", 2, "products", "mepivastesin"),
    "solution of an unknown substance": ("la_max_doses.csv", 2, "agent", "articain"),
    "vasoconstrictor unknown": ("la_max_doses.csv", 2, "vasoconstrictor", "adrenalin"),
    "dilution against its strength": ("la_max_doses.csv", 2, "dilution", "100000"),
    "solution without a maximum": ("la_max_doses.csv", row_of("la_max_doses.csv", "solution_id", "articaine-4-plain"), "max_mg_per_kg", ""),
    "unit of a vasoconstrictor unknown": ("vasoconstrictor_limits.csv", 2, "unit", "mcg"),
    "heart of a vasoconstrictor unknown": ("vasoconstrictor_limits.csv", 2, "applies", "weak"),
    "regimen for an unknown substance": ("dose_regimens.csv", 2, "substance", "ibuprofene"),
    "regimen that its text does not name": ("dose_regimens.csv", 2, "single_per_kg", "7-12"),
    "regimen of two kinds of dose": ("dose_regimens.csv", 2, "single", "400"),
    "regimen without a dose": ("dose_regimens.csv", 3, "single", ""),
    "regimen above its own maximum": ("dose_regimens.csv", 3, "max_single", "500"),
    "regimen of a unit unknown": ("dose_regimens.csv", 2, "unit", "ml"),
    "regimen of a population unknown": ("dose_regimens.csv", 2, "population", "baby"),
    "regimen for an allergy unknown": ("dose_regimens.csv", 2, "penicillin_allergy", "maybe"),
    "prophylaxis without its lead": (
        "dose_regimens.csv",
        row_of("dose_regimens.csv", "regimen_id", "endocarditis-adult-amoxicillin"),
        "lead_minutes",
        "",
    ),
    "limit of age for a substance unknown": ("priscus_limits.csv", 2, "substance", "ibuprofene"),
    "limit of age lifted by nothing": ("priscus_limits.csv", 2, "unless", "grp:ppis"),
    "limit of age that its text does not name": ("priscus_limits.csv", 2, "max_day_mg", "1600"),
    "limit of age in words": ("priscus_limits.csv", 2, "max_days", "a week"),
    "age called conditional without a limit": ("substances.csv", 2, "priscus", "conditional"),
    "source of a condition missing": ("conditions.csv", 2, "sources", ""),
    "two procedures typed alike": ("procedures.csv", 3, "synonyms", "Reihenextraktion|Zahn ziehen"),
    "two substances called the same": ("substances.csv", 3, "name_de", "Omeprazol"),
    "ingredient unknown": ("combinations.csv", 2, "ingredients", "articaine|epinephrin"),
    "group of a question unknown": ("questions.csv", 2, "group_id", "hearts"),
    "condition of a question unknown": ("questions.csv", 2, "condition_id", "ACS"),
    "question answered by nothing": ("questions.csv", 2, "condition_id", ""),
    "question answered by two things": ("questions.csv", row_of("questions.csv", "observation", "breastfeeding"), "condition_id", "BREAST"),
    "observation of a question unknown": ("questions.csv", row_of("questions.csv", "observation", "breastfeeding"), "observation", "milk"),
    "question in one language": ("questions.csv", 2, "question_de", ""),
    "hint in one language": ("questions.csv", 2, "hint_en", ""),
    "question asked of nobody": ("questions.csv", 2, "asked_of", "men"),
    "place of a question is no number": ("questions.csv", 2, "order", "first"),
    "place of a group taken": ("question_groups.csv", 3, "order", "1"),
    "kind of a dental drug in one language": ("dental_drugs.csv", 2, "group_en", ""),
    "risk of a mechanism unknown": ("mechanisms.csv", 2, "risk", "BLEEDING"),
}


@pytest.mark.parametrize(("file", "row", "column", "value"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_named_with_its_place(tables: Path, tmp_path: Path, file: str, row: int, column: str, value: str) -> None:
    change(tables / file, cell(row, column, value))
    out = tmp_path / "edition.sqlite"
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(out, tables)
    named = {(fault.file, fault.row, fault.column) for fault in caught.value.faults}
    english = column.replace("_de", "_en")
    assert (file, row, column) in named or (file, row, english) in named
    assert f"{file}, row {row}, column " in caught.value.detail
    assert not out.exists()


def test_faults_of_form_are_named(tables: Path, tmp_path: Path) -> None:
    (tables / "risks.csv").unlink()
    path = tables / "groups.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("member_count", "members", 1), encoding="utf-8")
    with (tables / "makers.csv").open("a", encoding="utf-8") as file:
        file.write("one,two\n")
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(tmp_path / "edition.sqlite", tables)
    assert {(fault.file, fault.column) for fault in caught.value.faults} == {
        ("risks.csv", "-"),
        ("groups.csv", "member_count"),
        ("makers.csv", "maker"),
    }


@pytest.mark.parametrize(
    ("file", "values", "column"),
    [
        ("products.csv", {"trade_name": "Other"}, "product_id"),
        ("products.csv", {"product_id": "other", "substances": "warfarin"}, "trade_name"),
        ("interactions.csv", {}, "rule_id"),
        ("questions.csv", {"order": "99", "question_de": "Und sonst?", "question_en": "What else?"}, "condition_id"),
        ("questions.csv", {"order": "99", "condition_id": "MG", "question_en": "What else?"}, "question_de"),
        ("questions.csv", {"condition_id": "MG", "question_de": "Und sonst?", "question_en": "What else?"}, "order"),
        ("question_groups.csv", {"group_id": "empty", "order": "99"}, "group_id"),
        ("groups.csv", {"group_id": "empty", "atc_prefixes": "", "member_count": "0"}, "group_id"),
    ],
)
def test_what_stands_twice_or_is_empty_is_named(tables: Path, tmp_path: Path, file: str, values: dict[str, str], column: str) -> None:
    change(tables / file, also(**values))
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(tmp_path / "edition.sqlite", tables)
    assert column in {fault.column for fault in caught.value.faults if fault.file == file}


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ('id = "2026.1"', 'id = "2025.1"', "id"),
        ("valid_until = 2027-03-31", "valid_until = 2027-12-31", "valid_until"),
        ("year = 2026", "", "year"),
    ],
)
def test_an_edition_that_is_not_stated_rightly_is_named(tables: Path, tmp_path: Path, old: str, new: str, column: str) -> None:
    path = tables / "edition.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(tmp_path / "edition.sqlite", tables)
    assert [(fault.file, fault.column) for fault in caught.value.faults] == [("edition.toml", column)]


def test_all_faults_come_in_one_error(tables: Path, tmp_path: Path) -> None:
    change(tables / "interactions.csv", cell(2, "severity", "high"))
    change(tables / "interactions.csv", cell(9, "sources", "GUESS"))
    change(tables / "products.csv", cell(2, "substances", "nothing"))
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(tmp_path / "edition.sqlite", tables)
    assert {(fault.file, fault.row) for fault in caught.value.faults} == {
        ("interactions.csv", 2),
        ("interactions.csv", 9),
        ("products.csv", 2),
    }


def test_a_fault_leaves_the_edition_in_use_untouched(tables: Path, tmp_path: Path) -> None:
    out = tmp_path / "edition.sqlite"
    compile_edition(out, tables)
    before = out.read_bytes()
    change(tables / "interactions.csv", cell(2, "severity", "high"))
    with pytest.raises(KnowledgeFaultsError):
        compile_edition(out, tables)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["edition.sqlite"]


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.sqlite", tmp_path / "second.sqlite"
    assert compile_edition(first) == compile_edition(second)
    assert first.read_bytes() == second.read_bytes()


def test_the_content_is_known_by_its_hash(tables: Path, tmp_path: Path) -> None:
    before = compile_edition(tmp_path / "edition.sqlite", tables)
    change(tables / "interactions.csv", cell(2, "effect_de", "Blutung."))
    after = compile_edition(tmp_path / "edition.sqlite", tables)
    assert before["id"] == after["id"]
    assert before["content_sha256"] != after["content_sha256"]


def test_source_none_is_no_source(tables: Path, tmp_path: Path) -> None:
    change(tables / "interactions.csv", cell(2, "sources", "none"))
    compile_edition(tmp_path / "edition.sqlite", tables)
    assert Edition.open(tmp_path / "edition.sqlite").rules["I001"].sources == ()


def test_the_command_compiles_to_the_path_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "made.sqlite")]) == 0
    assert "2026.1" in capsys.readouterr().out


# rows of tables that are empty until others fill them: a signature, a product information
SIGNATURE = {"table": "interactions.csv", "row_id": "I001", "sha256": "0" * 64, "reviewer": "Dr. A", "date": "2026-11-20"}
DOCUMENT = {"document_id": "marcumar-fi", "product_id": "marcumar", "title": "Marcumar 3 mg", "as_of": "2026-05", "sources": "none"}
SECTION = {"document_id": "marcumar-fi", "section": "4.5", "title": "Wechselwirkungen", "text": "Mit anderen Gerinnungshemmern."}


def fill(path: Path, *rows: dict[str, str]) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, columns, lineterminator="\n").writerows(rows)


@pytest.mark.parametrize(
    ("file", "column", "value"),
    [
        ("reviews.csv", "table", "reviews.csv"),
        ("reviews.csv", "row_id", "I999"),
        ("reviews.csv", "sha256", "abc"),
        ("reviews.csv", "reviewer", ""),
        ("reviews.csv", "date", "20. November"),
        ("documents.csv", "product_id", "marcumarr"),
        ("documents.csv", "as_of", "May 2026"),
        ("documents.csv", "document_id", "other"),
        ("documents.csv", "sources", "GUESS"),
        ("document_sections.csv", "document_id", "other"),
        ("document_sections.csv", "section", "four"),
        ("document_sections.csv", "text", ""),
    ],
)
def test_a_fault_in_a_row_that_others_deliver_is_named(tables: Path, tmp_path: Path, file: str, column: str, value: str) -> None:
    for name, row in (("reviews.csv", SIGNATURE), ("documents.csv", DOCUMENT), ("document_sections.csv", SECTION)):
        fill(tables / name, row | {column: value} if name == file else row)
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(tmp_path / "edition.sqlite", tables)
    assert (file, 2, column) in {(fault.file, fault.row, fault.column) for fault in caught.value.faults}


def test_two_people_sign_a_text_and_it_is_reviewed_until_it_changes(tables: Path, tmp_path: Path) -> None:
    def is_reviewed() -> bool:
        compile_edition(tmp_path / "edition.sqlite", tables)
        edition = Edition.open(tmp_path / "edition.sqlite")
        assert not edition.rules["I002"].is_reviewed
        return edition.rules["I001"].is_reviewed

    text = next(row for row in read_tables(tables)["interactions.csv"] if row["rule_id"] == "I001")
    first = SIGNATURE | {"sha256": fingerprint(text)}
    fill(tables / "reviews.csv", first)
    assert not is_reviewed()
    fill(tables / "reviews.csv", first | {"reviewer": "Dr. B", "sha256": "1" * 64})
    assert not is_reviewed()
    fill(tables / "reviews.csv", first | {"reviewer": "Dr. B"})
    assert is_reviewed()
    change(tables / "interactions.csv", cell(text.number, "effect_de", "Blutung."))
    assert not is_reviewed()


def test_nobody_signs_for_two(tables: Path, tmp_path: Path) -> None:
    fill(tables / "reviews.csv", SIGNATURE, SIGNATURE | {"reviewer": "dr.  a", "date": "2026-11-21"})
    with pytest.raises(KnowledgeFaultsError) as caught:
        compile_edition(tmp_path / "edition.sqlite", tables)
    assert [(fault.file, fault.row, fault.column) for fault in caught.value.faults] == [("reviews.csv", 3, "reviewer")]


def test_a_product_information_is_kept_with_its_sections_in_order(tables: Path, tmp_path: Path) -> None:
    fill(tables / "documents.csv", DOCUMENT)
    fill(tables / "document_sections.csv", SECTION | {"section": "4.10"}, SECTION)
    compile_edition(tmp_path / "edition.sqlite", tables)
    edition = Edition.open(tmp_path / "edition.sqlite")
    found = monograph(edition, "phenprocoumon", "de")
    assert found is not None
    (document,) = found.documents
    assert (document.product, document.as_of, [section.number for section in document.sections]) == ("marcumar", "2026-05", ["4.5", "4.10"])
    assert document.sections[0].text.in_language("en") == "Mit anderen Gerinnungshemmern."
    assert "phenprocoumon" in [hit.id for hit in find_monographs(edition, "anderen Gerinnungshemmern", "de")]


def test_figures_are_read_as_the_texts_say_them(tmp_path: Path) -> None:
    compile_edition(tmp_path / "edition.sqlite")
    edition = Edition.open(tmp_path / "edition.sqlite")
    ibuprofen, child = edition.dental["ibuprofen"], edition.regimens["analgesia-child-ibuprofen"]
    assert (ibuprofen.single_mg, ibuprofen.interval_h, ibuprofen.max_day_mg) == ((400, 600), (6, 8), 2400)
    assert [(step.week, step.severity) for step in ibuprofen.pregnancy] == [(1, "caution"), (20, "warning"), (28, "contraindicated")]
    assert [(limit.below, limit.severity) for limit in ibuprofen.renal] == [(30, "contraindicated"), (60, "warning")]
    assert (child.single_per_kg, child.max_day_per_kg, child.min_weight_kg) == ((7, 10), 30, 6)
    assert edition.regimens["antibiotic-child-phenoxymethylpenicillin"].unit == "IU"
    assert edition.dental["amoxicillin"].pregnancy == ()
    assert edition.dental["amoxicillin"].is_liver_rated
    assert not edition.dental["procaine"].is_kidney_rated
