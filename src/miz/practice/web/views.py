"""What a patient's page shows, made from the record and the check. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from miz.kernel.partial_date import age_on
from miz.practice.advice import Advice, Verdict
from miz.practice.web.evaluation import LEVELS, Level
from miz.wire.client_protocol import (
    ENTRY_KINDS,
    Change,
    Dose,
    Draft,
    DrugItem,
    Medication,
    Patient,
    Resolved,
)

_TAB_OF_FORM: Mapping[str, str] = {
    "medication": "medication", "planned": "medication", "allergies": "allergies", "conditions": "anamnesis", "observations": "anamnesis",
    "notes": "anamnesis", "answers": "anamnesis",
}  # fmt: skip
_UNSAID = {
    "id", "version", "changed_at", "changed_by", "workplace", "entered_in_error", "drug_id", "allergy_id", "condition_id", "source",
}  # fmt: skip
_RANK = {"high": 0, "medium": 1, "low": 2, "": 3}


@dataclass(frozen=True, kw_only=True)
class PatientBar:
    """Who this is; always in sight."""

    patient: Patient
    name: str
    age: int | None
    weight_kg: float | None
    open_questions: int


@dataclass(frozen=True, kw_only=True)
class MedicationRow:
    """A line of the medication. `doses` is empty where nobody has said anything, or the dose is a text; `drug_id` names the entry of the drug data."""

    entry: Medication
    substance: str
    brand: str
    drug_id: str
    doses: tuple[str, str, str, str] | None
    level: Level | Literal[""]
    is_checked: bool


@dataclass(frozen=True, kw_only=True)
class MedicationGroup:
    """Lines of one state: current, when needed, stopped."""

    state: str
    rows: Sequence[MedicationRow]


@dataclass(frozen=True, kw_only=True)
class DraftLine:
    """What somebody has typed and not saved, and the tab that has its form."""

    draft: Draft
    tab: str
    said: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class VerdictGroup:
    """The practice's own drugs that stand alike to this patient."""

    verdict: str
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One change in words: what, and the fields that differ as (name, before, after).

    `answer` stands beside the name of a condition: one that the patient does not have is recorded, too.
    """

    change: Change
    subject: str
    differences: Sequence[tuple[str, str, str]]
    is_comparable: bool
    answer: str


def bar_of(patient: Patient, today: date, open_questions: int = 0) -> PatientBar:
    """The patient bar of a record."""
    name = f"{patient.family_name.replace('ß', 'ẞ').upper()}, {' '.join(part for part in (patient.prefix, patient.given_name) if part)}"
    weights = [entry for entry in patient.observations if entry.kind == "weight_kg"]
    newest = max(weights, key=lambda entry: entry.measured_on, default=None)
    return PatientBar(
        patient=patient, name=name, age=age_on(patient.birth_date, today), weight_kg=newest.value if newest else None,
        open_questions=open_questions,
    )  # fmt: skip


def medication_groups(patient: Patient, advice: Advice, drug_of: Callable[[str], DrugItem | None]) -> list[MedicationGroup]:
    """The medication by state; within each by dental risk, then by substance."""
    known = {line.text: line for line in advice.answer.resolved if line.role == "medication"}
    levels = _levels(advice)
    groups = []
    for state in ("active", "as_needed", "stopped"):
        rows = [_row(entry, known.get(entry.text), levels, drug_of) for entry in patient.medication if entry.status == state]
        if rows:
            rows.sort(key=lambda row: (_RANK[row.level], row.substance.casefold()))
            groups.append(MedicationGroup(state=state, rows=rows))
    return groups


def draft_line(draft: Draft, record: Patient) -> DraftLine:
    """A draft with the tab its form stands on; a line that was being changed stands where its entry does."""
    form = draft.form
    if form.startswith("edit-"):
        form = next((kind for kind in ENTRY_KINDS for entry in getattr(record, kind) if f"edit-{entry.id}" == form), "")
    said = [(name, text) for name, text in draft.fields.items() if text.strip() and name not in _UNSAID]
    return DraftLine(draft=draft, tab=_TAB_OF_FORM.get("answers" if form.startswith("answers-") else form, ""), said=said)


def verdict_groups(verdicts: Sequence[Verdict]) -> list[VerdictGroup]:
    """The verdicts in their order, those to avoid first."""
    words = dict.fromkeys(verdict.verdict for verdict in verdicts)
    return [VerdictGroup(verdict=word, verdicts=[one for one in verdicts if one.verdict == word]) for word in words]


def history_line(change: Change) -> HistoryLine:
    """A change with what differs between its two states."""
    before, after = change.before or {}, change.after or {}
    subject = str(after.get("text") or before.get("text") or after.get("kind") or before.get("kind") or "")
    fields = compared(change)
    differing = [(name, former, now) for name, former, now in fields if former != now] if change.action in ("changed", "restored") else []
    return HistoryLine(
        change=change, subject=subject, differences=differing, is_comparable=bool(fields), answer=str(after.get("answer", ""))
    )


def compared(change: Change) -> list[tuple[str, str, str]]:
    """Every field of the two states that says something, as (name, before, after)."""
    before, after = change.before or {}, change.after or {}
    names = [name for name in dict.fromkeys([*before, *after]) if name not in _UNSAID]
    fields = [(name, _text(before.get(name)), _text(after.get(name))) for name in names]
    return [field for field in fields if field[1] or field[2]]


def _row(
    entry: Medication, resolved: Resolved | None, levels: Mapping[str, Level], drug_of: Callable[[str], DrugItem | None]
) -> MedicationRow:
    drug = drug_of(entry.drug_id or (resolved.ids[0] if resolved and resolved.ids else ""))
    substance = " + ".join(part.name_de for part in drug.substances) if drug else entry.text
    brand = ""
    if drug is not None and drug.kind == "product":
        brand = f"{drug.name.upper()}®"
    if entry.text.casefold() not in (substance.casefold(), drug.name.casefold() if drug else ""):
        brand = f"{entry.text.upper()}®" if drug is not None and drug.kind == "product" else entry.text
    return MedicationRow(
        entry=entry, substance=substance, brand=brand, drug_id=drug.id if drug else "", doses=_doses(entry.dose), level=levels.get(entry.text, ""),
        is_checked=drug is not None or entry.status == "stopped",
    )  # fmt: skip


def _doses(dose: Dose | None) -> tuple[str, str, str, str] | None:
    if dose is None or not any((dose.morning, dose.noon, dose.evening, dose.night)):
        return None
    return (dose.morning or "0", dose.noon or "0", dose.evening or "0", dose.night or "0")


def _levels(advice: Advice) -> dict[str, Level]:
    """The most serious level of each text of the medication, among the cards that name one of its substances."""
    worst: dict[str, Level] = {}
    for line in advice.answer.resolved:
        if line.role != "medication":
            continue
        own = {*line.substances, *line.ids}
        found = [LEVELS[finding.severity] for group in advice.cards for finding in group if not own.isdisjoint(finding.subjects)]
        if found:
            worst[line.text] = min(found, key=_RANK.__getitem__)
    return worst


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return " – ".join(str(part) or "0" for part in value.values())
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)
