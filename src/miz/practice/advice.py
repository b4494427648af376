"""What the practice asks the knowledge base; the composition root hands in who answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from miz.wire.client_protocol import CheckAnswer, DrugItem, Finding, Patient


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A check, its findings grouped by clinical risk, the worst first; `further` are those without a task in the dental chair."""

    answer: CheckAnswer
    cards: Sequence[Sequence[Finding]]
    further: Sequence[Sequence[Finding]]


class Advisor(Protocol):
    """Who answers; every method is pure and quick."""

    def advise(self, patient: Patient, *, language: str) -> Advice:
        """The patient's medication, allergies and conditions against what is planned."""

    def drug(self, drug_id: str, *, language: str) -> DrugItem | None:
        """The entry of the pick list with this id."""

    def procedures(self, *, language: str) -> list[list[str]]:
        """All procedures, each with its name first and its other names after."""

    def usual_procedures(self, *, language: str) -> list[str]:
        """The names of the few that are offered as buttons."""
