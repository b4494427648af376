"""What the numbers of a drug line are worth: milligrams per unit and per day, in the order of the line's substances."""

from collections.abc import Iterator

from msgspec.structs import replace

from miz.knowledge.dosing import Amount, Taking
from miz.knowledge.model import Substance
from miz.knowledge.resolution import Dosing

# a bare number behind these names is never milligrams of the substance: units, micrograms an hour, a puff, millilitres
_NO_BARE_NUMBER = ("A10A", "A11CC", "B01AB", "J01CE", "N02AB03", "N02AE01", "R01", "R03", "S01", "L03A")
_MICROGRAMS = ("H03A", "B03BA", "C02AC01")
_LEAST_MICROGRAMS = 10  # `Clonidin 75` are micrograms, `Clonidin 0,075` milligrams
_WHOLE_UNITS = frozenset({"", "tablet", "orodispersible_tablet", "effervescent_tablet", "capsule", "suppository"})


def dosing_for(taking: Taking, substances: list[Substance]) -> Dosing:
    """The dosing of a line whose substances are known."""
    strengths = tuple(_strengths(taking.amounts, substances))
    told = taking.dosing
    day_mg = None
    if len(substances) == 1:
        day_mg = told.day_mg
        if day_mg is None and strengths and told.units_per_day is not None and told.form in _WHOLE_UNITS:
            day_mg = round(strengths[0] * told.units_per_day, 4)
    return replace(told, strengths_mg=strengths, day_mg=day_mg)


def _strengths(amounts: tuple[Amount, ...], substances: list[Substance]) -> Iterator[float]:
    for amount, substance in zip(amounts, substances, strict=False):
        value = _milligrams(amount, substance)
        if value is None:
            return  # what follows would stand at the wrong substance
        yield value


def _milligrams(amount: Amount, substance: Substance) -> float | None:
    if amount.unit:
        return amount.mg
    if any(code.startswith(_NO_BARE_NUMBER) for code in substance.atc):
        return None
    is_small = any(code.startswith(_MICROGRAMS) for code in substance.atc) and amount.value >= _LEAST_MICROGRAMS
    return amount.value / 1000 if is_small else amount.value
