"""All calculators over one case, in the order in which the answer tells them. Pure."""

from msgspec.structs import replace

from miz.checks.anaesthetics import anaesthetics
from miz.checks.doses import doses
from miz.checks.figures import Figures
from miz.checks.findings import Setting
from miz.checks.prophylaxis import prophylaxis
from miz.wire.client_protocol import Case, Finding


def calculate(setting: Setting, case: Case, findings: list[Finding]) -> Figures:
    """What can be computed and recommended. `findings` are those of all other checks; what they forbid gets no figure."""
    if case.patient.weight_kg is not None and case.patient.weight_kg <= 0:
        case = replace(case, patient=replace(case.patient, weight_kg=None))  # nobody weighs nothing: not known
    parts = (prophylaxis(setting, case), anaesthetics(setting, case, findings), doses(setting, case, findings))
    return Figures(
        computed=[one for part in parts for one in part.computed],
        recommendations=[one for part in parts for one in part.recommendations],
        findings=[one for part in parts for one in part.findings],
        not_checked=[one for part in parts for one in part.not_checked],
    )
