"""A PDF as a reader meets it: its text, its tags, its pictures. Pictures are grey PNG files, one byte a point."""

import ctypes
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pypdfium2
import pypdfium2.raw as pdfium

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_POINTS_PER_POINT = 0.75
"""Of a picture: 54 dots an inch, where a line of text can still be told from another."""


class PaperReader:
    """An opened PDF; close it by leaving the `with` block."""

    def __init__(self, pdf: bytes) -> None:
        self.content = pdf
        self._document = pypdfium2.PdfDocument(pdf)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._document.close()

    @property
    def pages(self) -> list[str]:
        """The text of each page."""
        return [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in self._document]

    @property
    def text(self) -> str:
        """All text on one line."""
        return " ".join(" ".join(self.pages).split())

    @property
    def title(self) -> str:
        return str(self._document.get_metadata_dict()["Title"])

    @property
    def language(self) -> str:
        size = pdfium.FPDFCatalog_GetLanguage(self._document.raw, None, 0)
        room = ctypes.create_string_buffer(size)
        pdfium.FPDFCatalog_GetLanguage(self._document.raw, ctypes.cast(room, ctypes.POINTER(ctypes.c_ushort)), size)
        return room.raw.decode("utf-16-le").rstrip("\0")

    @property
    def is_tagged(self) -> bool:
        return bool(pdfium.FPDFCatalog_IsTagged(self._document.raw))

    def tags(self, page: int) -> list[str]:
        """The structure of a page in the order it is read aloud."""
        opened = self._document[page]
        tree = pdfium.FPDF_StructTree_GetForPage(opened.raw)
        try:
            found: list[str] = []
            for number in range(pdfium.FPDF_StructTree_CountChildren(tree)):
                found += _tags(pdfium.FPDF_StructTree_GetChildAtIndex(tree, number))
            return found
        finally:
            pdfium.FPDF_StructTree_Close(tree)
            opened.close()

    def text_sizes(self) -> set[float]:
        """The sizes of all text in points."""
        kinds = [pdfium.FPDF_PAGEOBJ_TEXT]
        return {round(size.value, 2) for page in self._document for one in page.get_objects(kinds) for size in [_size(one)]}

    @property
    def widest_mm(self) -> float:
        """How far to the right of a page anything reaches."""
        return float(max(one.get_bounds()[2] for page in self._document for one in page.get_objects()) * 25.4 / 72)

    @property
    def is_grey(self) -> bool:
        """Whether no point of any page has a colour."""
        for page in self._document:
            bitmap = page.render(scale=_POINTS_PER_POINT, rev_byteorder=True)
            points, step = bytes(bitmap.buffer), bitmap.n_channels
            if any(points[place::step] != points[::step] for place in (1, 2)):
                return False
        return True

    def squares(self, count: int) -> list[str]:
        """What the first page shows of a code of so many squares of 1 mm a side, without its border: rows of `1` for dark and `0` for light."""
        page, mm = self._document[0], 72 / 25.4
        shapes = (one.get_bounds() for one in page.get_objects([pdfium.FPDF_PAGEOBJ_PATH]))
        left, _, right, top = next(box for box in shapes if abs(box[2] - box[0] - count * mm) < 1 and abs(box[3] - box[1] - count * mm) < 1)
        assert right <= page.get_width()
        picture, scale = next(self.pictures()), _POINTS_PER_POINT

        def is_dark(x: int, y: int) -> bool:
            across, down = (left + (x + 0.5) * mm) * scale, (page.get_height() - top + (y + 0.5) * mm) * scale
            return picture.points[int(down) * picture.width + int(across)] < 128

        return ["".join("01"[is_dark(x, y)] for x in range(count)) for y in range(count)]

    def pictures(self) -> Iterator["Picture"]:
        for page in self._document:
            bitmap = page.render(scale=_POINTS_PER_POINT, grayscale=True)
            rows = bytes(bitmap.buffer)
            lines = [rows[start : start + bitmap.width] for start in range(0, bitmap.stride * bitmap.height, bitmap.stride)]
            yield Picture(bitmap.width, bitmap.height, b"".join(lines))


class Picture:
    """Grey points, row by row from the top."""

    def __init__(self, width: int, height: int, points: bytes) -> None:
        self.width = width
        self.height = height
        self.points = points

    @classmethod
    def read(cls, path: Path) -> "Picture":
        """A picture that `write` has written."""
        content, chunks, at = path.read_bytes(), {}, len(_SIGNATURE)
        while at < len(content):
            length = int.from_bytes(content[at : at + 4])
            chunks[content[at + 4 : at + 8]] = content[at + 8 : at + 8 + length]
            at += length + 12
        width, height = struct.unpack_from(">II", chunks[b"IHDR"])
        rows = zlib.decompress(chunks[b"IDAT"])
        return cls(width, height, b"".join(rows[start + 1 : start + 1 + width] for start in range(0, len(rows), width + 1)))

    def write(self, path: Path) -> None:
        rows = b"".join(b"\0" + self.points[start : start + self.width] for start in range(0, len(self.points), self.width))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 0, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
        packed = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks)
        path.write_bytes(_SIGNATURE + b"".join(packed))

    def share_that_differs(self, other: "Picture") -> float:
        """How many of a million points are plainly another grey: by more than a quarter of the way from black to white."""
        if (self.width, self.height) != (other.width, other.height):
            return 1_000_000
        different = sum(abs(one - two) > 64 for one, two in zip(self.points, other.points, strict=True))
        return different * 1_000_000 / len(self.points)


def _tags(element: Any) -> list[str]:
    if not element:
        return []
    size = pdfium.FPDF_StructElement_GetType(element, None, 0)
    room = ctypes.create_string_buffer(max(size, 2))
    pdfium.FPDF_StructElement_GetType(element, room, size)
    found = [room.raw.decode("utf-16-le").rstrip("\0")]
    for number in range(pdfium.FPDF_StructElement_CountChildren(element)):
        found += _tags(pdfium.FPDF_StructElement_GetChildAtIndex(element, number))
    return found


def _size(text: Any) -> ctypes.c_float:
    size = ctypes.c_float()
    pdfium.FPDFTextObj_GetFontSize(text.raw, size)
    return size
