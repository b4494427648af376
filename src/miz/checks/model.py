"""What the rules work on: the resolved things of a case, and the case of a recorded patient. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from miz.kernel.partial_date import age_on
from miz.knowledge.model import Condition, Procedure, Tokens, Words
from miz.knowledge.resolution import Resolution
from miz.wire.client_protocol import Case, CasePatient, Observation, ObservationKind, Patient, Severity

if TYPE_CHECKING:
    from miz.knowledge.edition import Edition

SEVERITIES: tuple[Severity, ...] = ("info", "caution", "warning", "contraindicated")
RANK: dict[Severity, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_SEX = {"female": "f", "male": "m", "diverse": "d"}
_LAST_WEEK = 43
_VASOCONSTRICTORS = frozenset({"epinephrine", "norepinephrine", "felypressin"})


@dataclass(frozen=True, slots=True)
class ChosenDrug:
    """What was picked from the list for a line of the medication, and the strength recorded with it."""

    drug_id: str
    strength: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One resolved line of the case. `place` is its position among all things."""

    place: int
    meaning: Resolution

    @property
    def tokens(self) -> Tokens:
        return self.meaning.tokens

    @property
    def is_planned(self) -> bool:
        return self.meaning.role == "planned"

    @property
    def is_drug(self) -> bool:
        return bool(self.meaning.substances)

    def matched(self, tokens: Iterable[str]) -> tuple[str, ...]:
        """The substance ids to name when rules found the thing by `tokens`.

        A vasoconstrictor is named together with its anaesthetic: to the dentist the solution is one thing.
        """
        substances, found = self.meaning.substances, set(tokens)
        hit = tuple(part for part in substances if part in found)
        return substances if not hit or (_VASOCONSTRICTORS & set(hit) and len(substances) > 1) else hit

    def subjects(self, edition: "Edition", tokens: Iterable[str]) -> list[str]:
        """English INNs, or the ids of the procedures or the condition."""
        if self.is_drug:
            return [edition.substances[part].inn for part in self.matched(tokens)]
        found = set(tokens)
        implied = [edition.substances[token].inn for token in sorted(found) if token in edition.substances]
        return implied or [one.id for one in self._carrying(edition, found)] or list(self.meaning.ids)

    def label(self, edition: "Edition", tokens: Iterable[str], language: str) -> str:
        """How the thing is called in a title: by its substances; procedures and conditions by their name."""
        if not self.is_drug:
            names = [one.name for one in self._carrying(edition, set(tokens))]
            return " + ".join(name.in_language(language) for name in names or [self.meaning.name])
        matched = self.matched(tokens)
        if len(matched) == len(self.meaning.substances) > 1 and self.meaning.ids[0] in edition.substances:
            return self.meaning.name.in_language(language)
        return "/".join(edition.substances[part].name.in_language(language) for part in matched)

    def _carrying(self, edition: "Edition", tokens: set[str]) -> list[Procedure | Condition]:
        """Those of the procedures or illnesses of the line that rules found by `tokens`."""
        procedures = [edition.procedures[identity] for identity in self.meaning.ids if identity in edition.procedures]
        ill = [edition.conditions[identity] for identity in self.meaning.ids if f"cond:{identity}" in tokens]
        return [*(one for one in procedures if one.tokens & tokens), *ill]


def level(severity: Severity) -> str:
    """How the screen calls it: `high` (do not, or arrange first), `medium` (change or watch), `low` (know it)."""
    return "high" if RANK[severity] >= RANK["warning"] else "medium" if severity == "caution" else "low"


def worst(severities: Iterable[Severity]) -> Severity:
    return max(severities, key=RANK.__getitem__)


def joined(names: Iterable[Words], language: str) -> str:
    return ", ".join(dict.fromkeys(name.in_language(language) for name in names))


def case_of(patient: Patient, planned: list[str] | None, today: date) -> Case:
    """The question that a record and a plan make: what counts now, each value the latest.

    Lists that were not asked for, or that the reader may not see, are null; lists known to be empty are empty.
    """
    latest: dict[ObservationKind, float] = {}
    for observation in sorted(patient.observations, key=lambda one: (one.measured_on, one.changed_at)):
        if not observation.entered_in_error:
            latest[observation.kind] = _value_on(observation, today)
    week, feeding = latest.get("pregnancy_week"), latest.get("breastfeeding")
    conditions = [one for one in patient.conditions if not one.entered_in_error]
    present = [one.condition_id or one.text or "" for one in conditions if one.answer == "yes"]
    allergies = [one.text for one in patient.allergies if not one.entered_in_error]
    medication = [one.text for one in patient.medication if one.status in ("active", "as_needed")]
    is_medication_known = bool(medication) or (patient.medication_state != "not_asked" and not patient.is_restricted)
    return Case(
        id=patient.id,
        patient=CasePatient(
            age=age_on(patient.birth_date, today),
            sex=_SEX.get(patient.sex),
            weight_kg=latest.get("weight_kg"),
            height_cm=latest.get("height_cm"),
            egfr=latest.get("egfr"),
            inr=latest.get("inr"),
            pregnancy_week=int(week) if week else None,
            breastfeeding=None if feeding is None else bool(feeding),
            conditions=present if conditions else None,
            allergies=allergies if allergies or patient.allergy_state == "none_known" else None,
        ),
        medication=medication if is_medication_known else None,
        planned=planned if planned is not None else patient.planned,
    )


def _value_on(observation: Observation, today: date) -> float:
    """What was measured; a week of pregnancy counts on from its day, and is 0 when the pregnancy must be over."""
    if observation.kind != "pregnancy_week" or not observation.value or len(observation.measured_on) < len("2026-11-22"):
        return observation.value
    week = observation.value + max(0, (today - date.fromisoformat(observation.measured_on)).days // 7)
    return week if week <= _LAST_WEEK else 0


def chosen_drugs(patient: Patient) -> Mapping[str, ChosenDrug]:
    """For each medication text what was picked from the list for it."""
    return {
        one.text: ChosenDrug(one.drug_id, one.strength or "")
        for one in patient.medication
        if one.drug_id and one.status in ("active", "as_needed")
    }
