"""Opening an edition, its state over the year, and that it cannot be changed."""

from datetime import date
from pathlib import Path

import apsw
import pytest

from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition, EditionUnreadableError
from miz.knowledge.resolver import Resolver


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (date(2026, 11, 22), "current"),
        (date(2027, 1, 30), "current"),
        (date(2027, 1, 31), "warning"),
        (date(2027, 3, 31), "warning"),
        (date(2027, 4, 1), "passive"),
    ],
)
def test_the_state_follows_the_day(edition: Edition, today: date, state: str) -> None:
    assert edition.state(today) == state
    assert edition.ref(today).state == state


def test_it_says_what_it_is(edition: Edition) -> None:
    assert (edition.id, edition.year, edition.date, edition.valid_until) == ("2026.1", 2026, date(2026, 11, 15), date(2027, 3, 31))


def test_an_edition_cannot_be_written(tmp_path: Path) -> None:
    compile_edition(tmp_path / "edition.sqlite")
    edition = Edition.open(tmp_path / "edition.sqlite")
    with pytest.raises(apsw.ReadOnlyError):
        edition.names._connection.execute("DELETE FROM name")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edition.sqlite"]


def test_what_is_no_edition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EditionUnreadableError):
        Edition.open(tmp_path / "missing.sqlite")
    (tmp_path / "text.sqlite").write_text("not a database, but long enough to be looked at " * 100)
    with pytest.raises(EditionUnreadableError):
        Edition.open(tmp_path / "text.sqlite")
    compile_edition(tmp_path / "other.sqlite")
    connection = apsw.Connection(str(tmp_path / "other.sqlite"))
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    connection.close()
    with pytest.raises(EditionUnreadableError):
        Edition.open(tmp_path / "other.sqlite")


def test_every_substance_is_one_entry(edition: Edition) -> None:
    inns = [substance.inn for substance in edition.facts.substances]
    assert len(inns) == len(set(inns))
    assert len(edition.drugs) == len(edition.facts.drugs)


def test_it_carries_the_questions_of_the_anamnesis_in_the_order_of_the_form(edition: Edition) -> None:
    assert [group.name.de for group in edition.question_groups] == [
        "Herz-Kreislauf",
        "Blutgerinnung",
        "Stoffwechsel",
        "Knochen/Bestrahlung",
        "Infektionen",
        "Schwangerschaft/Stillzeit",
        "Sonstiges",
    ]
    assert 25 <= len(edition.questions) <= 35
    for group in edition.question_groups:
        assert [question.order for question in edition.questions if question.group == group.id][:2] == [1, 2]
    asked_of_women = [question for question in edition.questions if question.asked_of == "female"]
    assert [question.observation for question in asked_of_women] == ["pregnancy_week", "breastfeeding"]


def test_a_yes_to_a_question_is_understood(edition: Edition) -> None:
    resolver = Resolver(edition)
    for question in edition.questions:
        assert question.observation or resolver.condition(question.condition, date(2026, 11, 22)).ids == (question.condition,)
        assert question.text.de.endswith("?"), question
        assert question.text.en.endswith("?"), question
