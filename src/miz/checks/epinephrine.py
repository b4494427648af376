"""How much epinephrine this patient may get in one session, and what asks for little of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from miz.checks.findings import Setting
from miz.checks.interactions import interactions
from miz.checks.model import RANK, Thing
from miz.knowledge.resolution import Resolution

EPINEPHRINE = "epinephrine"


@dataclass(frozen=True, slots=True)
class EpinephrineLimit:
    """The most of epinephrine in a session, and what makes it the careful limit: by name, nothing for the healthy."""

    limit_mg: float
    causes: list[str]


def epinephrine_limit(setting: Setting) -> EpinephrineLimit:
    """The careful limit as soon as one illness or medicine asks for it."""
    limits = {row.applies: row.limit for row in setting.edition.facts.vasoconstrictor_limits if row.agent == EPINEPHRINE}
    causes = list(dict.fromkeys(_careful_causes(setting)))
    return EpinephrineLimit(limits["cardiac" if causes else "healthy"], causes)


def _careful_causes(setting: Setting) -> Iterator[str]:
    """Illnesses and medicines of which the tables ask for care with epinephrine, in a row of their own or in a rule."""
    edition, language = setting.edition, setting.language
    least = RANK["caution"]
    epinephrine = edition.drugs[EPINEPHRINE]
    probe = Thing(
        len(setting.things),
        Resolution(text="", role="planned", kind="substance", name=epinephrine.name, ids=(EPINEPHRINE,), tokens=epinephrine.tokens),
    )
    for condition in setting.conditions:
        if any(probe.tokens & tokens and RANK[severity] >= least for tokens, severity in condition.affects):
            yield condition.name.in_language(language)
    for thing in setting.things:
        if thing.meaning.role == "medication":
            risks = (edition.substances[part].risks.get("VASO", "info") for part in thing.meaning.substances)
            if any(RANK[severity] >= least for severity in risks):
                yield thing.label(edition, thing.tokens, language)
    others = [thing for thing in setting.things if not thing.is_planned]
    for found in interactions(edition, [*others, probe], about=probe):
        if RANK[found.rule.severity] >= least:
            places = [place for side in (found.left, found.right) for place in side if place != probe.place]
            yield from (setting.things[place].label(edition, setting.things[place].tokens, language) for place in places)
