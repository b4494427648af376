"""What the names found for a line mean together: one drug, two meanings by strength, several drugs, or nothing sure."""

from collections.abc import Iterable

from miz.knowledge.dosing import read_taking
from miz.knowledge.edition import Edition
from miz.knowledge.model import DoseMeaning, Drug, Words
from miz.knowledge.resolution import Question, Resolution, Role
from miz.knowledge.search import Match
from miz.knowledge.vasoconstrictors import Vasoconstrictors
from miz.knowledge.words import fold


class DrugMeanings:
    """Makes resolutions from names that were found in one edition."""

    def __init__(self, edition: Edition, vasoconstrictors: Vasoconstrictors) -> None:
        self._edition = edition
        self._vasoconstrictors = vasoconstrictors

    def pick(self, matches: list[Match], key: str, text: str, role: Role, questions: tuple[Question, ...]) -> Resolution | None:
        """The one drug all matches mean; one that holds all others counts first, then a drug's own name before an abbreviation."""
        drugs = [self._edition.entry(match) for match in matches]
        own = [drug for drug in drugs if key in (fold(drug.name.de), fold(drug.name.en))]
        widest = [drug for drug in drugs if all(drug.tokens >= other.tokens for other in drugs)]
        if widest and all(match.key == key for match in matches):
            candidates = widest
        else:
            candidates = own or drugs
            if (
                widest
                and not own
                and all(self._vasoconstrictors.is_anaesthetic(self.resolution([drug], drug, text, role, ())) for drug in drugs)
            ):
                candidates, questions = widest, ("addition",)
        for meaning in self._edition.facts.meanings:
            is_open = key in meaning.open_names or any(drug.ask == "strength" for drug in candidates)
            if is_open and all(set(drug.substances) <= {meaning.low, meaning.high} for drug in candidates):
                return self.by_strength(candidates, meaning, text, role)
        if len({drug.tokens for drug in candidates}) > 1:
            return None
        return self.resolution(candidates, candidates[0], text, role, questions)

    def resolution(self, drugs: list[Drug], entry: Drug, text: str, role: Role, questions: tuple[Question, ...]) -> Resolution:
        asks: tuple[Question, ...] = ("form",) if drugs[0].ask == "form" else ()
        missing: tuple[Question, ...] = (
            ("ingredient",) if any(not self._edition.substances[part].is_checked for part in drugs[0].substances) else ()
        )
        return Resolution(
            text=text,
            role=role,
            kind=entry.kind,
            name=entry.name,
            ids=(drugs[0].id,),
            substances=drugs[0].substances,
            tokens=drugs[0].tokens,
            questions=questions + asks + missing,
        )

    def by_strength(self, drugs: list[Drug], meaning: DoseMeaning, text: str, role: Role) -> Resolution:
        strengths = [amount.mg or amount.value for amount in read_taking(text).amounts if amount.mg or not amount.unit]
        least = strengths[0] if strengths else None
        if least is not None and least <= meaning.low_up_to_mg:
            meant: tuple[str, ...] = (meaning.low,)
        elif least is not None and least >= meaning.high_from_mg:
            meant = (meaning.high,)
        else:
            meant = (meaning.high,) if role == "planned" else (meaning.low, meaning.high)
        is_open = least is None or meaning.low_up_to_mg < least < meaning.high_from_mg
        product = next((drug for drug in drugs if drug.kind == "product"), None)
        named = product or self._edition.drugs[meant[0]]
        name = named.name if product or len(meant) == 1 else Words(text, text)
        return Resolution(
            text=text,
            role=role,
            kind="product" if product else "substance",
            name=name,
            ids=(product.id,) if product else meant,
            substances=meant,
            tokens=frozenset(meant),
            questions=("strength",) if is_open else (),
        )

    def combined(self, parts: list[Resolution], text: str, role: Role) -> Resolution:
        def united(pick: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(value for values in pick for value in values))

        return Resolution(
            text=text,
            role=role,
            kind="combination",
            name=Words(" + ".join(part.name.de for part in parts), " + ".join(part.name.en for part in parts)),
            ids=united(part.ids for part in parts),
            substances=united(part.substances for part in parts),
            tokens=frozenset().union(*(part.tokens for part in parts)),
            questions=tuple(dict.fromkeys(question for part in parts for question in part.questions)),
        )
