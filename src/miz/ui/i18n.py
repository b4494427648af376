"""Languages: sentences from the gettext catalogues, dates and numbers as each language writes them.

English sentences in templates and code are the message ids. `.mo` files are compiled at build; a checkout without them
reads the `.po` files instead.
"""

import io
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
LOCALE_FOLDER = Path(__file__).parent / "locale"

_DATE_PATTERNS = {"de": ("%Y", "%m.%Y", "%d.%m.%Y"), "en": ("%Y", "%b %Y", "%d %b %Y")}
_NO_BREAK = "\N{NO-BREAK SPACE}"


def N_(message_id: str) -> str:  # noqa: N802 - the usual mark of a sentence for the catalogues
    """The message id itself; marks it as a sentence to translate."""
    return message_id


def language_of(accept_language: str | None, chosen: str | None = None) -> Language:
    """The user's choice, else the browser's first known language, else German."""
    if chosen in LANGUAGES:
        return "en" if chosen == "en" else "de"
    wishes: list[tuple[float, Language]] = []
    for part in (accept_language or "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        wishes += [(_weight(weight), language) for language in LANGUAGES if tag.casefold().split("-")[0] == language]
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else "de"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def translator(language: str) -> Callable[[str], str]:
    """A function from message id to the sentence in `language`; unknown ids stay as they are."""
    return translations(language).gettext


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; an unknown one has none."""
    folder = LOCALE_FOLDER / language / "LC_MESSAGES"
    compiled, source = folder / "miz.mo", folder / "miz.po"
    if compiled.exists() and (not source.exists() or compiled.stat().st_mtime >= source.stat().st_mtime):
        with compiled.open("rb") as stream:
            return GNUTranslations(stream)
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as stream:
        catalogue = read_po(stream, locale=language)
    binary = io.BytesIO()
    write_mo(binary, catalogue)
    binary.seek(0)
    return GNUTranslations(binary)


def format_day(value: str | date | None, language: str) -> str:
    """A date that may be partial: `1948`, `03.1948`, `12.03.1948`, or `12 Mar 1948`."""
    if not value:
        return ""
    parts = str(value)[:10].split("-")
    year, month, day = (*(int(part) for part in parts), 1, 1)[:3]
    return date(year, month, day).strftime(_DATE_PATTERNS["en" if language == "en" else "de"][len(parts) - 1])


def format_moment(value: datetime | None, language: str, zone: ZoneInfo, *, now: datetime) -> str:
    """The time of day for today (`09:41`), else date and time."""
    if value is None:
        return ""
    local = value.astimezone(zone)
    time = local.strftime("%H:%M")
    return time if local.date() == now.astimezone(zone).date() else f"{format_day(local.date(), language)} {time}"


@lru_cache(maxsize=4096)
def format_number(value: float, language: str) -> str:
    """With decimal comma or point, no trailing zero, no-break space for thousands from 10 000."""
    text: str = format_decimal(value, format="0.####", locale=language)
    whole, mark, rest = text.partition("," if language == "de" else ".")
    if len(whole.lstrip("-")) > 4:
        whole = f"{int(whole):,}".replace(",", _NO_BREAK)
    return whole + mark + rest


def format_dose(text: str, language: str) -> str:
    """A dose as typed, with `½` for a half and the language's decimal sign."""
    for typed, sign in (("1/2", "½"), ("1/4", "¼"), ("3/4", "¾")):
        text = text.replace(typed, sign)
    return text.replace(".", ",") if language == "de" else text.replace(",", ".")
