"""How long ago, as people write it: `vor 3 Monaten`, `seit 10 J.`, `03/2026`, `letzte Woche`, `2019`."""

import re
from datetime import date

_COUNTS = {
    "einem": 1.0, "einer": 1.0, "einigen": 1.0, "wenigen": 1.0, "zwei": 2.0, "drei": 3.0, "vier": 4.0, "fünf": 5.0, "sechs": 6.0, "sieben": 7.0,
    "acht": 8.0, "zehn": 10.0, "einem halben": 0.5, "½": 0.5, "1/2": 0.5, "a": 1.0, "one": 1.0, "two": 2.0, "three": 3.0,
}  # fmt: skip
_MONTHS = {"t": 1 / 30, "d": 1 / 30, "w": 1 / 4.3, "m": 1.0, "j": 12.0, "y": 12.0}
_NAMES = ("jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez")
_WORDS = {
    "heute": 0.0, "gestern": 0.0, "vor kurzem": 0.0, "kürzlich": 0.0, "neulich": 0.0, "frisch": 0.0, "recently": 0.0,
    "letzte woche": 0.25, "vorige woche": 0.25, "last week": 0.25, "letzten monat": 1.0, "letzter monat": 1.0, "last month": 1.0,
    "als kind": 120.0, "in der kindheit": 120.0, "seit kindheit": 120.0, "in childhood": 120.0,
}  # fmt: skip
_COUNT = "|".join(re.escape(word) for word in sorted(_COUNTS, key=len, reverse=True))
TIME = re.compile(
    rf"\b(?:(?:vor|seit|for)\s+)?(?:ca\.?|etwa|über|mehr als)?\s*(?P<count>\d+(?:[.,]\d+)?|{_COUNT})\s*(?P<unit>tag|woche|wo\b|monat|mon\b|mo\b|jahr|j\b|day|week|month|year)\w*\.?(?:\s+ago)?"
    rf"|\b(?:seit|in|since|im|am|anno)?\s*(?:(?:\d\d?\.)?(?P<month>\d\d?)[./](?P<of>(?:19|20)\d\d)|(?P<name>{'|'.join(_NAMES)})\w*\.?\s*(?P<named>(?:19|20)\d\d)"
    r"|(?P<year>(?:19|20)\d\d))\b"
    rf"|\b(?P<word>{'|'.join(_WORDS)}|letztes jahr|last year)\b",
    re.IGNORECASE,
)


def months_passed(text: str, today: date) -> float | None:
    """How many months ago, as far as the line says; a month or a year counts from its end, so nothing is made older than sure."""
    found = TIME.search(text)
    if found is None:
        return None
    if found["word"]:
        return _WORDS.get(found["word"].casefold(), float(today.month - 1))
    if found["count"]:
        count = _COUNTS.get(found["count"].casefold()) or float(found["count"].replace(",", "."))
        return count * _MONTHS[found["unit"][0].casefold()]
    year = int(found["of"] or found["named"] or found["year"])
    month = int(found["month"]) if found["month"] else _NAMES.index(found["name"].casefold()) + 1 if found["name"] else 12
    return float(max(0, (today.year - year) * 12 + today.month - month - 1))
