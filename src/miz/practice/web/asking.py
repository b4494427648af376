"""The questions of the anamnesis with what a record answers to them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from msgspec import structs

from miz.kernel.errors import InvalidInputError
from miz.kernel.partial_date import parse_partial_date
from miz.practice.advice import Question, QuestionGroup
from miz.wire.client_protocol import Condition, Confirmation, EntryKind, Observation, ObservationKind, Patient

Answer = Literal["yes", "no", "unknown", ""]
"""Empty: nobody has asked."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is said to one question. `week` only for a pregnancy."""

    answer: Answer
    since: str = ""
    detail: str = ""
    week: str = ""

    def is_waiting_for_value(self, question: Question) -> bool:
        """A pregnancy is known only with its week."""
        return question.observation == "pregnancy_week" and self.answer == "yes" and not self.week


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question and its answer; `is_new` when it was changed since the last sign-off."""

    question: Question
    given: Given
    changed_at: datetime | None
    changed_by: str
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class AskedGroup:
    """The questions of a group that this patient is asked."""

    group: QuestionGroup
    asked: Sequence[Asked]
    open_count: int
    confirmation: Confirmation | None


@dataclass(frozen=True, kw_only=True)
class ObservationCard:
    """The values of one kind, the newest first."""

    kind: ObservationKind
    newest: Observation
    former: Sequence[Observation]


def understood(record: Patient, condition_of_text: Callable[[str], str | None]) -> Patient:
    """The record with the ids of those conditions that were typed as a text and mean what a question asks for."""
    conditions = [
        one if one.condition_id else structs.replace(one, condition_id=condition_of_text(one.text or "")) for one in record.conditions
    ]
    return structs.replace(record, conditions=conditions)


def asked_groups(record: Patient, groups: Sequence[QuestionGroup]) -> list[AskedGroup]:
    """All groups that have a question for this patient."""
    confirmed = {confirmation.group_id: confirmation for confirmation in record.confirmations}
    made = []
    for group in groups:
        lines = [asked(record, question) for question in group.questions if is_asked(record, question)]
        if lines:
            still_open = sum(not line.given.answer for line in lines)
            made.append(AskedGroup(group=group, asked=lines, open_count=still_open, confirmation=confirmed.get(group.id)))
    return made


def open_questions(record: Patient, groups: Sequence[QuestionGroup]) -> int:
    """How many questions nobody has answered yet."""
    return sum(group.open_count for group in asked_groups(record, groups))


def is_asked(record: Patient, question: Question) -> bool:
    """Whether this patient is asked; what is asked of women is left out for men only."""
    return question.asked_of == "all" or record.sex != "male"


def asked(record: Patient, question: Question) -> Asked:
    """The question with its newest answer."""
    condition = condition_of(record, question)
    value = newest(record, question.observation) if question.observation else None
    entry = max((found for found in (condition, value) if found), key=lambda found: found.changed_at, default=None)
    if entry is None:
        given = Given(answer="")
    elif isinstance(entry, Observation):
        given = Given(
            answer="yes" if entry.value else "no",
            week=f"{entry.value:g}" if question.observation == "pregnancy_week" and entry.value else "",
        )
    else:
        given = Given(answer=entry.answer, since=entry.since or "", detail=entry.detail or "")
    return Asked(
        question=question, given=given, changed_at=entry.changed_at if entry else None, changed_by=entry.changed_by if entry else "",
        is_new=bool(entry and record.reviewed_at and entry.changed_at > record.reviewed_at),
    )  # fmt: skip


def condition_of(record: Patient, question: Question) -> Condition | None:
    """The record's own answer to a question; the newest where there are several."""
    return max((one for one in record.conditions if one.condition_id == question.id), key=lambda one: one.changed_at, default=None)


def newest(record: Patient, kind: ObservationKind) -> Observation | None:
    """The value that counts."""
    return max((one for one in record.observations if one.kind == kind), key=_when, default=None)


def further_conditions(record: Patient, groups: Sequence[QuestionGroup]) -> list[Condition]:
    """The conditions that no question asks for."""
    known = {question.id for group in groups for question in group.questions}
    return [condition for condition in record.conditions if condition.condition_id not in known]


def observation_cards(record: Patient) -> list[ObservationCard]:
    """The values by kind, in the order of the kinds."""
    cards = []
    for kind in get_args(ObservationKind):
        values = sorted((one for one in record.observations if one.kind == kind), key=_when, reverse=True)
        if values:
            cards.append(ObservationCard(kind=kind, newest=values[0], former=values[1:]))
    return cards


def answer_from(form: Mapping[str, str]) -> Given:
    """An answer as typed; details belong to a yes."""
    answer = form.get("answer", "")
    if answer not in ("yes", "no", "unknown"):
        raise InvalidInputError("Please choose yes, no or unknown.", field="answer")
    details = {name: form.get(name, "").strip() if answer == "yes" else "" for name in ("since", "detail", "week")}
    details["since"] = parse_partial_date(details["since"]) or details["since"]
    return Given(answer=cast("Answer", answer), **details)


def entry_for(record: Patient, question: Question, given: Given, today: str) -> tuple[EntryKind, str | None, dict[str, Any]]:
    """What to write for an answer: the kind of entry, the entry to change (None: a new one), and what it says.

    Nobody knows: that is no value of an observation and is kept like a condition.
    """
    if question.observation and given.answer != "unknown":
        value = {"value": _value_of(question, given)}
        known = newest(record, question.observation)
        if known is not None and known.measured_on == today:
            return "observations", known.id, value
        return "observations", None, {"kind": question.observation, "measured_on": today, **value}
    said = {"condition_id": question.id, "answer": given.answer, "since": given.since, "detail": given.detail}
    condition = condition_of(record, question)
    if condition is not None:
        return "conditions", condition.id, said
    return "conditions", None, {"text": question.name or question.text, **said}


def _value_of(question: Question, given: Given) -> float:
    """0 for no, 1 or the week for yes."""
    if given.answer == "no":
        return 0
    if question.observation != "pregnancy_week":
        return 1
    try:
        return float(given.week.replace(",", "."))
    except ValueError as error:
        raise InvalidInputError("Enter the week as a number.", field="week") from error


def _when(observation: Observation) -> tuple[str, datetime]:
    return observation.measured_on, observation.changed_at
