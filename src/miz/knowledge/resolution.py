"""What a typed line was taken to mean, and how sure that is. Nothing here is ever guessed."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from miz.knowledge.model import ReactionKind, Tokens, Words
from miz.knowledge.words import edits, fold, within_one

Role = Literal["medication", "planned", "condition", "allergy"]
Kind = Literal["substance", "product", "combination", "procedure", "condition", "allergy", "unresolved"]

# what a line leaves open; the check says each in a sentence
Question = Literal["strength", "form", "addition", "time", "suffix", "ingredient", "spelling", "place", "partly"]

_MOST_SUGGESTIONS = 3
_SHORTEST_PREFIX = 4
_FAR = 2  # typing errors within which another name makes a misspelt one unsure


class Dosing(Struct, frozen=True, kw_only=True):
    """How a drug is taken, as far as the line says; nothing is filled in that it does not say.

    `strengths_mg` are in the order of the line's substances, `scheme` counts units morning, noon, evening, night.
    `day_mg` is told only for one substance whose strength and number a day are sure. `schedule` keeps the words.
    `days` is how long it is or has been taken: `für 10 Tage`, `seit 3 Monaten`.
    """

    strengths_mg: tuple[float, ...] = ()
    form: str = ""
    scheme: tuple[float, float, float, float] | None = None
    is_as_needed: bool = False
    schedule: str = ""
    units_per_day: float | None = None
    day_mg: float | None = None
    days: int | None = None


class Resolution(Struct, frozen=True, kw_only=True):
    """`tokens` are what rules find it by, `substances` the ids to name, `suggestions` names that may have been meant.

    `dosing` belongs to a drug, `reaction` to an allergy, `months_ago` to a condition, `place` ("36", "regio 46") to what is planned.
    """

    text: str
    role: Role
    kind: Kind
    name: Words
    ids: tuple[str, ...] = ()
    substances: tuple[str, ...] = ()
    tokens: Tokens = frozenset()
    suggestions: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    dosing: Dosing | None = None
    reaction: ReactionKind = "unknown"
    months_ago: float | None = None
    place: str = ""

    @property
    def is_resolved(self) -> bool:
        return self.kind != "unresolved"


def unresolved(text: str, role: Role, suggestions: Iterable[str]) -> Resolution:
    """A line that stays as typed."""
    return Resolution(
        text=text, role=role, kind="unresolved", name=Words(text, text), suggestions=tuple(dict.fromkeys(suggestions))[:_MOST_SUGGESTIONS]
    )


class NameTable:
    """A short list of names (procedures, conditions, allergies) looked up exactly or by a beginning that fits one thing only."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        """`names` are pairs of folded name and id; the first of equal names counts."""
        self._ids: dict[str, str] = {}
        for name, identity in names:
            self._ids.setdefault(name, identity)

    def exact(self, key: str) -> str | None:
        return self._ids.get(key) or self._ids.get(key.replace(" ", ""))

    def beginning(self, key: str, *, may_lack_words: bool = True) -> str | None:
        """The one thing whose names begin like this; None when it is short, fits several, or lacks words that may not be missing."""
        if len(key) < _SHORTEST_PREFIX:
            return None
        most = len(key.split())
        names = ((name, identity) for name, identity in self._ids.items() if name.startswith(key))
        found = {identity for name, identity in names if may_lack_words or len(name.split()) == most}
        return found.pop() if len(found) == 1 else None

    def misspelt(self, key: str) -> str | None:
        """The one thing whose name is one typing error away, when nothing else is within two."""
        if not any(within_one(key, name) for name in self._ids):
            return None
        near = {identity for name, identity in self._ids.items() if abs(len(name) - len(key)) <= _FAR and edits(key, name) <= _FAR}
        return near.pop() if len(near) == 1 else None

    def near(self, key: str) -> list[str]:
        """Ids of what may have been meant, the nearest first."""
        first = key.partition(" ")[0]
        scored = sorted(
            {
                (0 if name.startswith(key) else 1 if name.startswith(first) else 1 + edits(key, name), identity)
                for name, identity in self._ids.items()
                if len(first) >= _SHORTEST_PREFIX and (name.startswith(first) or (abs(len(name) - len(key)) <= 2 and edits(key, name) <= 2))
            }
        )
        return list(dict.fromkeys(identity for _, identity in scored))


def heads(words: list[str], droppable: frozenset[str]) -> Iterable[tuple[str, list[str]]]:
    """The beginnings of a line whose remaining words say nothing about what it is, the longest first."""
    for length in range(len(words), 0, -1):
        rest = words[length:]
        if all(word in droppable for word in rest):
            yield " ".join(words[:length]), rest


def folded_words(*texts: str) -> frozenset[str]:
    """A set of single folded words, for lists written as a person reads them."""
    return frozenset(word for text in texts for word in fold(text).split())
