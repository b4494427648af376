"""Every component in every state, to look at while developing. Only where `MIZ_GALLERY` is set; holds no data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from miz.infra.http import EVERYBODY, Call, Endpoint, Reply
from miz.kernel.errors import NotFoundError
from miz.ui.face import look_of
from miz.ui.i18n import N_, translator
from miz.ui.render import render

SHEETS: dict[str, str] = {
    "marks": N_("Marks and notices"),
    "fields": N_("Fields and buttons"),
    "blocks": N_("Cards, tables, tabs"),
    "patient": N_("Patient"),
    "console": N_("Server console"),
}
_ICONS = Path(__file__).parent / "icons.txt"


@dataclass(frozen=True, kw_only=True)
class GalleryPage:
    """One sheet of components."""

    template: ClassVar[str] = "gallery.html"
    sheets: Mapping[str, str]
    sheet: str
    icons: list[str]


def endpoints(*, version: str) -> list[Endpoint]:
    """The routes of the gallery."""

    async def show(call: Call) -> Reply:
        sheet = call.params.get("sheet", next(iter(SHEETS)))
        if sheet not in SHEETS:
            raise NotFoundError
        look = look_of(call)
        titles = {name: translator(look.language)(title) for name, title in SHEETS.items()}
        icons = _ICONS.read_text(encoding="utf-8").split()
        return Reply(render(GalleryPage(sheets=titles, sheet=sheet, icons=icons), look, version=version))

    return [
        Endpoint(method="GET", path=path, may=EVERYBODY, run=show, summary="The components", is_page=True, is_open_while_locked=True)
        for path in ("/gallery", "/gallery/{sheet}")
    ]
