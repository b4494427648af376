"""The help: complete in both languages, open to everybody, true about its own links."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from miz.ui.help import TOPICS, known_errors
from miz.ui.i18n import LANGUAGES, translator
from miz.ui.render import environment
from tests.practice.web.visitor import Visitor
from tests.support.practice import served
from tools.sentences import german


def text_of(language: str, topic: str) -> str:
    return environment(language).get_template(f"help/{language}/{topic}.html").render()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_its_text(language: str, topic: str) -> None:
    text = text_of(language, topic)
    assert len(re.sub(r"<[^>]+>", "", text).split()) > 60
    assert not any(mark in text for mark in (" style=", "<script", " onclick", "hx-on"))
    assert "!" not in re.sub(r"<[^>]+>", "", text)


@pytest.mark.parametrize("topic", TOPICS)
def test_both_languages_say_the_same_things(topic: str) -> None:
    """The same headings, lists and keys, in the same order."""

    def outline(language: str) -> list[str]:
        return re.findall(r"<(?:h2|h3|ol|ul|dl|li|dt|pre|table)\b", text_of(language, topic))

    assert outline("de") == outline("en")


def test_no_text_without_its_topic() -> None:
    loader = environment("de").loader
    assert loader is not None
    texts = {name.removesuffix(".html") for name in loader.list_templates() if name.startswith("help/")}
    assert texts == {f"help/{language}/{topic}" for language in LANGUAGES for topic in TOPICS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_buttons_and_screens_are_named_as_they_are(language: str) -> None:
    """What a text sets in italics is a sentence of the screens."""
    translate = translator(language)
    sentences = {translate(message) for message in german()}
    named = {name for topic in TOPICS for name in re.findall(r"<em>([^<]+)</em>", text_of(language, topic))}
    assert named - sentences - {"A+", "A−"} == set()


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with served(tmp_path_factory.mktemp("practice")) as server:
        yield Visitor(server.url)


def test_help_is_open_without_a_session_and_loads_nothing_from_elsewhere(visitor: Visitor) -> None:
    for path in ("/help", *(f"/help/{topic}" for topic in TOPICS)):
        answer = visitor.get(path)
        assert answer.status == 200, path
        assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', answer.text) == []
        for address in set(re.findall(r'href="(/(?!static/)[^"]+)"', answer.text)):
            assert visitor.get(address).status in (200, 303), f"{address}, named on {path}"
    assert visitor.get("/help/nothing").status == 404


def test_help_speaks_the_language_of_the_browser(visitor: Visitor) -> None:
    assert "Nur ansehen" in visitor.get("/help/patients").text
    assert "View only" in visitor.get("/help/patients", **{"accept-language": "en"}).text


def test_the_address_of_an_error_leads_to_a_page(visitor: Visitor) -> None:
    errors = known_errors()
    assert len(errors) > 40
    for code, error in errors.items():
        answer = visitor.get(f"/problems/{code}")
        assert answer.status == 200
        shown = unescape(answer.text)
        assert error.hint == "" or re.sub(r"\{\w+\}", "…", translator("de")(error.hint)) in shown, code
        assert code in shown
        assert "{" not in re.search(r"<h1>(.*)</h1>", shown)[1], code  # type: ignore[index]
    assert visitor.get("/problems/no-such-code").status == 404
