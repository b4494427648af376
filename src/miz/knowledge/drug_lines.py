"""Which drug a typed line means: `Beloc-Zok mite 47,5 1-0-0`, `ASS 100`, `Articain 1:100.000`, `Candesartan/HCT 16/12,5`.

Exact names and beginnings that fit one thing only are taken. A suffix that may hide a second substance (`plus`, `comp`,
`HCT`, `forte`) is taken only with all its substances, else the line stays as typed. A typing error is taken, with a
question, when the name is long, one error lies between, and no other drug's name is within two; else it is a suggestion.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from miz.knowledge.dosing import FORM_WORDS, LOCAL_FORMS, Taking, read_taking
from miz.knowledge.drug_meanings import DrugMeanings
from miz.knowledge.edition import Edition
from miz.knowledge.resolution import Question, Resolution, Role, folded_words, heads, unresolved
from miz.knowledge.search import Match, without_strength
from miz.knowledge.strengths import dosing_for
from miz.knowledge.vasoconstrictors import ADDITION, Vasoconstrictors
from miz.knowledge.words import fold, sound, with_umlauts

# say how and when something is taken, or which salt it is; not what it is
_QUIET = FORM_WORDS | folded_words(
    "Stück Pen einmal zweimal dreimal mal pro am an je im zur zum die der den das mit Tag Tage Tagen Woche Wochen Monat Monate Monaten",
    "Jahr Jahre Stunden Wo tgl täglich wöchentlich monatlich bei Bedarf nach vor Plan INR Schema Wert oral jährlich jährl Mon AT Spirale Pille seit alle Nacht Essen bis zu",
    "Dauermedikation dauerhaft regelmäßig aktuell derzeit weiter wie bisher mg ml g h IE IU E Einheiten Mega Mio Amp daily once twice as needed prn",
    "succinat succ tartrat tart besilat mesilat hydrochlorid HCl maleat fumarat hemihydrat dihydrat trihydrat monohydrat natrium hydrogensulfat",
    "succinate tartrate besylate mesylate hydrochloride maleate fumarate sodium nimmt Medikament",
)
# change the strength, the release or the market, not the substance; taken with a question, never silently
_LOUD = folded_words(
    "retard ret retardiert mite semi long uno XR SR CR ER MR XL depot prolong prolongatum zok nk",
    "akut junior Kinder resinat lysin lysinat lysinate dispers express rapid solubile protect control direkt TAH",
    "N P PP mups MUT consta maintena exp expidet minor ocas chrono intensiv SL FS adult",
)
# the name of one substance followed by these stands for two
_TOGETHER = folded_words("comp compositum plus komb kombi combi comb HCT HCTZ")
_THIAZIDE = folded_words("HCT HCTZ")
# names of groups that are a typing error away from a drug
_GROUPS = folded_words("Cortison Kortison Cortisone")
_NOT_TAKEN = re.compile(r"^\s*(?:keine?n?|kein|nie|no|not|ohne|früher|ehemals)\s", re.IGNORECASE)
_NUMBERS = re.compile(r"\d \d")
_REMARK = re.compile(r"\(([^()]*)\)")
_PARTS = re.compile(r"\s*[/+&;]\s*|,\s+|\s+(?:und|and|mit|with)\s+")
_LOCAL = ("A01", "D", "S", "R01", "M02", "N01", "G01")
_SHORTEST_PREFIX = 4
_SHORTEST_MISSPELT = 7
_SHORTEST_JOINED = 6
_SHORTEST_NAME_IN_TAIL = 4


class DrugLines:
    """Resolves drug lines against one edition."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._vasoconstrictors = Vasoconstrictors(edition)
        self._meanings = DrugMeanings(edition, self._vasoconstrictors)
        self._makers = folded_words(*edition.facts.makers)
        substances = edition.substances
        self._classes = {
            name: [substances[member].name.de for member in word.members] for word in edition.facts.class_words for name in word.names
        }
        self._droppable = _QUIET | _LOUD | self._makers

    def resolve(self, text: str, role: Role, *, may_complete: bool = True) -> Resolution | None:
        """What the line means, or None. `may_complete` allows the beginning of a name, and one typing error."""
        if _NOT_TAKEN.match(text):
            return None
        taking = read_taking(text)
        found = self._named(text, taking, role, may_complete=may_complete)
        return None if found is None else self._finished(found, text, taking)

    def _finished(self, found: Resolution, text: str, taking: Taking) -> Resolution:
        found = self._vasoconstrictors.added(found, text)
        substances = [self._edition.substances[part] for part in found.substances]
        dosing = dosing_for(taking, substances)
        questions = found.questions
        if dosing.form:
            questions = tuple(question for question in questions if question != "form")
            is_meant_locally = all(code.startswith(_LOCAL) for substance in substances for code in substance.atc)
            if dosing.form in LOCAL_FORMS and not is_meant_locally:
                questions = (*questions, "place")
        return replace(found, text=text, dosing=dosing, questions=questions)

    def chosen(self, text: str, role: Role, drug_id: str, strength: str = "") -> Resolution | None:
        """The drug picked from the list, whatever the text; None when this edition does not know the id."""
        drug = self._edition.drugs.get(drug_id)
        if drug is None:
            return None
        entry = self._edition.drugs[drug.stands_for] if drug.stands_for else drug
        meaning = next(
            (each for each in self._edition.facts.meanings if drug.ask == "strength" and drug.substances[0] in (each.low, each.high)), None
        )
        found = (
            self._meanings.by_strength([drug], meaning, f"{text} {strength}", role)
            if meaning
            else self._meanings.resolution([drug], entry, text, role, ())
        )
        taking = read_taking(f"{text} {strength}")
        if ADDITION.search(text):
            return self._finished(found, text, taking)
        return replace(found, dosing=dosing_for(taking, [self._edition.substances[part] for part in found.substances]))

    def not_found(self, text: str, role: Role) -> Resolution:
        """The line as typed, with what may have been meant."""
        typed = fold(without_strength(read_taking(_NOT_TAKEN.sub("", text)).name))
        words = [word for word in typed.split() if len(word) >= _SHORTEST_PREFIX and word not in self._droppable]
        near = (self._edition.entry(match).name.de for word in words[:1] for _, match in self._edition.names.closest(word))
        if members := next((self._classes[word] for word in (typed, *words) if word in self._classes), None):
            return unresolved(text, role, members)
        found = [*(item.name for item in self._edition.search(typed, 2)), *near]
        alike = (item.name for word in words[:1] for item in self._edition.search(word[:_SHORTEST_PREFIX], 3))
        return unresolved(text, role, found or alike)

    def _named(self, text: str, taking: Taking, role: Role, *, may_complete: bool) -> Resolution | None:
        if matches := self._exact(fold(text)):
            return self._meanings.pick(matches, matches[0].key, text, role, ())
        if self._says_more(taking.tail):
            return self._joined(text, role)
        found = self._by_name(taking.name, text, role, may_complete=may_complete)
        if found is None and (bare := ADDITION.sub(" ", taking.name)) != taking.name:
            found = self._by_name(bare, text, role, may_complete=may_complete)
            found = found if found and self._vasoconstrictors.is_anaesthetic(found) else None
        return (
            found
            or self._joined(taking.name, role)
            or self._with_remark(taking.name, text, role, may_complete=may_complete)
            or (self._misspelt(taking.name, text, role) if may_complete else None)
        )

    def _says_more(self, tail: str) -> bool:
        """Whether a reason or a time holds a name, or a word that may stand for a second substance."""
        words = fold(tail).split()
        return any(word in _TOGETHER or (len(word) >= _SHORTEST_NAME_IN_TAIL and self._exact(word)) for word in words)

    def _exact(self, key: str) -> list[Match]:
        """Names that are just this, be it with other blanks, or with `ae` for `ä`."""
        joined = key if _NUMBERS.search(key) else key.replace(" ", "")  # `ASS 1-0-0` is not `ASS 100`
        for spelling in dict.fromkeys((key, joined if len(joined) >= _SHORTEST_JOINED else key, with_umlauts(key))):
            if found := self._edition.names.exact(spelling):
                return found
        return []

    def _by_name(self, typed: str, text: str, role: Role, *, may_complete: bool) -> Resolution | None:
        full, name = fold(typed), fold(without_strength(typed))
        for key in dict.fromkeys((full, name)):
            if matches := self._exact(key):
                return self._meanings.pick(matches, matches[0].key, text, role, ())
        for words in self._beginnings(name.split()):
            for head, rest in heads(words, self._droppable | self._carried(words)):
                if matches := self._exact(head):
                    return self._meanings.pick(matches, matches[0].key, text, role, self._questions(matches, rest))
            for head, rest in heads(words, _QUIET | _LOUD):
                if matches := self._edition.names.by_maker(head, may_complete=False):
                    return self._meanings.pick(matches, head, text, role, self._questions(matches, rest))
            if found := self._together(words, text, role):
                return found
            if may_complete:
                for head, rest in heads(words, self._droppable):
                    if len(head) >= _SHORTEST_PREFIX and (matches := self._completed(head)):
                        return self._meanings.pick(matches, head, text, role, self._questions(matches, rest))
        return None

    def _completed(self, head: str) -> list[Match]:
        """Names that begin with this; never one that only adds `plus` or the like, which is another medicine."""
        matches = self._edition.names.beginning(head)
        added = (set(match.key[len(head) :].split()) for match in matches if match.key.startswith(f"{head} "))
        return [] if any(words & _TOGETHER for words in added) else matches

    def _beginnings(self, words: list[str]) -> Iterator[list[str]]:
        """The words, and the words without a form that stands first: `Tbl. Ramipril`."""
        yield words
        start = next((place for place, word in enumerate(words) if word not in _QUIET), len(words))
        if 0 < start < len(words):
            yield words[start:]

    def _together(self, words: list[str], text: str, role: Role) -> Resolution | None:
        """A substance with a word that stands for a second one, when the tables know the two: `Ramipril AL comp`."""
        place = next((place for place, word in enumerate(words) if word in _TOGETHER), 0)
        base = [word for word in words[:place] if word not in self._makers]
        if not base or any(word not in self._droppable for word in words[place + 1 :]):
            return None
        key = " ".join(base)
        found = self._exact(key) or self._edition.names.by_maker(key, may_complete=False)
        drugs = {drug.substances: drug for drug in map(self._edition.entry, found)}
        if len(drugs) != 1 or len(drug := drugs.popitem()[1].substances) != 1:
            return None
        substance = self._edition.substances[drug[0]]
        for name in (key, fold(substance.name.de), fold(substance.name.en)):
            if matches := self._exact(f"{name} {words[place]}"):
                return self._meanings.pick(matches, key, text, role, ())
        if words[place] in _THIAZIDE:
            parts = [self._by_name(part, part, role, may_complete=False) for part in (substance.name.de, words[place])]
            return self._meanings.combined([part for part in parts if part is not None], text, role)
        return None

    def _with_remark(self, typed: str, text: str, role: Role, *, may_complete: bool) -> Resolution | None:
        """A line with a remark in brackets, which may name the same drug otherwise, and nothing else."""
        remarks = [remark for remark in _REMARK.findall(typed) if remark.strip()]
        bare = _REMARK.sub(" ", typed)
        if bare == typed or not fold(bare) or (found := self._by_name(bare, text, role, may_complete=may_complete)) is None:
            return None
        for remark in remarks:
            other = self._by_name(remark, text, role, may_complete=False)
            if other is None and self._says_more(remark):
                return None
            if other is not None and not other.tokens <= found.tokens:
                if not found.tokens <= other.tokens:
                    return None
                found = other
        return found

    def _misspelt(self, typed: str, text: str, role: Role) -> Resolution | None:
        for words in self._beginnings(fold(without_strength(typed)).split()):
            for head, rest in heads(words, self._droppable):
                if " " in head or len(head) < _SHORTEST_MISSPELT or head in _GROUPS:
                    continue
                near = self._edition.names.closest(head)
                meant = {self._edition.entry(match).tokens for _, match in near}
                nearest = [match for distance, match in near if distance <= 1 and sound(match.key)[0] == sound(head)[0]]
                if nearest and len(meant) == 1:
                    found = self._meanings.pick(nearest, nearest[0].key, text, role, self._questions(nearest, rest))
                    return found and replace(found, questions=("spelling", *found.questions), suggestions=(found.name.de,))
        return None

    def _carried(self, words: list[str]) -> frozenset[str]:
        """Words that the drug named by the first of `words` is known to carry."""
        for length in range(len(words) - 1, 0, -1):
            for match in self._edition.names.exact(" ".join(words[:length])):
                if carried := self._edition.entry(match).carries:
                    return frozenset(carried)
        return frozenset()

    def _questions(self, matches: list[Match], rest: list[str]) -> tuple[Question, ...]:
        carried = {word for match in matches for word in self._edition.entry(match).carries}
        return ("suffix",) if any(word in _LOUD and word not in carried for word in rest) else ()

    def _joined(self, text: str, role: Role) -> Resolution | None:
        """Several drugs written as one: `Candesartan/HCT 16/12,5`."""
        pieces = [piece for piece in _PARTS.split(text) if any(sign.isalpha() for sign in piece)]
        if len(pieces) < 2:
            return None
        parts = [self._by_name(piece, piece, role, may_complete=False) for piece in pieces]
        if any(part is None for part in parts):
            return None
        return self._meanings.combined([part for part in parts if part is not None], text, role)
