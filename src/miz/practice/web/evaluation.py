"""The check as a person reads it: by what to do, one card a risk, each with its ground. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from miz.practice.advice import About, Advice
from miz.wire.client_protocol import (
    AnaestheticMaximum,
    CheckAnswer,
    Decision,
    DoseLimit,
    EditionRef,
    Finding,
    Patient,
    Recommendation,
    Severity,
)

Level = Literal["high", "medium", "low"]
LEVELS: Mapping[Severity, Level] = {"contraindicated": "high", "warning": "high", "caution": "medium", "info": "low"}


@dataclass(frozen=True, kw_only=True)
class CardPart:
    """One finding of a card: what, why, what to do; what another part has said already is empty."""

    level: Level
    title: str
    effect: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A line of the record that a risk comes from, as it was typed, and since when (may be empty)."""

    text: str
    since: str
    is_planned: bool


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """What may be given instead, by name, and whether it stands in the plan already."""

    name: str
    is_planned: bool


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A finding down to its rule: the lines it comes from, and the two sides of the rule as the tables write them (may be empty)."""

    finding: Finding
    causes: Sequence[Cause]
    selectors: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One clinical risk and what to do about it; the finding that leads gives the title.

    `grounds` are all its findings, for who asks why, `about` the substances they name.
    """

    level: Level
    title: str
    causes: Sequence[Cause]
    parts: Sequence[CardPart]
    alternatives: Sequence[Alternative]
    sources: Sequence[str]
    rules: Sequence[str]
    grounds: Sequence[Ground]
    about: Sequence[About]
    is_reviewed: bool
    decision: Decision | None
    is_open: bool = False


@dataclass(frozen=True, kw_only=True)
class CardGroup:
    """The cards that ask for the same kind of act; only the gravest group is open."""

    level: Level
    cards: Sequence[Card]
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class Open:
    """What was not checked, and the place of the record that would answer it; empty where none would."""

    sentence: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Cards by what to do, what is folded, what was not checked."""

    edition: EditionRef
    cards: Sequence[Card]
    groups: Sequence[CardGroup]
    further: Sequence[Card]
    unknown: Sequence[str]
    not_checked: Sequence[str]
    open: Sequence[Open]
    anaesthetics: Sequence[AnaestheticMaximum]
    doses: Sequence[DoseLimit]
    recommendations: Sequence[Recommendation]
    about: Mapping[str, About]
    medication_count: int
    allergy_count: int
    is_planned: bool
    is_reviewed: bool


def evaluation_of(patient: Patient, advice: Advice) -> Evaluation:
    """The check as cards, and in words what it could not judge."""
    answer = advice.answer
    named = _named(patient, answer)
    cards, further = ([_card(group, patient, named, advice) for group in groups] for groups in (advice.cards, advice.further))
    return Evaluation(
        edition=answer.edition,
        cards=cards,
        groups=_grouped(cards),
        further=further,
        unknown=[line.text for line in answer.resolved if line.kind == "unresolved"],
        not_checked=answer.not_checked,
        open=[Open(sentence=sentence, place=advice.places.get(sentence, "")) for sentence in answer.not_checked],
        anaesthetics=[item for item in answer.computed if isinstance(item, AnaestheticMaximum)],
        doses=[item for item in answer.computed if isinstance(item, DoseLimit)],
        recommendations=answer.recommendations,
        about=advice.about,
        medication_count=sum(entry.status != "stopped" for entry in patient.medication),
        allergy_count=len(patient.allergies),
        is_planned=bool(patient.planned),
        is_reviewed=all(card.is_reviewed for card in (*cards, *further)),
    )


def _grouped(cards: Sequence[Card]) -> list[CardGroup]:
    """Cards of one level together; the gravest group is open, and so is the first card in it."""
    groups: list[CardGroup] = []
    for level in dict.fromkeys(card.level for card in cards):
        alike, is_open = [card for card in cards if card.level == level], not groups
        groups.append(CardGroup(level=level, cards=[replace(alike[0], is_open=is_open), *alike[1:]], is_open=is_open))
    return groups


def _named(patient: Patient, answer: CheckAnswer) -> list[tuple[set[str], Cause]]:
    """Each line of the case that was understood, with the names that findings give it."""
    recorded: dict[str | None, str | None] = {entry.text: entry.since for entry in patient.medication}
    recorded |= {entry.text: entry.since for entry in patient.conditions}
    words = {entry.condition_id: entry.text for entry in patient.conditions if entry.text}
    return [
        ({*line.ids, *line.substances}, Cause(text=text, since=recorded.get(text) or "", is_planned=line.role == "planned"))
        for line in answer.resolved
        for text in (words.get(line.text, line.text) or "",)
    ]


def _card(group: Sequence[Finding], patient: Patient, named: Sequence[tuple[set[str], Cause]], advice: Advice) -> Card:
    lead = group[0]
    rules, subjects = {finding.rule for finding in group}, {subject for finding in group for subject in finding.subjects}
    sources = dict.fromkeys(
        f"{source.title} ({source.year})" if source.year else source.title for finding in group for source in finding.sources
    )
    return Card(
        level=LEVELS[lead.severity],
        title=lead.title,
        causes=_causes(subjects, named),
        parts=_parts(group),
        alternatives=[
            Alternative(name=name, is_planned=name in patient.planned)
            for name in dict.fromkeys(name for finding in group for name in finding.alternatives)
            if name not in advice.unsuitable
        ],
        sources=list(sources),
        rules=[finding.rule for finding in group],
        grounds=[
            Ground(finding=finding, causes=_causes(finding.subjects, named), selectors=advice.selectors.get(finding.rule, ()))
            for finding in group
        ],
        about=list(dict.fromkeys(advice.about[name] for finding in group for name in finding.subjects if name in advice.about)),
        is_reviewed=all(finding.reviewed for finding in group),
        decision=next((one for one in reversed(patient.decisions) if not rules.isdisjoint(one.rules)), None),
    )


def _causes(subjects: Iterable[str], named: Sequence[tuple[set[str], Cause]]) -> list[Cause]:
    return list(dict.fromkeys(cause for names, cause in named if not names.isdisjoint(subjects)))


def _parts(group: Sequence[Finding]) -> list[CardPart]:
    """The findings of a card in their order; what was said already is not said again."""
    parts, said = [], set()
    for finding in group:
        new = {"effect": finding.effect, "action": finding.action}
        parts.append(
            CardPart(
                level=LEVELS[finding.severity], title=finding.title, **{name: "" if text in said else text for name, text in new.items()}
            )
        )
        said |= set(new.values())
    return parts
