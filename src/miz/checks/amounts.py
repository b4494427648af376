"""How much of what solution a planned line says: `Articain 4 % 1:100.000, 2 Ampullen`, `Ultracain D-S 3 ml`, `Lidocain-Spray 40 mg`."""

import re
from dataclasses import dataclass

from miz.knowledge.model import AnaestheticSolution

_NUMBER = r"(?:\d+(?:[.,]\d+)?|½|halbe|ein(?:e|en)?|zwei|drei|vier|fünf|sechs|half|one|two|three|four|five|six)"
_WORDS = {"½": 0.5, "halbe": 0.5, "half": 0.5, "ein": 1, "eine": 1, "einen": 1, "one": 1, "zwei": 2, "two": 2, "drei": 3, "three": 3}
_WORDS |= {"vier": 4, "four": 4, "fünf": 5, "five": 5, "sechs": 6, "six": 6}
_CARTRIDGES = re.compile(
    rf"(?<![\w.,:/])(?P<count>1/2|{_NUMBER})\s*(?:[x×]\s*)?(?:Zylinder-?ampullen?|Zyl\.?-?\s?Amp(?:ullen?)?|Ampullen?|Amp|Kar?pulen?|Patronen?|cartridges?|carpules?)\b",
    re.IGNORECASE,
)
_ML = re.compile(
    rf"(?:(?P<times>\d+)\s*[x×*]\s*|(?P<each>(?:à|á|je|of)\s*)|(?<![\w.,:]))(?P<ml>{_NUMBER})\s*ml\b(?!\s*/)",
    re.IGNORECASE,
)
_MG = re.compile(r"(?<![\w.,:/])(?P<mg>\d+(?:[.,]\d+)?)\s*mg\b(?!\s*/)", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![\w.,:/])(?P<percent>\d+(?:[.,]\d+)?)\s*%")
_DILUTION = re.compile(r"\b1\s*[:/]\s*(?P<thousands>\d{2,3})(?:[.,\s’']?000\b|\s*(?:T|Tsd)\b)")
_ON_SURFACE = re.compile(r"spray|gel\b|salbe|creme|paste|pflaster|oberfl|topi[sc]|ointment|cream|surface", re.IGNORECASE)
_SIZES = (1.7, 1.8)


@dataclass(frozen=True, slots=True)
class Amount:
    """What is said; None where nothing is. `cartridge_ml` is told only together with a number of cartridges."""

    mg: float | None = None
    ml: float | None = None
    cartridges: float | None = None
    cartridge_ml: float | None = None
    percent: float | None = None
    dilution: int | None = None
    is_on_surface: bool = False

    def mg_of(self, solution: AnaestheticSolution) -> float | None:
        """Milligrams of the agent, when the line says an amount of any kind."""
        if self.mg is not None:
            return self.mg
        ml, size = self.ml, self.cartridge_ml or solution.cartridge_ml
        if ml is None and self.cartridges is not None and size is not None:
            ml = self.cartridges * size
        if not self.is_on_surface:
            return None if ml is None else ml * solution.mg_per_ml
        return None if ml is None or self.percent is None else ml * self.percent * 10


def amount_in(text: str) -> Amount:
    """The amount in a typed line; two numbers of one kind are no amount, as nobody can know which was meant."""
    cartridges, mg, percent, dilution = (_only(pattern, text) for pattern in (_CARTRIDGES, _MG, _PERCENT, _DILUTION))
    volumes = list(_ML.finditer(text))
    sizes = [found for found in volumes if cartridges and (found["each"] or _number(found["ml"]) in _SIZES)]
    volume = volumes[0] if len(volumes) == 1 and not sizes else None
    return Amount(
        mg=_number(mg["mg"]) if mg else None,
        ml=_number(volume["ml"]) * int(volume["times"] or 1) if volume else None,
        cartridges=_number(cartridges["count"]) if cartridges else None,
        cartridge_ml=_number(sizes[0]["ml"]) if sizes else None,
        percent=_number(percent["percent"]) if percent else None,
        dilution=int(dilution["thousands"]) * 1000 if dilution else None,
        is_on_surface=_ON_SURFACE.search(text) is not None,
    )


def _only(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return found[0] if len(found) == 1 else None


def _number(text: str) -> float:
    if text == "1/2":
        return 0.5
    return float(_WORDS.get(text.casefold()) or text.replace(",", "."))
