"""The pick list: what stands first, and what is forgiven."""

import pytest

from miz.knowledge.edition import Edition
from miz.knowledge.search import without_strength


def names(edition: Edition, text: str, limit: int = 12) -> list[str]:
    return [item.name for item in edition.search(text, limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("falitr", "Falithrom"),
        ("Falithrom", "Falithrom"),
        ("metohexal", "Metoprolol"),
        ("meto", "Metoprolol"),
        ("metostada", "Metoprolol"),
        ("Metopro", "Metoprolol"),
        ("beloc", "Beloc-Zok"),
        ("Beloc-Zok mite 47,5", "Beloc-Zok"),
        ("ibu", "Ibuprofen"),
        ("Ibuprofen 600", "Ibuprofen"),
        ("ibu 600", "Ibuprofen"),
        ("ASS 100", "Acetylsalicylsäure (Herzdosis 75 bis 150 mg)"),
        ("ramipirl", "Ramipril"),
        ("ramipirl 5 mg", "Ramipril"),
        ("xarleto 20", "Xarelto"),
        ("marcumra", "Marcumar"),
        ("omperazol", "Omeprazol"),
        ("phenprocumon", "Phenprocoumon"),
        ("delix pl", "Delix plus"),
        ("Vitamin B12", "Cyanocobalamin"),
        ("simva ct", "Simvastatin"),
        ("amoxiclav", "Amoxicillin/Clavulansäure"),
        ("articain/adrenalin", "Articain mit Epinephrin"),
        ("UDS", "Ultracain D-S"),
        ("L-Thyrox 75", "Levothyroxin"),
        ("levothyroxine", "Levothyroxin"),
    ],
)
def test_the_best_hit_stands_first(edition: Edition, typed: str, first: str) -> None:
    assert names(edition, typed)[0] == first


def test_a_brand_leads_to_its_substance(edition: Edition) -> None:
    (item,) = [item for item in edition.search("falitr") if item.name == "Falithrom"]
    assert (item.id, item.kind) == ("falithrom", "product")
    assert [(substance.id, substance.inn, substance.name_de, substance.atc) for substance in item.substances] == [
        ("phenprocoumon", "phenprocoumon", "Phenprocoumon", ["B01AA04"])
    ]


def test_a_generic_with_its_makers_name_is_one_entry_with_the_substance(edition: Edition) -> None:
    (item,) = edition.search("metohexal")
    assert (item.id, item.kind, item.matched) == ("metoprolol", "substance", "Metohexal")


def test_combinations_resolve_to_every_substance(edition: Edition) -> None:
    item = edition.search("Sevikar HCT")[0]
    assert item.kind == "combination"
    assert [substance.inn for substance in item.substances] == ["olmesartan medoxomil", "amlodipine", "hydrochlorothiazide"]


def test_an_ingredient_outside_the_tables_is_named(edition: Edition) -> None:
    assert ("caffeine", "Coffein") in [(substance.inn, substance.name_de) for substance in edition.search("Thomapyrin")[0].substances]


def test_the_beginning_comes_before_the_inside(edition: Edition) -> None:
    found = names(edition, "am")
    starts = [name.casefold().startswith("am") for name in found]
    assert starts == sorted(starts, reverse=True)
    assert names(edition, "statin")[0].endswith("statin")


def test_substance_comes_before_trade_name(edition: Edition) -> None:
    kinds = [item.kind for item in edition.search("va") if item.matched.casefold().startswith("va")]
    assert kinds.index("product") > max(place for place, kind in enumerate(kinds) if kind == "substance")


def test_a_typing_error_never_outranks_a_true_beginning(edition: Edition) -> None:
    assert set(names(edition, "metro")) == {"Metronidazol"}
    assert "Metoprolol" not in names(edition, "metoc")


def test_every_drug_comes_once_and_at_most_as_many_as_asked(edition: Edition) -> None:
    for typed in ("a", "me", "ibu", "insulin", "benzodiazepin"):
        ids = [item.id for item in edition.search(typed, 5)]
        assert len(ids) == len(set(ids)) <= 5


def test_the_same_text_gives_the_same_list(edition: Edition) -> None:
    assert names(edition, "prednisolon") == names(edition, "prednisolon")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "😀",
        '"',
        "* OR *",
        "NEAR(",
        "^",
        "12",
        pytest.param("x" * 10_000, id="long"),
        "a-b'c;--",
        pytest.param("\x00", id="nul"),
        "qqqqqqqq",
    ],
)
def test_strange_texts_are_answered(edition: Edition, typed: str) -> None:
    assert isinstance(edition.search(typed), list)


def test_the_language_chooses_the_name(edition: Edition) -> None:
    assert edition.search("phenprocoumon", 1, "en")[0].name == "phenprocoumon"
    assert edition.search("Blutdruck", 1) == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Beloc-Zok mite 47,5 mg 1-0-0", "Beloc-Zok mite"),
        ("Articain 1:100.000", "Articain"),
        ("Heparin 5.000 I.E.", "Heparin"),
        ("Lidocain 2%", "Lidocain"),
    ],
)
def test_numbers_after_the_name_are_strength(line: str, name: str) -> None:
    assert without_strength(line) == name


def test_every_drug_is_the_first_hit_for_its_own_name(edition: Edition) -> None:
    for drug in edition.facts.drugs:
        assert edition.search(drug.name.de, 1)[0].id == (drug.stands_for or drug.id), drug.name.de
