"""The search index inside an edition: names in the order they are shown, their words, their sounds, and the deletes of all prefixes.

Names get their row numbers in order of rank, so a full-text query that walks rows upwards yields the best first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import apsw

from miz.knowledge.words import LONGEST_PREFIX, TWO_EDITS_KEPT_FROM, key_of, one_less, sound, two_less

SCHEMA = """
CREATE TABLE name (
    name_no INTEGER PRIMARY KEY, entry_no INTEGER NOT NULL, text TEXT NOT NULL, key TEXT NOT NULL, is_other INTEGER NOT NULL
);
CREATE INDEX name_key ON name (key);
CREATE TABLE word (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE prefix_delete (key INTEGER NOT NULL, prefix TEXT NOT NULL, PRIMARY KEY (key, prefix)) WITHOUT ROWID;
CREATE VIRTUAL TABLE name_words USING fts5 (words, content='', columnsize=0, prefix='2 3', tokenize='ascii');
CREATE VIRTUAL TABLE word_parts USING fts5 (word, content='', columnsize=0, tokenize='trigram');
CREATE TABLE word_sound (key INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (key, word)) WITHOUT ROWID;
CREATE TABLE word_number (word_no INTEGER PRIMARY KEY, word TEXT NOT NULL);
"""
_SHORTEST_PREFIX = 3


@dataclass(frozen=True, slots=True, order=True)
class IndexedName:
    """One spelling of an entry. Sorted by: substance before product before combination, own name first, short first."""

    kind_rank: int
    is_other_name: bool
    length: int
    key: str
    entry_no: int
    text: str


def write_search_index(connection: apsw.Connection, names: Iterable[IndexedName]) -> None:
    """Fill the tables of `SCHEMA` with `names` (already folded in `key`)."""
    connection.execute(SCHEMA)
    ordered = sorted(set(names))
    connection.executemany(
        "INSERT INTO name VALUES (?, ?, ?, ?, ?)",
        ((number, name.entry_no, name.text, name.key, name.is_other_name) for number, name in enumerate(ordered, 1)),
    )
    connection.executemany(
        "INSERT INTO name_words (rowid, words) VALUES (?, ?)", ((number, name.key) for number, name in enumerate(ordered, 1))
    )
    words = sorted({word for name in ordered for word in name.key.split()})
    connection.executemany("INSERT INTO word VALUES (?)", ((word,) for word in words))
    connection.executemany("INSERT INTO word_number VALUES (?, ?)", enumerate(words, 1))
    connection.executemany("INSERT INTO word_parts (rowid, word) VALUES (?, ?)", enumerate(words, 1))
    connection.executemany(
        "INSERT INTO word_sound VALUES (?, ?)", sorted((key_of(sound(word)), word) for word in words if not word.isdigit())
    )
    connection.executemany("INSERT INTO prefix_delete VALUES (?, ?)", sorted(_deletes(words)))
    for table in ("name_words", "word_parts"):
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608 - two fixed names


def _deletes(words: Iterable[str]) -> set[tuple[int, str]]:
    spelled = [word for word in words if len(word) >= _SHORTEST_PREFIX and not word.isdigit()]
    prefixes = {word[:length] for word in spelled for length in range(_SHORTEST_PREFIX, min(len(word), LONGEST_PREFIX) + 1)}
    rows = {(key_of(prefix), prefix) for prefix in prefixes}
    rows |= {(key_of(shorter), prefix) for prefix in prefixes for shorter in one_less(prefix)}
    whole = {word[:LONGEST_PREFIX] for word in spelled if len(word) >= TWO_EDITS_KEPT_FROM}
    return rows | {(key_of(shorter), word) for word in whole for shorter in two_less(word)}
