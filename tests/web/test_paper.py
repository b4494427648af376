"""The press: blocks become a tagged PDF, and what somebody typed stays text."""

import http.client
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from miz.ui import paper
from miz.ui.paper import (
    Block,
    Card,
    Cell,
    Code,
    Column,
    Field,
    Fields,
    Frame,
    Groups,
    Heading,
    Lines,
    Listing,
    Paper,
    PaperError,
    Paragraph,
    Part,
    Row,
    Run,
    Signatures,
    Table,
    set_paper,
)
from tests.support.paper_reader import PaperReader

AT = datetime(2026, 11, 23, 8, 41, tzinfo=UTC)
EVERY_BLOCK: Sequence[Block] = [
    Heading("Überschrift"),
    Paragraph([Run("fett", "bold"), Run(" grau", "grey"), Run(" Phenprocoumon", is_name=True)]),
    Listing(["eins", "zwei"]),
    Frame("Allergien", ["Penicillin"]),
    Table(
        [Column("Name", 2), Column("Ja", is_centred=True)],
        [Row([Cell("Gruppe")], is_group=True), Row([Cell("Herz"), Cell(is_ticked=True)])],
    ),
    Card("Hoch", 3, "Blutung", [Part("Was tun:", "Nicht geben.")], "ohne Beleg"),
    Fields([Field("Name", "Muster"), Field("Leer")]),
    Lines(2),
    Groups(["QPZRY", "9X8GF"]),
    Code(["101", "010", "111"], "Muster zum Abtasten"),
    Signatures(["Ort", "Unterschrift"]),
]


# What the reader of PDF files makes of a hyphen that only the end of the line has brought.
_HYPHENATED = re.compile(r"\w[\x02\xad\ufffe]|\w-\n")


def document(*blocks: Block, **more: Any) -> Paper:
    given: dict[str, Any] = {
        "language": "de",
        "title": "Titel",
        "identity": "MUSTER, Erika",
        "page_of": "Seite {page} von {pages}",
        "foot": "Fuß",
    }
    return Paper(blocks=blocks, **given | more)


def read(*blocks: Block, **more: Any) -> PaperReader:
    return PaperReader(set_paper(document(*blocks, **more), AT))


def test_it_is_tagged_titled_and_says_its_language() -> None:
    with read(*EVERY_BLOCK) as reader:
        assert (reader.title, reader.language, reader.is_tagged) == ("Titel", "de", True)
        assert re.search(rb"<pdfuaid:part>1</pdfuaid:part>|pdfuaid:part=\"1\"", reader.content)
        tags = reader.tags(0)
        assert [tag for tag in tags if tag in ("H1", "H2", "L", "Table")] == ["H1", "L", "L", "Table", "H2"], "in the order of the page"
        assert (tags.count("TH"), tags.count("TD")) == (3, 2)


def test_every_block_says_its_words() -> None:
    with read(*EVERY_BLOCK) as reader:
        for words in (
            "Überschrift",
            "fett grau Phenprocoumon",
            "eins",
            "Allergien",
            "Herz",
            "☒",
            "[Hoch] Blutung",
            "Was tun: Nicht geben.",
            "Leer",
            "1 QPZRY 2 9X8GF",
            "Unterschrift",
        ):
            assert words in reader.text
        assert min(reader.text_sizes()) >= 9.5


def test_a_code_is_drawn_as_given_and_told_to_those_who_do_not_see_it() -> None:
    rows = ["1111111", "1000001", "1011101", "1010101", "1011001", "1000011", "1111111"]
    with read(Code(rows, "Schluessel zum Abtasten")) as reader:
        assert reader.squares(7) == rows
        assert b"/Alt(Schluessel zum Abtasten)" in reader.content


def test_english_is_marked_as_english() -> None:
    with read(Paragraph("Take it"), language="en") as reader:
        assert reader.language == "en"


@pytest.mark.parametrize(
    "payload",
    [
        '#import "@preview/cetz:0.1.0"', "#include \"paper.typ\"", "#eval(\"1+1\")", "#read(\"paper.typ\")", "#panic()", "$x^2$", "*fett* _schräg_", "= Überschrift",
        "<marke> @marke", "[klammer] ]", "#{", "// Kommentar", "/* Kommentar", "\\u{41} \\", "`roh`", "\"); #panic(\"", "{page} {pages}", "~ -- --- ...", "'einfach' \"doppelt\"",
        "<script>alert(1)</script>", "https://example.org/?q=1", "1. eins", "+ zwei", "- drei", "#set page(width: 1cm)", "%PDF-1.7 endobj",
    ],
)  # fmt: skip
def test_what_looks_like_markup_is_printed_as_typed(payload: str) -> None:
    with read(
        Paragraph(payload), Heading(payload), Frame(payload, [payload]), Card(payload, 1, payload, [Part(payload, payload)], payload),
        Table([Column(payload, 1)], [Row([Cell(payload)])]), Fields([Field(payload, payload)]), names=[payload, "Muster"],
    ) as reader:  # fmt: skip
        plain = reader.text.replace("\ufffe", "-").replace(" ", "")
        assert plain.count(payload.replace(" ", "")) >= 8
        assert len(reader.pages) == 1


def test_line_breaks_and_tabs_of_the_text_are_kept_apart() -> None:
    with read(Paragraph("erste Zeile\nzweite\tZeile")) as reader:
        assert "erste Zeile\nzweite Zeile" in reader.pages[0]


def test_signs_that_the_font_lacks_are_marked_and_nothing_is_refused() -> None:
    with read(Paragraph("Name 李 \U0001f642 عمر Łódź Ω Ж ½ ẞ \u200f\u0007.")) as reader:
        assert "Name � � ��� Łódź Ω Ж ½ ẞ ." in reader.text


def test_letters_put_together_from_parts_are_the_same() -> None:
    with read(Paragraph("Mu\u0308ller")) as reader:
        assert "Müller" in reader.text


def test_every_sign_that_counts_as_printable_is() -> None:
    """Asks the compiler about all of them at once: it refuses a document with one that it cannot show."""
    signs = "".join(map(chr, sorted(paper._signs())))
    with read(Paragraph(signs)) as reader:
        assert len(reader.text) > 700


def test_names_are_never_hyphenated_and_prose_is() -> None:
    long, name = "Thrombozytenaggregationshemmung " * 40, "Acetylsalicylsäureprodukt " * 40
    with read(Paragraph(long)) as reader:
        assert _HYPHENATED.search(reader.pages[0])
    for words in ([Run(name, is_name=True)], name):
        with read(Paragraph(words), names=["Acetylsalicylsäureprodukt"]) as reader:
            assert not _HYPHENATED.search(reader.pages[0])
            assert reader.text.count("Acetylsalicylsäureprodukt") == 40


def test_a_long_table_repeats_its_head_and_tears_no_row() -> None:
    rows = [Row([Cell(f"Anfang {number}\nMitte\nEnde {number}")]) for number in range(90)]
    with read(Table([Column("Kopf der Tabelle", 1)], rows)) as reader:
        assert len(reader.pages) > 3
        assert all("Kopf der Tabelle" in page for page in reader.pages)
        for number in range(90):
            assert sum(f"Anfang {number}\n" in page and f"Ende {number}\n" in page + "\n" for page in reader.pages) == 1


def test_a_group_is_named_again_on_the_next_page() -> None:
    rows = [Row([Cell("Bei Bedarf")], is_group=True), *[Row([Cell("eins\nzwei")]) for _ in range(60)]]
    with read(Table([Column("Kopf", 1)], rows)) as reader:
        assert len(reader.pages) > 1
        assert all("Bei Bedarf" in page for page in reader.pages)


@pytest.mark.parametrize("length", [1_100, 2_000])
def test_what_is_longer_than_a_page_goes_on_and_is_not_lost(length: int) -> None:
    words = " ".join(f"wort{number}" for number in range(length // 6))
    columns = [Column("A", 4), Column("B", 1), Column("C", 0.5)]
    with read(
        Heading("Kopf"), Table(columns, [Row([Cell("a"), Cell("b"), Cell(words)])]), Card("Hoch", 3, "Titel", [Part("", words * 8)], "")
    ) as reader:
        assert all(reader.text.count(f"wort{number}") >= 9 for number in range(length // 6))


@pytest.mark.parametrize("word", ["x" * 1_900, "Wasserstoffperoxidlösung" * 60])
def test_a_word_without_end_stays_on_the_page(word: str) -> None:
    columns = [Column("A", 1), Column("B", 4)]
    for block in (Paragraph(word), Table(columns, [Row([Cell(word), Cell("b")])]), Table(columns, [Row([Cell(word, span=2)])])):
        with read(block) as reader:
            assert re.sub(r"[\s\u200b\x02\ufffe-]", "", reader.text).count(word[:24]) == word.count(word[:24]) or "x" in word
            assert reader.text.count("x") >= word.count("x")
            assert reader.widest_mm <= 196


def test_every_page_says_who_which_and_whence() -> None:
    with read(*[Paragraph(f"Absatz {number}") for number in range(200)]) as reader:
        assert len(reader.pages) > 2
        for number, page in enumerate(reader.pages, 1):
            assert "MUSTER, Erika" in page
            assert f"Seite {number} von {len(reader.pages)}" in page
            assert "Fuß" in page


def test_it_is_black_on_white() -> None:
    with read(*EVERY_BLOCK) as reader:
        assert reader.is_grey
        assert {point for picture in reader.pictures() for point in picture.points} >= {0, 255}


def test_the_same_document_is_the_same_file() -> None:
    assert set_paper(document(*EVERY_BLOCK), AT) == set_paper(document(*EVERY_BLOCK), AT)


def test_fonts_travel_with_the_document() -> None:
    content = set_paper(document(*EVERY_BLOCK), AT)
    assert b"IBMPlexSans" in content
    assert b"/FontFile" in content


def test_no_network_and_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the press has opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(http.client.HTTPConnection, "connect", refuse)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in paper.FOLDER.rglob("*")}
    set_paper(document(*EVERY_BLOCK), AT)
    assert {path: path.stat().st_mtime_ns for path in paper.FOLDER.rglob("*")} == before
    assert list(tmp_path.iterdir()) == []


def test_the_template_asks_for_no_package_and_no_other_file() -> None:
    assert not re.search(r"#import|#include|read\(|image\(|eval\(|@preview", (paper.FOLDER / "paper.typ").read_text(encoding="utf-8"))


def test_what_the_compiler_says_of_the_text_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "_printable", lambda value: value)
    with pytest.raises(PaperError) as refused:
        set_paper(document(Paragraph("Geheimnis 李")), AT)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "李" not in f"{refused.value} {refused.value.detail} {refused.value.fields}"
