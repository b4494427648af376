"""What the rows of a drug itself say of this patient: age, weeks of pregnancy, breast-feeding, kidney, liver, PRISCUS; and the
anticholinergic burden of everything taken. Where a value is missing that decides, it is asked for. Pure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from miz.checks import wording
from miz.checks.alternatives import alternatives
from miz.checks.findings import Setting
from miz.checks.model import RANK, Thing
from miz.knowledge.model import BelowEgfr, DentalDrug, InLiver, PriscusLimit
from miz.wire.client_protocol import CasePatient, Finding, FindingKind, Severity

OLD = 65
_BURDEN = 3
_FERTILE = (12, 55)
# an eGFR below this is hardly ever unknown to the patient
_SEVERE_STAGE = 30
_LIVER = {"CIRRHOSIS", "LIVER_INSUFF", "HEPATITIS"}
_STAGED = {"CIRRHOSIS", "LIVER_INSUFF"}
_SEVERE_LIVER = re.compile(
    r"\bchild(?:[\s-]*pugh)?[\s-]*c\b|(?<!nicht )(?<!not )\b(?:dekompensiert|decompensated|schwere|severe|leberversagen|liver failure)",
    re.IGNORECASE,
)
_MILD_LIVER = re.compile(r"\bchild(?:[\s-]*pugh)?[\s-]*[ab]\b|\b(?:kompensiert|compensated|leicht|mild)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Said:
    """What one row of a drug says of the patient."""

    severity: Severity
    row: str
    effect: str
    action: str
    sources: tuple[str, ...]


def limit_findings(setting: Setting, patient: CasePatient) -> Iterator[Finding]:
    """One finding for each drug and kind, the worst of its rows."""
    judges: dict[FindingKind, Callable[[DentalDrug], _Said | None]] = {
        "age": lambda drug: _age(setting, drug, patient),
        "pregnancy": lambda drug: _pregnancy(setting, drug, patient),
        "lactation": lambda drug: _lactation(setting, drug, patient),
        "renal": lambda drug: _renal(setting, drug, patient),
        "hepatic": lambda drug: _hepatic(setting, drug),
    }
    for thing in setting.drugs_and_plans:
        rows = setting.rows_of(thing)
        for kind, judge in judges.items():
            said = [one for row in rows if (one := judge(row))]
            if said:
                yield _finding(setting, kind, thing, max(said, key=lambda one: RANK[one.severity]))
        if patient.age is not None and patient.age >= OLD and (limited := _priscus(setting, thing)):
            yield _finding(setting, "priscus", thing, limited)
    if burden := _burden(setting):
        yield burden


def limit_gaps(setting: Setting, patient: CasePatient) -> Iterator[str]:
    """The sentences, not yet translated, for values that are missing and would decide about something planned."""
    rows = [row for thing in setting.planned for row in setting.rows_of(thing)]
    ill = {condition.id for condition in setting.conditions}
    if patient.age is None and any(
        row.min_age_years and row.min_age_severity == "contraindicated" and row.min_age_years >= 1 for row in rows
    ):
        yield wording.AGE_MISSING
    pregnancy_matters = any(_is_grave(week.severity) for row in rows for week in row.pregnancy)
    if pregnancy_matters and not patient.pregnancy_week:
        if "PREG" in ill:
            yield wording.WEEK_MISSING
        elif patient.sex == "f" and patient.pregnancy_week is None and _may_be_pregnant(patient.age):
            yield wording.PREGNANCY_MISSING
    kidney_matters = any(_is_grave(stage.severity) and stage.below >= _SEVERE_STAGE for row in rows for stage in row.renal)
    if kidney_matters and patient.egfr is None and _kidney_may_be_weak(patient.age, ill):
        yield wording.EGFR_MISSING
    if _liver_stage(setting) == "unknown" and any(one.stage == "severe" and _is_grave(one.severity) for row in rows for one in row.hepatic):
        yield wording.LIVER_STAGE_MISSING


def _is_grave(severity: Severity | Literal[""]) -> bool:
    return severity in ("warning", "contraindicated")


def _kidney_may_be_weak(age: float | None, ill: set[str]) -> bool:
    return (age is not None and age >= OLD) or any(identity.startswith(("CKD", "HF", "DM")) for identity in ill)


def _may_be_pregnant(age: float | None) -> bool:
    return age is None or _FERTILE[0] <= age <= _FERTILE[1]


def _age(setting: Setting, drug: DentalDrug, patient: CasePatient) -> _Said | None:
    if patient.age is None or drug.min_age_years is None or patient.age >= drug.min_age_years:
        return None
    youngest = drug.min_age.in_language(setting.language)
    effect = setting.say(wording.TOO_YOUNG).format(age=youngest)
    return _Said(drug.min_age_severity, drug.id, effect, setting.say(wording.LEVEL_ACTIONS[drug.min_age_severity]), drug.sources)


def _pregnancy(setting: Setting, drug: DentalDrug, patient: CasePatient) -> _Said | None:
    week = patient.pregnancy_week
    begun = [one for one in drug.pregnancy if week and one.week <= week]
    severity = max(begun, key=lambda one: one.week).severity if begun else ""
    if not severity:
        return None
    effect = setting.say(wording.IN_PREGNANCY).format(week=week)
    return _Said(severity, drug.id, effect, _noted(setting, drug, severity), drug.sources)


def _lactation(setting: Setting, drug: DentalDrug, patient: CasePatient) -> _Said | None:
    if not patient.breastfeeding or not drug.lactation:
        return None
    return _Said(drug.lactation, drug.id, setting.say(wording.IN_LACTATION), _noted(setting, drug, drug.lactation), drug.sources)


def _renal(setting: Setting, drug: DentalDrug, patient: CasePatient) -> _Said | None:
    egfr = patient.egfr
    holding: list[BelowEgfr] = [stage for stage in drug.renal if egfr is not None and egfr < stage.below]
    if not holding:
        return None
    stage = min(holding, key=lambda one: one.below)
    effect = setting.say(wording.AT_EGFR).format(egfr=f"{egfr:g}")
    return _Said(stage.severity, drug.id, effect, stage.action.in_language(setting.language), drug.sources)


def _hepatic(setting: Setting, drug: DentalDrug) -> _Said | None:
    """The row of the stage; while a cirrhosis has none, the row for any disease of the liver, else the careful one."""
    stage = _liver_stage(setting)
    of_any = [row for row in drug.hepatic if row.stage == "any"]
    of_severe = [row for row in drug.hepatic if row.stage == "severe"]
    holding: dict[str, list[InLiver]] = {"severe": [*drug.hepatic], "unknown": of_any or of_severe, "mild": of_any}
    if not stage or not holding[stage]:
        return None
    row = max(holding[stage], key=lambda one: RANK[one.severity])
    return _Said(row.severity, drug.id, setting.say(wording.IN_LIVER), row.action.in_language(setting.language), drug.sources)


def _liver_stage(setting: Setting) -> Literal["", "mild", "unknown", "severe"]:
    """How far the liver is ill: nothing known of it, told as mild, not told, told as severe."""
    ill = [thing.meaning for thing in setting.things if thing.meaning.role == "condition" and not _LIVER.isdisjoint(thing.meaning.ids)]
    if any(_SEVERE_LIVER.search(one.text) for one in ill):
        return "severe"
    if any(_MILD_LIVER.search(one.text) for one in ill):
        return "mild"
    is_staged = any(not _STAGED.isdisjoint(one.ids) for one in ill)
    return "unknown" if is_staged else "mild" if ill else ""


def _priscus(setting: Setting, thing: Thing) -> _Said | None:
    for part in thing.meaning.substances:
        limit = setting.edition.priscus_limits.get(part)
        if limit and _is_exceeded(setting, limit, thing):
            words = limit.words.in_language(setting.language), limit.alternative.in_language(setting.language)
            return _Said(limit.severity, limit.id, *words, limit.sources)
        if limit is None and setting.edition.substances[part].priscus == "yes":
            level: Severity = "caution" if thing.is_planned else "info"
            return _Said(level, part, setting.say(wording.PRISCUS), setting.say(wording.PRISCUS_ACTION), ("PRISCUS2",))
    return None


def _is_exceeded(setting: Setting, limit: PriscusLimit, thing: Thing) -> bool:
    if limit.max_day_mg is None and limit.max_days is None:
        return True
    dosing = thing.meaning.dosing
    if dosing is None:
        return False
    if limit.max_day_mg is not None and dosing.day_mg is not None and dosing.day_mg > limit.max_day_mg:
        return True
    is_long = limit.max_days is not None and dosing.days is not None and dosing.days > limit.max_days
    return is_long and not any(limit.unless & other.meaning.tokens for other in setting.drugs_and_plans)


def _burden(setting: Setting) -> Finding | None:
    """Points of all drugs added; drugs without points were not rated, which is not zero."""
    rated = {
        part: points
        for thing in setting.drugs_and_plans
        for part in thing.meaning.substances
        if (points := setting.edition.substances[part].acb)
    }
    total = sum(rated.values())
    if total < _BURDEN or any("ACB" in setting.edition.substances[part].risks for part in rated):
        return None
    risk = setting.edition.risks["ACB"]
    names = ", ".join(setting.edition.substances[part].name.in_language(setting.language) for part in rated)
    return setting.finding(
        "risk",
        "caution",
        "ACB",
        subjects=["ACB", *(setting.edition.substances[part].inn for part in rated)],
        title=f"{risk.name.in_language(setting.language)}: {names} ({total})",
        effect=risk.meaning.in_language(setting.language),
        action=risk.action.in_language(setting.language),
        sources=risk.sources,
    )


def _noted(setting: Setting, drug: DentalDrug, severity: Severity) -> str:
    return " ".join(part for part in (setting.say(wording.LEVEL_ACTIONS[severity]), drug.notes.in_language(setting.language)) if part)


def _finding(setting: Setting, kind: FindingKind, thing: Thing, said: _Said) -> Finding:
    tokens = [said.row]
    title = f"{thing.label(setting.edition, tokens, setting.language)}: {setting.say(wording.LIMIT_TITLES[kind])}"
    return setting.finding(
        kind, said.severity, f"{kind.upper()}-{said.row}", subjects=thing.subjects(setting.edition, tokens),
        title=title, effect=said.effect, action=said.action, sources=said.sources,
        offers=alternatives(setting.edition, said.action, setting.language, setting.refused, {row.group for row in setting.rows_of(thing)}),
    )  # fmt: skip
