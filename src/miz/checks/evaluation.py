"""One case in, one answer out."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache

from miz.checks import wording
from miz.checks.calculators import calculate
from miz.checks.duplicates import duplicate_findings, duplicate_gaps
from miz.checks.findings import Setting, allergy_findings, condition_findings, interaction_findings, risk_findings, unresolved_findings
from miz.checks.limits import limit_findings, limit_gaps
from miz.checks.model import RANK, ChosenDrug, Thing
from miz.knowledge.edition import Edition
from miz.knowledge.resolution import Resolution
from miz.knowledge.resolver import Resolver
from miz.ui.i18n import translator
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, Finding, Resolved

_KIDNEY_STAGE = 60


def evaluate(
    edition: Edition,
    case: Case,
    *,
    today: date,
    language: str = "de",
    chosen: Mapping[str, ChosenDrug] | None = None,
    allergies_unavailable: bool = False,
) -> CheckAnswer:
    """Check a case against an edition.

    `chosen` names for a medication text the drug that was picked for it; such a line is taken by its id, not by its text.
    `allergies_unavailable` says that nobody could be asked about allergies, which the answer says in these words.
    Findings are sorted by severity, then by rule. Pure: no clock, no storage.
    """
    say = translator(language)
    lines = resolve_lines(edition, case, today, chosen or {})
    things = things_of([*lines, *implied_lines(edition, case.patient, lines, today)])
    setting = Setting(edition, things, language, say, [line for line in lines if line.role == "allergy" and line.is_resolved])
    findings: list[Finding] = [
        *interaction_findings(setting),
        *risk_findings(setting),
        *condition_findings(setting),
        *allergy_findings(setting),
        *limit_findings(setting, case.patient),
        *duplicate_findings(setting),
        *unresolved_findings(setting, lines),
    ]
    figures = calculate(setting, case, findings)
    findings += figures.findings
    findings.sort(key=lambda finding: (-RANK[finding.severity], finding.rule, finding.subjects))
    return CheckAnswer(
        id=case.id,
        edition=edition.ref(today),
        resolved=[_resolved(edition, line) for line in lines],
        findings=findings,
        recommendations=figures.recommendations,
        computed=figures.computed,
        not_checked=list(
            dict.fromkeys([*_not_checked(setting, case, lines, today, allergies_unavailable=allergies_unavailable), *figures.not_checked])
        ),
    )


@lru_cache(maxsize=2)
def resolver_of(edition: Edition) -> Resolver:
    """The resolver of an edition, made once."""
    return Resolver(edition)


def resolve_lines(edition: Edition, case: Case, today: date, chosen: Mapping[str, ChosenDrug]) -> list[Resolution]:
    """What each line of the case means, in its order."""
    resolver = resolver_of(edition)
    lines: list[Resolution] = []
    for text in _texts(case.medication):
        drug = chosen.get(text, ChosenDrug(""))
        lines.append(resolver.medication(text, drug.drug_id, drug.strength))
    lines += [resolver.planned(text) for text in _texts(case.planned)]
    lines += [resolver.condition(text, today) for text in _texts(case.patient.conditions)]
    lines += [resolver.allergy(text) for text in _texts(case.patient.allergies)]
    return lines


def implied_lines(edition: Edition, patient: CasePatient, lines: list[Resolution], today: date) -> list[Resolution]:
    """Conditions that nobody typed but that a value says: a stage of the kidney, pregnancy, breast-feeding."""
    resolver, typed = resolver_of(edition), {identity for line in lines if line.role == "condition" for identity in line.ids}
    implied = [name for is_so, name in _implied(patient) if is_so and name not in typed]
    return [line for name in implied if (line := resolver.condition(name, today)).is_resolved]


def _implied(patient: CasePatient) -> Iterator[tuple[bool, str]]:
    if patient.egfr is not None:
        yield 30 <= patient.egfr < _KIDNEY_STAGE, "CKD3"
        yield 15 <= patient.egfr < 30, "CKD4"
        yield patient.egfr < 15, "CKD5"
    yield bool(patient.pregnancy_week), "PREG"
    yield bool(patient.breastfeeding), "BREAST"


def things_of(lines: Iterable[Resolution]) -> list[Thing]:
    """What rules work on; allergies are looked at from the other side."""
    return [Thing(place, line) for place, line in enumerate(line for line in lines if line.is_resolved and line.role != "allergy")]


def _texts(texts: list[str] | None) -> list[str]:
    return [text for text in texts or () if text.strip()]


def _resolved(edition: Edition, line: Resolution) -> Resolved:
    inns = [edition.substances[part].inn for part in line.substances]
    return Resolved(text=line.text, role=line.role, kind=line.kind, ids=list(line.ids), substances=inns, suggestions=list(line.suggestions))


def _not_checked(setting: Setting, case: Case, lines: list[Resolution], today: date, *, allergies_unavailable: bool) -> Iterator[str]:
    """Everything that could not be judged and would matter here, in sentences."""
    say = setting.say
    if setting.edition.state(today) == "passive":
        yield say(wording.OUT_OF_DATE)
    for line in lines:
        if not line.is_resolved:
            yield say(wording.NOT_RECOGNISED[line.role]).format(text=line.text)
        for question in line.questions:
            yield say(wording.QUESTIONS[question]).format(text=line.text)
    yield from (say(sentence) for sentence in _unknown(case, allergies_unavailable=allergies_unavailable))
    yield from (say(sentence) for sentence in limit_gaps(setting, case.patient))
    yield from duplicate_gaps(setting)
    yield from (say(wording.REACTION).format(text=one.text) for one in setting.allergies if one.reaction == "unknown")


def _unknown(case: Case, *, allergies_unavailable: bool) -> Iterator[str]:
    has_drugs = bool(case.planned or case.medication)
    if not case.planned:
        yield wording.NOTHING_PLANNED
    if case.medication is None:
        yield wording.MEDICATION_UNKNOWN
    if has_drugs and case.patient.allergies is None:
        yield wording.ALLERGIES_UNAVAILABLE if allergies_unavailable else wording.ALLERGIES_UNKNOWN
    if has_drugs and case.patient.conditions is None:
        yield wording.CONDITIONS_UNKNOWN
