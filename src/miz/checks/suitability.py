"""One drug alone against one patient: everything in which just this drug takes part, and what is not known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from msgspec import structs

from miz.checks import wording
from miz.checks.evaluation import implied_lines, resolve_lines, resolver_of, things_of
from miz.checks.findings import Setting, allergy_findings, condition_findings, interaction_finding
from miz.checks.interactions import interactions
from miz.checks.limits import limit_findings, limit_gaps
from miz.checks.model import RANK, Thing, case_of, chosen_drugs
from miz.knowledge.edition import Edition
from miz.knowledge.model import Tokens
from miz.knowledge.resolution import Resolution
from miz.ui.i18n import translator
from miz.wire.client_protocol import Finding, Patient


@dataclass(frozen=True, slots=True)
class Concern:
    """What speaks against a drug. `cause` is why, in few words and without the drug itself."""

    finding: Finding
    cause: str
    meets_severe_allergy: bool = False

    @property
    def must_not_be(self) -> bool:
        """Whether giving it must stop the hand: contraindicated, or against an allergy with a severe reaction."""
        return self.finding.severity == "contraindicated" or (self.meets_severe_allergy and self.finding.severity != "info")


def names_a_drug(meaning: Resolution) -> bool:
    """Whether the text names a drug; nitrous oxide sedation does, an extraction does not."""
    return bool(_drug_tokens(meaning))


def _drug_tokens(meaning: Resolution) -> Tokens:
    return frozenset(token for token in meaning.tokens if ":" not in token)


class Suitability:
    """A patient's facts, understood once; any number of drugs is then judged against them, each alone.

    What is planned counts only `with_planned`; a line that reads `without` is left out, so that nothing is held against itself.
    """

    def __init__(
        self, edition: Edition, patient: Patient, *, today: date, language: str, with_planned: bool = False, without: str | None = None
    ) -> None:
        self.edition = edition
        self.patient = patient
        self.language = language
        self.say = translator(language)
        self.is_out_of_date = edition.state(today) == "passive"
        self.case = case_of(patient, None if with_planned else [], today)
        lines = resolve_lines(edition, self.case, today, chosen_drugs(patient))
        counted = [line for line in lines if line.text != without or line.role not in ("medication", "planned")]
        self.unresolved = [line for line in lines if not line.is_resolved and line.role != "planned"]
        self._severe = {one.text for one in patient.allergies if one.severity == "severe"}
        self._resolver = resolver_of(edition)
        self._setting = Setting(
            edition,
            things_of([*counted, *implied_lines(edition, self.case.patient, lines, today)]),
            language,
            self.say,
            [line for line in lines if line.role == "allergy" and line.is_resolved],
        )
        self._ill = [thing for thing in self._setting.things if thing.meaning.role == "condition"]

    def planned(self, text: str) -> Resolution:
        """What a drug that the dentist would give means."""
        return self._resolver.planned(text)

    def taken(self, text: str, drug_id: str | None, strength: str) -> Resolution:
        """What a drug that the patient would take means."""
        return self._resolver.medication(text, drug_id, strength)

    def concerns(self, meaning: Resolution) -> list[Concern]:
        """What speaks against the drug, the worst first; empty for a text that names none."""
        if not names_a_drug(meaning):
            return []
        drug = Thing(len(self._setting.things), structs.replace(meaning, tokens=_drug_tokens(meaning)))
        found = [*self._interactions(drug), *self._conditions(drug), *self._allergies(drug), *self._limits(drug)]
        return sorted(found, key=lambda concern: (-RANK[concern.finding.severity], not concern.must_not_be, concern.finding.rule))

    def gaps(self, meaning: Resolution) -> list[str]:
        """What is missing of the patient that would decide about the drug, in brief."""
        drug = Thing(len(self._setting.things), meaning)
        missing = limit_gaps(replace(self._setting, things=[*self._ill, drug]), self.case.patient)
        return [self.say(wording.MISSING_IN_BRIEF[sentence]) for sentence in missing]

    def _limits(self, drug: Thing) -> Iterator[Concern]:
        for finding in limit_findings(replace(self._setting, things=[*self._ill, drug]), self.case.patient):
            yield Concern(finding, self.say(wording.LIMIT_TITLES.get(finding.kind, finding.title)))

    def _interactions(self, drug: Thing) -> Iterator[Concern]:
        setting = replace(self._setting, things=[*self._setting.things, drug])
        for found in interactions(self.edition, setting.things, about=drug):
            others = [(place, tokens) for side in (found.left, found.right) for place, tokens in side.items() if place != drug.place]
            names = dict.fromkeys(setting.things[place].label(self.edition, tokens, self.language) for place, tokens in others)
            mechanism = self.edition.mechanisms[found.rule.mechanism].name.in_language(self.language)
            yield Concern(interaction_finding(setting, found), f"{' + '.join(names)}: {mechanism}")

    def _conditions(self, drug: Thing) -> Iterator[Concern]:
        setting = replace(self._setting, things=[*self._ill, drug])
        for finding in condition_findings(setting):
            yield Concern(finding, self.edition.conditions[finding.rule].name.in_language(self.language))

    def _allergies(self, drug: Thing) -> Iterator[Concern]:
        for one in self._setting.allergies:
            setting = replace(self._setting, things=[drug], allergies=[one])
            groups = (self.edition.allergies[identity].members for identity in one.ids if identity in self.edition.allergies)
            is_itself = bool(drug.tokens & one.tokens.union(*groups))
            sentence = self.say(wording.ALLERGY_CAUSE if is_itself else wording.CROSS_REACTION_CAUSE)
            cause = sentence.format(allergy=one.name.in_language(self.language))
            for finding in allergy_findings(setting):
                yield Concern(finding, cause, meets_severe_allergy=one.text in self._severe)
