"""How an allergy showed itself, read from what was typed: kind and time decide what may still be given."""

import re

from miz.knowledge.model import ReactionKind

_SEVERE_LATE = re.compile(
    r"stevens|johnson|\bsjs\b|(?-i:\bTEN\b)|lyell|\bdress\b|agranulo[zc]yto|neutropen|\bagep\b|blasen|blister|hautablösung|hepatitis|nephritis|an[äa]mie|knochenmark",
    re.IGNORECASE,
)
_IMMEDIATE = re.compile(
    r"anaphyla|schock|\bshock\b|quaddel|urti[ck]aria|nesselsucht|nesselfieber|\bhives\b|angio-?ödem|angioedema|quincke|atemnot|luftnot|dyspnoe|bronchospasm|"
    r"asthma|glottis|kehlkopf|schwellung|geschwollen|swelling|\bswollen\b|kollaps|kreislauf|bewusstlos|blutdruckabfall|notarzt|reanim|soforttyp|sofortreaktion|"
    r"sofort\b|immediate|wheez",
    re.IGNORECASE,
)
_RASH = re.compile(
    r"ausschlag|exanthem|ekzem|hautrötung|flecken|\brash\b|spättyp|spätreaktion|kontaktallergie|kontaktekzem|juck|masern|itch|haut",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"übelkeit|übel\b|erbrechen|brechreiz|durchfall|diarrh|bauch|magen|sodbrennen|blähung|müdigkeit|müde\b|kopfschmerz|geschmack|verstopfung|nausea|vomit|stomach|"
    r"(?:adrenalin|spritze|cain|anästhe).{0,40}(?:herzrasen|herzklopfen|zittern)",
    re.IGNORECASE,
)
_MINUTES = re.compile(
    r"\b(?:nach|innerhalb|after|within)\D{0,12}\d*\s?(?:min|minuten|sekunden|einer stunde|1 ?h\b|einer halben)|\bminuten später",
    re.IGNORECASE,
)
_DAYS = re.compile(
    r"(?:nach|am|after|on)\D{0,8}(?:\d+|einem|einer|zwei|drei|vier|fünf|sechs|sieben|acht|zehn|two|three|five|seven|eight|ten|some|einigen|mehreren|paar)\.?\s?(?:tag|woche|day|week)|\btage später|\bverzögert|\bdelayed",
    re.IGNORECASE,
)
_NOT_SO = re.compile(
    r"\b(?:keine?|nicht|ohne|no|without)\s+(?:\w+\s+){0,2}?(?:anaphyla\w*|schock|atemnot|luftnot|quaddeln|schwellung\w*|urtikaria)",
    re.IGNORECASE,
)


def reaction_in(text: str) -> ReactionKind:
    """The kind of reaction; the graver one where several are named, `unknown` where none is.

    A rash counts as delayed only with a time of days: without it nobody knows, and hives are often called a rash.
    """
    text = _NOT_SO.sub(" ", text)
    if _SEVERE_LATE.search(text):
        return "severe_delayed"
    if _IMMEDIATE.search(text) or _MINUTES.search(text):
        return "immediate"
    if _DAYS.search(text) and (_RASH.search(text) or not _HARMLESS.search(text)):
        return "delayed"
    if re.search(r"exanthem|spät|kontakt|ekzem|delayed", text, re.IGNORECASE):
        return "delayed"
    if _RASH.search(text):
        return "unknown"
    return "intolerance" if _HARMLESS.search(text) else "unknown"
