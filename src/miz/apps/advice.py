"""What the pages of the practice ask the knowledge base, answered by the check."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from miz.checks.evaluation import evaluate
from miz.checks.grouping import group_findings, is_background
from miz.checks.model import case_of, chosen_drugs
from miz.knowledge.edition import Edition
from miz.practice.advice import Advice
from miz.wire.client_protocol import CheckAnswer, DrugItem, Finding, Patient

# The buttons under the field for what is planned; the rest is found by typing.
USUAL = ("extraction_simple", "block", "infiltration", "filling", "root_canal", "prophylaxis_cleaning", "implant", "osteotomy")


class EditionAdvisor:
    """The check against one edition; see `practice.advice.Advisor`."""

    def __init__(self, edition: Edition, *, today: Callable[[], date]) -> None:
        self._edition = edition
        self._today = today

    def advise(self, patient: Patient, *, language: str) -> Advice:
        today = self._today()
        answer = evaluate(self._edition, case_of(patient, None, today), today=today, language=language, chosen=chosen_drugs(patient))
        findings = [finding for finding in answer.findings if finding.kind != "unresolved"]
        aside = [finding for finding in findings if _is_aside(answer, finding)]
        return Advice(
            answer=answer,
            cards=self._grouped(finding for finding in findings if finding not in aside),
            further=self._grouped(aside),
        )

    def drug(self, drug_id: str, *, language: str) -> DrugItem | None:
        drug = self._edition.drugs.get(drug_id)
        return self._edition.item(drug, drug.name.in_language(language), language) if drug else None

    def procedures(self, *, language: str) -> list[list[str]]:
        return [
            list(dict.fromkeys((procedure.name.in_language(language), *procedure.names))) for procedure in self._edition.procedures.values()
        ]

    def usual_procedures(self, *, language: str) -> list[str]:
        known = self._edition.procedures
        return [known[identity].name.in_language(language) for identity in USUAL if identity in known]

    def _grouped(self, findings: Iterable[Finding]) -> list[Sequence[Finding]]:
        return [card.findings for card in group_findings(self._edition, findings)]


def _is_aside(answer: CheckAnswer, finding: Finding) -> bool:
    """Folded on the screen: among the patient's own medicines only, and nothing that must not be."""
    return finding.severity != "contraindicated" and is_background(answer, finding)
