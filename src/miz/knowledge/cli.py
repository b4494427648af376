"""`miz search`, the pick list, and `miz knowledge coverage`, what the drug data hold: on the command line, without a server."""

import sys
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from miz.infra.settings import preferred_language
from miz.knowledge.coverage import Coverage, coverage
from miz.knowledge.edition import MOST_HITS, Edition
from miz.ui.i18n import format_day, format_number, translator
from miz.wire.client_protocol import DrugItems, SubstanceRef


def register(app: typer.Typer, *, language: Callable[[], str] = preferred_language) -> None:
    """Add `search` and `knowledge` to the command line."""
    knowledge = typer.Typer(no_args_is_help=True, help="The drug data themselves.")
    app.add_typer(knowledge, name="knowledge")

    @knowledge.command("coverage")
    def show_figures(
        json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
    ) -> None:
        """What the drug data hold and what they do not, as of when, and how much of it was signed."""
        edition = Edition.open()
        found = coverage(edition)
        if json:
            dates = {
                "edition": edition.id,
                "date": edition.date,
                "valid_until": edition.valid_until,
                "content_sha256": edition.content_sha256,
            }
            sys.stdout.buffer.write(msgspec.json.encode(dates | msgspec.to_builtins(found)) + b"\n")
        else:
            show_coverage(edition, found, language())

    @app.command()
    def search(
        text: Annotated[str, typer.Argument(help="A trade name, a substance or an abbreviation; typing errors are forgiven.")],
        limit: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="Most hits.")] = 12,
        json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
    ) -> None:
        """Search the drug data."""
        found = DrugItems(Edition.open().search(text, limit, language()))
        if json:
            sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        else:
            show(found, text, language())


def show(found: DrugItems, text: str, language: str) -> None:
    """The hits for people: name, what it is, its substances, and what led there."""
    console, _ = Console(highlight=False, soft_wrap=True, markup=False, emoji=False), translator(language)
    if not found.items:
        console.print(_("No drug found for “{text}”.").format(text=text), markup=False)
        return
    kinds = {"substance": _("Substance"), "product": _("Trade name"), "combination": _("Combination")}
    table = Table(box=None)
    for heading in (_("Name"), _("Kind"), _("Substances"), _("Found as")):
        table.add_column(heading)
    for item in found.items:
        table.add_row(
            item.name,
            kinds[item.kind],
            ", ".join(_substances(item.substances, language)),
            "" if item.matched == item.name else item.matched,
        )
    console.print(table)


def show_coverage(edition: Edition, found: Coverage, language: str) -> None:
    """The same figures as the page shows."""
    console, _ = Console(highlight=False, soft_wrap=True, markup=False, emoji=False), translator(language)
    until = format_day(edition.valid_until, language)
    console.print(
        _("Edition %(id)s of %(day)s, valid until %(until)s")
        % {"id": edition.id, "day": format_day(edition.date, language), "until": until}
    )
    for name, number in ((_("Substances"), found.substances), (_("Trade names"), found.products), (_("Combinations"), found.combinations)):
        console.print(f"{name}: {format_number(number, language)}")
    kinds = {
        "interactions": _("Interactions"),
        "risks": _("Dental risks"),
        "conditions": _("Illnesses"),
        "allergies": _("Allergy groups"),
        "dental": _("Dental medicines"),
        "regimens": _("Doses by purpose and age"),
        "anaesthetics": _("Local anaesthetics"),
        "priscus": _("Limits in old age (PRISCUS)"),
    }
    table = Table(box=None)
    for heading in (_("Statements"), _("Rows"), _("with a source"), _("in English too"), _("signed by two professionals")):
        table.add_column(heading, justify="left" if heading == _("Statements") else "right")
    for kind in found.kinds:
        figures = (kind.rows, kind.with_source, kind.with_english, kind.reviewed)
        table.add_row(kinds[kind.kind], *(format_number(number, language) for number in figures))
    console.print(table)
    console.print(_("What is not in it"))
    for gap in found.gaps:
        console.print(f"- {gap.in_language(language)}", markup=False)


def _substances(substances: list[SubstanceRef], language: str) -> list[str]:
    return [substance.inn if language == "en" else substance.name_de for substance in substances]
