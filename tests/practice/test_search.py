"""Finding a patient as a receptionist types."""

from datetime import date

import pytest

from miz.practice.patients import queries
from miz.practice.patients.queries import birth_date_in
from tests.practice.people import Surgery, refused
from tests.support.query_plans import plan_of

MADE = (
    {"family_name": "Müller-Lüdenscheidt", "given_name": "Änne", "birth_date": "1948-03-12", "number": "880101"},
    {"family_name": "von der Straße", "given_name": "Hans Jürgen", "birth_date": "1948-03", "number": "880102"},
    {"family_name": "Zwilling", "given_name": "Anna", "birth_date": "2011-05-04"},
    {"family_name": "Zwilling", "given_name": "Anna", "birth_date": "2011-05-04"},
    {"family_name": "O'Brien", "given_name": "Seán", "birth_date": "1926-11-22"},
    {"family_name": "Yıldız", "given_name": "İpek", "birth_date": "1999-12-31", "number": "120348"},
)


@pytest.fixture(autouse=True)
def known(surgery: Surgery) -> None:
    if not surgery.dentist.search("müller-lüdenscheidt"):
        for identity in MADE:
            surgery.dentist.create_patient(**identity)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("müller", "Müller-Lüdenscheidt"),
        ("MÜLLER-L", "Müller-Lüdenscheidt"),
        ("mueller", "Müller-Lüdenscheidt"),
        ("luedensch", "Müller-Lüdenscheidt"),
        ("  müll   änn ", "Müller-Lüdenscheidt"),
        ("Müller-Lüdenscheidt, Änne", "Müller-Lüdenscheidt"),
        ("aenne muel", "Müller-Lüdenscheidt"),
        ("strasse", "von der Straße"),
        ("von der straße, hans", "von der Straße"),
        ("jürgen str", "von der Straße"),
        ("obrien", None),
        ("o'brien", "O'Brien"),
        ("brien sean", "O'Brien"),
        ("yıld", "Yıldız"),
        ("ipek", "Yıldız"),
        ("12031948", "Müller-Lüdenscheidt"),
        ("12.3.48", "Müller-Lüdenscheidt"),
        ("12.03.1948", "Müller-Lüdenscheidt"),
        ("1948-03-12", "Müller-Lüdenscheidt"),
        ("03.1948", "von der Straße"),
        ("22.11.26", None),
        ("880102", "von der Straße"),
        ("88010", "von der Straße"),
        ("3112990", None),
        ("müller karl", None),
        ("%", None),
        ("_", None),
        ("' OR 1=1 --", None),
        ("a\x07b", None),
        ("😀", None),
    ],
)
def test_a_patient_is_found_by_what_is_typed(surgery: Surgery, typed: str, found: str | None) -> None:
    names = [line.family_name for line in surgery.reception.search(typed)]
    assert (found in names) if found else names == []


def test_six_digits_may_be_a_birth_date_or_a_number(surgery: Surgery) -> None:
    names = {line.family_name for line in surgery.reception.search("120348")}
    assert {"Müller-Lüdenscheidt", "Yıldız"} <= names


def test_people_of_the_same_name_and_day_are_all_shown(surgery: Surgery) -> None:
    found = surgery.reception.search("zwilling anna")
    assert len(found) == len({line.id for line in found}) == 2


def test_nothing_typed_finds_nothing(surgery: Surgery) -> None:
    for typed in ("", "   ", ",.;", "-"):
        assert surgery.reception.search(typed) == []


def test_family_names_come_before_given_names(surgery: Surgery) -> None:
    surgery.patient(family_name="Zacharias", given_name="Xaver")
    surgery.patient(family_name="Xaver", given_name="Zita")
    assert [line.family_name for line in surgery.dentist.search("xaver")] == ["Xaver", "Zacharias"]


def test_no_more_are_shown_than_asked_for(surgery: Surgery) -> None:
    assert [len(surgery.dentist.search("m", limit)) for limit in (1, 2, 0, -5)] == [1, 2, 1, 1]
    assert len(surgery.dentist.search("m", 1_000_000)) <= 100


def test_of_many_who_bear_a_name_enough_are_shown_and_the_right_one_is_found(surgery: Surgery) -> None:
    for number in range(30):
        surgery.patient(family_name=f"Rarität{number:02d}", given_name="Häufiga")
    assert len(surgery.dentist.search("häufiga", 5)) == 5
    for typed in ("häufiga rarität29", "rarität29 häufiga", "rarität29, häuf", "häufig rarität29"):
        assert [line.family_name for line in surgery.dentist.search(typed, 5)] == ["Rarität29"], typed


@pytest.mark.sqlite_only("reads the plans of SQLite")
@pytest.mark.parametrize(
    ("typed", "index", "ordered"),
    [
        ("muster", "ix_patient_name", 1),
        ("erika must lena", "ix_patient_name", 1),
        ("12.03.1948", "ix_patient_birth_date", 1),
        ("03.1948", "ix_patient_birth_date", 1),
        ("88010", "ix_patient_number", 0),
    ],
)
def test_a_search_costs_what_it_shows(surgery: Surgery, typed: str, index: str, ordered: int) -> None:
    """Every step goes by an index; only the few candidates are put in order, or those of one day."""
    reader = surgery.server.server.database.reader()
    plan = plan_of(reader, lambda: queries.find_patients(reader, typed, limit=20, today=date(2026, 11, 22)))
    assert index in plan
    assert "SCAN" not in plan
    assert plan.count("TEMP B-TREE") == ordered


def test_a_new_name_is_found_and_the_old_one_is_not(surgery: Surgery) -> None:
    patient_id, token = surgery.opened(family_name="Altname", given_name="Ruth")
    surgery.dentist.change_patient(patient_id, token, family_name="Neuname-Größ", birth_date="1.2.1933", number="990033")
    for typed in ("neuname", "groess ruth", "01021933", "990033"):
        assert patient_id in {line.id for line in surgery.dentist.search(typed)}, typed
    assert surgery.dentist.search("altname") == []


def test_a_very_long_text_finds_nothing_and_hurts_nobody(surgery: Surgery) -> None:
    assert surgery.dentist.search("x" * 10_000) == []
    assert surgery.dentist.search("a b c d e f g h " * 500) == []
    assert refused(surgery.dentist.search, "x" * 2_000_000).code == "body-too-large"


@pytest.mark.parametrize(
    ("typed", "today", "meant"),
    [
        ("120348", date(2026, 11, 22), "1948-03-12"),
        ("120326", date(2026, 11, 22), "2026-03-12"),
        ("120327", date(2026, 11, 22), "1927-03-12"),
        ("1.1.01", date(2026, 11, 22), "2001-01-01"),
        ("310248", date(2026, 11, 22), None),
        ("29021952", date(2026, 11, 22), "1952-02-29"),
        ("11.1948", date(2026, 11, 22), "1948-11"),
        ("1948-11", date(2026, 11, 22), "1948-11"),
        ("1948", date(2026, 11, 22), None),
        ("99", date(2026, 11, 22), None),
    ],
)
def test_a_date_of_birth_is_read_as_it_is_typed(typed: str, today: date, meant: str | None) -> None:
    assert birth_date_in(typed, today) == meant
