"""Turns a page, a frozen dataclass that names its template, into HTML. The only way to render.

Templates lie in the `templates` folders of the rooms. What a template reads and its dataclass does not have is an
error; text is escaped always.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from miz.ui import assets, i18n, shortcuts

PACKAGE = Path(__file__).parents[1]
TEMPLATE_FOLDERS = [*sorted(PACKAGE.glob("*/templates")), *sorted(PACKAGE.glob("*/*/templates"))]
ZONE = ZoneInfo("Europe/Berlin")

# What every template may use besides the fields of its page.
GLOBALS = frozenset(
    {"_", "gettext", "ngettext", "language", "theme", "address", "icon_address", "program_version", "shortcut", "shortcuts"}
)


class Page(Protocol):
    """A page or fragment: a dataclass whose fields are all that its template may read."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Look:
    """How one browser wants to see pages: chosen per workplace, kept in cookies."""

    language: i18n.Language = "de"
    theme: str = "system"


def render(page: Page, look: Look, *, version: str = "") -> str:
    """The page as HTML in the language and theme of `look`."""
    template = environment(look.language).get_template(page.template)
    content = {field.name: getattr(page, field.name) for field in fields(page)}
    return template.render(content, theme=look.theme, program_version=version)


@cache
def environment(language: str) -> Environment:
    """Templates in one language, compiled once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    made.install_gettext_translations(i18n.translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {
        "language": language,
        "theme": "system",
        "program_version": "",
        "address": assets.address,
        "icon_address": assets.icon_address,
        "shortcut": shortcuts.attributes,
        "shortcuts": shortcuts.Sheet(i18n.translator(language)),
    }
    made.filters |= _formats(language)
    return made


def _formats(language: str) -> dict[str, Callable[..., str]]:
    def day(value: str | date | None) -> str:
        return i18n.format_day(value, language)

    def moment(value: datetime | None) -> str:
        return i18n.format_moment(value, language, ZONE, now=datetime.now(UTC))

    def number(value: float) -> str:
        return i18n.format_number(value, language)

    def dose(value: str) -> str:
        return i18n.format_dose(value, language)

    return {"day": day, "moment": moment, "number": number, "dose": dose}
