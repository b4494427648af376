"""One case in, one answer out."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache

from miz.checks import wording
from miz.checks.findings import Setting, allergy_findings, condition_findings, interaction_findings, risk_findings, unresolved_findings
from miz.checks.model import RANK, ChosenDrug, Thing
from miz.knowledge.edition import Edition
from miz.knowledge.resolution import Resolution
from miz.knowledge.resolver import Resolver
from miz.ui.i18n import translator
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, Finding, Resolved

_ADULT, _OLD = 18, 65
_KIDNEY_STAGE = 60


def evaluate(
    edition: Edition, case: Case, *, today: date, language: str = "de", chosen: Mapping[str, ChosenDrug] | None = None
) -> CheckAnswer:
    """Check a case against an edition.

    `chosen` names for a medication text the drug that was picked for it; such a line is taken by its id, not by its text.
    Findings are sorted by severity, then by rule. Pure: no clock, no storage.
    """
    say = translator(language)
    lines = _resolve(resolver_of(edition), case, today, chosen or {})
    things = [Thing(place, line) for place, line in enumerate(line for line in lines if line.is_resolved and line.role != "allergy")]
    setting = Setting(edition, things, language, say, [line for line in lines if line.role == "allergy" and line.is_resolved])
    findings: list[Finding] = [
        *interaction_findings(setting),
        *risk_findings(setting),
        *condition_findings(setting),
        *allergy_findings(setting),
        *unresolved_findings(setting, lines),
    ]
    findings.sort(key=lambda finding: (-RANK[finding.severity], finding.rule, finding.subjects))
    return CheckAnswer(
        id=case.id,
        edition=edition.ref(today),
        resolved=[_resolved(edition, line) for line in lines],
        findings=findings,
        not_checked=list(dict.fromkeys(_not_checked(setting, case, lines, findings, today))),
    )


@lru_cache(maxsize=2)
def resolver_of(edition: Edition) -> Resolver:
    """The resolver of an edition, made once."""
    return Resolver(edition)


def _resolve(resolver: Resolver, case: Case, today: date, chosen: Mapping[str, ChosenDrug]) -> list[Resolution]:
    lines: list[Resolution] = []
    for text in _texts(case.medication):
        drug = chosen.get(text, ChosenDrug(""))
        lines.append(resolver.medication(text, drug.drug_id, drug.strength))
    lines += [resolver.planned(text) for text in _texts(case.planned)]
    lines += [resolver.condition(text, today) for text in _texts(case.patient.conditions)]
    lines += [resolver.allergy(text) for text in _texts(case.patient.allergies)]
    return lines


def _texts(texts: list[str] | None) -> list[str]:
    return [text for text in texts or () if text.strip()]


def _resolved(edition: Edition, line: Resolution) -> Resolved:
    inns = [edition.substances[part].inn for part in line.substances]
    return Resolved(text=line.text, role=line.role, kind=line.kind, ids=list(line.ids), substances=inns, suggestions=list(line.suggestions))


def _not_checked(setting: Setting, case: Case, lines: list[Resolution], findings: list[Finding], today: date) -> Iterator[str]:
    """Everything that could not be judged and would matter here, in sentences."""
    say = setting.say
    if setting.edition.state(today) == "passive":
        yield say(wording.OUT_OF_DATE)
    for line in lines:
        if not line.is_resolved:
            yield say(wording.NOT_RECOGNISED[line.role]).format(text=line.text)
        for question in line.questions:
            yield say(wording.QUESTIONS[question]).format(text=line.text)
    yield from (say(sentence) for sentence in _unknown(case))
    yield from (say(sentence) for sentence in _not_built(case.patient, setting, findings))
    if setting.allergies:
        yield say(wording.REACTION)
    if names := _twice(setting):
        yield say(wording.DUPLICATE).format(names=", ".join(names))


def _unknown(case: Case) -> Iterator[str]:
    has_drugs = bool(case.planned or case.medication)
    if not case.planned:
        yield wording.NOTHING_PLANNED
    if case.medication is None:
        yield wording.MEDICATION_UNKNOWN
    if has_drugs and case.patient.allergies is None:
        yield wording.ALLERGIES_UNKNOWN
    if has_drugs and case.patient.conditions is None:
        yield wording.CONDITIONS_UNKNOWN


def _not_built(patient: CasePatient, setting: Setting, findings: list[Finding]) -> Iterator[str]:
    drugs = [thing for thing in setting.things if thing.is_drug]
    if not drugs:
        return
    if patient.age is not None and patient.age >= _OLD:
        yield wording.AGE_65
    if patient.age is not None and patient.age < _ADULT:
        yield wording.AGE_18
    if patient.pregnancy_week is not None:
        yield wording.PREGNANCY
    if patient.breastfeeding:
        yield wording.LACTATION
    if patient.egfr is not None and patient.egfr < _KIDNEY_STAGE:
        yield wording.KIDNEY
    codes = {
        code for thing in drugs if thing.is_planned for part in thing.meaning.substances for code in setting.edition.substances[part].atc
    }
    if any(code.startswith("N01B") for code in codes):
        yield wording.ANAESTHETIC
    if any(finding.kind == "prophylaxis" for finding in findings):
        yield wording.PROPHYLAXIS


def _twice(setting: Setting) -> list[str]:
    seen: dict[str, int] = {}
    for thing in setting.things:
        for part in thing.meaning.substances:
            seen[part] = seen.get(part, 0) + 1
    return [setting.edition.substances[part].name.in_language(setting.language) for part, count in seen.items() if count > 1]
