"""*Mitteilung an Hausärztin oder Hausarzt*: what is planned, what was found, what we ask. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from miz.practice.web import views
from miz.practice.web.evaluation import Card, Evaluation
from miz.practice.web.papers import sheet
from miz.practice.web.papers.evaluation import card_of
from miz.practice.web.papers.sheet import Printing
from miz.ui.i18n import format_day, translator
from miz.ui.paper import Block, Heading, Lines, Paper, Paragraph, Run, Signatures
from miz.wire.client_protocol import Patient


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What the dentist chooses: to whom, what to ask, and which findings by their rules; None takes all that may be told."""

    recipient: str = ""
    question: str = ""
    chosen: frozenset[str] | None = None

    def tells(self, card: Card) -> bool:
        return self.chosen is None or not self.chosen.isdisjoint(card.rules)


def tellable(evaluation: Evaluation) -> list[Card]:
    """The findings for a letter: those that ask to do, change or watch something."""
    return [card for card in (*evaluation.cards, *evaluation.further) if card.level != "low"]


def letter_paper(
    patient: Patient, groups: Sequence[views.MedicationGroup], evaluation: Evaluation, letter: Letter, printing: Printing
) -> Paper:  # fmt: skip
    """One letter; without a question or a recipient there is room to write them."""
    language = printing.language
    _ = translator(language)
    cards = [card for card in tellable(evaluation) if letter.tells(card)]
    planned: list[Block] = (
        [Paragraph([Run(f"{_('Planned:')} ", "bold"), Run(" · ".join(patient.planned), is_name=True)])] if patient.planned else []
    )
    taken = [group for group in groups if group.state != "stopped"]
    blocks: list[Block] = [
        Paragraph(_("To the family doctor's practice")),
        Paragraph(letter.recipient) if letter.recipient else Lines(2),
        Paragraph(f"{printing.practice}, {format_day(printing.today, language)}"),
        *sheet.edition_frame(evaluation.edition, language),
        Paragraph([Run(f"{_('Patient')}: "), Run(sheet.identity_of(patient, language), "bold")]),
        Paragraph(_("Dear colleague, this person is treated in our dental practice. Please look at what follows and answer our question.")),
        *planned,
        Heading(_("Our question to you")),
        Paragraph(letter.question) if letter.question else Lines(3),
        *([Heading(_("What we found")), *(card_of(card, language) for card in cards)] if cards else []),
        sheet.allergy_frame(patient, language),
        Heading(_("Medication as known to us")),
        *sheet.unknown_frame(evaluation, language),
        sheet.medication_table(taken, language) if taken else Paragraph(sheet.no_medication(patient, language)),
        Heading(_("Your answer")),
        Lines(4),
        Signatures([_("Place, date"), _("Signature and stamp of the dental practice")]),
    ]
    return sheet.sheet_of(patient, printing, _("Letter to the family doctor"), blocks)
