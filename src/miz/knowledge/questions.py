"""The questions of the anamnesis and their groups: from rows to structures, and what can be wrong with the rows."""

from collections.abc import Iterator
from typing import cast

from miz.knowledge.model import HistoryQuestion, QuestionGroup, Words
from miz.knowledge.selectors import Selectors
from miz.knowledge.table_files import Fault, Row, Tables
from miz.wire.client_protocol import ObservationKind

OBSERVATIONS = ("pregnancy_week", "breastfeeding")


def question_group_of(row: Row) -> QuestionGroup:
    return QuestionGroup(row["group_id"], int(row["order"]), Words(row["name_de"], row["name_en"]))


def question_of(row: Row) -> HistoryQuestion:
    return HistoryQuestion(
        id=row["condition_id"] or row["observation"],
        group=row["group_id"],
        order=int(row["order"]),
        condition=row["condition_id"],
        observation=cast("ObservationKind", row["observation"]) if row["observation"] else None,
        text=Words(row["question_de"], row["question_en"]),
        hint=Words(row["hint_de"], row["hint_en"]),
        asked_of="female" if row["asked_of"] == "female" else "all",
    )


def question_faults(tables: Tables, selectors: Selectors) -> Iterator[Fault]:
    """A question belongs to a group, is answered by one condition or observation, and is asked once."""
    groups = [row["group_id"] for row in tables["question_groups.csv"]]
    rows = tables["questions.csv"]
    for row in [*tables["question_groups.csv"], *rows]:
        if not row["order"].isdigit():
            yield row.fault("order", "must be a whole number")
    for row in tables["question_groups.csv"]:
        if not any(question["group_id"] == row["group_id"] for question in rows):
            yield row.fault("group_id", "the group has no question")
    for row in rows:
        if row["group_id"] not in groups:
            yield row.fault("group_id", f"the group „{row['group_id']}“ is not in question_groups.csv")
        if bool(row["condition_id"]) == bool(row["observation"]):
            yield row.fault("condition_id", "either a condition or an observation")
        elif row["condition_id"] and row["condition_id"] not in selectors.conditions:
            yield row.fault("condition_id", f"the condition „{row['condition_id']}“ is not in conditions.csv")
    yield from _asked_twice(tables["question_groups.csv"], "order")
    yield from _asked_twice(rows, "group_id", "order")
    for column in ("condition_id", "observation", "question_de", "question_en"):
        yield from _asked_twice([row for row in rows if row[column]], column)


def _asked_twice(rows: list[Row], *columns: str) -> Iterator[Fault]:
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        place = tuple(row[column] for column in columns)
        if place in seen:
            yield row.fault(columns[-1], f"„{row[columns[-1]]}“ stands twice")
        seen.add(place)
