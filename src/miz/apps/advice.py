"""What the pages of the practice ask the knowledge base, answered by the check. Nothing here can write."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache, cached_property
from typing import Literal

from miz.apps.interruptions import interruption_of
from miz.apps.verdicts import ORDER, verdict_of
from miz.checks import anaesthetics, doses, prophylaxis, wording
from miz.checks.evaluation import evaluate, resolver_of
from miz.checks.grouping import group_findings, is_background
from miz.checks.model import case_of, chosen_drugs
from miz.checks.suitability import Suitability
from miz.knowledge.edition import Edition
from miz.knowledge.model import Words
from miz.practice.advice import About, Advice, Interruption, Question, QuestionGroup, Verdict
from miz.ui.i18n import translator
from miz.wire.client_protocol import CheckAnswer, DrugItem, Finding, Patient

# The buttons under the field for what is planned; the rest is found by typing.
USUAL = ("extraction_simple", "block", "infiltration", "filling", "root_canal", "prophylaxis_cleaning", "implant", "osteotomy")

# What a new practice begins its own list with, in the order of its drawer.
USUAL_DRUGS = (
    Words("Articain 1:100.000", "Articaine 1:100.000"),
    Words("Articain 1:200.000", "Articaine 1:200.000"),
    Words("Mepivacain ohne Vasokonstriktor", "Mepivacaine without vasoconstrictor"),
    Words("Ibuprofen 600", "Ibuprofen 600"),
    Words("Paracetamol 500", "Paracetamol 500"),
    Words("Metamizol 500", "Metamizole sodium 500"),
    Words("Amoxicillin 1000", "Amoxicillin 1000"),
    Words("Amoxicillin/Clavulansäure 875/125", "Amoxicillin and beta-lactamase inhibitor 875/125"),
    Words("Clindamycin 600", "Clindamycin 600"),
    Words("Metronidazol 400", "Metronidazole 400"),
    Words("Doxycyclin 100", "Doxycycline 100"),
    Words("Chlorhexidin 0,2 %", "Chlorhexidine 0.2 %"),
    Words("Tranexamsäure 5 %", "Tranexamic acid 5 %"),
    Words("Dexamethason 4", "Dexamethasone 4"),
    Words("Midazolam 7,5", "Midazolam 7.5"),
)
# Which entry of a record answers what could not be checked.
PLACES = {
    wording.NOTHING_PLANNED: "planned",
    wording.MEDICATION_UNKNOWN: "medication",
    wording.ALLERGIES_UNKNOWN: "allergies",
    wording.CONDITIONS_UNKNOWN: "conditions",
    wording.REACTION: "allergies",
    wording.WEEK_MISSING: "pregnancy_week",
    wording.PREGNANCY_MISSING: "pregnancy_week",
    wording.EGFR_MISSING: "egfr",
    anaesthetics.WEIGHT_MISSING: "weight_kg",
    doses.WEIGHT_MISSING: "weight_kg",
    prophylaxis.WEIGHT_MISSING: "weight_kg",
}
_LISTS_KEPT = 64


class EditionAdvisor:
    """The check against one edition; see `practice.advice.Advisor`.

    The last lists of own drugs are kept, as a room's display asks for the same one again and again.
    """

    def __init__(self, edition: Edition, *, today: Callable[[], date]) -> None:
        self._edition = edition
        self._today = today
        self._by_inn: dict[str, Mapping[str, About]] = {}
        self._kept: dict[tuple[str, int, bool, tuple[str, ...], str, date], list[Verdict]] = {}

    @property
    def edition(self) -> str:
        return self._edition.id

    def advise(self, patient: Patient, *, language: str) -> Advice:
        today = self._today()
        answer = evaluate(
            self._edition,
            case_of(patient, None, today),
            today=today,
            language=language,
            chosen=chosen_drugs(patient),
            allergies_unavailable=patient.allergy_state == "not_available",
        )
        findings = [finding for finding in answer.findings if finding.kind != "unresolved"]
        rules = self._edition.rules
        aside = [finding for finding in findings if _is_aside(answer, finding)]
        return Advice(
            answer=answer,
            cards=self._grouped(finding for finding in findings if finding not in aside),
            further=self._grouped(aside),
            places=places_of(answer.not_checked, language),
            about=self._about(language),
            selectors={one.rule: rules[one.rule].selectors for one in findings if one.rule in rules and any(rules[one.rule].selectors)},
            unsuitable=self._unsuitable(patient, (name for finding in findings for name in finding.alternatives), language),
        )

    def drug(self, drug_id: str, *, language: str) -> DrugItem | None:
        drug = self._edition.drugs.get(drug_id)
        return self._edition.item(drug, drug.name.in_language(language), language) if drug else None

    def names_among(self, words: Iterable[str]) -> list[str]:
        return [word for word in words if word.casefold() in self._words_of_names]

    @cached_property
    def _words_of_names(self) -> frozenset[str]:
        substances = [name for one in self._edition.substances.values() for name in (one.inn, one.name.de, one.name.en)]
        drugs = [name for one in self._edition.drugs.values() for name in (one.name.de, one.name.en)]
        return frozenset(word for name in (*substances, *drugs) for word in re.findall(r"\w+", name.casefold()))

    def procedures(self, *, language: str) -> list[list[str]]:
        return [
            list(dict.fromkeys((procedure.name.in_language(language), *procedure.names))) for procedure in self._edition.procedures.values()
        ]

    def usual_procedures(self, *, language: str) -> list[str]:
        known = self._edition.procedures
        return [known[identity].name.in_language(language) for identity in USUAL if identity in known]

    def usual_drugs(self, *, language: str) -> list[str]:
        return [drug.in_language(language) for drug in USUAL_DRUGS]

    def allergies(self, *, language: str) -> list[list[str]]:
        return [list(dict.fromkeys((allergy.name.in_language(language), *allergy.names))) for allergy in self._edition.allergies.values()]

    def condition(self, text: str) -> str | None:
        found = resolver_of(self._edition).condition(text, self._today())
        return found.ids[0] if len(found.ids) == 1 else None

    def questions(self, *, language: str) -> list[QuestionGroup]:
        known = self._edition.conditions
        return [
            QuestionGroup(
                id=group.id,
                name=group.name.in_language(language),
                questions=[
                    Question(
                        id=question.id,
                        condition_id=question.condition or None,
                        observation=question.observation,
                        name=known[question.condition].name.in_language(language) if question.condition else "",
                        text=question.text.in_language(language),
                        hint=question.hint.in_language(language),
                        asked_of=question.asked_of,
                    )
                    for question in self._edition.questions
                    if question.group == group.id
                ],
            )
            for group in self._edition.question_groups
        ]

    def own_drugs(self, patient: Patient, texts: Sequence[str], *, language: str) -> list[Verdict]:
        today = self._today()
        key = (patient.id, patient.version, patient.is_restricted, tuple(texts), language, today)
        found = self._kept.pop(key, None)
        if found is None:
            suitability = Suitability(self._edition, patient, today=today, language=language)
            found = sorted((verdict_of(suitability, text) for text in texts), key=lambda verdict: ORDER[verdict.verdict])
        self._kept[key] = found
        while len(self._kept) > _LISTS_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return list(found)

    def check_one(self, patient: Patient, text: str, *, language: str) -> Verdict:
        return verdict_of(Suitability(self._edition, patient, today=self._today(), language=language), text)

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
        suitability = Suitability(self._edition, patient, today=self._today(), language=language, with_planned=True, without=text)
        meaning = suitability.planned(text) if role == "planned" else suitability.taken(text, drug_id, strength)
        return interruption_of(suitability, meaning, f"{strength} {dose}", self.usual_drugs(language=language))

    def _unsuitable(self, patient: Patient, offered: Iterable[str], language: str) -> frozenset[str]:
        """What is offered instead and may not be given as it stands; a value that is missing refuses nothing."""
        names = frozenset(offered)
        if not names:
            return names
        suitability = Suitability(self._edition, patient, today=self._today(), language=language)
        return frozenset(name for name in names if verdict_of(suitability, name).verdict in ("avoid", "mind"))

    def _about(self, language: str) -> Mapping[str, About]:
        if language not in self._by_inn:
            substances = self._edition.substances.values()
            self._by_inn[language] = {one.inn: About(drug_id=one.id, name=one.name.in_language(language)) for one in substances}
        return self._by_inn[language]

    def _grouped(self, findings: Iterable[Finding]) -> list[Sequence[Finding]]:
        return [card.findings for card in group_findings(self._edition, findings)]


def _is_aside(answer: CheckAnswer, finding: Finding) -> bool:
    """Folded on the screen: among the patient's own medicines only, and nothing that must not be."""
    return finding.severity != "contraindicated" and is_background(answer, finding)


def places_of(sentences: Sequence[str], language: str) -> dict[str, str]:
    """For each sentence that an entry of the record would answer, which entry."""
    return {sentence: place for sentence in sentences for pattern, place in _patterns(language) if pattern.fullmatch(sentence)}


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The sentences of the check in a language, whatever their `{fields}` say."""
    say = translator(language)
    return [(re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(say(sentence)))), place) for sentence, place in PLACES.items()]
