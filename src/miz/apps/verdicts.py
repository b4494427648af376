"""A drug against one patient in one line: avoid, mind, possible, unchecked, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from miz.checks import wording
from miz.checks.model import level
from miz.checks.suitability import Concern, Suitability, names_a_drug
from miz.knowledge.edition import Edition
from miz.knowledge.resolution import Resolution
from miz.practice.advice import Verdict

Word = Literal["avoid", "mind", "possible", "unchecked"]
ORDER: Mapping[Word, int] = {"avoid": 0, "mind": 1, "possible": 2, "unchecked": 3}
_WORDS: Mapping[str, Word] = {"high": "avoid", "medium": "mind", "low": "possible"}
_CAUSES_IN_SIGHT = 2
_QUESTIONS_OF_PARTS = frozenset({"suffix", "ingredient", "spelling", "partly"})


def verdict_of(suitability: Suitability, text: str) -> Verdict:
    """One drug alone. Where the check says too little about it, or nothing is known of the patient, it is never called possible."""
    meaning = suitability.planned(text)
    concerns = suitability.concerns(meaning)
    leading = [concern for concern in concerns if _word(concern) == _word(concerns[0])]
    word = _word(leading[0]) if leading else "possible"
    gaps = list(_gaps(suitability, meaning))
    if word != "avoid" and (gaps or (not concerns and _is_blind(suitability))):
        word = "unchecked"
    parts = _causes(suitability, leading) or ([suitability.say(wording.NO_RULE)] if word == "possible" else [])
    if word != "avoid":
        parts += [*gaps, *([*_unasked(suitability), *suitability.gaps(meaning)] if names_a_drug(meaning) else ())]
    return Verdict(
        text=text,
        name=meaning.name.in_language(suitability.language),
        verdict=word,
        reason=" · ".join(parts),
        rules=list(dict.fromkeys(concern.finding.rule for concern in concerns)),
        group=group_of(suitability.edition, meaning, suitability.language),
    )


def group_of(edition: Edition, meaning: Resolution, language: str) -> str:
    """The kind of dental drug: local anaesthetic, analgesic …; empty for others."""
    known = (edition.dental[identity] for identity in (*meaning.ids, *meaning.substances) if identity in edition.dental)
    return next((drug.group.in_language(language) for drug in known), "")


def _word(concern: Concern) -> Word:
    return _WORDS[level(concern.finding.severity)]


def _is_blind(suitability: Suitability) -> bool:
    return suitability.case.medication is None and suitability.case.patient.allergies is None


def _causes(suitability: Suitability, concerns: Sequence[Concern]) -> list[str]:
    causes = list(dict.fromkeys(concern.cause for concern in concerns))
    return [*causes[:_CAUSES_IN_SIGHT], suitability.say(wording.MORE_CAUSES)] if len(causes) > _CAUSES_IN_SIGHT else causes


def _gaps(suitability: Suitability, meaning: Resolution) -> Iterator[str]:
    """Why the check says too little about this drug for this patient."""
    say = suitability.say
    if not names_a_drug(meaning):
        yield say(wording.NOT_IN_DRUG_DATA)
        if meaning.suggestions:
            yield say(wording.MEANT).format(names=", ".join(meaning.suggestions))
        return
    if not _QUESTIONS_OF_PARTS.isdisjoint(meaning.questions):
        yield say(wording.PART_UNKNOWN)
    if suitability.is_out_of_date:
        yield say(wording.OUT_OF_DATE_IN_BRIEF)


def _unasked(suitability: Suitability) -> Iterator[str]:
    """What nobody asked or nobody understood, and what depends on a dose."""
    say, facts = suitability.say, suitability.case
    if facts.medication is None:
        yield say(wording.MEDICATION_NOT_ASKED)
    if facts.patient.allergies is None:
        is_unavailable = suitability.patient.allergy_state == "not_available"
        yield say(wording.ALLERGIES_NOT_AVAILABLE if is_unavailable else wording.ALLERGIES_NOT_ASKED)
    if facts.patient.conditions is None:
        yield say(wording.HISTORY_NOT_ASKED)
    if suitability.unresolved:
        yield say(wording.OF_PATIENT_NOT_RECOGNISED).format(names=", ".join(line.text for line in suitability.unresolved))
