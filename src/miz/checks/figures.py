"""What the calculators share: what they hand back, when they keep silent, and how a figure is rounded and said. Pure."""

from dataclasses import dataclass, field
from math import floor

from miz.ui.i18n import format_number
from miz.wire.client_protocol import AnaestheticMaximum, DoseLimit, Finding, Recommendation

VASOCONSTRICTORS = frozenset({"epinephrine", "norepinephrine", "felypressin"})
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(slots=True)
class Figures:
    """What was computed, what speaks against the plan, and in sentences what is missing or limits it."""

    computed: list[AnaestheticMaximum | DoseLimit] = field(default_factory=list)
    recommendations: list[Recommendation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)


def rounded_down(value: float, digits: int) -> float:
    """Never up: a maximum stays one. A binary fraction just below a whole step (8.8 as 8.799999…) counts as that step."""
    step: int = 10**digits
    return floor(round(value * step, 6)) / step


def amount(value: float, unit: str, language: str) -> str:
    """`47,5 mg`, with a no-break space between number and unit."""
    return f"{format_number(value, language)}{_NO_BREAK}{unit}"


def amounts(low: float, high: float, unit: str, language: str, to: str) -> str:
    """`300 bis 600 mg`; one figure where both are equal."""
    return amount(high, unit, language) if low == high else f"{format_number(low, language)} {to} {amount(high, unit, language)}"


def is_refused(findings: list[Finding], inns: set[str]) -> bool:
    """Whether a finding forbids the drug of these INNs for this patient; then no figure is told, as any would be an offer.

    What is said of a solution with a vasoconstrictor is not said of the same agent without it.
    """
    subjects = (set(finding.subjects) for finding in findings if finding.severity == "contraindicated")
    return any(inns <= named and named & VASOCONSTRICTORS <= inns for named in subjects)
