"""What the practice asks the knowledge base; the composition root hands in who answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from miz.wire.client_protocol import CheckAnswer, DrugItem, Finding, ObservationKind, Patient


@dataclass(frozen=True, kw_only=True)
class About:
    """An entry of the drug data that has a page of its own."""

    drug_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A check, its findings grouped by clinical risk, the worst first; `further` are those without a task in the dental chair.

    `places` says for sentences of `not_checked` which entry of the record would answer them: `weight_kg`, `egfr`, `pregnancy_week`,
    `breastfeeding`, `allergies`, `conditions`, `medication`, `planned`. `about` leads from a substance's INN to its page.
    `selectors` are the two sides of rules as their table writes them.
    `unsuitable` are drugs that findings offer instead and that this patient may not have as they stand.
    """

    answer: CheckAnswer
    cards: Sequence[Sequence[Finding]]
    further: Sequence[Sequence[Finding]]
    places: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, About] = field(default_factory=dict)
    selectors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unsuitable: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question of the anamnesis; it is answered by a condition or by an observation, exactly one of the two is set.

    `id` is the id of that condition or kind of observation, `name` how a record calls the condition; `hint` says what to ask after a yes. Men are
    not asked what is `asked_of` women.
    """

    id: str
    condition_id: str | None
    observation: ObservationKind | None
    name: str
    text: str
    hint: str
    asked_of: Literal["all", "female"]


@dataclass(frozen=True, kw_only=True)
class QuestionGroup:
    """Questions that belong together, in the order of the form."""

    id: str
    name: str
    questions: Sequence[Question]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How one drug stands to one patient.

    `text` is what the practice wrote, `name` what it was taken to mean, `group` the kind of drug (may be empty). `reason` is one line.
    `possible` means that no rule in the data speaks against it, never that it is safe.
    """

    text: str
    name: str
    verdict: Literal["avoid", "mind", "possible", "unchecked"]
    reason: str
    rules: Sequence[str]
    group: str


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """Why a drug must not be given: it is contraindicated, or meets an allergy with a severe reaction.

    `findings_key` stays the same until the medicine, its dose, what was found or a rule changes. `alternatives` are up to three texts that
    are possible for this patient.
    """

    drug: str
    cause: str
    effect: str
    action: str
    rules: Sequence[str]
    findings_key: str
    alternatives: Sequence[str]
    edition: str


class Advisor(Protocol):
    """Who answers; every method is pure and quick."""

    @property
    def edition(self) -> str:
        """The id of the drug data that the answers rest on."""

    def advise(self, patient: Patient, *, language: str) -> Advice:
        """The patient's medication, allergies and conditions against what is planned."""

    def drug(self, drug_id: str, *, language: str) -> DrugItem | None:
        """The entry of the pick list with this id."""

    def names_among(self, words: Iterable[str]) -> list[str]:
        """The words that are part of a medicine's or a substance's name."""

    def procedures(self, *, language: str) -> list[list[str]]:
        """All procedures, each with its name first and its other names after."""

    def usual_procedures(self, *, language: str) -> list[str]:
        """The names of the few that are offered as buttons."""

    def usual_drugs(self, *, language: str) -> list[str]:
        """The drugs that a new practice begins its own list with."""

    def allergies(self, *, language: str) -> list[list[str]]:
        """All allergies that are known by name, each with its name first and its other names after."""

    def condition(self, text: str) -> str | None:
        """The id of the condition that a text names."""

    def questions(self, *, language: str) -> list[QuestionGroup]:
        """The questions of the anamnesis."""

    def own_drugs(self, patient: Patient, texts: Sequence[str], *, language: str) -> list[Verdict]:
        """Each drug alone against what the patient takes and has; avoid first, then mind, possible, unchecked, each in the order given."""

    def check_one(self, patient: Patient, text: str, *, language: str) -> Verdict:
        """One drug as `own_drugs` judges it."""

    def interrupts(
        self,
        patient: Patient,
        text: str,
        *,
        role: Literal["medication", "planned"],
        drug_id: str | None = None,
        strength: str = "",
        dose: str = "",
        language: str,
    ) -> Interruption | None:
        """Whether adding this medicine must stop the hand; None also where a decision recorded with the patient holds.

        For what is taken, `drug_id` is what was picked from the list; `strength` and `dose` are what is recorded with it, in any wording.
        """
