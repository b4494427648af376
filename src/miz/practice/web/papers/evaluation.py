"""*Medikation und Bewertung*, for the record: the screen's two columns, nothing folded. Pure."""

from collections.abc import Sequence

from miz.practice.web import views
from miz.practice.web.evaluation import Card, Evaluation, Level
from miz.practice.web.papers import sheet
from miz.practice.web.papers.computed import computed_blocks
from miz.practice.web.papers.sheet import Printing
from miz.ui import paper
from miz.ui.i18n import Language, format_day, translator
from miz.ui.paper import Block, Fields, Heading, Listing, Paragraph, Part, Run, Words
from miz.ui.render import ZONE
from miz.wire.client_protocol import Patient

WEIGHTS: dict[Level, int] = {"high": 3, "medium": 2, "low": 1}


def evaluation_paper(
    patient: Patient, groups: Sequence[views.MedicationGroup], evaluation: Evaluation, printing: Printing
) -> paper.Paper:  # fmt: skip
    """The medication, every finding by what to do, and what was not checked."""
    language = printing.language
    _ = translator(language)
    blocks: list[Block] = [
        *sheet.edition_frame(evaluation.edition, language),
        Fields(sheet.facts_of(patient, printing)),
        sheet.allergy_frame(patient, language),
        Heading(_("Medication")),
        Paragraph(_reviewed(patient, language), is_small=True),
        sheet.medication_table(groups, language, has_risk=True) if groups else Paragraph(sheet.no_medication(patient, language)),
        Heading(_("Dental evaluation")),
        Paragraph(_planned(patient, language)),
        *sheet.unknown_frame(evaluation, language),
        *_findings(evaluation, language),
        *computed_blocks(evaluation, language),
        *_not_checked(evaluation, language),
        Paragraph(_checked(evaluation, language), is_small=True),
    ]
    return sheet.sheet_of(patient, printing, _("Medication and evaluation"), blocks)


def card_of(card: Card, language: Language) -> paper.Card:
    """A finding with cause, effect, what to do, what instead, and its ground."""
    _ = translator(language)
    parts = [Part(_("Because of:"), _causes(card, language))] if card.causes else []
    for number, one in enumerate(card.parts):
        if number and (one.effect or one.action):
            parts.append(Part("", [Run(f"[{sheet.level_word(one.level, language)}] {one.title}", "bold", is_name=True)]))
        parts += [Part(label, text) for label, text in (("", one.effect), (_("What to do:"), one.action)) if text]
    if card.alternatives:
        parts.append(Part(_("Instead:"), [Run(" · ".join(one.name for one in card.alternatives), is_name=True)]))
    if card.decision:
        decision = card.decision
        when = decision.decided_at.astimezone(ZONE)
        words = {"user": decision.decided_by, "time": f"{format_day(when.date(), language)} {when:%H:%M}", "reason": decision.reason}
        parts.append(Part("", _("Noted by %(user)s (%(time)s): %(reason)s") % words))
    ground = [" · ".join(card.sources) or _("without source"), *([] if card.is_reviewed else [_("not reviewed")])]
    return paper.Card(
        sheet.level_word(card.level, language), WEIGHTS[card.level], [Run(card.title, is_name=True)], parts, " · ".join(ground)
    )


def _findings(evaluation: Evaluation, language: Language) -> list[Block]:
    _ = translator(language)
    acts = {"high": _("Do not, or clarify first"), "medium": _("Change something, or watch"), "low": _("Good to know")}
    blocks: list[Block] = []
    for group in evaluation.groups:
        blocks += [Heading(f"{acts[group.level]} ({len(group.cards)})"), *(card_of(card, language) for card in group.cards)]
    if evaluation.further:
        title, among = _("Further notes (%(count)s)") % {"count": len(evaluation.further)}, _("among the patient's own medicines")
        blocks += [Heading(f"{title}: {among}"), *(card_of(card, language) for card in evaluation.further)]
    if not blocks:
        sentence = _("The data of edition %(id)s hold no finding on this medication. That does not mean it is harmless.")
        blocks.append(Paragraph(sentence % {"id": evaluation.edition.id}))
    return blocks


def _not_checked(evaluation: Evaluation, language: Language) -> list[Block]:
    _ = translator(language)
    if not evaluation.not_checked:
        return []
    return [Heading(_("Not checked (%(count)s)") % {"count": len(evaluation.not_checked)}), Listing(list(evaluation.not_checked))]


def _planned(patient: Patient, language: Language) -> Words:
    _ = translator(language)
    if not patient.planned:
        return _("Nothing is planned: the risks are general.")
    return [Run(f"{_('Planned:')} ", "bold"), Run(" · ".join(patient.planned), is_name=True)]


def _causes(card: Card, language: Language) -> Words:
    _ = translator(language)
    words = []
    for cause in card.causes:
        since = " " + _("since %(day)s") % {"day": format_day(cause.since, language)} if cause.since else ""
        words.append(f"{_('Planned:')} {cause.text}" if cause.is_planned else cause.text + since)
    return [Run(" · ".join(words), is_name=True)]


def _reviewed(patient: Patient, language: Language) -> str:
    _ = translator(language)
    if patient.reviewed_at is None:
        return _("Never looked through completely.")
    when = patient.reviewed_at.astimezone(ZONE)
    words = {"time": f"{format_day(when.date(), language)} {when:%H:%M}", "user": patient.reviewed_by or ""}
    return _("Last looked through completely: %(time)s, %(user)s") % words


def _checked(evaluation: Evaluation, language: Language) -> str:
    _ = translator(language)
    sentence = _("Checked against %(drugs)s medicines and %(allergies)s allergies · data %(id)s")
    counts = {"drugs": evaluation.medication_count, "allergies": evaluation.allergy_count, "id": evaluation.edition.id}
    unreviewed = "" if evaluation.is_reviewed else f" · {_('not all statements reviewed yet')}"
    return sentence % counts + unreviewed
