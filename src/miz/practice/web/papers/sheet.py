"""What the papers of a patient share: who, when, from which data; allergies and medication. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from miz.practice.web import views
from miz.practice.web.evaluation import Evaluation, Level
from miz.ui.i18n import Language, format_day, format_dose, format_number, translator
from miz.ui.paper import Block, Cell, Column, Field, Frame, Paper, Row, Run, Table, Words
from miz.ui.render import ZONE
from miz.wire.client_protocol import EditionRef, Observation, Patient

WORD = re.compile(r"\w{6,}")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_EMPTY_ROWS = 8


@dataclass(frozen=True, kw_only=True)
class Printing:
    """Who prints, when, where, in which language, and from which drug data.

    `names_among` picks from words those that belong to names of medicines: they are never hyphenated.
    """

    practice: str
    user: str
    at: datetime
    language: Language
    edition: EditionRef
    names_among: Callable[[Iterable[str]], Sequence[str]]

    @property
    def today(self) -> date:
        return self.at.astimezone(ZONE).date()


def sheet_of(patient: Patient | None, printing: Printing, title: str, blocks: Sequence[Block]) -> Paper:
    """The document; without a patient it is a blank form, with a place for the name on every page."""
    _ = translator(printing.language)
    edition, local = printing.edition, printing.at.astimezone(ZONE)
    stand = _("drug data %(id)s") % {"id": edition.id} + (f" ({_('out of date')})" if edition.state == "passive" else "")
    words = WORD.findall(msgspec.json.encode(blocks).decode())
    return Paper(
        language=printing.language,
        title=title,
        author=printing.practice,
        identity=identity_of(patient, printing.language) if patient else f"{_('Name, date of birth')}: {'_' * 40}",
        page_of=_("Page {page} of {pages}"),
        foot=f"{printing.practice} · {_('printed')} {format_day(local.date(), printing.language)} {local:%H:%M}, {printing.user} · {stand}",
        blocks=blocks,
        names=printing.names_among(dict.fromkeys(words)),
    )


def identity_of(patient: Patient, language: Language) -> str:
    """NAME, first name · born · number, as every page has it."""
    _ = translator(language)
    parts = [views.bar_of(patient, date.max).name, f"{_('born')} {format_day(patient.birth_date, language)}"]
    return " · ".join([*parts, *([f"{_('No.')} {patient.number}"] if patient.number else [])])


def facts_of(patient: Patient, printing: Printing) -> list[Field]:
    """Who this is, with the values that doses depend on; what nobody has measured is said."""
    language = printing.language
    _ = translator(language)
    bar = views.bar_of(patient, printing.today)
    age = "" if bar.age is None else f" ({_('%(num)d y') % {'num': bar.age}})"
    sexes = {"female": _("female"), "male": _("male"), "diverse": _("diverse"), "unspecified": _("unspecified"), "unknown": _("unknown")}
    unknown = _("not recorded")
    return [
        Field(_("Name"), bar.name),
        Field(_("Date of birth"), format_day(patient.birth_date, language) + age),
        Field(_("Sex"), sexes[patient.sex]),
        Field(_("Patient number"), patient.number or "–"),
        Field(_("Weight"), _value(patient, "weight_kg", "kg", language) or unknown),
        Field(_("eGFR"), _value(patient, "egfr", "ml/min", language) or unknown),
    ]


def allergy_frame(patient: Patient, language: Language) -> Frame:
    """What the patient does not tolerate, or what nobody knows of it."""
    _ = translator(language)
    if patient.allergy_state == "recorded":
        return Frame(_("Allergies"), [_allergy(one.text, one.reaction, one.year, language) for one in patient.allergies])
    states = {
        "none_known": _("No allergies known"), "not_available": _("Allergies not available"), "not_asked": _("Allergies not asked"),
        "recorded": "",
    }  # fmt: skip
    return Frame(states[patient.allergy_state], [])


def edition_frame(edition: EditionRef, language: Language) -> list[Frame]:
    """What must be said of old data; empty while they are current."""
    _ = translator(language)
    sentences = {
        "warning": _("The drug data %(id)s are valid until %(day)s."),
        "passive": _("The drug data %(id)s were valid until %(day)s. Findings may be out of date; please check by hand."),
    }
    words = {"id": edition.id, "day": format_day(edition.valid_until, language)}
    return [Frame(sentences[edition.state] % words, [])] if edition.state in sentences else []


def unknown_frame(evaluation: Evaluation, language: Language) -> list[Frame]:
    """What is no entry of the drug data; empty where all is known."""
    _ = translator(language)
    return [Frame(_("Not checked, because they are not entries of the drug data:"), list(evaluation.unknown))] if evaluation.unknown else []


def level_word(level: Level, language: Language) -> str:
    _ = translator(language)
    return {"high": _("High"), "medium": _("Medium"), "low": _("Low")}[level]


def medication_table(groups: Sequence[views.MedicationGroup], language: Language, *, has_risk: bool = False) -> Table:
    """The medication as on the screen, by state and dental risk; the risk itself is for the practice only."""
    _ = translator(language)
    rows: list[Row] = []
    for group in groups:
        if group.state != "active":
            rows.append(Row([Cell({"as_needed": _("When needed"), "stopped": _("Stopped")}[group.state])], is_group=True))
        for row in group.rows:
            risk = [Cell(_risk(row, language))] if has_risk else []
            rows.append(Row([*_medication_cells(row, language), *risk]))
    return Table(_medication_columns(language, has_risk=has_risk), rows)


def empty_medication_table(language: Language) -> Table:
    """To be filled in by hand."""
    columns = _medication_columns(language)
    return Table(columns, [Row([Cell(_NO_BREAK) for _ in columns])] * _EMPTY_ROWS, is_roomy=True)


def no_medication(patient: Patient, language: Language) -> str:
    """What an empty list means."""
    _ = translator(language)
    return _("Takes no medicines (asked).") if patient.medication_state == "none" else _("Medication not asked.")


def _medication_columns(language: Language, *, has_risk: bool = False) -> list[Column]:
    _ = translator(language)
    days = [Column(word, 0.8, is_centred=True) for word in (_("morn."), _("noon"), _("eve."), _("night"))]
    return [
        Column(f"{_('Substance')}\n{_('Trade name')}", 4.2), Column(_("Strength"), 1.7), Column(_("Form"), 1.5), *days,
        Column(f"{_('Notes')}\n{_('Reason')}", 3.1), *([Column(_("Dental risk"), 2)] if has_risk else []),
    ]  # fmt: skip


def _medication_cells(row: views.MedicationRow, language: Language) -> list[Cell]:
    _ = translator(language)
    entry = row.entry
    name: Words = [Run(row.substance, "bold", is_name=True), *([Run(f"\n{row.brand}", is_name=True)] if row.brand else [])]
    if row.doses:
        days = [Cell([Run(format_dose(dose, language), "grey" if dose in ("0", "") else "bold")], is_centred=True) for dose in row.doses]
    else:
        days = [Cell(entry.dose_text or _("not stated"), span=4)]
    ended = _("stopped on %(day)s") % {"day": format_day(entry.until, language)} if entry.status == "stopped" and entry.until else ""
    notes = "\n".join(part for part in (" ".join(filter(None, (entry.unit, entry.note))), entry.reason, ended) if part)
    strength = format_dose(entry.strength or "", language).replace(" ", _NO_BREAK)
    return [Cell(name), Cell([Run(strength, "bold")]), Cell(entry.form or ""), *days, Cell(notes)]


def _risk(row: views.MedicationRow, language: Language) -> Words:
    _ = translator(language)
    if not row.is_checked:
        return [Run(f"[{_('Not checked')}]", "bold")]
    if row.level:
        return [Run(f"[{level_word(row.level, language)}]", "bold")]
    return "" if row.entry.status == "stopped" else _("none on record")


def _allergy(text: str, reaction: str | None, year: str | None, language: Language) -> Words:
    rest = f" {reaction or ''}" + (f", {format_day(year, language)}" if year else "")
    return [Run(text, "bold", is_name=True), Run(rest.rstrip())]


def _value(patient: Patient, kind: str, unit: str, language: Language) -> str:
    values: list[Observation] = [one for one in patient.observations if one.kind == kind]
    newest = max(values, key=lambda one: (one.measured_on, one.changed_at), default=None)
    if newest is None:
        return ""
    return f"{format_number(newest.value, language)}{_NO_BREAK}{unit} ({format_day(newest.measured_on, language)})"
