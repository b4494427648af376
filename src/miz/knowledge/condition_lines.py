"""Which illness a typed line means: `Herzinfarkt vor 3 Monaten`, `Z. n. Endokarditis`, `COPD Gold III`, `I48.0 G`.

What is denied, suspected or told of the family is no illness of this patient. A code that stands for more than the row
means is asked about. Words that change the meaning (`dekompensiert`, `nicht eingestellt`) are never dropped.
"""

import re
from collections.abc import Iterator
from datetime import date

from miz.knowledge.edition import Edition
from miz.knowledge.model import Condition, Words
from miz.knowledge.resolution import NameTable, Question, Resolution, folded_words, heads, unresolved
from miz.knowledge.times import TIME, months_passed
from miz.knowledge.words import fold

_BEFORE = re.compile(
    r"^\s*(?:[-•*]\s*|zust(?:and|\.)?\s?n(?:ach|\.)\s|z\.?\s?n\.?\s|st\.?\s?p\.?\s|zustand nach\s|bek(?:annte[rs]?|\.)\s|anamn(?:estisch|\.)\s|history of\s|h/o\s|previous\s|past\s|frühere[rs]?\s)+",
    re.IGNORECASE,
)
_NOT_SURE = re.compile(
    r"^\s*(?:keine?n?|nein|no|not|ausschluss|ohne)\b|\bausgeschlossen\b|\bv\.?\s?a\.?(?=\s)|\bverdacht\b|\bfraglich|\bunklar|\?|\bsuspected\b|\bfamili(?:e|är)|\b(?:mutter|vater|bruder|schwester|eltern|mother|father)\b|\bangst vor\b|\b(?:kontakt|impfung)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"^\s*\(?(?P<code>[A-TV-Z]\d\d(?:\.\d{1,2})?)[-!*+†]*\)?\s*(?P<sign>[GVAZ])?\b[\s:,-]*(?P<rest>.*)$", re.IGNORECASE)
_NOT_SURE_SIGNS = frozenset("VA")
# codes that stand for more than the row means (README of the tables): ask, never conclude
_BROAD_CODES = frozenset({"Z86.7", "Q24.9", "J45", "D35.0", "Z88.6"})
_DETAILS = folded_words(
    "seit vor bekannt bekannte bekannter stabil stabile stabiler unter Therapie medikamentös behandelt behandelte eingestellt gut paroxysmal permanent persistierend",
    "paroxysmales permanentes persistierendes intermittierend intermittierendes anamnestisch chronisch chronische chronisches arterielle arterieller essentielle essentieller",
    "primäre leicht leichte leichter mild milde anfallsfrei links rechts li re bds beidseits allergisches allergische insulinpflichtiger insulinpflichtig nicht insulinpflichtig",
    "generalisierte diätetisch Tabletten tablettenpflichtig mit und Gold Child A B C I II III 1 2 3 J Jahre Jahren Kindheit Jugend Geburt langem Mo Di Mi Do Fr Sa ca treated known controlled since",
    "infektiöse infective operiert konservativ Zustand CPAP Gerät Spray Notfallspray Dauertherapie",
) - folded_words("nicht")
# after these a line may say more without being another illness
_BREAK = re.compile(r"\s*[,;(:]\s*|\s+[-–]\s+|\s+(?:mit|unter|seit|bei|nach|wegen|with|on|since)\s+", re.IGNORECASE)
_PARTS = re.compile(r"[,;/+(]|\s(?:mit|und|and|with)\s(?:\d+\s)?")
_CHANGING = re.compile(
    r"\b(?:nicht|kein\w*|schlecht\w*|un\w*kontrolliert\w*|uneingestellt\w*|instabil\w*|dekompensiert\w*|entgleist\w*|akut\w*|schwer\w*|unbehandelt\w*|not|un(?:stable|controlled|treated)|severe|acute)\b",
    re.IGNORECASE,
)
_NYHA = re.compile(
    r"\bnyha\s*(?:stadium|st\.?|klasse|class)?\s*(?P<stage>iv|i{1,3}|[1-4])\b(?:\s?[-/]\s?(?P<upper>iv|i{1,3}|[1-4])\b)?", re.IGNORECASE
)
_KIDNEY = re.compile(r"niereninsuff|nierenschw|nierenerkrank|\bni\b|\bckd\b|\bcni\b|kidney|renal|\be?gfr\b", re.IGNORECASE)
_EGFR = re.compile(r"\b(?:e?gfr)\D{0,6}(?P<value>\d{1,3})(?!\d)", re.IGNORECASE)
_STAGE = re.compile(r"\b(?:stadium|stad\.?|st\.?|grad|stage|ckd|kdigo|g|k/doqi)\s?(?P<stage>v|iv|iii|[345])\s?[ab]?\b", re.IGNORECASE)
_PRESSURE = re.compile(r"\b(?:rr|blutdruck|bp)\D{0,8}(?P<high>\d{2,3})\s?/\s?(?P<low>\d{2,3})\b", re.IGNORECASE)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5"}
_NUMERALS = ("", "I", "II", "III", "IV", "V")
_SHORTEST_MISSPELT = 7


class ConditionLines:
    """Resolves illnesses against one edition."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._names = NameTable((name, condition.id) for condition in edition.facts.conditions for name in condition.names)

    def resolve(self, text: str, today: date) -> Resolution:
        """The illness of the line, with the time that has passed where the line tells it."""
        months = months_passed(text, today)
        whole = None if "?" in text else self._names.exact(fold(text))
        if whole is None and _NOT_SURE.search(text):
            return unresolved(text, "condition", ())
        if whole is None and (coded := _CODE.match(text)):
            return self._coded(text, coded, today)
        bare = _bare(text)
        found = whole or self._names.exact(fold(bare)) or self._measured(text) or self._named(bare)
        if found is not None:
            return self._found(text, found, months, ())
        if further := self._further(bare):
            return self._found(text, further, months, ("partly",))
        timeless = fold(TIME.sub(" ", bare))
        if len(timeless) >= _SHORTEST_MISSPELT and (meant := self._names.misspelt(timeless)):
            return self._found(text, meant, months, ("spelling",))
        return unresolved(text, "condition", (self._edition.conditions[near].name.de for near in self._names.near(timeless)))

    def _named(self, bare: str) -> str | None:
        """By its words; what follows a break may be left out when it changes nothing, and must not name another illness."""
        for piece in dict.fromkeys((bare, TIME.sub(" ", bare), *self._pieces(TIME.sub(" ", bare)))):
            words = fold(piece).split()
            start = next((place for place, word in enumerate(words) if word not in _DETAILS), 0)
            for beginning in (words, words[start:]):
                for head, _ in heads(beginning, _DETAILS):
                    if found := self._names.exact(head) or self._names.beginning(head, may_lack_words=False):
                        return found
        return None

    def _pieces(self, bare: str) -> Iterator[str]:
        """The line up to each of its breaks, the longest first, as long as what follows changes nothing."""
        for broken in reversed(list(_BREAK.finditer(bare))):
            if _CHANGING.search(bare[broken.start() :]):
                return
            yield bare[: broken.start()]

    def _further(self, bare: str) -> str | None:
        """The only illness that a later part of the line names whole: `Brustkrebs mit Knochenmetastasen`."""
        others = {found for piece in _PARTS.split(TIME.sub(" ", bare))[1:] if (found := self._names.exact(fold(piece)))}
        return others.pop() if len(others) == 1 else None

    def _measured(self, text: str) -> str | None:
        """An illness told by a stage or a value: NYHA, eGFR, blood pressure."""
        if pressure := _PRESSURE.search(text):
            is_high = int(pressure["high"]) > 180 or int(pressure["low"]) > 110
            return self._names.exact("hypertensive krise") if is_high else None
        if nyha := _NYHA.search(text):
            stage = (nyha["upper"] or nyha["stage"]).casefold()
            return self._names.exact(f"herzinsuffizienz nyha {_NUMERALS[int(_ROMAN.get(stage, stage))].casefold()}")
        if not _KIDNEY.search(text):
            return None
        if rate := _EGFR.search(text):
            value = int(rate["value"])
            return self._names.exact(f"ckd {3 if value >= 30 else 4 if value >= 15 else 5}") if value < 60 else None
        if staged := _STAGE.search(text):
            stage = staged["stage"].casefold()
            return self._names.exact(f"ckd {_ROMAN.get(stage, stage)}")
        return None

    def _found(self, text: str, identity: str, months: float | None, questions: tuple[Question, ...]) -> Resolution:
        condition = self._edition.conditions[identity]
        if condition.recent_months and fold(text) not in (fold(condition.name.de), fold(condition.name.en), fold(condition.id)):
            if months is None:
                questions = (*questions, "time")
            elif months >= condition.recent_months:
                condition = self._edition.conditions[condition.otherwise]
        others = self._others(text, condition)
        if any(other.recent_months for other in others):
            questions = (*questions, "time")
        return _resolution(text, (condition, *others), questions, months)

    def _others(self, text: str, condition: Condition) -> list[Condition]:
        """Further illnesses that later parts of the line name whole: `KHK, Asthma`."""
        named = dict.fromkeys(self._names.exact(fold(_bare(piece))) for piece in _PARTS.split(TIME.sub(" ", text))[1:])
        known = {condition.id, condition.otherwise} | {each.id for each in self._edition.facts.conditions if each.otherwise == condition.id}
        return [self._edition.conditions[identity] for identity in named if identity and identity not in known]

    def _coded(self, text: str, coded: re.Match[str], today: date) -> Resolution:
        """By its ICD-10-GM code, which a name beside it may narrow."""
        code, sign = coded["code"].upper(), (coded["sign"] or "").upper()
        if sign in _NOT_SURE_SIGNS and sign:
            return unresolved(text, "condition", ())
        months = months_passed(coded["rest"], today)
        fitting = [
            condition
            for condition in self._edition.facts.conditions
            for icd in condition.icd
            if code == icd or code.startswith((icd + ".", icd))
        ]
        if len(fold(coded["rest"])) > 1 and (named := self._named(_bare(coded["rest"]))):
            return self._found(text, named, months, ())
        longest = max((len(icd) for condition in fitting for icd in condition.icd if code.startswith(icd)), default=0)
        fitting = [condition for condition in fitting if any(len(icd) == longest and code.startswith(icd) for icd in condition.icd)]
        is_broad = any(code.startswith(broad) for broad in _BROAD_CODES)
        if len(fitting) == 1 and not is_broad:
            return self._found(text, fitting[0].id, months, ())
        return unresolved(text, "condition", (condition.name.de for condition in fitting))


def _bare(text: str) -> str:
    """Without `Z. n.` before it; `M. Parkinson` and `Typ II` written out as the tables do."""
    bare = re.sub(r"\bM\.\s?(?=[A-Z])", "Morbus ", _BEFORE.sub("", text))
    bare = re.sub(r"(?<=\bssw)\s?\d+(?:\s?\+\s?\d)?\b|(?<=\bschwanger)\s\d+\.\s?woche\b", " ", bare, flags=re.IGNORECASE)
    bare = re.sub(r"\b\d+\.?\s?(?:\+\s?\d\s?)?ssw\b", " ", bare, flags=re.IGNORECASE)
    return re.sub(r"\btyp[\s-]*(?P<numeral>ii?)\b", lambda found: f"Typ {_ROMAN[found['numeral'].casefold()]}", bare, flags=re.IGNORECASE)


def _resolution(text: str, found: tuple[Condition, ...], questions: tuple[Question, ...], months: float | None) -> Resolution:
    return Resolution(
        text=text,
        role="condition",
        kind="condition",
        name=Words(" + ".join(each.name.de for each in found), " + ".join(each.name.en for each in found)),
        ids=tuple(each.id for each in found),
        tokens=frozenset(f"cond:{each.id}" for each in found),
        questions=tuple(dict.fromkeys(questions)),
        months_ago=months,
    )
