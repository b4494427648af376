"""The pages of the papers compared as pictures, and what must be read on them.

The pictures lie in `papers/`, 54 dots an inch. Fonts travel in the file and the same program draws it everywhere; still, another version of
that program may shade the edges of letters otherwise. So a point counts as another one only when it differs by a quarter of the way from
black to white, and 2 in 1,000 may. A line that stands one line lower is far beyond that, which a test proves.
`MIZ_NEW_PICTURES=1` writes them anew; look at them before they are committed.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from miz.practice.web.papers.anamnesis import empty_anamnesis, filled_anamnesis
from miz.practice.web.papers.evaluation import evaluation_paper
from miz.practice.web.papers.letter import Letter, letter_paper
from miz.ui.i18n import Language
from miz.ui.paper import Paper, Paragraph, set_paper
from miz.wire.client_protocol import EditionRef, Patient
from tests.practice.web.invented import AT, CURRENT, OUT_OF_DATE, advice, entry, judged, printing, questions, record
from tests.support.paper_reader import PaperReader, Picture

PICTURES = Path(__file__).parent / "papers"
DIFFERENT_IN_A_MILLION = 2_000
QUESTION = "Kann Phenprocoumon bis zur Extraktion auf einen INR von höchstens 3,0 eingestellt werden?"


def evaluation(edition: EditionRef = CURRENT, language: Language = "de", patient: Patient | None = None) -> Paper:
    patient = patient or record()
    return evaluation_paper(patient, *judged(patient, advice(edition)), printing(language, edition))


def letter(told: Letter, edition: EditionRef = CURRENT) -> Paper:
    return letter_paper(record(), *judged(record(), advice(edition)), told, printing(edition=edition))


def filled(patient: Patient | None = None) -> Paper:
    patient = patient or record()
    return filled_anamnesis(patient, questions(), judged(patient, advice())[0], printing())


PAPERS: dict[str, Callable[[], Paper]] = {
    "evaluation": evaluation,
    "evaluation-en": lambda: evaluation(language="en"),
    "evaluation-out-of-date": lambda: evaluation(OUT_OF_DATE),
    "letter": lambda: letter(Letter(recipient="Dr. Haus\nWeg 1\n12345 Stadt", question=QUESTION, chosen=frozenset({"I1"}))),
    "letter-to-fill-in": lambda: letter(Letter()),
    "anamnesis": filled,
    "anamnesis-form": lambda: empty_anamnesis(None, questions(), printing()),
}


def read(paper: Paper) -> PaperReader:
    return PaperReader(set_paper(paper, AT))


def text_of(paper: Paper) -> str:
    with read(paper) as reader:
        return reader.text


@pytest.mark.parametrize("name", PAPERS)
def test_pages_look_as_their_pictures(name: str, tmp_path: Path) -> None:
    with read(PAPERS[name]()) as reader:
        pictures = list(reader.pictures())
    if os.environ.get("MIZ_NEW_PICTURES"):
        for number, picture in enumerate(pictures, 1):
            picture.write(PICTURES / f"{name}-{number}.png")
        pytest.fail("The pictures were written anew: look at them, then run without MIZ_NEW_PICTURES.")
    kept = sorted(PICTURES.glob(f"{name}-[0-9].png"))
    assert len(kept) == len(pictures) > 0
    for path, picture in zip(kept, pictures, strict=True):
        picture.write(tmp_path / path.name)
        assert picture.share_that_differs(Picture.read(path)) <= DIFFERENT_IN_A_MILLION, f"compare {tmp_path / path.name} with {path}"


def test_a_line_that_moved_is_seen() -> None:
    paper = evaluation()
    moved = Paper(**{name: getattr(paper, name) for name in paper.__struct_fields__} | {"blocks": [Paragraph("."), *paper.blocks]})
    with read(paper) as one, read(moved) as other:
        assert next(one.pictures()).share_that_differs(next(other.pictures())) > 10 * DIFFERENT_IN_A_MILLION


@pytest.mark.parametrize("name", PAPERS)
def test_every_paper_is_for_every_reader(name: str) -> None:
    with read(PAPERS[name]()) as reader:
        assert reader.is_tagged
        assert reader.is_grey
        assert b"pdfuaid:part" in reader.content
        assert reader.language == ("en" if name.endswith("-en") else "de")
        assert reader.title
        assert min(reader.text_sizes()) >= 9.5
        assert reader.widest_mm <= 196
        for number, page in enumerate(reader.pages, 1):
            assert f"{number} von {len(reader.pages)}" in page or f"{number} of {len(reader.pages)}" in page
            assert "Praxis am Markt" in page
            assert "23.11.2026 09:41, Dr. Kern" in page or "23 Nov 2026 09:41, Dr. Kern" in page
            assert "2026.1" in page or "2025.1" in page
            assert "MUSTER, Erika" in page or "Name, Geburtsdatum" in page


def test_the_evaluation_says_all_that_stands_on_the_screen() -> None:
    text = text_of(evaluation())
    for words in (
        "geb. 12.03.1948 · Nr. 4711", "Allergien", "Penicillin Quaddeln sofort, 1999", "Phenprocoumon MARCUMAR®", "3 mg", "nach INR-Plan", "47,5 mg", "½",
        "Bei Bedarf", "Abgesetzt", "abgesetzt am 01.05.2026", "keine Angabe", "Nicht tun oder vorher klären", "[Hoch] Ibuprofen + Phenprocoumon: Blutung",
        "Was zu tun ist: Nicht geben.", "Stattdessen: Paracetamol 500", "[Hoch] Blutungsrisiko: Phenprocoumon", "ungeprüft", "[Mittel] Metoprolol: Adrenalin", "[Gering] Metoprolol: Mundtrockenheit",
        "Leitlinie der Erfinder (2024)", "Geplant: Extraktion 36 · Ibuprofen 600", "noch nicht alle Aussagen durchgesehen",
    ):  # fmt: skip
        assert words in text, words
    assert text.index("[Hoch]") < text.index("Etwas ändern oder beobachten") < text.index("Gut zu wissen")


def test_what_was_computed_stands_with_its_limit_and_ground() -> None:
    text = text_of(evaluation())
    for words in (
        "Endokarditisprophylaxe", "2 g oral 30–60 Minuten vorher", "[Vermeiden] clindamycin", "Articain 4 % mit Epinephrin 1:100 000 4 2 160 40 Mikrogramm Adrenalin noch 2,3 ml",
        "Höchstmenge bei Herzrisiko.", "400 bis 600 mg alle 6 bis 8 Stunden",
    ):  # fmt: skip
        assert words in text, words
    bare = record()
    without = text_of(evaluation_paper(bare, *judged(bare, advice(is_computed=False)), printing()))
    assert "Endokarditisprophylaxe" not in without
    assert "Mikrogramm Adrenalin noch" not in without


def test_without_a_source_it_says_so() -> None:
    patient = record()
    given = advice(cards=[[advice().cards[0][0]]])
    assert "ohne Beleg · ungeprüft" in text_of(evaluation_paper(patient, *judged(patient, given), printing()))


@pytest.mark.parametrize("paper", [evaluation, lambda edition: letter(Letter(), edition)])
def test_an_edition_out_of_date_says_so(paper: Callable[[EditionRef], Paper]) -> None:
    with read(paper(OUT_OF_DATE)) as reader:
        assert "Die Arzneimitteldaten 2025.1 galten bis 31.03.2026" in reader.text
        assert all("(nicht mehr aktuell)" in page for page in reader.pages)
    assert "galten bis" not in text_of(paper(CURRENT))


@pytest.mark.parametrize("paper", [evaluation, lambda: letter(Letter())])
def test_an_unknown_name_says_so(paper: Callable[[], Paper]) -> None:
    assert "Nicht geprüft, weil kein Eintrag der Arzneimitteldaten: • Tee vom Heilpraktiker" in text_of(paper())


def test_a_missing_weight_says_so() -> None:
    text = text_of(evaluation())
    assert "Gewicht: nicht erfasst" in text
    assert "Das Gewicht fehlt: Höchstmengen nach Gewicht sind nicht berechnet." in text
    weighed = record(observations=[entry(9, kind="weight_kg", value=62.5, measured_on="2026-10-01")])
    assert "Gewicht: 62,5 kg (01.10.2026)" in text_of(evaluation(patient=weighed))


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({"allergy_state": "not_asked", "allergies": []}, "Allergien nicht erfragt"),
        ({"allergy_state": "not_available", "allergies": []}, "Allergien nicht abrufbar"),
        ({"allergy_state": "none_known", "allergies": []}, "Keine Allergien bekannt"),
        ({"medication_state": "not_asked", "medication": []}, "Medikation nicht erfragt."),
        ({"planned": []}, "Es ist nichts geplant: Die Risiken gelten allgemein."),
    ],
)  # fmt: skip
def test_what_nobody_asked_is_no_empty_place(states: dict[str, object], words: str) -> None:
    assert words in text_of(evaluation(patient=record(**states)))


def test_no_finding_is_not_called_safe() -> None:
    patient = record()
    text = text_of(evaluation_paper(patient, *judged(patient, advice(cards=[])), printing()))
    assert "Das ist keine Unbedenklichkeit" in text or "nicht, dass" in text
    assert "unbedenklich" not in text.replace("keine Unbedenklichkeit", "")


def test_forty_medicines_keep_their_rows_and_the_head() -> None:
    many = record(
        medication=[entry(number, text=f"Arznei {number}", reason=f"Grund {number}", note="abends") for number in range(100, 140)]
    )
    with read(evaluation(patient=many)) as reader:
        rows = [[number for number in range(100, 140) if f"Arznei {number}" in page and f"Grund {number}" in page] for page in reader.pages]
        assert sorted(number for page in rows for number in page) == list(range(100, 140))
        assert sum(bool(page) for page in rows) >= 2
        assert all("Handelsname" in page for page, found in zip(reader.pages, rows, strict=True) if found)


def test_the_letter_tells_what_was_chosen_and_asks() -> None:
    text = text_of(PAPERS["letter"]())
    for words in (
        "Dr. Haus Weg 1",
        QUESTION,
        "[Hoch] Ibuprofen + Phenprocoumon",
        "Penicillin",
        "Marcumar",
        "Ihre Antwort",
        "Unterschrift und Stempel",
    ):
        assert words in text, words
    assert "Adrenalin" not in text


def test_the_letter_never_tells_what_only_the_practice_needs() -> None:
    text = text_of(letter(Letter(chosen=frozenset({"I1", "I2", "I3"}))))
    assert "Metoprolol: Adrenalin" in text
    assert "Mundtrockenheit" not in text
    assert "Ramipril" not in text


def test_answers_are_ticked_and_what_nobody_asked_is_open() -> None:
    text = text_of(filled())
    assert "Haben Sie Vorhofflimmern? ☒ ☐ ☐ seit 03.2019 · Schrittmacher geplant" in text
    assert "Haben Sie Bluthochdruck? ☐ ☒ ☐" in text
    assert "Haben Sie einen Stent? ☐ ☐ ☐" in text
    assert "Unterschrift" in text or "Patient/in oder gesetzliche Vertretung" in text


def test_men_are_not_asked_what_only_women_are() -> None:
    assert "Sind Sie schwanger?" in text_of(filled())
    assert "Sind Sie schwanger?" not in text_of(filled(record(sex="male")))


def test_the_empty_form_tells_nothing_of_the_record() -> None:
    text = text_of(empty_anamnesis(record(), questions(), printing()))
    assert "MUSTER, Erika" in text
    assert "☒" not in text
    for words in ("Penicillin", "Marcumar", "Schrittmacher", "2019", "55"):
        assert words not in text


def test_the_blank_form_names_nobody() -> None:
    text = text_of(PAPERS["anamnesis-form"]())
    assert "Sind Sie schwanger?" in text
    assert "MUSTER" not in text
