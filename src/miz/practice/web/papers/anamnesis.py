"""*Anamnesebogen*: the questions of the edition, empty or with the record's answers, to be signed. Pure."""

from collections.abc import Sequence

from msgspec import structs

from miz.practice.advice import QuestionGroup
from miz.practice.web import asking, views
from miz.practice.web.asking import Asked
from miz.practice.web.papers import sheet
from miz.practice.web.papers.sheet import Printing
from miz.ui.i18n import Language, format_day, translator
from miz.ui.paper import Block, Cell, Column, Field, Fields, Frame, Heading, Lines, Paper, Paragraph, Row, Run, Signatures, Table
from miz.wire.client_protocol import Patient

_NOBODY = Patient(
    id="", family_name="", given_name="", birth_date="", sex="unknown", is_sample=False, version=0,
    allergy_state="not_asked", medication_state="not_asked",
)  # fmt: skip


def filled_anamnesis(
    patient: Patient, groups: Sequence[QuestionGroup], medication: Sequence[views.MedicationGroup], printing: Printing
) -> Paper:  # fmt: skip
    """What the record says to each question; what nobody has asked stays open, to be ticked by hand."""
    language = printing.language
    _ = translator(language)
    further = [one.text or "" for one in asking.further_conditions(patient, groups) if one.answer == "yes"]
    taken = [group for group in medication if group.state != "stopped"]
    blocks: list[Block] = [
        Fields(sheet.facts_of(patient, printing)),
        sheet.allergy_frame(patient, language),
        *_questions(patient, groups, language),
        *([Heading(_("Further conditions")), Paragraph(" · ".join(further))] if further else []),
        Heading(_("Medication")),
        sheet.medication_table(taken, language) if taken else Paragraph(sheet.no_medication(patient, language)),
        *_signing(language),
    ]
    return sheet.sheet_of(patient, printing, _("Medical history form"), blocks)


def empty_anamnesis(patient: Patient | None, groups: Sequence[QuestionGroup], printing: Printing) -> Paper:
    """The questions without answers, for this patient or for anybody."""
    language = printing.language
    _ = translator(language)
    who = [Field(_("Name"), views.bar_of(patient, printing.today).name if patient else ""),
           Field(_("Date of birth"), format_day(patient.birth_date, language) if patient else "")]  # fmt: skip
    asked = _NOBODY if patient is None else structs.replace(patient, conditions=[], observations=[], confirmations=[])
    blocks: list[Block] = [
        Fields([*who, Field(_("Weight, height")), Field(_("Family doctor"))]),
        Frame(_("Allergies and what you do not tolerate: to what, what happened, when"), []),
        Lines(3),
        *_questions(asked, groups, language),
        Heading(_("Medicines you take, also those without prescription")),
        sheet.empty_medication_table(language),
        *_signing(language),
    ]
    return sheet.sheet_of(patient, printing, _("Medical history form"), blocks)


def _questions(patient: Patient, groups: Sequence[QuestionGroup], language: Language) -> list[Block]:
    _ = translator(language)
    columns = [
        Column(_("Question"), 7), Column(_("Yes"), 0.6, is_centred=True), Column(_("No"), 0.8, is_centred=True),
        Column(_("Unknown"), 1.6, is_centred=True), Column(_("Since, details"), 4.2),
    ]  # fmt: skip
    blocks: list[Block] = []
    for part in asking.asked_groups(patient, groups):
        blocks += [Heading(part.group.name), Table(columns, [_row(line, language) for line in part.asked], is_roomy=True)]
    return blocks


def _row(line: Asked, language: Language) -> Row:
    ticks = [Cell(is_ticked=line.given.answer == answer, is_centred=True) for answer in ("yes", "no", "unknown")]
    hint = [Run(f"\n{line.question.hint}", "grey")] if line.question.hint and not line.given.answer else []
    return Row([Cell([Run(line.question.text), *hint]), *ticks, Cell(_details(line, language))])


def _details(line: Asked, language: Language) -> str:
    _ = translator(language)
    given = line.given
    said = [
        _("week %(week)s") % {"week": given.week} if given.week else "",
        _("since %(day)s") % {"day": format_day(given.since, language)} if given.since else "",
        given.detail,
    ]
    return " · ".join(filter(None, said))


def _signing(language: Language) -> list[Block]:
    _ = translator(language)
    return [
        Paragraph(_("I have answered the questions to the best of my knowledge. I will tell the practice of any change.")),
        Signatures([_("Place, date"), _("Patient or legal representative"), _("Dentist")]),
    ]
