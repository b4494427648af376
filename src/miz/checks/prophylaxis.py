"""What a condition and a planned procedure together call for: antibiotic before the procedure, cover with a steroid. Pure.

- Only both together: neither the valve nor the extraction alone gives a recommendation. "No prophylaxis" of one condition never
  cancels the need of another.
- Offered is what this patient can have: by kind of penicillin reaction, age, and what the other checks forbid.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from miz.checks import wording
from miz.checks.doses import dose_for
from miz.checks.figures import Figures, amount, rounded_down
from miz.checks.findings import Setting, allergy_findings, condition_findings, interaction_finding
from miz.checks.interactions import interactions
from miz.checks.limits import limit_findings
from miz.checks.model import RANK, Thing
from miz.checks.wording import N_
from miz.knowledge.model import Condition, DoseRegimen, Procedure, Tokens
from miz.knowledge.resolution import Resolution
from miz.wire.client_protocol import Case, CasePatient, Finding, Recommendation, RecommendedDrug, Severity

_PURPOSE: Literal["endocarditis_prophylaxis"] = "endocarditis_prophylaxis"
_CONSIDER = "endocarditis_prophylaxis_consider"
_STEROID: Literal["steroid_cover"] = "steroid_cover"
_PENICILLIN, _PENICILLIN_ALLERGY = "penicillin", "PENALL"
_ADULT_YEARS = 18

ROUTES = {"oral": N_("by mouth"), "intravenous": N_("intravenously")}
PER_KG = N_("{amount} per kg")
AT_MOST = N_("{dose}, at most {most}")
BY_AGE = N_("adults {adult}; children {child}")
AGE_MISSING = N_("The age is missing: the dose of the endocarditis prophylaxis was not computed.")
WEIGHT_MISSING = N_("The weight is missing: the child's dose of the endocarditis prophylaxis was not computed.")
NOTHING_POSSIBLE = N_("No drug of the drug data is possible here for the endocarditis prophylaxis; clarify it with the cardiologist.")
STEROID_NEEDED = N_("{condition} and {procedure} together call for cover with a steroid: clarify the dose with the treating physician.")


def prophylaxis(setting: Setting, case: Case) -> Figures:
    """The recommendations for the case, and what is missing for their doses."""
    figures = Figures()
    if needed := _met(setting, {_PURPOSE}, at_gingiva=True):
        _recommend(setting, case, needed, "needed", figures)
    elif considered := _met(setting, {_CONSIDER}, at_gingiva=True):
        _recommend(setting, case, considered, "consider", figures)
    if met := _met(setting, {_STEROID}, at_gingiva=False):
        conditions, _ = met
        figures.recommendations.append(
            Recommendation(
                purpose=_STEROID,
                necessity="needed",
                because=_ids(met),
                text=_sentence(setting, STEROID_NEEDED, met),
                sources=setting.edition.source_refs(tuple(dict.fromkeys(each for one in conditions for each in one.sources))),
                reviewed=all(one.is_reviewed for one in conditions),
            )
        )
    return figures


Met = tuple[list[Condition], list[Procedure]]


def _met(setting: Setting, needs: set[str], *, at_gingiva: bool) -> Met | None:
    """The conditions with the need and the procedures it holds for; None unless there are both."""
    conditions = [condition for condition in setting.conditions if needs & set(condition.needs)]
    procedures = [
        procedure
        for procedure in dict.fromkeys(setting.procedures)
        if (procedure.is_at_gingiva_or_apex if at_gingiva else "proc:surgery" in procedure.tokens)
    ]
    return (conditions, procedures) if conditions and procedures else None


def _ids(met: Met) -> list[str]:
    return list(dict.fromkeys(one.id for side in met for one in side))


def _sentence(setting: Setting, message: str, met: Met) -> str:
    conditions, procedures = (", ".join(dict.fromkeys(one.name.in_language(setting.language) for one in side)) for side in met)
    return setting.say(message).format(condition=conditions, procedure=procedures)


def _recommend(setting: Setting, case: Case, met: Met, necessity: str, figures: Figures) -> None:
    rows = [row for row in setting.edition.facts.regimens if row.purpose == _PURPOSE]
    patient = case.patient
    options = _options(setting, case, rows)
    options.sort(key=lambda option: bool(option.caution))
    if not options:
        figures.not_checked.append(setting.say(NOTHING_POSSIBLE))
    elif patient.age is None:
        figures.not_checked.append(setting.say(AGE_MISSING))
    elif patient.age < _ADULT_YEARS and patient.weight_kg is None:
        figures.not_checked.append(setting.say(WEIGHT_MISSING))
    figures.recommendations.append(
        Recommendation(
            purpose=_PURPOSE,
            necessity="needed" if necessity == "needed" else "consider",
            because=_ids(met),
            text=_sentence(setting, wording.PROPHYLAXIS_NEEDED if necessity == "needed" else wording.PROPHYLAXIS_CONSIDER, met),
            options=options,
            avoid=[setting.edition.substances[row.substance].inn for row in rows if row.is_advised_against],
            sources=setting.edition.source_refs(tuple(dict.fromkeys(source for row in rows for source in row.sources))),
            reviewed=all(row.is_reviewed for row in rows),
        )
    )


def _options(setting: Setting, case: Case, rows: list[DoseRegimen]) -> list[RecommendedDrug]:
    """One row for each drug, of the patient's age group, that the recorded reaction to penicillin leaves and nothing else forbids.

    Without such an allergy the drugs for just that; the others only where none of these is possible, or allergies were not asked.
    """
    group = "child" if case.patient.age is not None and case.patient.age < _ADULT_YEARS else "adult"
    own = [row for row in rows if row.population in (group, "any") and not row.is_advised_against]
    reactions = _penicillin_reactions(setting)

    def possible(after: set[str]) -> list[RecommendedDrug]:
        chosen = (row for row in own if row.penicillin_allergy in after)
        return [option for row in chosen if (option := _option(setting, case.patient, row, rows))]

    if reactions & {"immediate", "severe_delayed", "unknown"}:
        return possible({"any"})
    if "delayed" in reactions:
        return possible({"not_immediate", "any"})
    first = possible({"none"})
    return first if first and case.patient.allergies is not None else [*first, *possible({"not_immediate", "any"})]


def _penicillin_reactions(setting: Setting) -> set[str]:
    """How penicillins were not borne; a label without a kind counts as the gravest, an intolerance is no allergy."""
    groups = setting.edition.allergies
    penicillins = groups[_PENICILLIN].members

    def covered(one: Resolution) -> Tokens:
        return one.tokens.union(*(groups[identity].members for identity in one.ids if identity in groups and not one.tokens))

    reactions: set[str] = {one.reaction for one in setting.allergies if covered(one) & penicillins}
    if any(condition.id == _PENICILLIN_ALLERGY for condition in setting.conditions):
        reactions.add("unknown")
    return reactions


def _option(setting: Setting, patient: CasePatient, row: DoseRegimen, rows: list[DoseRegimen]) -> RecommendedDrug | None:
    """The drug with its dose; None when something forbids it for this patient."""
    drug = setting.edition.dental.get(row.substance)
    youngest = max(row.min_age_years or 0, (drug.min_age_years or 0) if drug else 0)
    against = list(_against(setting, patient, row.substance))
    if (patient.age is not None and patient.age < youngest) or any(finding.severity == "contraindicated" for finding in against):
        return None
    adult, child = (_partner(rows, row, group) for group in ("adult", "child"))
    dose, mg = _dose(setting, patient, adult, child)
    return RecommendedDrug(
        substance=setting.edition.substances[row.substance].inn,
        dose=dose,
        route=setting.say(ROUTES[row.route]) if row.route in ROUTES else row.route,
        single_mg=mg,
        lead_minutes=list(row.lead_minutes),
        note=row.note.in_language(setting.language),
        caution="; ".join(dict.fromkeys(finding.title for finding in against)),
    )


def _partner(rows: list[DoseRegimen], row: DoseRegimen, group: str) -> DoseRegimen | None:
    return next((one for one in rows if (one.substance, one.route, one.population) == (row.substance, row.route, group)), None)


def _dose(setting: Setting, patient: CasePatient, adult: DoseRegimen | None, child: DoseRegimen | None) -> tuple[str, float | None]:
    """The dose in words and in mg; without age or weight only the words of the rows, as nothing is assumed."""
    is_child = patient.age is not None and patient.age < _ADULT_YEARS
    if child is None or (patient.age is not None and not is_child):
        row = adult or child
        mg = row.single[-1] if row and row.single else None
        return ("" if mg is None else _mass(mg, setting.language)), mg
    by_weight = setting.say(PER_KG).format(amount=_mass(child.single_per_kg[-1], setting.language)) if child.single_per_kg else ""
    most = child.max_single or child.max_day or (adult.single[-1] if adult and adult.single else None)
    capped = by_weight if most is None else setting.say(AT_MOST).format(dose=by_weight, most=_mass(most, setting.language))
    if not is_child:
        adult_dose = _mass(adult.single[-1], setting.language) if adult and adult.single else ""
        return (setting.say(BY_AGE).format(adult=adult_dose, child=capped) if adult_dose else capped), None
    if patient.weight_kg is None:
        return capped, None
    mg = rounded_down(dose_for(child, adult, patient.weight_kg).single[1], 1)
    return f"{_mass(mg, setting.language)} ({by_weight})", mg


def _mass(mg: float, language: str) -> str:
    """The unit that avoids decimals: `800 mg`, `2 g`."""
    return amount(mg / 1000, "g", language) if mg >= 1000 and mg % 1000 == 0 else amount(mg, "mg", language)


def _against(setting: Setting, patient: CasePatient, substance: str) -> Iterator[Finding]:
    """What the other checks say from `warning` on, if this drug were given to this patient."""
    drug = setting.edition.drugs[substance]
    meaning = Resolution(
        text=drug.name.de, role="planned", kind="substance", name=drug.name, ids=(drug.id,), substances=drug.substances, tokens=drug.tokens
    )

    def is_grave(severity: Severity) -> bool:
        return RANK[severity] >= RANK["warning"]

    thing = Thing(len(setting.things), meaning)
    ill = [one for one in setting.things if one.meaning.role == "condition"]
    among = replace(setting, things=[*setting.things, thing])
    alone = replace(setting, things=[*ill, thing])
    found = (
        *condition_findings(alone),
        *limit_findings(alone, patient),
        *allergy_findings(replace(setting, things=[thing])),
        *(
            interaction_finding(among, each)
            for each in interactions(setting.edition, among.things, about=thing)
            if is_grave(each.rule.severity)
        ),
    )
    yield from (finding for finding in found if is_grave(finding.severity))
