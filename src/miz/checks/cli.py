"""`miz check`: one case or many, without a server."""

import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from miz.checks.evaluation import evaluate
from miz.checks.figures import amount
from miz.checks.model import level
from miz.checks.wording import N_, OUT_OF_DATE
from miz.infra.settings import preferred_language
from miz.kernel.errors import InvalidInputError
from miz.knowledge.edition import Edition
from miz.ui.i18n import format_day, format_number, translator
from miz.wire.client_protocol import AnaestheticMaximum, Case, CheckAnswer, DoseLimit, Finding, Recommendation

_STYLES = {"high": "bold red", "medium": "bold yellow", "low": "dim"}


class BrokenLine(msgspec.Struct, frozen=True):
    """What stands in place of an answer when a line is no case."""

    line: int
    error: dict[str, str]


def register(app: typer.Typer, *, language: Callable[[], str] = preferred_language) -> None:
    """Add `check` to the command line."""

    @app.command()
    def check(
        file: Annotated[
            str, typer.Argument(help="A case in JSON, or JSON Lines of cases; - reads the standard input.", metavar="[FILE|-]")
        ] = "-",
        json: Annotated[bool, typer.Option("--json", help="Answer in JSON, one answer on a line.")] = False,
    ) -> None:
        """Check cases against the drug data. Ends with 0 when every line was answered, else with 10."""
        edition = Edition.open()
        today = date.today()  # noqa: DTZ011 - the day where the command runs
        is_whole = True
        for answer in answers(edition, _read(file), today=today, language=language()):
            is_whole &= isinstance(answer, CheckAnswer)
            if json:
                sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
            else:
                show(answer, language())
        sys.stdout.flush()
        if not is_whole:
            raise typer.Exit(InvalidInputError().exit_code)


def answers(edition: Edition, content: bytes, *, today: date, language: str) -> Iterator[CheckAnswer | BrokenLine]:
    """An answer for each case of `content`, which is one JSON case over any number of lines, or JSON Lines."""
    decoder = msgspec.json.Decoder(Case)
    try:
        cases = [(1, decoder.decode(content))]
    except msgspec.MsgspecError:
        cases = []
    if cases:
        yield evaluate(edition, cases[0][1], today=today, language=language)
        return
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield evaluate(edition, decoder.decode(line), today=today, language=language)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                yield BrokenLine(number, {"code": "unparsable-input", "detail": _reason(error)})


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, msgspec.ValidationError) else "JSON is malformed"


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InvalidInputError("The file {file} cannot be read.", file=file) from error


def show(answer: CheckAnswer | BrokenLine, language: str) -> None:
    """One answer for people."""
    console, _ = Console(highlight=False, soft_wrap=True, markup=False, emoji=False), translator(language)
    if isinstance(answer, BrokenLine):
        console.print(
            Text(_("Line {number} cannot be read: {reason}").format(number=answer.line, reason=answer.error["detail"]), style="red")
        )
        return
    if answer.id:
        console.print(Text(answer.id, style="bold"))
    for finding in answer.findings:
        _show_finding(console, finding, _)
    if not answer.findings:
        console.print(_("The drug data list nothing for this. That does not mean that it is harmless."))
    for recommendation in answer.recommendations:
        _show_recommendation(console, recommendation, _)
    for one in answer.computed:
        console.print(Text(_in_words(one, language), style="bold"))
        for note in one.notes:
            console.print(Text(f"  {note}"))
    for sentence in answer.not_checked:
        console.print(Text(f"  {sentence}", style="yellow"))
    edition = answer.edition
    console.print(
        Text(
            _("Drug data {edition}, valid until {day}.").format(edition=edition.id, day=format_day(edition.valid_until, language)),
            style="dim",
        ),
        Text(_(_STATES[edition.state]) if edition.state in _STATES else "", style="red"),
    )
    console.print()


_STATES = {"warning": N_("New drug data are due."), "passive": OUT_OF_DATE}


def _show_finding(console: Console, finding: Finding, _: Callable[[str], str]) -> None:
    words: dict[str, Any] = {"high": _("High"), "medium": _("Medium"), "low": _("Low")}
    of_level = level(finding.severity)
    console.print(Text(f"[{words[of_level]}]", style=_STYLES[of_level]), Text(finding.title, style="bold"))
    console.print(Text(f"  {finding.effect} {finding.action}"))
    sources = ", ".join(source.title for source in finding.sources) or _("no source")
    console.print(Text(f"  {finding.rule} · {sources} · {_('unreviewed')}", style="dim"))


def _show_recommendation(console: Console, recommendation: Recommendation, _: Callable[[str], str]) -> None:
    console.print(Text(recommendation.text, style="bold"))
    for option in recommendation.options:
        lead = _("%(minutes)s minutes before") % {"minutes": "–".join(map(str, option.lead_minutes))} if option.lead_minutes else ""
        console.print(
            Text("  " + ", ".join(part for part in (f"{option.substance}: {option.dose} {option.route}", lead, option.caution) if part))
        )
    if recommendation.avoid:
        console.print(Text(f"  {_('Avoid')}: {', '.join(recommendation.avoid)}"))


def _in_words(one: AnaestheticMaximum | DoseLimit, language: str) -> str:
    """A figure on one line: `Articain 4 %: höchstens 160 mg = 4 ml, 2 × 1,7 ml`."""
    if isinstance(one, DoseLimit):
        return f"{one.substance}: {one.text}"
    _, parts = translator(language), [amount(one.max_mg, "mg", language)]
    if one.max_ml is not None:
        parts.append(amount(one.max_ml, "ml", language))
    if one.cartridges is not None and one.cartridge_ml is not None:
        parts.append(f"{one.cartridges} × {amount(one.cartridge_ml, 'ml', language)}")
    if one.epinephrine_ug:
        parts.append(_("%(number)s micrograms of epinephrine") % {"number": format_number(one.epinephrine_ug, language)})
    return f"{one.name}: " + _("at most {amount}").format(amount=", ".join(parts))
