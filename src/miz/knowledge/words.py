"""How names are compared: folded to plain words, and how many typing errors lie between two of them."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

LONGEST_TEXT = 400
SHORTEST_CORRECTED = 4
TWO_EDITS_FROM = 8
TWO_EDITS_KEPT_FROM = 6
LONGEST_PREFIX = 14
_HEARD = (
    ("ph", "f"), ("th", "t"), ("rh", "r"), ("sch", "s"), ("ch", "k"), ("ck", "k"), ("ce", "ze"), ("ci", "zi"), ("cy", "zi"), ("c", "k"),
    ("qu", "kw"), ("x", "ks"), ("y", "i"), ("v", "f"), ("w", "f"), ("ie", "i"),
    ("ou", "u"), ("h", ""),
)  # fmt: skip


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Lower-case words without accents and signs, one blank between them: `Beloc-Zok® mite` -> `beloc zok mite`."""
    plain = text[:LONGEST_TEXT].casefold()
    if not plain.isascii():
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(sign))
    return " ".join("".join(sign if sign.isalnum() and sign < "\u0250" else " " for sign in plain).split())


def with_umlauts(key: str) -> str:
    """A folded text whose `ae`, `oe`, `ue` were typed for ä, ö, ü: `acetylsalicylsaeure` -> `acetylsalicylsaure`."""
    return key.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def sound(word: str) -> str:
    """How a folded word sounds to a German ear; words that differ only in spelling agree: `kandesartan`, `candesartan`."""
    for written, heard in _HEARD:
        word = word.replace(written, heard)
    return "".join(sign for place, sign in enumerate(word) if place == 0 or sign != word[place - 1])


def key_of(text: str) -> int:
    """The number under which a piece of a word stands in the table of deletes; equal numbers are verified afterwards."""
    return crc32(text.encode())


def one_less(text: str) -> Iterator[str]:
    """All texts that arise by leaving out one sign."""
    return (text[:place] + text[place + 1 :] for place in range(len(text)))


def two_less(text: str) -> set[str]:
    """All texts that arise by leaving out two signs."""
    return {shorter for once in one_less(text) for shorter in one_less(once)}


def within_one(left: str, right: str) -> bool:
    """Whether one typing error at most (a sign more, less, another, or two swapped) lies between the two."""
    if left == right:
        return True
    if len(left) > len(right):
        left, right = right, left
    difference = len(right) - len(left)
    if difference > 1:
        return False
    place = 0
    while place < len(left) and left[place] == right[place]:
        place += 1
    if difference:
        return left[place:] == right[place + 1 :]
    return left[place + 1 :] == right[place + 1 :] or (
        left[place : place + 2] == right[place : place + 2][::-1] and left[place + 2 :] == right[place + 2 :]
    )


def edits(left: str, right: str) -> int:
    """Damerau-Levenshtein distance (neighbouring signs may swap once)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for place, sign in enumerate(left, 1):
        older, before, row = before, row, [place]
        for other, there in enumerate(right, 1):
            cost = min(before[other] + 1, row[other - 1] + 1, before[other - 1] + (sign != there))
            if place > 1 and other > 1 and sign == right[other - 2] and left[place - 2] == there:
                cost = min(cost, older[other - 2] + 1)
            row.append(cost)
    return row[-1]
