"""What an edition holds, in the structures the check works on. All immutable; ids are those of the tables."""

from typing import Literal

from msgspec import Struct

from miz.wire.client_protocol import ObservationKind, Severity

Tokens = frozenset[str]

# how an allergy showed: within an hour, a rash after days, a severe late form, no allergy (nausea), not told
ReactionKind = Literal["immediate", "delayed", "severe_delayed", "intolerance", "unknown"]


class Words(Struct, frozen=True):
    """A text in both languages."""

    de: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in `language`; German where English is missing."""
        return (self.en or self.de) if language == "en" else self.de


class Substance(Struct, frozen=True):
    """`is_checked` is False for ingredients without a row of their own: no rule speaks of them."""

    id: str
    inn: str
    name: Words
    atc: tuple[str, ...] = ()
    risks: dict[str, Severity] = {}
    is_checked: bool = True


class Drug(Struct, frozen=True, kw_only=True):
    """An entry of the pick list, or (`stands_for`) a maker's generic that is one entry with its substance.

    `tokens` are what rules find it by: its substances, and for a fixed combination its ingredients too.
    `carries` are words that may follow its name without another substance; `ask` is what the name leaves open.
    """

    id: str
    no: int
    name: Words
    kind: Literal["substance", "product", "combination"]
    substances: tuple[str, ...]
    tokens: Tokens
    carries: tuple[str, ...] = ()
    ask: str = ""
    stands_for: str = ""


class Rule(Struct, frozen=True):
    """Holds when all terms of one side and all of the other are met by different things of the case."""

    id: str
    sides: tuple[tuple[Tokens, ...], tuple[Tokens, ...]]
    severity: Severity
    mechanism: str
    effect: Words
    action: Words
    sources: tuple[str, ...]
    evidence: str


class Risk(Struct, frozen=True):
    """`needs` says with which procedures it matters: bleeding, surgery, implant, gingiva; empty = always."""

    id: str
    name: Words
    needs: str
    meaning: Words
    action: Words
    sources: tuple[str, ...]


class Mechanism(Struct, frozen=True):
    """How an interaction comes about, in a word, and the clinical risk it belongs to (may be none)."""

    id: str
    name: Words
    risk: str


class Procedure(Struct, frozen=True):
    """`tokens` are the `proc:` marks by which rules find it."""

    id: str
    name: Words
    names: tuple[str, ...]
    bleeding: str
    is_on_bone: bool
    is_at_gingiva_or_apex: bool
    tokens: Tokens


class Condition(Struct, frozen=True, kw_only=True):
    """`otherwise` is the condition meant when more than `recent_months` have passed."""

    id: str
    icd: tuple[str, ...]
    name: Words
    names: tuple[str, ...]
    affects: tuple[tuple[Tokens, Severity], ...]
    needs: tuple[str, ...]
    action: Words
    sources: tuple[str, ...]
    recent_months: int = 0
    otherwise: str = ""


class Allergy(Struct, frozen=True):
    """`cross` lists what may react too; a later entry is the narrower one and counts before an earlier."""

    id: str
    name: Words
    names: tuple[str, ...]
    members: Tokens
    severity: Severity
    cross: tuple[tuple[Tokens, Severity], ...]
    action: Words
    sources: tuple[str, ...]


class Source(Struct, frozen=True):
    id: str
    title: str
    year: int | None = None


class DoseMeaning(Struct, frozen=True):
    """One substance with two meanings by strength: up to `low_up_to_mg` the one, from `high_from_mg` the other."""

    low: str
    high: str
    low_up_to_mg: int
    high_from_mg: int
    open_names: tuple[str, ...]


class Solution(Struct, frozen=True):
    """A drug with a fixed addition: articaine with epinephrine. `is_usual_form` when the bare name mostly means it."""

    id: str
    ingredients: tuple[str, ...]
    is_usual_form: bool


class DentalDrug(Struct, frozen=True):
    """What dentists give or prescribe, and the kind of drug it is."""

    id: str
    group: Words


class QuestionGroup(Struct, frozen=True):
    id: str
    order: int
    name: Words


class HistoryQuestion(Struct, frozen=True):
    """A question of the anamnesis; a yes is a condition or an observation, exactly one of the two is named."""

    id: str
    group: str
    order: int
    condition: str
    observation: ObservationKind | None
    text: Words
    hint: Words
    asked_of: Literal["all", "female"]


class Facts(Struct, frozen=True):
    """All that the check needs, as stored in the edition and loaded in one piece."""

    substances: list[Substance]
    drugs: list[Drug]
    rules: list[Rule]
    risks: list[Risk]
    procedures: list[Procedure]
    conditions: list[Condition]
    allergies: list[Allergy]
    sources: list[Source]
    meanings: list[DoseMeaning]
    solutions: list[Solution]
    mechanisms: list[Mechanism]
    makers: list[str]
    dental: list[DentalDrug]
    question_groups: list[QuestionGroup]
    questions: list[HistoryQuestion]
