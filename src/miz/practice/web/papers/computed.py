"""What was computed and recommended, on paper: every figure with what limits it and its ground. Pure."""

from collections.abc import Sequence
from itertools import chain

from miz.practice.web.evaluation import Evaluation
from miz.ui.i18n import Language, format_number, translator
from miz.ui.paper import Block, Cell, Column, Heading, Paragraph, Row, Run, Table
from miz.wire.client_protocol import AnaestheticMaximum, DoseLimit, Recommendation, RecommendedDrug, SourceRef


def computed_blocks(evaluation: Evaluation, language: Language) -> list[Block]:
    """Recommendations, then the greatest amounts of anaesthetics, then doses; nothing where nothing was computed."""
    names = {inn: about.name for inn, about in evaluation.about.items()}
    return [
        *chain.from_iterable(_recommendation(one, names, language) for one in evaluation.recommendations),
        *(_maxima(evaluation.anaesthetics, language) if evaluation.anaesthetics else []),
        *(_doses(evaluation.doses, names, language) if evaluation.doses else []),
    ]


def _recommendation(one: Recommendation, names: dict[str, str], language: Language) -> list[Block]:
    _ = translator(language)
    title = {"endocarditis_prophylaxis": _("Endocarditis prophylaxis"), "steroid_cover": _("Steroid cover")}[one.purpose]
    need = {"needed": _("needed"), "consider": _("to be considered")}[one.necessity]
    columns = [Column(_("Substance"), 3), Column(_("Dose"), 5), Column(_("When"), 3), Column(_("Notes"), 5)]
    blocks: list[Block] = [Heading(f"{title} ({need})"), Paragraph(one.text)]
    if one.options:
        blocks.append(Table(columns, [_option(option, names, language) for option in one.options]))
    if one.avoid:
        blocks.append(Paragraph([Run(f"[{_('Avoid')}] ", "bold"), Run(" · ".join(names.get(inn, inn) for inn in one.avoid), is_name=True)]))
    return [*blocks, _ground(one.sources, is_reviewed=one.reviewed, language=language)]


def _option(option: RecommendedDrug, names: dict[str, str], language: Language) -> Row:
    _ = translator(language)
    lead = "–".join(format_number(minutes, language) for minutes in dict.fromkeys(option.lead_minutes))
    return Row([
        Cell([Run(names.get(option.substance, option.substance), "bold", is_name=True)]),
        Cell(" ".join(filter(None, (option.dose, option.route)))),
        Cell(_("%(minutes)s minutes before") % {"minutes": lead} if lead else ""),
        Cell("\n".join(filter(None, (option.note, option.caution)))),
    ])  # fmt: skip


def _maxima(maxima: Sequence[AnaestheticMaximum], language: Language) -> list[Block]:
    _ = translator(language)
    columns = [
        Column(_("Solution"), 5), Column("ml", 1.5, is_centred=True), Column(_("Cartridges"), 2.4, is_centred=True), Column("mg", 1.5, is_centred=True),
        Column(_("Notes"), 6),
    ]  # fmt: skip
    sources = [source for one in maxima for source in one.sources]
    return [
        Heading(_("Local anaesthetic: at most today")), Table(columns, [_maximum(one, language) for one in maxima]),
        _ground(sources, is_reviewed=all(one.reviewed for one in maxima), language=language),
    ]  # fmt: skip


def _maximum(one: AnaestheticMaximum, language: Language) -> Row:
    _ = translator(language)

    def number(value: float) -> str:
        return format_number(value, language)

    def figure(value: float | None) -> Cell:
        return Cell("–" if value is None else [Run(number(value), "bold")], is_centred=True)

    epinephrine = _("%(number)s micrograms of epinephrine") % {"number": number(one.epinephrine_ug)} if one.epinephrine_ug else ""
    planned = _("Planned: %(share)s percent of it") % {"share": number(one.share_percent)} if one.share_percent is not None else ""
    left = _("%(ml)s ml left") % {"ml": number(one.remaining_ml)} if one.remaining_ml is not None else ""
    notes = [epinephrine, " · ".join(filter(None, (planned, left))), *one.notes, _limited(one.limited_by, language)]
    name = [Run(one.name, "bold", is_name=True)]
    return Row([Cell(name), figure(one.max_ml), figure(one.cartridges), figure(one.max_mg), Cell("\n".join(filter(None, notes)))])


def _doses(doses: Sequence[DoseLimit], names: dict[str, str], language: Language) -> list[Block]:
    _ = translator(language)
    columns = [Column(_("Substance"), 3), Column(_("Dose"), 6), Column(_("Notes"), 6)]
    rows = [
        Row([
            Cell([Run(names.get(one.substance, one.substance), "bold", is_name=True)]), Cell(one.text),
            Cell("\n".join([*one.notes, _limited(one.limited_by, language)])),
        ])
        for one in doses
    ]  # fmt: skip
    sources = [source for one in doses for source in one.sources]
    return [
        Heading(_("Doses for this patient")), Table(columns, rows),
        _ground(sources, is_reviewed=all(one.reviewed for one in doses), language=language),
    ]  # fmt: skip


def _limited(by: str, language: Language) -> str:
    _ = translator(language)
    words = {
        "weight": _("body weight"), "absolute": _("absolute maximum"), "vasoconstrictor": _("vasoconstrictor"), "child": _("maximum for children"),
        "adult": _("maximum for adults"),
    }  # fmt: skip
    return _("limited by: %(what)s") % {"what": words[by]}


def _ground(sources: Sequence[SourceRef], *, is_reviewed: bool, language: Language) -> Paragraph:
    _ = translator(language)
    titles = dict.fromkeys(f"{source.title} ({source.year})" if source.year else source.title for source in sources)
    return Paragraph(" · ".join([" · ".join(titles) or _("without source"), *([] if is_reviewed else [_("not reviewed")])]), is_small=True)
