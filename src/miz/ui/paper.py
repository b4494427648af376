"""Paper: what a document says, as blocks; Typst sets it as a tagged PDF (PDF/UA-1, ADR 0018).

A document is data for one template, `typst/paper.typ`, which gets it as JSON: no text is ever read as markup. Setting reads the
folder of the template and its fonts, no network, and writes no file.
"""

import struct
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from miz.kernel.errors import MizError
from miz.ui.i18n import Language

if TYPE_CHECKING:
    import typst

PDF = "application/pdf"
FOLDER = Path(__file__).parent / "typst"
FONTS = FOLDER / "fonts"
# The compiler keeps what it has worked out for ten runs. Empty ones let go of what a patient's paper has left there after the next paper
# or two, which also halves the memory; as many as ten would let go of the template and the fonts, too, and it grows with each paper then.
_EMPTY_RUNS = 6
_UNKNOWN_SIGN = "\N{REPLACEMENT CHARACTER}"


class PaperError(MizError):
    """The template and its document do not fit, or the fonts are missing. What the compiler says may hold the patient's words: it is dropped."""

    code = "paper-not-set"
    title = "The document could not be made."
    kind = "integrity"
    hint = "Nothing was changed. Print the page itself instead, and tell the technician."


class Run(Struct, frozen=True):
    """A stretch of text. A `name` is never hyphenated; `code` is typed as it stands."""

    text: str
    look: Literal["plain", "bold", "grey", "code"] = "plain"
    is_name: bool = False


Words = str | Sequence[Run]
"""Text; a line break in it is one on paper."""


class Block(Struct, frozen=True, tag_field="type", tag=str.lower):
    """A part of a document, from margin to margin."""


class Heading(Block, frozen=True):
    text: str
    level: Literal[1, 2] = 1


class Paragraph(Block, frozen=True):
    words: Words
    is_small: bool = False


class Listing(Block, frozen=True):
    """Items, one below the other."""

    items: Sequence[Words]


class Frame(Block, frozen=True):
    """What nobody may overlook, in a thick frame, whole on one page."""

    title: str
    items: Sequence[Words]


class Column(Struct, frozen=True):
    """A column; without a `share` of the width it is as wide as it needs."""

    title: str
    share: float = 0
    is_centred: bool = False


class Cell(Struct, frozen=True):
    """A field of a table; `is_ticked` makes it a box to tick."""

    words: Words = ""
    span: int = 1
    is_centred: bool = False
    is_ticked: bool | None = None


class Row(Struct, frozen=True):
    """Cells from left to right. `is_group`: one cell that heads the rows below it."""

    cells: Sequence[Cell]
    is_group: bool = False


class Table(Block, frozen=True):
    """The head stands on every page; a row that fits on a page is never torn. `is_roomy`: to be filled in by hand."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    is_roomy: bool = False


class Part(Struct, frozen=True):
    """A line of a card, with a word before it (may be empty)."""

    label: str
    words: Words


class Card(Block, frozen=True):
    """One finding, whole on one page. `level` is its word; `weight` 0 to 3 how thick its edge is."""

    level: str
    weight: int
    title: Words
    parts: Sequence[Part]
    foot: str


class Field(Struct, frozen=True):
    """A name and its value; an empty value is a line to write on."""

    label: str
    value: str = ""


class Fields(Block, frozen=True):
    """Fields, two in a row."""

    fields: Sequence[Field]


class Lines(Block, frozen=True):
    """Empty lines to write on."""

    count: int


class Groups(Block, frozen=True):
    """What is to be typed from paper: short groups of signs, each below its number, four in a row."""

    groups: Sequence[str]


class Code(Block, frozen=True):
    """A code to be scanned: rows of `1` for dark and `0` for light, the light border included. `told` says to those who do not see it what it holds."""

    rows: Sequence[str]
    told: str


class Signatures(Block, frozen=True):
    """Places to sign, side by side."""

    labels: Sequence[str]


class Paper(Struct, frozen=True, kw_only=True):
    """A whole document. `identity` and `foot` stand on every page, `page_of` with `{page}` of `{pages}` too; `names` are never hyphenated."""

    language: Language
    title: str
    identity: str
    page_of: str
    foot: str
    blocks: Sequence[Block]
    author: str = ""
    names: Sequence[str] = ()


def set_paper(paper: Paper, at: datetime) -> bytes:
    """The document as PDF/UA-1, dated `at`. Takes tens of milliseconds and lets other threads run. Raises `PaperError`.

    A sign that the font does not have, as of another script, becomes a replacement mark.
    """
    import typst

    content = msgspec.json.encode(_printable(msgspec.to_builtins(paper))).decode()
    moment = at.astimezone(UTC).replace(microsecond=0)
    try:
        pdf = typst.compile(
            FOLDER / "paper.typ", root=FOLDER, font_paths=_fonts(), ignore_system_fonts=True, sys_inputs={"paper": content},
            package_path=FONTS, package_cache_path=FONTS, format="pdf", pdf_standards=["ua-1"], timestamp=moment,
        )  # fmt: skip
        for _ in range(_EMPTY_RUNS):
            typst.compile(b"", font_paths=_fonts(), ignore_system_fonts=True, format="pdf")
    except (typst.TypstError, OSError):
        raise PaperError from None
    return pdf


@cache
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[FONTS])


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(letter if ord(letter) in _signs() else _instead(letter) for letter in unicodedata.normalize("NFC", value))
    if isinstance(value, list | tuple):
        return [_printable(part) for part in value]
    return {name: _printable(part) for name, part in value.items()} if isinstance(value, dict) else value


def _instead(letter: str) -> str:
    if letter in "\n\t":
        return letter.replace("\t", " ")
    return "" if unicodedata.category(letter) in ("Cc", "Cf") else _UNKNOWN_SIGN


@cache
def _signs() -> frozenset[int]:
    """The code points of the regular font: the segments of its character map (OpenType `cmap`, format 4)."""
    try:
        font = (FONTS / "IBMPlexSans-Regular.ttf").read_bytes()
    except OSError:
        raise PaperError from None
    tables = {
        font[at : at + 4]: struct.unpack_from(">I", font, at + 8)[0] for at in range(12, 12 + 16 * struct.unpack_from(">H", font, 4)[0], 16)
    }
    character_map = tables[b"cmap"]
    signs: set[int] = set()
    for number in range(struct.unpack_from(">H", font, character_map + 2)[0]):
        at = character_map + struct.unpack_from(">I", font, character_map + 8 + 8 * number)[0]
        form, _, _, twice = struct.unpack_from(">4H", font, at)
        if form == 4:
            ends = struct.unpack_from(f">{twice // 2}H", font, at + 14)
            starts = struct.unpack_from(f">{twice // 2}H", font, at + 16 + twice)
            signs.update(*(range(first, last + 1) for first, last in zip(starts, ends, strict=True)))
    return frozenset(signs - {0xFEFF, 0xFFFF})
