"""Folding, and the distance between words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miz.knowledge.words import edits, fold, key_of, one_less, two_less, within_one

WORDS = st.text("abcde", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Beloc-Zok® mite", "beloc zok mite"),
        ("Acetylsalicylsäure", "acetylsalicylsaure"),
        ("  L-Thyroxin\t75 ", "l thyroxin 75"),
        ("Groß", "gross"),
        ("😀 Эналаприл", ""),
        ("", ""),
    ],
)
def test_texts_fold_to_plain_words(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [("falithrom", "falitrom", 1), ("ramipril", "ramipirl", 1), ("abc", "cab", 2), ("", "ab", 2), ("ca", "abc", 3)],
)
def test_distances(left: str, right: str, distance: int) -> None:
    assert edits(left, right) == edits(right, left) == distance


@given(WORDS, WORDS)
def test_one_error_is_found_without_a_table(left: str, right: str) -> None:
    assert within_one(left, right) == (edits(left, right) <= 1)


@given(WORDS, WORDS)
def test_deletes_on_both_sides_meet_for_every_pair_within_reach(left: str, right: str) -> None:
    """The promise the table of deletes rests on: one delete each for one error, two each for two."""
    distance = edits(left, right)
    once = [{key_of(word), *map(key_of, one_less(word))} for word in (left, right)]
    if distance <= 1:
        assert once[0] & once[1]
    if distance <= 2:
        twice = [keys | set(map(key_of, two_less(word))) for keys, word in zip(once, (left, right), strict=True)]
        assert twice[0] & twice[1]
