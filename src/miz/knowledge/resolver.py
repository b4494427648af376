"""Resolves every kind of line of a case: medicines, planned procedures and drugs, conditions, allergies."""

import re
from collections.abc import Iterator
from datetime import date

from miz.knowledge.drug_lines import DrugLines
from miz.knowledge.edition import Edition
from miz.knowledge.model import Condition, Procedure, Words
from miz.knowledge.resolution import NameTable, Question, Resolution, folded_words, heads, unresolved
from miz.knowledge.words import fold

_PLACE = folded_words(
    "Zahn Zähne regio Region UK OK Unterkiefer Oberkiefer links rechts li re oben unten Quadrant Q1 Q2 Q3 Q4",
    "von an am des der die in im und",
    "mesial distal okklusal mod od mo tooth teeth lower upper left right of the",
)
_PIECES = re.compile(r"\s*[,;+/&]\s*|\s+und\s+|\s+and\s+")
_TIME = re.compile(
    r"\b(?:vor|seit)?\s*(?:ca\.?|etwa)?\s*(?P<count>\d+|einem|einer|zwei|drei|vier|fünf|sechs)\s*(?P<unit>tag|woche|monat|jahr|day|week|month|year)\w*(?:\s+ago)?\b"
    r"|\b(?:seit|in|since|im|anno)?\s*(?P<year>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_COUNTS = {"einem": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6}
_MONTHS = {"tag": 1 / 30, "day": 1 / 30, "woche": 1 / 4.3, "week": 1 / 4.3, "monat": 1, "month": 1, "jahr": 12, "year": 12}
_BEFORE = re.compile(r"^\s*(?:z\.?\s*n\.?|zustand nach|bekannte[rs]?|history of|h/o)\s+", re.IGNORECASE)
_DETAILS = folded_words(
    "seit vor bekannt stabil unter Therapie medikamentös behandelt paroxysmal permanent persistierend anamnestisch chronisch"
)
_NEGATION = re.compile(r"^\s*(?:keine?|kein|nein|no|not|ausschluss|verdacht|v\.?\s*a\.?)\b", re.IGNORECASE)
_ICD = re.compile(r"[A-Z]\d\d(?:\.\d{1,2})?", re.IGNORECASE)
# codes that stand for more than the row means (README of the tables): ask, never conclude
_BROAD_CODES = frozenset({"Z86.7", "Q24.9", "J45", "D35.0", "Z88.6"})
_REACTION = folded_words("Allergie allergisch auf gegen Unverträglichkeit Reaktion allergy to intolerance Überempfindlichkeit")


class Resolver:
    """Answers for one edition; pure and quick, keeps nothing of what it was asked."""

    def __init__(self, edition: Edition) -> None:
        facts = edition.facts
        self._edition = edition
        self._drugs = DrugLines(edition)
        whole = [(name, procedure.id) for procedure in facts.procedures for name in procedure.names]
        self._procedures = NameTable([*whole, *((bare, identity) for name, identity in whole if (bare := _without_place(name)))])
        self._conditions = NameTable((name, condition.id) for condition in facts.conditions for name in condition.names)
        self._allergies = NameTable((name, allergy.id) for allergy in facts.allergies for name in allergy.names)

    def medication(self, text: str, drug_id: str | None = None, strength: str = "") -> Resolution:
        """A line of the medication list; `drug_id` is what was picked from the list for it."""
        found = self._drugs.chosen(text, "medication", drug_id, strength) if drug_id else None
        return found or self._drugs.resolve(text, "medication") or self._drugs.not_found(text, "medication")

    def planned(self, text: str) -> Resolution:
        """A planned procedure or drug. Whole names count before beginnings of names."""
        return (
            self._procedure(text, may_complete=False)
            or self._drugs.resolve(text, "planned", may_complete=False)
            or self._procedure(text, may_complete=True)
            or self._drugs.resolve(text, "planned")
            or self._not_planned(text)
        )

    def condition(self, text: str, today: date) -> Resolution:
        """An illness from the history, with the time that has passed where that decides."""
        bare = _BEFORE.sub("", text)
        if _NEGATION.match(text):
            return unresolved(text, "condition", ())
        found = self._conditions.exact(fold(text)) or self._conditions.exact(fold(bare))
        if found is None and _ICD.fullmatch(text.strip()):
            return self._by_code(text)
        months = _months_passed(text, today)
        timeless = _TIME.sub(" ", bare)
        if found is None:
            for head, _ in heads(fold(timeless).split(), _DETAILS):
                found = self._conditions.exact(head) or self._conditions.beginning(head)
                if found:
                    break
        if found is None:
            return unresolved(text, "condition", (self._edition.conditions[near].name.de for near in self._conditions.near(fold(timeless))))
        condition = self._edition.conditions[found]
        questions: tuple[Question, ...] = ()
        if condition.recent_months and fold(text) not in (fold(condition.name.de), fold(condition.name.en), fold(condition.id)):
            if months is None:
                questions = ("time",)
            elif months >= condition.recent_months:
                condition = self._edition.conditions[condition.otherwise]
        return _condition(text, condition, questions)

    def allergy(self, text: str) -> Resolution:
        """An allergy by group or by drug; what follows the first comma is the reaction."""
        agent = re.split(r"[,;:(]", text, maxsplit=1)[0]
        if _NEGATION.match(text) or not fold(agent):
            return unresolved(text, "allergy", ())
        words = [word for word in fold(agent).split() if word not in _REACTION]
        for whole in (True, False):
            for length in range(len(words), 0, -1):
                head = " ".join(words[:length]).removesuffix("allergie")
                group = self._allergies.exact(head) or (None if whole else self._allergies.beginning(head))
                drug = None if group else self._drugs.resolve(head, "allergy", may_complete=not whole)
                if group:
                    name = self._edition.allergies[group].name
                    return Resolution(text=text, role="allergy", kind="allergy", name=name, ids=(group,))
                if drug:
                    groups = tuple(allergy.id for allergy in self._edition.facts.allergies if allergy.members & drug.tokens)
                    return Resolution(
                        text=text,
                        role="allergy",
                        kind="allergy",
                        name=drug.name,
                        ids=groups or drug.ids,
                        substances=drug.substances,
                        tokens=drug.tokens,
                    )
        return unresolved(text, "allergy", (self._edition.allergies[near].name.de for near in self._allergies.near(" ".join(words))))

    def _procedure(self, text: str, *, may_complete: bool) -> Resolution | None:
        found = list(self._procedures_in(text, may_complete=may_complete))
        if not found or any(procedure is None for procedure in found):
            return None
        procedures = list(dict.fromkeys(procedure for procedure in found if procedure is not None))
        return Resolution(
            text=text,
            role="planned",
            kind="procedure",
            name=Words(" + ".join(each.name.de for each in procedures), " + ".join(each.name.en for each in procedures)),
            ids=tuple(each.id for each in procedures),
            tokens=frozenset().union(*(each.tokens for each in procedures)),
        )

    def _procedures_in(self, text: str, *, may_complete: bool) -> Iterator[Procedure | None]:
        """One procedure for each piece of the line that says more than a tooth; None for a piece that is none."""
        whole = self._procedures.exact(fold(text))
        for piece in [text] if whole else _PIECES.split(text):
            key = fold(piece) if whole else _without_place(fold(piece))
            if not key:
                continue
            identity = (
                self._procedures.exact(fold(piece))
                or self._procedures.exact(key)
                or (self._procedures.beginning(key) if may_complete else None)
            )
            yield self._edition.procedures[identity] if identity else None

    def _not_planned(self, text: str) -> Resolution:
        key = _without_place(fold(text))
        names = [self._edition.procedures[near].name.de for near in self._procedures.near(key)]
        return unresolved(text, "planned", [*names, *self._drugs.not_found(text, "planned").suggestions])

    def _by_code(self, text: str) -> Resolution:
        code = text.strip().upper()
        fitting = [
            condition
            for condition in self._edition.facts.conditions
            for icd in condition.icd
            if code == icd or code.startswith((icd + ".", icd))
        ]
        longest = max((len(icd) for condition in fitting for icd in condition.icd if code.startswith(icd)), default=0)
        fitting = [condition for condition in fitting if any(len(icd) == longest and code.startswith(icd) for icd in condition.icd)]
        is_broad = any(code.startswith(broad) for broad in _BROAD_CODES)
        if len(fitting) == 1 and not is_broad:
            return _condition(text, fitting[0], ("time",) if fitting[0].recent_months else ())
        return unresolved(text, "condition", (condition.name.de for condition in fitting))


def _condition(text: str, condition: Condition, questions: tuple[Question, ...]) -> Resolution:
    return Resolution(
        text=text,
        role="condition",
        kind="condition",
        name=condition.name,
        ids=(condition.id,),
        tokens=frozenset({f"cond:{condition.id}"}),
        questions=questions,
    )


def _without_place(key: str) -> str:
    """Without tooth numbers and words for a place in the mouth."""
    return " ".join(word for word in key.split() if not (word.isdigit() or word in _PLACE))


def _months_passed(text: str, today: date) -> float | None:
    """How many months ago, as far as the line says; a bare year counts from its end, so nothing is made older than sure."""
    found = _TIME.search(text)
    if found is None:
        return None
    if found["year"]:
        return float(max(0, (today.year - int(found["year"]) - 1) * 12 + today.month - 1))
    count = _COUNTS.get(found["count"].casefold()) or int(found["count"])
    return count * _MONTHS[found["unit"].casefold()]
