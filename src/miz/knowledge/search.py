"""The pick list: names that begin with what was typed, then words that do, then parts of words, then typing errors."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import apsw

from miz.knowledge.words import (
    LONGEST_PREFIX,
    SHORTEST_CORRECTED,
    TWO_EDITS_FROM,
    edits,
    fold,
    key_of,
    one_less,
    sound,
    two_less,
    within_one,
)

# a number with its unit; not one that belongs to a word: `B12`, `1A`
_STRENGTH = re.compile(
    r"(?<!\b[A-Za-z])(?<![A-Za-z]\d)\d[\d.,:/-]*+(?:\s*(?:%|(?:mg|g|ml|µg|mcg|mikrogramm|ie|x|h|d|std)\b|i\.\s?e\.)|(?![^\W\d_]))",
    re.IGNORECASE,
)
_MOST_ROWS = 64
_MOST_PREFIXES = 12
_SHORTEST_PART = 4
_SHORTEST_JOINED_MAKER = 5
_MOST_KEPT = 20_000
_MOST_LIKE_IT = 20


class Match(NamedTuple):
    """A name that was found. `is_sure` is False for a corrected typing error or a part of a word."""

    entry_no: int
    text: str
    key: str
    is_sure: bool


def without_strength(text: str) -> str:
    """The typed line without numbers and their units: `Beloc-Zok mite 47,5 mg 1-0-0` -> `Beloc-Zok mite`."""
    return " ".join(_STRENGTH.sub(" ", text).split())


class NameIndex:
    """Reads the search index of one edition."""

    def __init__(self, connection: apsw.Connection, makers: Iterable[str] = ()) -> None:
        self._connection = connection
        self.exact = lru_cache(maxsize=_MOST_KEPT)(self._exact)
        self._makers = sorted({fold(maker) for maker in makers}, key=lambda maker: (-len(maker), maker))

    def find(self, text: str, limit: int) -> list[Match]:
        """The best names for `text`, at most one per entry. The same text always gives the same list."""
        full, name = fold(text), fold(without_strength(text))
        if not full:
            return []
        found: dict[int, Match] = {}
        for matches in self._steps(full, name or full):
            for match in matches:
                found.setdefault(match.entry_no, match)
            if len(found) >= limit:
                break
        return list(found.values())[:limit]

    def _steps(self, full: str, name: str) -> Iterator[list[Match]]:
        spellings = [full] if full == name else [full, name]
        hits = 0
        for spelling in spellings:
            for matches in (
                self.exact(spelling),
                *((self.beginning(spelling), self._containing(spelling)) if spelling == name else (self._spelled(spelling),)),
            ):
                hits += len(matches)
                yield matches
        if not hits:
            made = self.by_maker(name)
            hits += len(made)
            yield made
        if not hits and len(name) >= _SHORTEST_PART:
            parts = self._inside(name)
            hits += len(parts)
            yield parts
        words = name.split()
        while words and not hits:
            corrected = self._corrected(words)
            hits += len(corrected)
            yield corrected
            words = words[:-1]
            if words and not hits:
                whole = self.beginning(" ".join(words))
                hits += len(whole)
                yield whole

    def _exact(self, key: str) -> list[Match]:
        """Names that are just this; a drug's own name before an abbreviation of another."""
        rows = self._connection.execute(
            "SELECT entry_no, text, key FROM name WHERE key = ? ORDER BY is_other, name_no LIMIT ?", (key, _MOST_ROWS)
        )
        return [Match(entry_no, name, key, True) for entry_no, name, key in rows]

    def all_names(self) -> list[Match]:
        """Every spelling of every entry, the best first."""
        return [
            Match(entry_no, name, key, True)
            for entry_no, name, key in self._connection.execute("SELECT entry_no, text, key FROM name ORDER BY name_no")
        ]

    def closest(self, word: str) -> list[tuple[int, Match]]:
        """Whole names up to two typing errors away, each with their number; one that only sounds the same counts as one."""
        start = word[: LONGEST_PREFIX + 1]
        words = set(self._sounding(word))
        for prefix in self._prefixes({start, *one_less(start), *two_less(start)}):
            if len(prefix) < LONGEST_PREFIX:
                words.add(prefix)
            else:
                rows = self._connection.execute("SELECT word FROM word WHERE word >= ? LIMIT ?", (prefix, _MOST_LIKE_IT))
                words.update(longer for (longer,) in rows if longer.startswith(prefix))
        same = sound(word)
        near = ((1 if sound(other) == same else edits(word, other), other) for other in words if abs(len(other) - len(word)) <= 2)
        return [(distance, match) for distance, other in sorted(near) if distance <= 2 for match in self.exact(other)]

    def _sounding(self, word: str) -> list[str]:
        heard = sound(word)
        rows = self._connection.execute("SELECT word FROM word_sound WHERE key = ? LIMIT ?", (key_of(heard), _MOST_ROWS))
        return [other for (other,) in rows if sound(other) == heard]

    def beginning(self, key: str) -> list[Match]:
        """Names that begin with this."""
        return self._matching(f'^ "{key}" *', is_sure=True)

    def _spelled(self, key: str) -> list[Match]:
        """Names that begin with this, letter by letter: for a line with a strength, whose short numbers begin too many words."""
        rows = self._connection.execute(
            "SELECT entry_no, text, key FROM name WHERE key >= ? AND key < ? ORDER BY name_no LIMIT ?", (key, f"{key}\uffff", _MOST_ROWS)
        )
        return [Match(entry_no, name, key, True) for entry_no, name, key in rows]

    def by_maker(self, key: str, *, may_complete: bool = True) -> list[Match]:
        """Names that are, or begin with, what is left when a maker's name at the end is taken off: `metohexal` -> `meto`.

        A short maker's name counts as a word of its own only: too many names end in `al`.
        """
        joined = key.replace(" ", "")
        for maker in self._makers:
            if not joined.endswith(maker.replace(" ", "")) or not (key.endswith(f" {maker}") or len(maker) >= _SHORTEST_JOINED_MAKER):
                continue
            stem = key.removesuffix(maker).strip() if key.endswith(maker) else joined.removesuffix(maker.replace(" ", ""))
            if len(stem) >= SHORTEST_CORRECTED - 1:
                return self.exact(stem) or (self.beginning(stem) if may_complete else [])
        return []

    def _containing(self, key: str) -> list[Match]:
        words = key.split()
        return self._matching(" AND ".join(f'"{word}" *' for word in words), is_sure=True)

    def _inside(self, key: str) -> list[Match]:
        if " " in key:
            return []
        rows = self._connection.execute(
            "SELECT word FROM word_number WHERE word_no IN (SELECT rowid FROM word_parts WHERE word_parts MATCH ? LIMIT ?)",
            (f'"{key}"', _MOST_PREFIXES),
        )
        words = [word for (word,) in rows]
        return self._matching(" OR ".join(f'"{word}"' for word in words), is_sure=False) if words else []

    def _corrected(self, words: list[str]) -> list[Match]:
        """Names in which each word begins as typed or, where no name does, as typed with one error (two in long words).

        An error in the first letter is the rarer one: it is assumed only when nothing else fits.
        """
        groups = [[word] if self._begins_a_word(word) else self._near(word) for word in words]
        if not all(groups):
            return []
        alike = [[near for near in group if near[0] == word[0]] for word, group in zip(words, groups, strict=True)]
        return (self._with_any(alike) if all(alike) else []) or self._with_any(groups)

    def _with_any(self, groups: list[list[str]]) -> list[Match]:
        exact = " AND ".join("(" + " OR ".join(f'"{word}"' for word in group) + ")" for group in groups)
        prefix = " AND ".join("(" + " OR ".join(f'"{word}" *' for word in _shortest(group)) + ")" for group in groups)
        return self._matching(exact, is_sure=False) + self._matching(prefix, is_sure=False)

    def _begins_a_word(self, word: str) -> bool:
        row = self._connection.execute("SELECT word FROM word WHERE word >= ? LIMIT 1", (word,)).fetchone()
        return row is not None and row[0].startswith(word)

    def _near(self, word: str) -> list[str]:
        """Beginnings of words that are one typing error away, else two for long words; the nearest in length first."""
        if len(word) < SHORTEST_CORRECTED or word.isdigit():
            return []
        heard = self._sounding(word)
        typed, word = word, word[: LONGEST_PREFIX + 1]
        near = [
            prefix
            for prefix in self._prefixes({word, word[: LONGEST_PREFIX - 1], *one_less(word)})
            if any(within_one(typed[: len(prefix) + more], prefix) for more in (-1, 0, 1))
        ]
        if not near and not heard and len(word) >= TWO_EDITS_FROM:
            near = [prefix for prefix in self._prefixes({word, *one_less(word), *two_less(word)}) if edits(word, prefix) <= 2]
        near.sort(key=lambda prefix: (prefix[0] != word[0], abs(len(prefix) - len(word)), prefix))
        return [*heard, *near][:_MOST_PREFIXES]

    def _prefixes(self, pieces: Iterable[str]) -> list[str]:
        keys = sorted({key_of(piece) for piece in pieces})
        marks = ",".join("?" * len(keys))
        rows = self._connection.execute(f"SELECT DISTINCT prefix FROM prefix_delete WHERE key IN ({marks})", keys)  # noqa: S608 - only marks
        return [prefix for (prefix,) in rows]

    def _matching(self, query: str, *, is_sure: bool) -> list[Match]:
        rows = self._connection.execute(
            "SELECT entry_no, text, key FROM name WHERE name_no IN "
            "(SELECT rowid FROM name_words WHERE name_words MATCH ? ORDER BY rowid LIMIT ?) ORDER BY name_no",
            (query, _MOST_ROWS),
        )
        return [Match(entry_no, name, key, is_sure) for entry_no, name, key in rows]


def _shortest(prefixes: list[str]) -> list[str]:
    """Without those that another one already begins."""
    return [prefix for prefix in prefixes if not any(prefix != other and prefix.startswith(other) for other in prefixes)]
