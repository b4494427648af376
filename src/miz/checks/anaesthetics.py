"""Local anaesthetics: the most that this patient may get in one session, and what of it the plan uses up. Pure.

- The maximum is the smallest of mg/kg, the absolute maximum and what the vasoconstrictor allows; children have a value of their own.
- Several solutions share it: their amounts as fractions of their maxima add up to 1 at most, those on the surface included.
- Felypressin needs no term of its own: the absolute maximum of its only solution ends before its limit is reached.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from miz.checks.amounts import Amount, amount_in
from miz.checks.epinephrine import EPINEPHRINE, EpinephrineLimit, epinephrine_limit
from miz.checks.figures import VASOCONSTRICTORS, Figures, amount, is_refused, rounded_down
from miz.checks.findings import Setting
from miz.checks.model import Thing
from miz.checks.wording import N_
from miz.knowledge.model import AnaestheticSolution
from miz.ui.i18n import format_number
from miz.wire.client_protocol import AnaestheticMaximum, Case, CasePatient, Finding

LimitedBy = Literal["weight", "absolute", "vasoconstrictor", "child"]

# up to 11 years a patient is a child for doses (ICH E11); older ones get the adult's milligrams for each kilogram
CHILD_YEARS = 12
_CLASS = "N01B"
_TINY = 1e-6  # what binary fractions differ by

WEIGHT_MISSING = N_("The weight is missing: the maximum of {solution} was not computed.")
AGE_MISSING = N_("The age is missing, and children have a maximum of their own: that of {solution} was not computed.")
NO_CHILD_VALUE = N_("{solution}: the drug data hold no maximum for children; none was computed.")
NO_SOLUTION = N_("“{text}”: the drug data hold no maximum of this solution; none was computed.")
FORBIDDEN = N_("“{text}” must not be used here; no maximum was computed.")
DILUTION_MISSING = N_("“{text}”: the concentration is missing. Computed as {solution}, which reaches its limit first; please state it.")
AMOUNT_MISSING = N_("“{text}”: the amount is missing; it counts towards the maximum of all local anaesthetics together.")
BELOW_AGE = N_("Not meant for children under {age}.")
BELOW_WEIGHT = N_("Not meant for a weight below {weight}.")
BELOW_TITLE = N_("{solution}: below the minimum weight")
BELOW_ACTION = N_("Choose another solution or decide in the individual case; do not exceed {maximum}.")
CAREFUL_LIMIT = N_("Epinephrine at most {limit} because of: {causes}.")
HISTORY_OPEN = N_("Holds without heart or circulatory disease only: history or medication was not asked for.")
SHARED = N_("Several solutions are planned: what one uses up, the others no longer have.")
EXCEEDED_TITLE = N_("Too much local anaesthetic: {names}")
EXCEEDED = N_("Planned is {percent} of the maximum: {parts}.")
EXCEEDED_PART = N_("{solution} {planned} of at most {maximum}")
EXCEEDED_ACTION = N_("Plan less. The maximum alone: {maxima}.")
MICROGRAMS = N_("micrograms")
YEARS = N_("{number} years")
MONTHS = N_("{number} months")


@dataclass(frozen=True, slots=True)
class Maximum:
    """Milligrams of the agent, and which of the limits was the smallest."""

    mg: float
    limited_by: LimitedBy


@dataclass(frozen=True, slots=True)
class _Plan:
    """A planned line whose solution is on file."""

    thing: Thing
    solution: AnaestheticSolution
    amount: Amount
    is_open: bool


def maximum(solution: AnaestheticSolution, *, weight_kg: float, is_child: bool, epinephrine_mg: float) -> Maximum | None:
    """The most for one session; None when the data hold no value for this patient. `epinephrine_mg` is the limit in milligrams."""
    per_kg = solution.child_max_mg_per_kg if is_child else solution.max_mg_per_kg
    if is_child and per_kg is None:
        return None
    limits = [Maximum(per_kg * weight_kg, "child" if is_child else "weight")] if per_kg is not None else []
    if solution.max_mg is not None:
        limits.append(Maximum(solution.max_mg, "absolute"))
    if solution.epinephrine_ug_per_ml:
        limits.append(Maximum(epinephrine_mg * 1000 / solution.epinephrine_ug_per_ml * solution.mg_per_ml, "vasoconstrictor"))
    return min(limits, key=lambda limit: limit.mg, default=None)


def anaesthetics(setting: Setting, case: Case, findings: list[Finding]) -> Figures:
    """The maximum of each planned solution, the share that is planned, and what is missing for it.

    `findings` are those of all other checks: a solution that one of them forbids gets no maximum, as any would be an offer.
    """
    figures, told = Figures(), list[tuple[_Plan, Maximum]]()
    planned = [thing for thing in setting.planned if _is_anaesthetic(setting, thing)]
    if not planned:
        return figures
    epinephrine = epinephrine_limit(setting)
    for thing in planned:
        text = thing.meaning.text
        if is_refused(findings, {setting.edition.substances[part].inn for part in thing.meaning.substances}):
            figures.not_checked.append(setting.say(FORBIDDEN).format(text=text))
            continue
        plan = _plan_of(setting, thing)
        if plan is None:
            figures.not_checked.append(setting.say(NO_SOLUTION).format(text=text))
            continue
        if plan.is_open:
            figures.not_checked.append(setting.say(DILUTION_MISSING).format(text=text, solution=_name(setting, plan)))
        found = _maximum_for(setting, plan, case.patient, epinephrine.limit_mg)
        if isinstance(found, str):
            figures.not_checked.append(found)
            continue
        told.append((plan, found))
    _tell(setting, case, told, epinephrine, figures)
    return figures


def _is_anaesthetic(setting: Setting, thing: Thing) -> bool:
    return any(code.startswith(_CLASS) for part in thing.meaning.substances for code in setting.edition.substances[part].atc)


def _plan_of(setting: Setting, thing: Thing) -> _Plan | None:
    """The one solution on file that the line means; with an open concentration the one that reaches its limit first."""
    said, named = amount_in(thing.meaning.text), amount_in(thing.meaning.name.de)
    said = replace(said, percent=said.percent or named.percent, dilution=said.dilution or named.dilution)
    agents = [part for part in thing.meaning.substances if part not in VASOCONSTRICTORS]
    added = next((part for part in thing.meaning.substances if part in VASOCONSTRICTORS), "")
    fitting = [
        solution
        for solution in setting.edition.facts.anaesthetics
        if [solution.agent] == agents
        and solution.vasoconstrictor == added
        and (said.percent is None or said.is_on_surface or abs(solution.mg_per_ml - said.percent * 10) < _TINY)
        and (said.dilution is None or solution.dilution == said.dilution)
    ]
    fitting = [solution for solution in fitting if set(thing.meaning.ids) & set(solution.products)] or fitting
    if not fitting:
        return None
    first = max(fitting, key=lambda solution: solution.epinephrine_ug_per_ml)
    return _Plan(thing, first, said, is_open=len(fitting) > 1)


def _maximum_for(setting: Setting, plan: _Plan, patient: CasePatient, epinephrine_mg: float) -> Maximum | str:
    """The maximum, or the sentence that says what is missing for it."""
    solution, say, words = plan.solution, setting.say, {"solution": _name(setting, plan)}
    if patient.age is None and solution.child_max_mg_per_kg != solution.max_mg_per_kg:
        return say(AGE_MISSING).format(**words)
    is_child = patient.age is not None and patient.age < CHILD_YEARS
    if is_child and solution.child_max_mg_per_kg is None:
        return say(NO_CHILD_VALUE).format(**words)
    needs_weight = solution.child_max_mg_per_kg if is_child else solution.max_mg_per_kg
    if needs_weight is not None and patient.weight_kg is None:
        return say(WEIGHT_MISSING).format(**words)
    return maximum(solution, weight_kg=patient.weight_kg or 0, is_child=is_child, epinephrine_mg=epinephrine_mg) or say(NO_SOLUTION).format(
        text=plan.thing.meaning.text
    )


def _tell(setting: Setting, case: Case, told: list[tuple[_Plan, Maximum]], epinephrine: EpinephrineLimit, figures: Figures) -> None:
    """The figures of all solutions together: each takes its share of the one maximum."""
    planned = [plan.amount.mg_of(plan.solution) for plan, _ in told]
    used = sum(mg / most.mg for (_, most), mg in zip(told, planned, strict=True) if mg is not None)
    rest = max(0.0, 1 - used) if any(mg is not None for mg in planned) else None
    for (plan, most), mg in zip(told, planned, strict=True):
        if mg is None and (len(told) > 1 or plan.amount.is_on_surface):
            figures.not_checked.append(setting.say(AMOUNT_MISSING).format(text=plan.thing.meaning.text))
        notes = list(_notes(setting, case, plan, most, epinephrine, is_shared=len(told) > 1))
        figures.computed.append(_computed(setting, plan, most, mg, rest, notes))
        if case.patient.weight_kg is not None and case.patient.weight_kg < (plan.solution.min_weight_kg or 0):
            figures.findings.append(_too_light(setting, plan, most))
    if used > 1 + _TINY:
        figures.findings.append(_exceeded(setting, [(plan, most, mg) for (plan, most), mg in zip(told, planned, strict=True) if mg], used))


def _computed(setting: Setting, plan: _Plan, most: Maximum, mg: float | None, rest: float | None, notes: list[str]) -> AnaestheticMaximum:
    solution, is_injected = plan.solution, not plan.amount.is_on_surface
    ml = most.mg / solution.mg_per_ml
    remaining = None if rest is None else rest * most.mg
    return AnaestheticMaximum(
        substance=setting.edition.substances[solution.agent].inn,
        solution=solution.id,
        name=_name(setting, plan),
        max_mg=rounded_down(most.mg, 1),
        max_ml=rounded_down(ml, 2) if is_injected else None,
        cartridges=int(rounded_down(ml / solution.cartridge_ml, 0)) if is_injected and solution.cartridge_ml else None,
        cartridge_ml=solution.cartridge_ml if is_injected else None,
        epinephrine_ug=rounded_down(ml * solution.epinephrine_ug_per_ml, 1),
        limited_by=most.limited_by,
        planned_mg=mg,
        share_percent=None if mg is None else round(100 * mg / most.mg, 1),
        remaining_mg=None if remaining is None else rounded_down(remaining, 1),
        remaining_ml=None if remaining is None or not is_injected else rounded_down(remaining / solution.mg_per_ml, 2),
        notes=notes,
        sources=setting.edition.source_refs(_sources(setting, plan, most)),
        reviewed=solution.is_reviewed,
    )


def _notes(setting: Setting, case: Case, plan: _Plan, most: Maximum, epinephrine: EpinephrineLimit, *, is_shared: bool) -> Iterator[str]:
    solution, patient, say, language = plan.solution, case.patient, setting.say, setting.language
    if patient.age is not None and patient.age < (solution.min_age_years or 0):
        yield say(BELOW_AGE).format(age=_age(solution.min_age_years or 0, say, language))
    if patient.weight_kg is not None and patient.weight_kg < (solution.min_weight_kg or 0):
        yield say(BELOW_WEIGHT).format(weight=amount(solution.min_weight_kg or 0, "kg", language))
    if solution.epinephrine_ug_per_ml and epinephrine.causes:
        limit = amount(epinephrine.limit_mg * 1000, say(MICROGRAMS), language)
        yield say(CAREFUL_LIMIT).format(limit=limit, causes=", ".join(epinephrine.causes))
    elif solution.epinephrine_ug_per_ml and (case.medication is None or patient.conditions is None):
        yield say(HISTORY_OPEN)
    if is_shared:
        yield say(SHARED)
    if most.limited_by == "child" and (note := solution.notes.in_language(language)):
        yield note


def _too_light(setting: Setting, plan: _Plan, most: Maximum) -> Finding:
    solution, say, name = plan.solution, setting.say, _name(setting, plan)
    weight = amount(solution.min_weight_kg or 0, "kg", setting.language)
    return setting.finding(
        "dose",
        "caution",
        solution.id,
        subjects=[setting.edition.substances[solution.agent].inn],
        title=say(BELOW_TITLE).format(solution=name),
        effect=say(BELOW_WEIGHT).format(weight=weight),
        action=say(BELOW_ACTION).format(maximum=_in_cartridges(setting, plan, most)),
        sources=solution.sources,
    )


def _exceeded(setting: Setting, parts: list[tuple[_Plan, Maximum, float]], used: float) -> Finding:
    say, language = setting.say, setting.language
    worst = max(parts, key=lambda part: part[2] / part[1].mg)[0]
    names = dict.fromkeys(_name(setting, plan) for plan, _, _ in parts)
    said = (
        say(EXCEEDED_PART).format(
            solution=_name(setting, plan), planned=amount(mg, "mg", language), maximum=amount(rounded_down(most.mg, 1), "mg", language)
        )
        for plan, most, mg in parts
    )
    maxima = (f"{_name(setting, plan)} {_in_cartridges(setting, plan, most)}" for plan, most, _ in parts)
    return setting.finding(
        "dose",
        "warning",
        worst.solution.id,
        subjects=[setting.edition.substances[plan.solution.agent].inn for plan, _, _ in parts],
        title=say(EXCEEDED_TITLE).format(names=" + ".join(names)),
        effect=say(EXCEEDED).format(percent=amount(round(100 * used), "%", language), parts="; ".join(said)),
        action=say(EXCEEDED_ACTION).format(maxima="; ".join(dict.fromkeys(maxima))),
        sources=tuple(dict.fromkeys(source for plan, most, _ in parts for source in _sources(setting, plan, most))),
    )


def _in_cartridges(setting: Setting, plan: _Plan, most: Maximum) -> str:
    """`160 mg = 4 ml = 2 × 1,7 ml`."""
    language, size, ml = setting.language, plan.solution.cartridge_ml, most.mg / plan.solution.mg_per_ml
    parts = [amount(rounded_down(most.mg, 1), "mg", language)]
    if not plan.amount.is_on_surface:
        parts.append(amount(rounded_down(ml, 2), "ml", language))
        if size:
            parts.append(f"{format_number(rounded_down(ml / size, 0), language)} × {amount(size, 'ml', language)}")
    return " = ".join(parts)


def _sources(setting: Setting, plan: _Plan, most: Maximum) -> tuple[str, ...]:
    limits = setting.edition.facts.vasoconstrictor_limits if most.limited_by == "vasoconstrictor" else []
    more = (source for row in limits if row.agent == EPINEPHRINE for source in row.sources)
    return tuple(dict.fromkeys((*plan.solution.sources, *more)))


def _name(setting: Setting, plan: _Plan) -> str:
    words = plan.thing.meaning.name if plan.amount.is_on_surface else plan.solution.name
    return words.in_language(setting.language)


def _age(years: float, say: Callable[[str], str], language: str) -> str:
    if years < 1:
        return say(MONTHS).format(number=format_number(round(years * 12), language))
    return say(YEARS).format(number=format_number(years, language))
