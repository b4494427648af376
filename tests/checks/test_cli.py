"""`miz check` and `miz search` as scripts use them."""

from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from miz.checks import cli as check_cli
from miz.knowledge import cli as search_cli
from miz.knowledge.compiler import compile_edition
from miz.wire.client_protocol import CheckAnswer, DrugItems

CASE = '{"medication": ["Falithrom"], "planned": ["Ibuprofen 600"]}'


@pytest.fixture(scope="module", autouse=True)
def built_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in edition, made when it is not there yet."""
    from miz.knowledge.compiler import BUILT_IN

    if not BUILT_IN.is_file():
        compile_edition(BUILT_IN)
    return BUILT_IN


def app(language: str = "de") -> typer.Typer:
    made = typer.Typer()
    check_cli.register(made, language=lambda: language)
    search_cli.register(made, language=lambda: language)
    return made


def run(*arguments: str, given: str = "", language: str = "de") -> tuple[int, str]:
    result = CliRunner().invoke(app(language), list(arguments), input=given)
    return result.exit_code, result.output


def answers(output: str) -> list[CheckAnswer]:
    return [msgspec.json.decode(line, type=CheckAnswer) for line in output.splitlines()]


def test_one_case_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(msgspec.json.format(CASE), encoding="utf-8")
    status, output = run("check", str(tmp_path / "case.json"), "--json")
    assert status == 0
    assert "I001" in [finding.rule for finding in answers(output)[0].findings]


def test_many_cases_from_a_pipe_one_answer_a_line() -> None:
    lines = "\n".join(f'{{"id": "{number}", "planned": ["Ibuprofen"]}}' for number in range(50))
    status, output = run("check", "-", "--json", given=lines + "\n\n")
    assert status == 0
    assert [answer.id for answer in answers(output)] == [str(number) for number in range(50)]


def test_a_broken_line_is_answered_in_its_place() -> None:
    status, output = run("check", "--json", given=f'{CASE}\n{{"planned": 7}}\nnonsense\n{CASE}\n')
    assert status == 10
    lines = output.splitlines()
    assert len(lines) == 4
    assert [msgspec.json.decode(line)["line"] for line in lines[1:3]] == [2, 3]
    assert len(answers("\n".join([lines[0], lines[3]]))) == 2


def test_nothing_is_no_case_and_no_fault() -> None:
    assert run("check", "--json", given="") == (0, "")


def test_people_read_sentences_in_their_language() -> None:
    german, english = run("check", given=CASE)[1], run("check", given=CASE, language="en")[1]
    assert "[Hoch]" in german
    assert "Paracetamol wählen" in german
    assert "ungeprüft" in german
    assert "[High]" in english
    assert "Use paracetamol" in english


def test_the_coverage_tells_dates_counts_and_gaps() -> None:
    code, output = run("knowledge", "coverage", "--json")
    told = msgspec.json.decode(output)
    assert (code, told["valid_until"]) == (0, "2027-03-31")
    assert all(kind["with_english"] == kind["rows"] for kind in told["kinds"])
    assert {kind["reviewed"] for kind in told["kinds"]} == {0}
    code, output = run("knowledge", "coverage", language="en")
    assert code == 0
    assert "31 Mar 2027" in output
    assert all(gap["en"] in output for gap in told["gaps"])
    assert told["gaps"]


def test_search() -> None:
    status, output = run("search", "falitr", "--json", "--limit", "1")
    assert status == 0
    assert [item.id for item in msgspec.json.decode(output, type=DrugItems).items] == ["falithrom"]
    assert "Phenprocoumon" in run("search", "falitr")[1]
    assert "qqqqqqqq" in run("search", "qqqqqqqq")[1]


def test_figures_and_recommendations_for_people() -> None:
    case = {
        "patient": {"age": 60, "weight_kg": 60, "conditions": ["Herzklappenprothese"], "allergies": []},
        "medication": [],
        "planned": ["Extraktion 36", "Mepivacain 3 %", "Paracetamol"],
    }
    status, output = run("check", given=msgspec.json.encode(case).decode())
    plain = output.replace("\N{NO-BREAK SPACE}", " ")
    assert status == 0
    # 4.4 × 60 = 264 mg; 264 / 30 = 8.8 ml; 8.8 / 1.7 = 5.18
    assert "höchstens 264 mg, 8,8 ml, 5 × 1,7 ml" in plain
    assert "amoxicillin: 2 g p. o., 30–60 Minuten vorher" in plain
    assert "Vermeiden: clindamycin" in plain
    assert "paracetamol: 500 bis 1000 mg alle 6 Stunden, höchstens 4000 mg am Tag" in plain
