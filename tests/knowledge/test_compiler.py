"""The compiler names every fault with file, row and column, and makes the same bytes of the same tables."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from miz.knowledge.compiler import compile_edition, main
from miz.knowledge.edition import Edition
from miz.knowledge.table_files import TABLES_FOLDER, KnowledgeFaultsError

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
    "pregnancy value unknown": ("dental_drugs.csv", 2, "preg_t1", "perhaps"),
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
    "cross-reaction with something unknown": ("allergies.csv", 2, "cross_reactions", "cefalexine:warning"),
    "bleeding class unknown": ("procedures.csv", 2, "bleeding", "lots"),
    "dose is no number": ("la_max_doses.csv", 2, "max_mg_per_kg", "sieben"),
    "trade name of another agent": ("la_max_doses.csv", 2, "products", "mepivastesin"),
    "regimen for an unknown substance": ("dose_regimens.csv", 2, "substance", "ibuprofene"),
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
