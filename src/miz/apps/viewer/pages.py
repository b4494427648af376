"""What a room's display shows, made from the record and the check. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from miz.practice.advice import Advice, Verdict
from miz.practice.web.evaluation import Card, evaluation_of
from miz.practice.web.views import PatientBar, bar_of
from miz.wire.client_protocol import EditionRef, Patient

Rank = Literal["high", "medium", "low", "unchecked"]
LOW_LINES_IN_SIGHT = 3


@dataclass(frozen=True, kw_only=True)
class ViewerPage:
    """The frame of the screen, without any patient: what is shown is fetched by its script, which also takes it away."""

    template: ClassVar[str] = "viewer.html"
    practice: str
    room: str
    size: int
    is_discreet: bool


@dataclass(frozen=True, kw_only=True)
class ViewerNotice:
    """Why this display shows no room, and what to do."""

    template: ClassVar[str] = "viewer_notice.html"
    kind: Literal["not-paired", "other-room", "no-room"]
    practice: str
    room: str
    asked: str


@dataclass(frozen=True, kw_only=True)
class RestScreen:
    """Nobody is open in the room: practice and clock."""

    template: ClassVar[str] = "_viewer_rest.html"
    stamp: str
    practice: str
    room: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One finding of a card: its title where it says more than the card's, and what to do."""

    title: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One clinical risk: how grave, what, what to do."""

    rank: Rank
    title: str
    steps: Sequence[Step]


@dataclass(frozen=True, kw_only=True)
class PatientScreen:
    """The patient opened last in the room."""

    template: ClassVar[str] = "_viewer_patient.html"
    stamp: str
    room: str
    bar: PatientBar
    is_discreet: bool
    lines: Sequence[Line]
    further: int
    further_high: int
    not_checked: Sequence[str]
    is_text_unknown: bool
    verdicts: Sequence[Verdict]
    edition: EditionRef


def patient_screen(
    patient: Patient, advice: Advice, verdicts: Sequence[Verdict], *, today: date, stamp: str, room: str, is_discreet: bool
) -> PatientScreen:
    """The screen of a patient; nothing that the check says is left out without being counted."""
    evaluation = evaluation_of(patient, advice)
    low = [card for card in evaluation.cards if card.level == "low"]
    is_low_shown = len(low) <= LOW_LINES_IN_SIGHT
    return PatientScreen(
        stamp=stamp,
        room=room,
        bar=bar_of(patient, today),
        is_discreet=is_discreet,
        lines=[_line(card) for card in evaluation.cards if is_low_shown or card.level != "low"],
        further=len(evaluation.further) + (0 if is_low_shown else len(low)),
        further_high=sum(card.level == "high" for card in evaluation.further),
        not_checked=evaluation.not_checked,
        is_text_unknown=bool(evaluation.unknown),
        verdicts=verdicts,
        edition=evaluation.edition,
    )


def _line(card: Card) -> Line:
    steps = [Step(title=part.title if part.title != card.title else "", action=part.action) for part in card.parts]
    return Line(rank=card.level, title=card.title, steps=[step for step in steps if step.title or step.action])
