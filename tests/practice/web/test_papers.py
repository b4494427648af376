"""The papers over HTTP and by command: who gets them, what travels with them, what is noted."""

import re
from pathlib import Path

import pytest

from tests.practice.web.visitor import Answer, Visitor
from tests.support.paper_reader import PaperReader
from tests.support.practice import ServerThread

KINDS = ("evaluation", "anamnesis", "anamnesis-form", "letter")


@pytest.fixture
def address(dentist: Visitor) -> str:
    """A patient who takes something the data know and something they do not."""
    address = dentist.new_patient(number="4711")
    dentist.send(f"{address}/medication", text="Marcumar", dose_text="nach INR-Plan")
    dentist.send(f"{address}/medication", text="#panic() [Tee]")
    dentist.send(f"{address}/allergies", text="Penicillin", reaction="Quaddeln sofort")
    dentist.send(f"{address}/planned", text="Extraktion 36")
    return address


def text_of(answer: Answer) -> str:
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf"), answer.text[:500]
    with PaperReader(answer.content) as reader:
        return reader.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_opens_in_the_window_and_is_kept_nowhere(dentist: Visitor, address: str, kind: str) -> None:
    answer = dentist.get(f"{address}/papers/{kind}")
    assert "PROBE, Petra" in text_of(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert re.fullmatch(rf'inline; filename="{kind}-\d{{4}}-\d\d-\d\d\.pdf"', answer.headers["content-disposition"])
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_evaluation_is_that_of_the_screen(dentist: Visitor, address: str) -> None:
    text = text_of(dentist.get(f"{address}/papers/evaluation"))
    for words in (
        "Nr. 4711",
        "Testpraxis",
        "Dr. Prüfer",
        "Phenprocoumon",
        "Penicillin Quaddeln sofort",
        "[Hoch]",
        "Geplant: Extraktion 36",
        "#panic() [Tee]",
    ):
        assert words in text, words
    screen = re.sub(r"<[^>]+>", "", dentist.get(address).text)
    sentences = re.findall(r"Was zu tun ist: (.+?)[.;]", text)
    assert len(sentences) > 2
    assert all(sentence.split(",")[0] in screen for sentence in sentences)


def test_it_speaks_the_language_of_the_window(dentist: Visitor, address: str) -> None:
    answer = dentist.get(f"{address}/papers/evaluation", **{"accept-language": "en"})
    assert "Medication and evaluation" in text_of(answer)
    with PaperReader(answer.content) as reader:
        assert reader.language == "en"


def test_the_letter_is_as_its_form_says(dentist: Visitor, address: str) -> None:
    page = dentist.get(f"{address}/letter").text
    rules = re.findall(r'name="(finding [^"]+)"', page)
    assert len(rules) > 1
    told = dentist.post(f"{address}/letter", {rules[0]: "on", "recipient": "Dr. Haus\r\nWeg 1", "question": "Welcher INR #x?"})
    text = text_of(told)
    assert "Dr. Haus Weg 1" in text
    assert "Welcher INR #x?" in text
    assert text.count("[Hoch]") + text.count("[Mittel]") < text_of(dentist.get(f"{address}/papers/letter")).count("[")
    assert "no-store" in told.headers["cache-control"]


def test_a_question_without_end_is_refused(dentist: Visitor, address: str) -> None:
    assert dentist.post(f"{address}/letter", {"question": "x" * 2_001}).status == 422


def test_an_unknown_paper_and_patient_do_not_exist(dentist: Visitor, address: str) -> None:
    assert dentist.get(f"{address}/papers/invoice").status == 404
    assert dentist.get("/patients/nobody/papers/evaluation").status == 404


def test_the_front_desk_hands_out_the_blank_form_only(server: ServerThread, dentist: Visitor, address: str) -> None:
    reception = Visitor(server.url).sign_in("Fr. Empfang")
    assert [reception.get(f"{address}/papers/{kind}").status for kind in KINDS] == [403] * len(KINDS)
    blank = text_of(reception.get("/papers/anamnesis-form"))
    assert "Anamnesebogen" in blank
    assert "PROBE" not in blank
    page = reception.get(address).text
    assert '"/papers/anamnesis-form"' in page
    assert f"{address}/papers" not in page


def test_the_menu_offers_every_paper(dentist: Visitor, address: str) -> None:
    page = dentist.get(address).text
    offered = re.findall(rf'href="{address}/(papers/[\w-]+|letter)"', page)
    assert offered == ["papers/evaluation", "papers/anamnesis", "papers/anamnesis-form", "letter"]


def test_a_paper_is_noted_without_its_words(dentist: Visitor, address: str) -> None:
    dentist.get(f"{address}/papers/evaluation")
    dentist.post(f"{address}/letter", {"question": "Geheime Frage"})
    rows = dentist.call("POST", "/api/v1/audit/search", {"patient_id": address.rpartition("/")[2], "action": "printed"})
    assert sorted(re.findall(r'"detail":"([^"]*)"', rows.text)) == ["evaluation", "letter"]
    assert "Geheime" not in rows.text


def test_nothing_is_left_on_the_disk(dentist: Visitor, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setenv("TMPDIR", str(aside))
    before = {path for path in tmp_path.rglob("*") if "practice.db" not in path.name}
    text_of(dentist.get(f"{address}/papers/evaluation"))
    assert {path for path in tmp_path.rglob("*") if "practice.db" not in path.name} == before
