"""The same thing twice: one substance in several lines, two NSAIDs, two benzodiazepines; and their doses of a day added up. Pure."""

from collections.abc import Iterator

from miz.checks import wording
from miz.checks.figures import amount
from miz.checks.findings import Setting
from miz.checks.model import Thing
from miz.wire.client_protocol import Finding

# of these groups two members are one too many; local anaesthetics are added up as shares elsewhere
_ALIKE = ("nsaid", "benzo")
_ADDED_ELSEWHERE = ("N01B", "C01CA")


def duplicate_findings(setting: Setting) -> Iterator[Finding]:
    """One finding for each substance or group that several lines hold, and one where their known doses exceed the day's maximum."""
    by_substance = _by_substance(setting)
    for part, things in by_substance.items():
        if len(things) > 1:
            yield _twice(setting, [part], things)
            yield from _too_much(setting, part, things)
    for group in _ALIKE:
        parts = [part for part in by_substance if group in setting.edition.substances[part].groups]
        members = dict.fromkeys(thing for part in parts for thing in by_substance[part])
        if len(parts) > 1 and len(members) > 1:
            yield _twice(setting, parts, list(members))


def duplicate_gaps(setting: Setting) -> Iterator[str]:
    """A sentence for each substance of several lines whose doses of a day cannot be added up, as not every line tells its own."""
    for part, things in _by_substance(setting).items():
        drug = setting.edition.dental.get(part)
        untold = [thing.meaning.text for thing in things if not (thing.meaning.dosing and thing.meaning.dosing.day_mg)]
        if len(things) > 1 and untold and drug and drug.max_day_mg:
            name = setting.edition.substances[part].name.in_language(setting.language)
            yield setting.say(wording.DAY_UNKNOWN).format(name=name, texts=", ".join(untold))


def _by_substance(setting: Setting) -> dict[str, list[Thing]]:
    found: dict[str, list[Thing]] = {}
    for thing in setting.drugs_and_plans:
        for part in thing.meaning.substances:
            if not any(code.startswith(_ADDED_ELSEWHERE) for code in setting.edition.substances[part].atc):
                found.setdefault(part, []).append(thing)
    return found


def _twice(setting: Setting, parts: list[str], things: list[Thing]) -> Finding:
    """Two strengths of one prescription may be meant, so what only others have prescribed is a question, not a warning."""
    is_planned = any(thing.is_planned for thing in things)
    names = ", ".join(setting.edition.substances[part].name.in_language(setting.language) for part in parts)
    return setting.finding(
        "duplicate",
        "warning" if is_planned else "caution",
        "DUPLICATE",
        subjects=[setting.edition.substances[part].inn for part in parts],
        title=setting.say(wording.DUPLICATE_TITLE).format(names=names),
        effect=", ".join(dict.fromkeys(thing.meaning.text for thing in things)),
        action=setting.say(wording.DUPLICATE_PLANNED if is_planned else wording.DUPLICATE_TAKEN),
    )


def _too_much(setting: Setting, part: str, things: list[Thing]) -> Iterator[Finding]:
    known = [thing.meaning.dosing.day_mg for thing in things if thing.meaning.dosing and thing.meaning.dosing.day_mg]
    drug = setting.edition.dental.get(part)
    if len(known) > 1 and drug and drug.max_day_mg and sum(known) > drug.max_day_mg:
        words = {"total": amount(sum(known), "mg", setting.language), "most": amount(drug.max_day_mg, "mg", setting.language)}
        name = setting.edition.substances[part].name.in_language(setting.language)
        yield setting.finding(
            "dose",
            "warning",
            f"DAY-{part}",
            subjects=[setting.edition.substances[part].inn],
            title=setting.say(wording.DAY_TITLE).format(name=name),
            effect=setting.say(wording.DAY_EXCEEDED).format(**words),
            action=setting.say(wording.DUPLICATE_PLANNED),
            sources=drug.sources,
        )
