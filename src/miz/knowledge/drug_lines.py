"""Which drug a typed line means: `Beloc-Zok mite 47,5 1-0-0`, `ASS 100`, `Articain 1:100.000`, `Candesartan/HCT 16/12,5`.

Exact names and beginnings that fit one thing only are taken; a typing error, a look-alike and a suffix that may hide a
second substance (`plus`, `comp`, `HCT`, `forte`) never are.
"""

import re
from collections.abc import Iterable

from msgspec.structs import replace

from miz.knowledge.edition import Edition
from miz.knowledge.model import DoseMeaning, Drug, Tokens, Words
from miz.knowledge.resolution import Question, Resolution, Role, folded_words, heads, unresolved
from miz.knowledge.search import Match, without_strength
from miz.knowledge.words import fold

# say how and when something is taken, not what it is
_QUIET = folded_words(
    "Tabletten Tablette Tabl Tbl Tab Filmtabletten Filmtbl Ftbl Brausetabletten Lutschtabletten Kapseln Kapsel Kaps Kps",
    "Hartkapseln Granulat Spray Tropfen Trpf Tr Saft Sirup Suspension Spritze Fertigspritze Injektion Inj Infusion Ampulle Ampullen",
    "Amp Pen Pflaster Brause Stück Hub Hübe morgens mittags abends nachts früh täglich tgl tägl wöchentlich monatlich",
    "jährlich einmal zweimal dreimal mal pro am an je im zur zum die der Tag Tage Tagen Woche Wochen Monat Monate Monaten",
    "Jahr Jahre Stunden bei Bedarf nach vor Plan INR Schema seit alle Nacht Essen ",
    "Dauermedikation dauerhaft regelmäßig gelegentlich mg ml tablets capsules daily once twice weekly as needed prn",
)
# change the strength or the release; taken with a question, never silently
_LOUD = folded_words("retard ret mite semi long uno XR SR CR ER MR depot")
_ROUTES = re.compile(r"\b(?:p\.\s?o\.|i\.\s?[vm]\.|s\.\s?c\.|b\.\s?b(?:ed)?\.|b\.\s?bed)|(?<=\s)(?:po|iv|im|sc|bb)\b", re.IGNORECASE)
_ADDITION = re.compile(
    r"(?P<ratio>1\s*:\s*\d{2,3}[.\s]?000\b)|\b(?P<without>ohne|plain|without|w/o)\b|\b(?P<nor>noradrenalin|norepinephrine?|arterenol)\b"
    r"|\b(?P<epi>adrenaline?|epinephrine?|suprarenin|adr)\b|\b(?P<feli>felypressin|octapressin)\b|\b(?:mit|with|zusatz|vaso[kc]onstri[kc]tor|und|\+)(?=\s|$)",
    re.IGNORECASE,
)
_NUMBER_MG = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:mg\b|(?!\s*[:%\-/\d.,]|\s*(?:ml|g|x|µg)\b))", re.IGNORECASE)
_PARTS = re.compile(r"\s*[/+]\s*|\s+und\s+")
_SHORTEST_PREFIX = 4
_ANAESTHETICS = "N01B"
_VASOCONSTRICTORS = {"nor": "norepinephrine", "feli": "felypressin"}


class DrugLines:
    """Resolves drug lines against one edition."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._solutions = {frozenset(solution.ingredients): solution for solution in edition.facts.solutions}
        self._makers = folded_words(*edition.facts.makers)
        self._droppable = _QUIET | _LOUD | self._makers

    def resolve(self, text: str, role: Role, *, may_complete: bool = True) -> Resolution | None:
        """What the line means, or None. `may_complete` allows the beginning of a name."""
        found = self._by_name(text, role, may_complete=may_complete)
        if found is None and (bare := _ADDITION.sub(" ", text)) != text:
            found = self._by_name(bare, role, may_complete=may_complete)
            if found is not None and not self._is_anaesthetic(found):
                found = None
        if found is None:
            found = self._joined(text, role)
        if found is not None:
            found = replace(self._with_addition(found, text), text=text)
        return found

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
            self._by_strength([drug], meaning, f"{text} {strength}", role) if meaning else self._resolution([drug], entry, text, role, ())
        )
        return self._with_addition(found, text) if _ADDITION.search(text) else found

    def not_found(self, text: str, role: Role) -> Resolution:
        """The line as typed, with what may have been meant."""
        return unresolved(text, role, (item.name for item in self._edition.search(text, 3)))

    def _by_name(self, text: str, role: Role, *, may_complete: bool) -> Resolution | None:
        full, name = fold(text), fold(without_strength(_ROUTES.sub(" ", text)))
        for key in dict.fromkeys((full, name)):
            if matches := self._edition.names.exact(key):
                return self._pick(matches, key, text, role, ())
        words = name.split()
        for head, rest in heads(words, self._droppable | self._carried(words)):
            if matches := self._edition.names.exact(head):
                return self._pick(matches, head, text, role, self._questions(matches, rest))
        for head, rest in heads(words, _QUIET):
            if matches := self._edition.names.by_maker(head, may_complete=False):
                return self._pick(matches, head, text, role, self._questions(matches, rest))
        if may_complete:
            for head, rest in heads(words, self._droppable):
                if len(head) >= _SHORTEST_PREFIX and (matches := self._edition.names.beginning(head)):
                    return self._pick(matches, head, text, role, self._questions(matches, rest))
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

    def _pick(self, matches: list[Match], key: str, text: str, role: Role, questions: tuple[Question, ...]) -> Resolution | None:
        """The one drug all matches mean; a drug's own name counts before an abbreviation of another."""
        drugs = [self._edition.entry(match) for match in matches]
        own = [drug for drug in drugs if key in (fold(drug.name.de), fold(drug.name.en))]
        candidates = own or drugs
        for meaning in self._edition.facts.meanings:
            is_open = key in meaning.open_names or any(drug.ask == "strength" for drug in candidates)
            if is_open and all(set(drug.substances) <= {meaning.low, meaning.high} for drug in candidates):
                return self._by_strength(candidates, meaning, text, role)
        if len({drug.tokens for drug in candidates}) > 1:
            return None
        return self._resolution(candidates, candidates[0], text, role, questions)

    def _resolution(self, drugs: list[Drug], entry: Drug, text: str, role: Role, questions: tuple[Question, ...]) -> Resolution:
        asks: tuple[Question, ...] = ("form",) if drugs[0].ask == "form" else ()
        missing: tuple[Question, ...] = (
            ("ingredient",) if any(not self._edition.substances[part].is_checked for part in drugs[0].substances) else ()
        )
        return Resolution(
            text=text,
            role=role,
            kind=entry.kind,
            name=entry.name,
            ids=(drugs[0].id,),
            substances=drugs[0].substances,
            tokens=drugs[0].tokens,
            questions=questions + asks + missing,
        )

    def _by_strength(self, drugs: list[Drug], meaning: DoseMeaning, text: str, role: Role) -> Resolution:
        strengths = [float(number.replace(",", ".")) for number in _NUMBER_MG.findall(text)]
        least = strengths[0] if strengths else None
        if least is not None and least <= meaning.low_up_to_mg:
            meant: tuple[str, ...] = (meaning.low,)
        elif least is not None and least >= meaning.high_from_mg:
            meant = (meaning.high,)
        else:
            meant = (meaning.high,) if role == "planned" else (meaning.low, meaning.high)
        is_open = least is None or meaning.low_up_to_mg < least < meaning.high_from_mg
        product = next((drug for drug in drugs if drug.kind == "product"), None)
        named = product or self._edition.drugs[meant[0]]
        name = named.name if product or len(meant) == 1 else Words(text, text)
        return Resolution(
            text=text,
            role=role,
            kind="product" if product else "substance",
            name=name,
            ids=(product.id,) if product else meant,
            substances=meant,
            tokens=frozenset(meant),
            questions=("strength",) if is_open else (),
        )

    def _joined(self, text: str, role: Role) -> Resolution | None:
        """Several drugs written as one: `Candesartan/HCT 16/12,5`."""
        pieces = [piece for piece in _PARTS.split(text) if any(sign.isalpha() for sign in piece)]
        if len(pieces) < 2:
            return None
        parts = [self._by_name(piece, role, may_complete=False) for piece in pieces]
        if any(part is None for part in parts):
            return None
        return self._combined([part for part in parts if part is not None], text, role)

    def _combined(self, parts: list[Resolution], text: str, role: Role) -> Resolution:
        def united(pick: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(value for values in pick for value in values))

        return Resolution(
            text=text,
            role=role,
            kind="combination",
            name=Words(" + ".join(part.name.de for part in parts), " + ".join(part.name.en for part in parts)),
            ids=united(part.ids for part in parts),
            substances=united(part.substances for part in parts),
            tokens=frozenset().union(*(part.tokens for part in parts)),
            questions=tuple(dict.fromkeys(question for part in parts for question in part.questions)),
        )

    def _is_anaesthetic(self, found: Resolution) -> bool:
        return any(code.startswith(_ANAESTHETICS) for part in found.substances for code in self._edition.substances[part].atc)

    def _with_addition(self, found: Resolution, text: str) -> Resolution:
        """A local anaesthetic together with the vasoconstrictor that the line names, or that is usual."""
        if len(found.substances) != 1 or not self._is_anaesthetic(found):
            return found
        named = {mark.lastgroup for mark in _ADDITION.finditer(text)}
        if "without" in named:
            return found
        if added := next((substance for mark, substance in _VASOCONSTRICTORS.items() if mark in named), None):
            return self._solution(found, added, ())
        if named & {"ratio", "epi"}:
            return self._solution(found, "epinephrine", ())
        is_product = found.kind == "product"
        usual = next(
            (each for each in self._edition.facts.solutions if each.is_usual_form and each.ingredients[0] == found.substances[0]), None
        )
        return found if usual is None or is_product else self._solution(found, usual.ingredients[1], ("addition",))

    def _solution(self, found: Resolution, added: str, questions: tuple[Question, ...]) -> Resolution:
        substances = (*found.substances, added)
        known = self._solutions.get(frozenset(substances))
        tokens: Tokens = found.tokens | {added}
        if known is not None:
            drug = self._edition.drugs[known.id]
            return replace(
                found,
                kind="combination",
                name=drug.name,
                ids=(drug.id,),
                substances=drug.substances,
                tokens=drug.tokens,
                questions=questions,
            )
        addition = self._edition.substances[added].name
        name = Words(f"{found.name.de} mit {addition.de}", f"{found.name.en} with {addition.en}")
        return replace(
            found, kind="combination", name=name, ids=(*found.ids, added), substances=substances, tokens=tokens, questions=questions
        )
