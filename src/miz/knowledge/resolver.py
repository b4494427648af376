"""Resolves every kind of line of a case: medicines, planned procedures and drugs, conditions, allergies."""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from msgspec.structs import replace

from miz.knowledge.condition_lines import ConditionLines
from miz.knowledge.drug_lines import DrugLines
from miz.knowledge.edition import Edition
from miz.knowledge.model import Procedure, Words
from miz.knowledge.reactions import reaction_in
from miz.knowledge.resolution import NameTable, Question, Resolution, folded_words, heads, unresolved
from miz.knowledge.words import fold

_PLACE = folded_words(
    "Zahn Zähne Milchzahn regio Region reg UK OK Unterkiefer Oberkiefer links rechts li re oben unten Quadrant Quadranten Q1 Q2 Q3 Q4 I II III IV Front",
    "von an am des der die in im und zwischen",
    "mesial distal okklusal palatinal bukkal lingual vestibulär m o d b p l mod od mo okk zervikal fläch flächig einflächig zweiflächig dreiflächig",
    "tooth teeth lower upper left right of the",
)
# say how a procedure is done, or that it is a planned one; not which
_MANNER = folded_words(
    "einfach einfache geplant geplante heute morgen ambulant Behandlung Termin Zunge Wange Lippe Gaumen neu neue erneut evtl retrograd ext int Sitzung LA ITN"
)
_TOOTH = r"(?:[1-4][1-8]|[5-8][1-5])"
_PLACED = re.compile(
    rf"\b(?P<regio>regio|region|reg\.)?\s*(?<![\d,.])(?P<teeth>{_TOOTH}(?:\s?(?:[,/+-]|und|bis)\s?{_TOOTH})*)(?![\d,.%]|\s?(?:mg|ml|g|x|µg|%|:))\b"
    r"|\b(?P<jaw>(?:OK|UK|oberkiefer|unterkiefer|quadrant\s?[1-4]|[1-4]\.\s?quadrant)(?:\s(?:links|rechts|li|re)\b)?)",
    re.IGNORECASE,
)
_PIECES = re.compile(r"\s*[,;+/&]\s*|\s+und\s+|\s+and\s+")
_NEGATION = re.compile(r"^\s*(?:keine?n?|kein|nein|no|not|none|ausschluss|verdacht|v\.?\s*a\.?|nicht)\b", re.IGNORECASE)
_REACTION = folded_words(
    "Allergie allergisch auf gegen Unverträglichkeit Reaktion allergy to intolerance Überempfindlichkeit bekannte bekannt allergic"
)
_AGENT_ENDS = re.compile(r"[;:(]|->|→|=>|\s[-–]\s|,\s|,$")
_MOST_KEPT = 20_000
_SHORTEST_AGENT = 5
_LONGEST_NAME, _MOST_WORDS = 6, 20  # words of a name, and of a line that are looked at


class Resolver:
    """Answers for one edition. A bounded number of answers is kept in memory, as the same lines come back with every patient."""

    def __init__(self, edition: Edition) -> None:
        facts = edition.facts
        self._edition = edition
        self._drugs = DrugLines(edition)
        self._conditions = ConditionLines(edition)
        whole = [(name, procedure.id) for procedure in facts.procedures for name in procedure.names]
        self._procedures = NameTable([*whole, *((bare, identity) for name, identity in whole if (bare := _without_place(name)))])
        self._allergies = NameTable((name, allergy.id) for allergy in facts.allergies for name in allergy.names)
        self.medication = lru_cache(maxsize=_MOST_KEPT)(self._medication)
        self.planned = lru_cache(maxsize=_MOST_KEPT)(self._planned)
        self.condition = lru_cache(maxsize=_MOST_KEPT)(self._condition)
        self.allergy = lru_cache(maxsize=_MOST_KEPT)(self._allergy)

    def _medication(self, text: str, drug_id: str | None = None, strength: str = "") -> Resolution:
        """A line of the medication list; `drug_id` is what was picked from the list for it."""
        found = self._drugs.chosen(text, "medication", drug_id, strength) if drug_id else None
        return found or self._drugs.resolve(text, "medication") or self._drugs.not_found(text, "medication")

    def _planned(self, text: str) -> Resolution:
        """A planned procedure or drug, and where. Whole names count before beginnings of names."""
        found = (
            self._procedure(text, may_complete=False)
            or self._drugs.resolve(text, "planned", may_complete=False)
            or self._procedure(text, may_complete=True)
            or self._drugs.resolve(text, "planned")
            or self._misspelt_procedure(text)
        )
        if found is None:
            return self._not_planned(text)
        return replace(found, place=_place(text)) if found.kind == "procedure" else found

    def _condition(self, text: str, today: date) -> Resolution:
        """An illness from the history, with the time that has passed where that decides."""
        return self._conditions.resolve(text, today)

    def _allergy(self, text: str) -> Resolution:
        """An allergy by group or by drug, and how it showed; what follows the first comma is the reaction."""
        if _NEGATION.match(text):
            return unresolved(text, "allergy", ())
        pieces = _AGENT_ENDS.split(text)[:_MOST_WORDS]
        agents = [found for piece in pieces for found in self._agents(piece, may_complete=piece is pieces[0])]
        if not agents or not self._agents(pieces[0], may_complete=True):
            words = [word for word in fold(pieces[0]).split() if word not in _REACTION]
            return unresolved(text, "allergy", (self._edition.allergies[near].name.de for near in self._allergies.near(" ".join(words))))
        questions: tuple[Question, ...] = tuple(
            dict.fromkeys(question for one in agents for question in one.questions if question == "spelling")
        )
        return replace(
            agents[0],
            text=text,
            ids=tuple(dict.fromkeys(identity for one in agents for identity in one.ids)),
            substances=tuple(dict.fromkeys(part for one in agents for part in one.substances)),
            tokens=frozenset().union(*(one.tokens for one in agents)),
            questions=questions,
            reaction=reaction_in(text),
            dosing=None,
        )

    def _agents(self, piece: str, *, may_complete: bool) -> list[Resolution]:
        """What a piece of an allergy's line names: the first agent, and each further one by its whole name."""
        words = [word for word in fold(piece).split() if word not in _REACTION][:_MOST_WORDS]
        for whole in (True, False) if may_complete else (True,):
            for length in range(min(len(words), _LONGEST_NAME), 0, -1):
                found = self._agent(" ".join(words[:length]), may_complete=not whole)
                if found is not None:
                    others = (self._agent(word, may_complete=False) for word in words[length:] if len(word) > _SHORTEST_AGENT)
                    return [found, *(other for other in others if other is not None)]
        return []

    def _agent(self, name: str, *, may_complete: bool) -> Resolution | None:
        stem = name.removesuffix("allergie").strip() or name
        group = self._allergies.exact(stem) or (self._allergies.beginning(stem) if may_complete else None)
        questions: tuple[Question, ...] = ()
        drug = None if group else self._drugs.resolve(stem, "allergy", may_complete=may_complete)
        if may_complete and not group and drug is None and len(stem) > _SHORTEST_AGENT and (group := self._allergies.misspelt(stem)):
            questions = ("spelling",)
        if group:
            named = self._edition.allergies[group].name
            return Resolution(text=name, role="allergy", kind="allergy", name=named, ids=(group,), questions=questions)
        if drug is None:
            return None
        groups = tuple(allergy.id for allergy in self._edition.facts.allergies if allergy.members & drug.tokens)
        return replace(drug, kind="allergy", ids=groups or drug.ids)

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
            if not key and self._procedures.exact(alone := _without_digits(fold(piece))):
                key = alone  # `I 24`: an infiltration, not the first quadrant
            if not key or all(word in _MANNER for word in key.split()):
                continue
            identity = (
                self._procedures.exact(fold(piece))
                or self._procedures.exact(key)
                or (self._procedures.beginning(key) if may_complete else None)
                or next((known for head, _ in heads(key.split(), _MANNER) if (known := self._procedures.exact(head))), None)
            )
            yield self._edition.procedures[identity] if identity else None

    def _misspelt_procedure(self, text: str) -> Resolution | None:
        key = _without_place(fold(text))
        meant = self._procedures.misspelt(key) if len(key) > _SHORTEST_AGENT else None
        if meant is None:
            return None
        found = self._procedure(self._edition.procedures[meant].name.de, may_complete=False)
        return found and replace(found, text=text, questions=("spelling",))

    def _not_planned(self, text: str) -> Resolution:
        key = _without_place(fold(text))
        names = [self._edition.procedures[near].name.de for near in self._procedures.near(key)]
        return unresolved(text, "planned", [*names, *self._drugs.not_found(text, "planned").suggestions])


def _place(text: str) -> str:
    """Where in the mouth, as typed: `36`, `regio 46`, `UK links`; empty when the line does not say."""
    found = _PLACED.search(text)
    if found is None:
        return ""
    return " ".join(part for part in (found["regio"], found["teeth"], found["jaw"]) if part)


def _without_digits(key: str) -> str:
    return " ".join(word for word in key.split() if not word.isdigit())


def _without_place(key: str) -> str:
    """Without tooth numbers and words for a place in the mouth."""
    return " ".join(word for word in key.split() if not (word.isdigit() or word in _PLACE))
