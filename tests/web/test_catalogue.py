"""Every sentence has its German."""

import pytest
from babel.messages.pofile import read_po

from miz.ui.i18n import LANGUAGES, LOCALE_FOLDER, format_day, format_dose, format_number, language_of, translator
from tests.web.messages import code_messages, template_messages


def german() -> dict[str, str]:
    with (LOCALE_FOLDER / "de" / "LC_MESSAGES" / "miz.po").open("rb") as stream:
        entries = [(_first(message.id), _first(message.string)) for message in read_po(stream, locale="de") if message.id]
    return dict(entries)


def _first(texts: str | list[str] | tuple[str, ...] | None) -> str:
    """The singular, where there is a plural."""
    return texts if isinstance(texts, str) else texts[0] if texts else ""


def test_every_sentence_has_its_german() -> None:
    known = german()
    missing = {message: place for message, place in [*template_messages(), *code_messages()] if not known.get(message)}
    assert missing == {}


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
