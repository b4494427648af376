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
    """`is_checked` is False for ingredients without a row of their own: no rule speaks of them.

    `acb` are points of the anticholinergic burden, None when nobody rated it; `priscus` "conditional" means its limits count.
    """

    id: str
    inn: str
    name: Words
    atc: tuple[str, ...] = ()
    risks: dict[str, Severity] = {}
    is_checked: bool = True
    acb: int | None = None
    qt: Literal["", "known", "possible", "conditional"] = ""
    priscus: Literal["", "yes", "conditional"] = ""
    groups: tuple[str, ...] = ()
    section: Words = Words("", "")
    synonyms: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


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
    """Holds when all terms of one side and all of the other are met by different things of the case.

    `selectors` are the two sides as the table writes them.
    """

    id: str
    sides: tuple[tuple[Tokens, ...], tuple[Tokens, ...]]
    severity: Severity
    mechanism: str
    effect: Words
    action: Words
    sources: tuple[str, ...]
    evidence: str
    selectors: tuple[str, str] = ("", "")
    is_reviewed: bool = False


class Risk(Struct, frozen=True):
    """`needs` says with which procedures it matters: bleeding, surgery, implant, gingiva; empty = always."""

    id: str
    name: Words
    needs: str
    meaning: Words
    action: Words
    sources: tuple[str, ...]
    is_reviewed: bool = False


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
    is_reviewed: bool = False


class CrossReaction(Struct, frozen=True):
    """What may react too, after which kinds of reaction; none named means after any. `id` is the row's.

    With `allergens` it counts only when one of them is what the patient reacted to: amoxicillin, say, and not just "penicillin".
    """

    tokens: Tokens
    severity: Severity
    reactions: frozenset[ReactionKind] = frozenset()
    allergens: Tokens = frozenset()
    id: str = ""
    selector: str = ""
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


class Allergy(Struct, frozen=True):
    """`cross` lists what may react too; a later entry is the narrower one and counts before an earlier."""

    id: str
    name: Words
    names: tuple[str, ...]
    members: Tokens
    severity: Severity
    cross: tuple[CrossReaction, ...]
    action: Words
    sources: tuple[str, ...]
    is_reviewed: bool = False


class Source(Struct, frozen=True):
    id: str
    title: str
    year: int | None = None


class Gap(Struct, frozen=True):
    """An area that the tables leave out."""

    id: str
    text: Words


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


class FromWeek(Struct, frozen=True):
    """The level in pregnancy from this week on, until the next entry; an empty severity: nothing speaks against it."""

    week: int
    severity: Severity | Literal[""]


class BelowEgfr(Struct, frozen=True):
    """Holds while the eGFR (ml/min/1.73 m²) is below; of several the lowest that holds counts."""

    below: float
    severity: Severity
    action: Words


class InLiver(Struct, frozen=True):
    """Holds in any disease of the liver, or in severe impairment only."""

    stage: Literal["any", "severe"]
    severity: Severity
    action: Words


class DentalDrug(Struct, frozen=True, kw_only=True):
    """What dentists give or prescribe. The texts are for people, the figures for the check: doses of adults in mg, (low, high).

    `min_age_severity` is what using it below `min_age_years` or `min_weight_kg` is judged as. Absent figures are not known, not zero;
    an organ that is rated and has no limit needs no adjustment.
    """

    id: str
    group: Words
    route: Words = Words("", "")
    dose: Words = Words("", "")
    max_day: Words = Words("", "")
    min_age: Words = Words("", "")
    notes: Words = Words("", "")
    single_mg: tuple[float, ...] = ()
    interval_h: tuple[float, ...] = ()
    max_day_mg: float | None = None
    min_age_years: float | None = None
    min_weight_kg: float | None = None
    min_age_severity: Severity = "warning"
    pregnancy: tuple[FromWeek, ...] = ()
    lactation: Severity | Literal[""] = ""
    is_kidney_rated: bool = False
    is_liver_rated: bool = False
    renal: tuple[BelowEgfr, ...] = ()
    hepatic: tuple[InLiver, ...] = ()
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


class AnaestheticSolution(Struct, frozen=True, kw_only=True):
    """A local anaesthetic as it stands in the cartridge.

    `agent` and `vasoconstrictor` (empty: none) are ids of substances. `dilution` is the 100000 of 1:100,000, 0 without epinephrine.
    Concentrations per ml, doses in mg of the agent; absent figures are not known. `products` are ids of trade names that mean it.
    """

    id: str
    agent: str
    vasoconstrictor: str
    dilution: int
    name: Words
    mg_per_ml: float
    epinephrine_ug_per_ml: float
    cartridge_ml: float | None
    max_mg_per_kg: float | None
    max_mg: float | None
    child_max_mg_per_kg: float | None
    min_age_years: float | None
    min_weight_kg: float | None
    notes: Words
    products: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


class VasoconstrictorLimit(Struct, frozen=True, kw_only=True):
    """The most of a vasoconstrictor in one session. `applies` names the hearts it holds for."""

    id: str
    agent: str
    name: Words
    limit: float
    unit: Literal["mg", "I.E."]
    applies: Literal["healthy", "cardiac"]
    words: Words
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


class DoseRegimen(Struct, frozen=True, kw_only=True):
    """How much of a substance for one purpose and population; pairs are (low, high), empty where the row names none.

    Amounts are in `unit`: `single` of the whole patient, `single_per_kg`, `per_day_per_kg` to be shared among `doses_per_day`.
    `max_*` are never exceeded; `penicillin_allergy` says after which such allergy it may be chosen: "none" only without one,
    "not_immediate" after any but an immediate reaction, "any" after each. `lead_minutes` count back from the procedure.
    """

    id: str
    purpose: str
    population: Literal["child", "adolescent", "adult", "any"]
    substance: str
    route: str = "oral"
    unit: Literal["mg", "IU"] = "mg"
    single: tuple[float, ...] = ()
    single_per_kg: tuple[float, ...] = ()
    per_day_per_kg: tuple[float, ...] = ()
    doses_per_day: tuple[float, ...] = ()
    interval_h: tuple[float, ...] = ()
    max_single: float | None = None
    max_day: float | None = None
    max_day_per_kg: float | None = None
    min_age_years: float | None = None
    min_weight_kg: float | None = None
    max_weight_kg: float | None = None
    lead_minutes: tuple[int, ...] = ()
    duration: Words = Words("", "")
    text: Words = Words("", "")
    note: Words = Words("", "")
    penicillin_allergy: Literal["none", "not_immediate", "any"] = "any"
    is_advised_against: bool = False
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


class PriscusLimit(Struct, frozen=True, kw_only=True):
    """A limit from 65 years on. Without `max_day_mg` and `max_days` the substance counts always, else when one is exceeded.

    `unless` are tokens of drugs one of which lifts the limit of days, as a proton pump inhibitor does for an NSAID.
    """

    id: str
    substance: str
    max_day_mg: float | None
    max_days: int | None
    unless: Tokens
    severity: Severity
    words: Words
    alternative: Words
    sources: tuple[str, ...] = ()
    is_reviewed: bool = False


class DocumentSection(Struct, frozen=True):
    """`number` as in the product information: "4.1" to "6.6"."""

    number: str
    title: Words
    text: Words


class Document(Struct, frozen=True, kw_only=True):
    """A full product information: of which product (its id), as of which month, from where."""

    id: str
    product: str
    title: Words
    as_of: str
    sections: tuple[DocumentSection, ...]
    sources: tuple[str, ...] = ()


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


class ClassWord(Struct, frozen=True):
    """What people call a whole class of medicines: never taken for one of them, but its usual members are suggested."""

    names: tuple[str, ...]
    members: tuple[str, ...]


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
    class_words: list[ClassWord]
    dental: list[DentalDrug]
    question_groups: list[QuestionGroup]
    questions: list[HistoryQuestion]
    anaesthetics: list[AnaestheticSolution] = []
    vasoconstrictor_limits: list[VasoconstrictorLimit] = []
    regimens: list[DoseRegimen] = []
    priscus_limits: list[PriscusLimit] = []
    documents: list[Document] = []
    gaps: list[Gap] = []
