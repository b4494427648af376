"""Local anaesthetics and what is added to them: `Articain 1:100.000`, `Mepivacain ohne Zusatz`, `Articain` alone."""

import re

from msgspec.structs import replace

from miz.knowledge.edition import Edition
from miz.knowledge.model import Tokens, Words
from miz.knowledge.resolution import Question, Resolution

ADDITION = re.compile(
    r"(?P<ratio>1\s*:\s*\d{2,3}[.,\s]?000\b)|\b(?P<without>ohne|plain|without|w/o)\b|\b(?P<nor>noradrenalin|norepinephrine?|arterenol)\b"
    r"|\b(?P<epi>adrenaline?|epinephrine?|suprarenin|adr)\b|\b(?P<feli>felypressin|octapressin)\b|\b(?:mit|with|zusatz|vaso[kc]onstri[kc]tor|und|\+)(?=\s|$)",
    re.IGNORECASE,
)
_ANAESTHETICS = "N01B"
_VASOCONSTRICTORS = {"nor": "norepinephrine", "feli": "felypressin"}


class Vasoconstrictors:
    """Adds what a line names, or what is usual, to the local anaesthetics of one edition."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._solutions = {frozenset(solution.ingredients): solution for solution in edition.facts.solutions}

    def is_anaesthetic(self, found: Resolution) -> bool:
        return any(code.startswith(_ANAESTHETICS) for part in found.substances for code in self._edition.substances[part].atc)

    def added(self, found: Resolution, text: str) -> Resolution:
        """A local anaesthetic together with the vasoconstrictor that the line names, or that is usual."""
        if len(found.substances) != 1 or not self.is_anaesthetic(found):
            return found
        named = {mark.lastgroup for mark in ADDITION.finditer(text)}
        if "without" in named:
            return found
        if added := next((substance for mark, substance in _VASOCONSTRICTORS.items() if mark in named), None):
            return self._solution(found, added, ())
        if named & {"ratio", "epi"}:
            return self._solution(found, "epinephrine", ())
        is_product = found.kind == "product"
        usual = next(
            (each for each in self._edition.facts.solutions if each.is_usual_form and each.ingredients[0] == found.substances[0]), None
        )
        return found if usual is None or is_product else self._solution(found, usual.ingredients[1], ("addition",))

    def _solution(self, found: Resolution, added: str, questions: tuple[Question, ...]) -> Resolution:
        questions = found.questions + questions
        known = self._solutions.get(frozenset((*found.substances, added)))
        if known is not None:
            drug = self._edition.drugs[known.id]
            return replace(
                found,
                kind="combination",
                name=drug.name,
                ids=(drug.id,),
                substances=drug.substances,
                tokens=drug.tokens,
                questions=questions,
            )
        addition = self._edition.substances[added].name
        tokens: Tokens = found.tokens | {added}
        return replace(
            found,
            kind="combination",
            name=Words(f"{found.name.de} mit {addition.de}", f"{found.name.en} with {addition.en}"),
            ids=(*found.ids, added),
            substances=(*found.substances, added),
            tokens=tokens,
            questions=questions,
        )
