"""`miz search`: the pick list on the command line, without a server."""

import sys
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from miz.infra.settings import preferred_language
from miz.knowledge.edition import MOST_HITS, Edition
from miz.ui.i18n import translator
from miz.wire.client_protocol import DrugItems, SubstanceRef


def register(app: typer.Typer, *, language: Callable[[], str] = preferred_language) -> None:
    """Add `search` to the command line."""

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
    console, _ = Console(highlight=False, soft_wrap=True), translator(language)
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


def _substances(substances: list[SubstanceRef], language: str) -> list[str]:
    return [substance.inn if language == "en" else substance.name_de for substance in substances]
