"""Doses of planned drugs for this patient: children by weight, adults by weight and kidney, never above the adult's. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from miz.checks.anaesthetics import CHILD_YEARS
from miz.checks.figures import Figures, amount, amounts, is_refused, rounded_down
from miz.checks.findings import Setting
from miz.checks.model import Thing
from miz.checks.wording import N_
from miz.knowledge.model import BelowEgfr, DentalDrug, DoseRegimen
from miz.ui.i18n import format_number
from miz.wire.client_protocol import Case, CasePatient, DoseLimit, Finding

Population = Literal["child", "adolescent", "adult"]
LimitedBy = Literal["weight", "adult", "absolute"]

_ADULT_YEARS = 18
_PURPOSES = frozenset({"analgesia", "antibiotic"})
_BY_ROW: LimitedBy = "absolute"
_BY_ADULT: LimitedBy = "adult"
_BY_WEIGHT: LimitedBy = "weight"
_TINY = 1e-6  # what binary fractions differ by

WEIGHT_MISSING = N_("The weight is missing: the dose of {drug} was not computed.")
AGE_MISSING = N_("The age is missing: the dose of {drug} was not computed.")
NO_CHILD_DOSE = N_("{drug}: the drug data hold no dose for this age and weight; none was computed.")
KIDNEY_DECIDES = N_("{drug}: with this kidney function the usual dose does not hold; none was computed. {action}")
TO = N_("to")
IU = N_("IU")
EVERY = N_("every {hours} hours")
IN_DOSES = N_("in {count} doses a day")
AT_MOST = N_("at most {amount} a day")
TOO_MUCH_TITLE = N_("{drug}: dose too high")
TOO_MUCH_AT_ONCE = N_("Planned are {planned} at once; at most {limit}.")
TOO_MUCH_A_DAY = N_("Planned are {planned} a day; at most {limit}.")
TOO_MUCH_ACTION = N_("Dose for this patient: {dose}.")


@dataclass(frozen=True, slots=True)
class Dose:
    """Amounts in the regimen's unit; `single` is (low, high), `max_day` None where the data name none."""

    single: tuple[float, float]
    max_day: float | None
    limited_by: LimitedBy


def dose_for(regimen: DoseRegimen, adult: DoseRegimen | None, weight_kg: float | None) -> Dose:
    """The regimen for a weight; a child's is cut to the single dose and the day of the `adult` one.

    `weight_kg` may be None only for a regimen without any figure for each kilogram.
    """
    weight, by = weight_kg or 0.0, _BY_ROW
    low, high = _pair(regimen.single)
    days: list[tuple[float | None, LimitedBy]] = [(regimen.max_day, _BY_ROW), (adult.max_day if adult else None, _BY_ADULT)]
    if regimen.max_day_per_kg is not None:
        days.append((regimen.max_day_per_kg * weight, _BY_WEIGHT))
    if regimen.single_per_kg:
        low, high, by = *(each * weight for each in _pair(regimen.single_per_kg)), _BY_WEIGHT
    elif regimen.per_day_per_kg:
        (least, most), (fewest, number) = _pair(regimen.per_day_per_kg), _pair(regimen.doses_per_day or (1,))
        low, high, by = least * weight / number, most * weight / fewest, _BY_WEIGHT
        days.append((most * weight, _BY_WEIGHT))
    day = min(((most, cause) for most, cause in days if most is not None), default=None)
    cuts = [(regimen.max_single, _BY_ROW), (highest_single(adult) if adult else None, _BY_ADULT), day or (None, by)]
    at_once, cut = min(((most, cause) for most, cause in cuts if most is not None), default=(high, by))
    if at_once < high:
        low, high, by = min(low, at_once), at_once, cut
    return Dose((low, high), day[0] if day else None, by)


def highest_single(regimen: DoseRegimen) -> float | None:
    """The most at once that the row names for a whole patient."""
    return regimen.max_single if regimen.max_single is not None else (regimen.single[-1] if regimen.single else None)


def population_of(age: float) -> Population:
    return "child" if age < CHILD_YEARS else "adolescent" if age < _ADULT_YEARS else "adult"


def doses(setting: Setting, case: Case, findings: list[Finding]) -> Figures:
    """The dose of each planned drug, and a finding where more is planned. What a finding forbids gets none."""
    figures = Figures()
    for thing in setting.planned:
        drug = setting.edition.dental.get(thing.meaning.substances[0]) if len(thing.meaning.substances) == 1 else None
        if drug is None or is_refused(findings, {setting.edition.substances[drug.id].inn}):
            continue
        rows = [row for row in setting.edition.facts.regimens if row.substance == drug.id and row.purpose in _PURPOSES]
        rows = rows or list(_own_regimen(drug))
        for purpose in dict.fromkeys(row.purpose for row in rows):
            _one(setting, case.patient, thing, drug, [row for row in rows if row.purpose == purpose], figures)
    return figures


def _own_regimen(drug: DentalDrug) -> Iterator[DoseRegimen]:
    """The adult's dose of the drug's own row, for drugs without a regimen."""
    if drug.single_mg:
        yield DoseRegimen(
            id=drug.id,
            purpose="usual",
            population="adult",
            substance=drug.id,
            single=drug.single_mg,
            interval_h=drug.interval_h,
            max_day=drug.max_day_mg,
            sources=drug.sources,
            is_reviewed=drug.is_reviewed,
        )


def _one(setting: Setting, patient: CasePatient, thing: Thing, drug: DentalDrug, rows: list[DoseRegimen], figures: Figures) -> None:
    name = setting.edition.substances[drug.id].name.in_language(setting.language)
    if patient.age is None:
        figures.not_checked.append(setting.say(AGE_MISSING).format(drug=name))
        return
    population = population_of(patient.age)
    fitting = [row for row in _of_population(rows, population) if _is_old_enough(row, drug, patient.age)]
    if patient.weight_kg is None and (population != "adult" or len(fitting) > 1 or any(_is_by_weight(row) for row in fitting)):
        if fitting:
            figures.not_checked.append(setting.say(WEIGHT_MISSING).format(drug=name))
        return
    regimen = next((row for row in fitting if _fits_weight(row, drug, patient.weight_kg)), None)
    if regimen is None:
        figures.not_checked.append(setting.say(NO_CHILD_DOSE).format(drug=name))
        return
    if stage := renal_stage(drug, patient.egfr):
        action = stage.action.in_language(setting.language)
        figures.not_checked.append(setting.say(KIDNEY_DECIDES).format(drug=name, action=action))
        return
    adult = next((row for row in rows if row.population == "adult" and row is not regimen), None) if population != "adult" else None
    dose = dose_for(regimen, adult, patient.weight_kg)
    limit = _limit(setting, regimen, dose, population)
    figures.computed.append(limit)
    figures.findings.extend(_too_much(setting, thing, regimen, dose, limit.text, population))


def _of_population(rows: list[DoseRegimen], population: Population) -> list[DoseRegimen]:
    """Rows in the order to try. The adult's hold for the young only where the row says from which weight on."""
    order = {"child": ("child", "any"), "adolescent": ("adolescent", "child", "any"), "adult": ("adult", "any")}[population]
    found = [row for name in order for row in rows if row.population == name]
    return (
        found if population == "adult" else [*found, *(row for row in rows if row.population == "adult" and row.min_weight_kg is not None)]
    )


def _is_old_enough(row: DoseRegimen, drug: DentalDrug, age: float) -> bool:
    return age >= max(row.min_age_years or 0, drug.min_age_years or 0)


def _is_by_weight(row: DoseRegimen) -> bool:
    return bool(row.single_per_kg or row.per_day_per_kg or row.max_day_per_kg)


def _fits_weight(row: DoseRegimen, drug: DentalDrug, weight_kg: float | None) -> bool:
    """Whether the row holds for the weight; for a child the adult's only where the row says from which weight on."""
    if weight_kg is None:
        return True
    least = max(row.min_weight_kg or 0, drug.min_weight_kg or 0)
    return least <= weight_kg and (row.max_weight_kg is None or weight_kg < row.max_weight_kg)


def renal_stage(drug: DentalDrug, egfr: float | None) -> BelowEgfr | None:
    """The lowest stage that holds; None where the kidney asks for nothing or is not known."""
    holding = [stage for stage in drug.renal if egfr is not None and egfr < stage.below]
    return min(holding, key=lambda stage: stage.below, default=None)


def _limit(setting: Setting, regimen: DoseRegimen, dose: Dose, population: Population) -> DoseLimit:
    language = setting.language
    more = (words.in_language(language) for words in (regimen.duration, regimen.note))
    return DoseLimit(
        substance=setting.edition.substances[regimen.substance].inn,
        purpose=regimen.purpose,
        population=population,
        unit=regimen.unit,
        single=[rounded_down(each, 1) for each in dose.single],
        interval_h=list(regimen.interval_h),
        doses_per_day=list(regimen.doses_per_day),
        max_day=None if dose.max_day is None else rounded_down(dose.max_day, 1),
        limited_by=dose.limited_by,
        text=_in_words(setting, regimen, dose),
        notes=[note for note in more if note],
        sources=setting.edition.source_refs(regimen.sources),
        reviewed=regimen.is_reviewed,
    )


def _in_words(setting: Setting, regimen: DoseRegimen, dose: Dose) -> str:
    """`160 bis 230 mg alle 6 bis 8 Stunden, höchstens 690 mg am Tag`."""
    say, language, unit = setting.say, setting.language, _unit(setting, regimen)
    low, high = (rounded_down(each, 1) for each in dose.single)
    text = amounts(low, high, unit, language, say(TO))
    if regimen.interval_h:
        text += " " + say(EVERY).format(hours=_span(_pair(regimen.interval_h), setting))
    elif regimen.doses_per_day:
        text += " " + say(IN_DOSES).format(count=_span(_pair(regimen.doses_per_day), setting))
    if dose.max_day is not None:
        text += ", " + say(AT_MOST).format(amount=amount(rounded_down(dose.max_day, 1), unit, language))
    return text


def _too_much(setting: Setting, thing: Thing, regimen: DoseRegimen, dose: Dose, text: str, population: Population) -> Iterator[Finding]:
    """More at once than the highest single dose, or more a day than the day's maximum, as far as the line says both."""
    dosing = thing.meaning.dosing
    if dosing is None or regimen.unit != "mg" or len(dosing.strengths_mg) != 1:
        return
    strength = dosing.strengths_mg[0]
    at_once = strength * max((*(dosing.scheme or ()), 1.0))
    a_day = dosing.day_mg or (strength * sum(dosing.scheme) if dosing.scheme else None)
    most_at_once = dose.single[1] if population != "adult" else max(dose.single[1], highest_single(regimen) or 0)
    say, language = setting.say, setting.language
    said: list[str] = []
    if at_once > most_at_once + _TINY:
        said.append(say(TOO_MUCH_AT_ONCE).format(planned=amount(at_once, "mg", language), limit=_mg(most_at_once, language)))
    is_day_exceeded = a_day is not None and dose.max_day is not None and a_day > dose.max_day + _TINY
    if is_day_exceeded and a_day is not None and dose.max_day is not None:
        said.append(say(TOO_MUCH_A_DAY).format(planned=amount(a_day, "mg", language), limit=_mg(dose.max_day, language)))
    if said:
        substance = setting.edition.substances[regimen.substance]
        yield setting.finding(
            "dose",
            "warning" if is_day_exceeded or population != "adult" else "caution",
            regimen.id,
            subjects=[substance.inn],
            title=say(TOO_MUCH_TITLE).format(drug=substance.name.in_language(language)),
            effect=" ".join(said),
            action=say(TOO_MUCH_ACTION).format(dose=text),
            sources=regimen.sources,
        )


def _mg(value: float, language: str) -> str:
    return amount(rounded_down(value, 1), "mg", language)


def _unit(setting: Setting, regimen: DoseRegimen) -> str:
    return setting.say(IU) if regimen.unit == "IU" else regimen.unit


def _span(pair: tuple[float, float], setting: Setting) -> str:
    low, high = (format_number(each, setting.language) for each in pair)
    return high if low == high else f"{low} {setting.say(TO)} {high}"


def _pair(values: tuple[float, ...]) -> tuple[float, float]:
    """(low, high) of what a row names; one figure is both, none is zero."""
    return (values[0], values[-1]) if values else (0.0, 0.0)
