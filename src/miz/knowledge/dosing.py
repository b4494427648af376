"""How a drug is taken, read from a typed line: `Beloc-Zok mite 47,5 1-0-0` leaves `Beloc-Zok mite` and `1-0-0`.

Only what stands there is read. Numbers without a unit stay numbers: whether they are milligrams depends on the drug.
"""

import re
from typing import NamedTuple

from miz.knowledge.resolution import Dosing, folded_words
from miz.knowledge.words import fold

Scheme = tuple[float, float, float, float]

_NUMBER = r"(?:\d[½¼¾]|[½¼¾]|\d/[2-4](?!\d)|\d{1,3}(?:[.,]\d+)?)"
_UNIT_OF_MASS = r"(?:mg|g|µg|μg|mcg|ug|mikrogramm)"
_A_DAY = r"(?:/|pro|per|am|a|x)?\s?(?:tägl(?:ich)?|tgl|taegl(?:ich)?|tag|day|daily|d|die)\b\.?"
_A_WEEK = r"(?:/|pro|per|in der|die|a|x)?\s?(?:wöchentl(?:ich)?|wö|woche|wo|week(?:ly)?)\b\.?"
_A_MONTH = r"(?:/|pro|per|im|a)?\s?(?:monatl(?:ich)?|monat|month(?:ly)?)\b\.?"
_SCHEME = re.compile(
    rf"(?<![\w.,/-]){_NUMBER}(?:\s?[-–—]{{1,2}}\s?{_NUMBER}){{2,3}}(?![\w,/-]|\.\d)(?:\s?(?:ie|i\.\s?e\.|e|einheiten)(?!\w))?",
    re.IGNORECASE,
)
_SPACED_SCHEME = re.compile(
    r"(?<=\s)(?=\S* ?\S* ?\S* ?0|0)(?:[0-4½]\s){2,3}[0-4½]\s*$|(?<![\w.,/])(?=[\d½/]*\b0\b)[0-4½](?:/[0-4½]){2,3}(?![\d/,])"
)
_TIMES = re.compile(
    rf"(?<![\w,.])(?P<times>\d{{1,2}}|ein|zwei|drei|vier|once|twice)\s?(?:x|×|mal\b|\*|(?=\s(?:daily|a\sday|weekly)))"
    rf"(?:\s?(?P<each>{_NUMBER})(?![\d,.]*\s?(?:{_UNIT_OF_MASS}|ml|ie|i\.)(?!\w))(?!\d|[.,]\d))?(?:\s?(?:tbl|tabl?|kps|hub|trpf|gtt)\b\.?)?\s?"
    rf"(?:(?P<day>{_A_DAY})|(?P<week>{_A_WEEK})|(?P<month>{_A_MONTH}))?",
    re.IGNORECASE,
)
_LATIN = re.compile(
    r"(?<=\s)(?:(?P<one>od|qd|nocte)|(?P<two>bd|bid|b\.i\.d\.)|(?P<three>tds|tid|t\.i\.d\.)|(?P<four>qds|qid))(?=\s|$)", re.IGNORECASE
)
_EVERY = re.compile(
    r"\b(?:alle|every|q)\s?(?P<count>\d+|zwei|drei|vier)?\s?(?:(?:-|–|bis)\s?\d+)?\s?(?P<unit>h|std|stunden|hours|tage?|days|wo(?:chen?)?|weeks|mon(?:ate?)?|months|jahre?|years)\b\.?"
    r"|\b(?P<other>jeden\s(?:2\.|zweiten)\s+tag)\b|\b(?P<half>halbj(?:ährl(?:ich)?)?|1/2-?jährlich)\b\.?|\b(?P<quarter>vierteljährl(?:ich)?)\b\.?|\b(?P<yearly>jährl(?:ich)?)\b\.?"
    r"|\b(?P<weekly>wöchentlich|weekly|wö|once weekly|(?:mon|diens|donners|frei|sams|sonn)tags|mittwochs|(?<=\s)(?:mo|di|mi|do|fr|sa|so)(?=\.?\s*$))\b\.?|\b(?P<monthly>monatlich|monthly)\b|\b(?P<daily>täglich|tgl\b\.?|daily)",
    re.IGNORECASE,
)
_DAY_AMOUNT = re.compile(
    rf"(?P<value>\d+(?:[.,]\d+)?)\s?(?P<unit>{_UNIT_OF_MASS})\s?(?:/\s?(?:d|tag|die|day)\b|(?:pro|per|am)\s(?:tag|day)\b|tgl\b\.?|täglich\b|daily\b)",
    re.IGNORECASE,
)
_RATE = re.compile(rf"(?P<value>\d+(?:[.,]\d+)?)\s?{_UNIT_OF_MASS}?\s?/\s?(?:h|std)\b\.?", re.IGNORECASE)
_PARTS_OF_DAY = re.compile(
    rf"(?:(?<![\w,.])(?P<before>{_NUMBER})\s?(?P<counted>tbl|tabl?|kps|ie|i\.e\.)?\.?\s)?(?:\b(?:und|and|zur|at|vor\sdem)\s)?"
    rf"\b(?:(?P<morning>morgens|früh|frühs|in the morning)|(?P<noon>mittags)|(?P<evening>abends|in the evening)|(?P<night>nachts?|nocte|night|schlafen(?:gehen)?))\b"
    rf"(?:\s(?P<after>{_NUMBER})(?![\w,.]|\s?{_UNIT_OF_MASS}))?",
    re.IGNORECASE,
)
_DAYTIME = re.compile("morg|früh|mittag|abend|nacht|noct|night|morning|evening|schlaf", re.IGNORECASE)
_AS_NEEDED = re.compile(
    r"\bb\.?\s?b(?:ed)?\b\.?|\b(?:bei|nach|b\.)\s?bed(?:arf)?\b\.?|\bi\.?\s?b\.|\bprn\b|\bas needed\b|\bbei\s+(?:schmerzen|kopfschmerzen)\b|\bgelegentlich\b|\bab und zu\b",
    re.IGNORECASE,
)
# what follows says why, since when or how long; not what it is
_TAIL = re.compile(
    r"[\s,;(-]+\b(?:wegen|gegen|für|fuer|bei|zur|zum|seit|bis|nach|vor|for|since|until|laut|lt|von|jeweils|immer|meist|nur|ca|über)\b.*$|"
    r"[\s,;]+(?:\d+|eine|zwei)\s?(?:tage?n?|wochen?|monate?n?|days?|weeks?)\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_LONG = re.compile(
    r"\b(?:für|fuer|for|seit|since|über)\s(?:ca\.?\s)?(?P<count>\d+|zwei|drei|vier|einem|einer)?\s?(?P<unit>tag|woche|monat|jahr|day|week|month|year)"
    r"|(?<![\d,./-])(?P<counted>\d+)\s?(?P<of>tag|woche|monat)\w*\slang\b",
    re.IGNORECASE,
)
_PACK = re.compile(
    r"\bN\s?[123]\b|\b\d+\s?(?:st|stk|stück|op)\b\.?|\bpzn[\s:-]*\d+|^\s*(?:\d+[.)]\s+|[-•*·]\s*)|(?<=\s)#\s?\d+", re.IGNORECASE
)
# how much at a time, which is no strength: `2 Amp.`, `20 gtt`, `1,7 ml`
_COUNTED = re.compile(
    rf"(?<![\w,.:/])(?:(?:[1-9½¼¾]|1/[24])\s?(?:tbl|tabl?|tabletten?|kps|kapseln?)|{_NUMBER}\s?(?:amp(?:ullen?)?|zyl(?:inder-?ampullen?)?|[ck]arpulen?|cartridges?|carpules?|hub|hübe|gtt|trpf|tropfen|beutel|btl|ml|min|messl))(?!\w)\.?",
    re.IGNORECASE,
)
_ROUTE = re.compile(
    r"\b(?:p\.\s?o\.|i\.\s?[vm]\.|s\.\s?c\.)|(?<=\s)(?:po|iv|im|sc)\b|\bzn\b|\bz\.\s?n\.|\bn\.\s?(?=inr|schema|plan|bz|wert)", re.IGNORECASE
)
_AMOUNT = re.compile(
    rf"(?<![A-Za-z\d.,])(?<![A-Za-z]-)(?<!1:)(?P<value>\d{{1,3}}(?:[.\s]\d{{3}})+(?!\d)|\d+(?:[.,]\d+)?)(?![:\d])"
    rf"(?:\s?(?P<unit>{_UNIT_OF_MASS}|mega|mio|i\.\s?e\.?|ie|iu|einheiten|e|%|ml|gtt|tr(?:opfen|pf)?|hub|hübe|x)(?![a-zäöü])|(?![a-zäöü]))",
    re.IGNORECASE,
)
_MISSING_BLANK = re.compile(r"(?<=[A-Za-zÄÖÜäöüß]{3})(?=\d)")
_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75}
_COUNTS = {"ein": 1, "once": 1, "zwei": 2, "twice": 2, "drei": 3, "vier": 4}
_DAYS = {"h": 1 / 24, "s": 1 / 24, "t": 1, "d": 1, "w": 7, "m": 30, "j": 365, "y": 365}
_MILLIGRAMS = {"mg": 1.0, "g": 1000.0}
_MASS_BELOW_TIMES = 5  # `3x600`: six hundred of something each time, not six hundred tablets

_FORMS = {
    "tablet": "Tabletten Tablette Tabl Tbl Tab Tabs FTA FTBL FTab Drg Drag Dragees Dragee Filmtabletten Filmtablette Filmtbl Filmtabl Retardtabletten Retardtbl tablets tablet",
    "orodispersible_tablet": "Schmelztabletten Schmelztbl SMT Lutschtabletten Lutschtabl",
    "effervescent_tablet": "Brausetabletten Brausetbl BTA Brause",
    "capsule": "Kapseln Kapsel Kaps Kps HKP HKM Hartkapseln Retardkapseln REK capsules capsule",
    "drops": "Tropfen Trpf Tr Trp gtt TEI drops",
    "eye_drops": "Augentropfen ATR Augentr",
    "liquid": "Saft Sirup Suspension Susp Öl Lösung Lsg syrup suspension",
    "granules": "Granulat Pulver Beutel Btl",
    "injection": "Spritze Spritzen Fertigspritze FER Injektion Injektionslösung Inj Ampulle Ampullen Amp Fertigpen Flexpen Kwikpen Solostar Penfill Spr Depotspritze injection",
    "infusion": "Infusion Inf",
    "inhaler": "Inhalator Dosieraerosol DA Hub Hübe Inhalation Diskus Turbohaler Respimat Novolizer inhaler",
    "spray": "Spray Pumpspray",
    "nasal_spray": "Nasenspray NSP Nasentropfen",
    "patch": "Pflaster Pfl PFT patch",
    "suppository": "Zäpfchen Supp Suppositorien SUP",
    "cream": "Creme Cremes CRE cream",
    "ointment": "Salbe SAL ointment",
    "gel": "Gel gel",
    "mouth_gel": "Mundgel",
    "rinse": "Spülung Mundspülung Mundspüllösung rinse mouthwash",
}
_FORM_OF = {word: form for form, words in _FORMS.items() for word in folded_words(words)}
FORM_WORDS = frozenset(_FORM_OF)
# act at the place, and otherwise than tablets elsewhere
LOCAL_FORMS = frozenset({"eye_drops", "nasal_spray", "cream", "ointment", "gel", "mouth_gel", "rinse"})


class Amount(NamedTuple):
    """A number of the line with its unit as typed; empty where none stands there."""

    value: float
    unit: str

    @property
    def mg(self) -> float | None:
        """Milligrams, when the unit says so."""
        if self.unit in _MILLIGRAMS:
            return self.value * _MILLIGRAMS[self.unit]
        return self.value / 1000 if self.unit in {"µg", "μg", "mcg", "ug", "mikrogramm"} else None


class Taking(NamedTuple):
    """A line taken apart: the name with its amounts, what was said of a day, and the tail that gives a reason or a time."""

    name: str
    amounts: tuple[Amount, ...]
    tail: str
    dosing: Dosing


def read_taking(text: str) -> Taking:
    """Take a typed line apart. What is no dosing stays in `name` as typed."""
    rest, words = _PACK.sub(" ", _MISSING_BLANK.sub(" ", text)), list[str]()
    day_mg, scheme, units = None, None, None

    def cut(pattern: re.Pattern[str]) -> re.Match[str] | None:
        nonlocal rest
        found = pattern.search(rest)
        if found and found.group().strip():
            words.append(found.group().strip(" ,;("))
            rest = f"{rest[: found.start()]} {rest[found.end() :]}"
            return found
        return None

    if found := cut(_SCHEME) or ("0" in rest and cut(_SPACED_SCHEME)):
        scheme = _scheme(found.group())
    is_as_needed = cut(_AS_NEEDED) is not None
    cut(_RATE)
    if found := cut(_DAY_AMOUNT):
        day_mg = Amount(_value(found["value"]), found["unit"].casefold()).mg
        rest += f" {found['value']} {found['unit']}"
    if found := cut(_TIMES):
        times = float(_COUNTS.get(found["times"].casefold()) or int(found["times"]))
        each = _value(found["each"]) if found["each"] else 1.0
        days = 7 if found["week"] else 30 if found["month"] else 1
        units, day_mg = times * (each if each < _MASS_BELOW_TIMES else 1) / days, None
        if each >= _MASS_BELOW_TIMES and found.group().rstrip(" .")[-1].isdigit():
            rest += f" {found['each']}"
    elif found := cut(_LATIN):
        units = float({"one": 1, "two": 2, "three": 3, "four": 4}[found.lastgroup or "one"])
    elif found := cut(_EVERY):
        units = _units_every(found)
    parts = dict[str, float]()
    while _DAYTIME.search(rest) and (found := cut(_PARTS_OF_DAY)):
        part = next(name for name in ("morning", "noon", "evening", "night") if found[name])
        before = found["before"]
        if before and not found["counted"] and (found["after"] or not re.search(r"\d", text[: text.find(before)])):
            rest, words[-1], before = f"{rest} {before}", words[-1].removeprefix(before).strip(), None  # a strength: `Simva 20 abends`
        parts[part] = _value(before or found["after"] or "1")
    while cut(_COUNTED):
        pass
    if parts and scheme is None and units is None:
        scheme = (parts.get("morning", 0.0), parts.get("noon", 0.0), parts.get("evening", 0.0), parts.get("night", 0.0))
    while cut(_ROUTE):
        words.pop()
    tail = cut(_TAIL)
    dosing = Dosing(
        form=next((form for word in fold(text).split() if (form := _FORM_OF.get(word))), ""),
        scheme=scheme,
        is_as_needed=is_as_needed,
        schedule=" ".join(words),
        units_per_day=sum(scheme) if scheme else units,
        day_mg=day_mg,
        days=_days(_LONG.search(text)),
    )
    amounts = tuple(Amount(_value(each["value"]), (each["unit"] or "").casefold()) for each in _AMOUNT.finditer(rest))
    return Taking(" ".join(rest.split()), amounts, tail.group() if tail else "", dosing)


def _value(text: str) -> float:
    """`47,5`, `1.000`, `1½`, `1/2` as a number."""
    text = text.strip()
    if text[-1] in _FRACTIONS:
        return float(text[:-1].strip() or 0) + _FRACTIONS[text[-1]]
    if "/" in text:
        above, below = text.split("/")
        return int(above) / int(below)
    plain = re.sub(r"(?<=\d)[.\s](?=\d{3}\b)", "", text)
    return float(plain.replace(",", "."))


def _scheme(text: str) -> Scheme:
    values = [_value(part) for part in re.findall(_NUMBER if re.search("[-–—]", text) else r"[\d½]", text)]
    return values[0], values[1], values[2], values[3] if len(values) > 3 else 0.0


def _days(found: re.Match[str] | None) -> int | None:
    """`seit Wochen` is two at least."""
    if found is None:
        return None
    count = (found["count"] or found["counted"] or "zwei").casefold()
    return (int(count) if count.isdigit() else _COUNTS.get(count, 1)) * int(_DAYS[(found["unit"] or found["of"])[0].casefold()])


def _units_every(found: re.Match[str]) -> float:
    if found["unit"]:
        count = _COUNTS.get((found["count"] or "").casefold()) or int(found["count"] or 1)
        return round(1 / (count * _DAYS[found["unit"][0].casefold()]), 6) if count else 0.0
    days = {"other": 2, "half": 182, "quarter": 91, "yearly": 365, "weekly": 7, "monthly": 30, "daily": 1}
    return 1 / next(days[name] for name in days if found[name])
