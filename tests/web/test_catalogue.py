"""Every sentence has its German."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from miz.ui.i18n import LANGUAGES, format_day, format_dose, format_number, language_of, translator
from tools.sentences import GERMAN, german, without_german
from tools.steps import ROOT


def test_every_sentence_has_its_german() -> None:
    assert without_german() == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ('msgstr "Anmelden"', 'msgstr ""'),
        ('msgid "Sign in"', '#, fuzzy\nmsgid "Sign in"'),
        ('msgid "Sign in"', 'msgid "Sign in with a wrong id"'),
    ],
    ids=["empty", "guessed", "absent"],
)
def test_a_missing_translation_stops_the_build(tmp_path: Path, taken: str, left: str) -> None:
    for folder in ("src/miz", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("vendor", "built", "__pycache__", "*.mo"))
    catalogue = tmp_path / GERMAN.relative_to(ROOT)
    sentence = 'msgid "Sign in"\nmsgstr "Anmelden"\n'
    text = catalogue.read_text(encoding="utf-8")
    assert text.count(sentence) == 1

    def build() -> subprocess.CompletedProcess[str]:
        program = "import sys; from tools import build_static; build_static.catalogues(sys.executable)"
        return subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert build().returncode == 0
    catalogue.with_suffix(".mo").unlink()
    catalogue.write_text(text.replace(sentence, sentence.replace(taken, left)), encoding="utf-8")
    failed = build()
    assert failed.returncode != 0
    assert "sign_in.html" in failed.stderr
    assert "Sentences without German: 1." in failed.stderr
    assert not catalogue.with_suffix(".mo").exists()


def test_translations_keep_their_fields() -> None:
    def marks(text: str) -> list[str]:
        return sorted(part.split("}")[0] for part in text.split("{")[1:]) + sorted(part.split(")")[0] for part in text.split("%(")[1:])

    wrong = {english: text for english, text in german().items() if text and marks(english) != marks(text)}
    assert wrong == {}


def test_german_sentences_follow_the_rules_of_wording() -> None:
    """No exclamation marks, no "leider", no word that the glossary refuses."""
    refused = ("!", "leider", "fehler aufgetreten", "präparat", "medikament ", "backup")
    assert {text for text in german().values() for word in refused if word in text.casefold()} == set()


def test_no_two_languages_share_a_catalogue() -> None:
    assert {translator(language)("Sign in") for language in LANGUAGES} == {"Anmelden", "Sign in"}


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [
        (None, None, "de"),
        ("en-GB,en;q=0.9,de;q=0.8", None, "en"),
        ("fr,de-AT;q=0.7,en;q=0.3", None, "de"),
        ("fr", None, "de"),
        ("en", "de", "de"),
        ("de", "fr", "de"),
        ("en;q=x", None, "en"),
    ],
)
def test_language_is_the_choice_then_the_browsers_then_german(accepted: str | None, chosen: str | None, language: str) -> None:
    assert language_of(accepted, chosen) == language


def test_dates_and_numbers_as_each_language_writes_them() -> None:
    assert [format_day(day, "de") for day in ("1948", "1948-03", "1948-03-12", None)] == ["1948", "03.1948", "12.03.1948", ""]
    assert format_day("1948-03-12", "en") == "12 Mar 1948"
    assert [format_number(value, "de") for value in (0.5, 5.0, 64, 10_000, 1_000)] == ["0,5", "5", "64", "10\N{NO-BREAK SPACE}000", "1000"]
    assert [format_dose(text, "de") for text in ("1/2", "0.5", "1")] == ["½", "0,5", "1"]
