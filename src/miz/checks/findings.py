"""Findings of each kind from the resolved things of a case. Every function is pure and speaks one language."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from miz.checks import wording
from miz.checks.alternatives import alternatives
from miz.checks.interactions import Interaction, interactions
from miz.checks.model import RANK, Thing, worst
from miz.knowledge.edition import Edition
from miz.knowledge.model import Allergy, Condition, DentalDrug, Procedure, Risk, Tokens
from miz.knowledge.resolution import Resolution
from miz.wire.client_protocol import Finding, FindingKind, Severity

_CONSIDERED: dict[str, tuple[Severity, str]] = {
    "endocarditis_prophylaxis": ("warning", wording.PROPHYLAXIS_NEEDED),
    "endocarditis_prophylaxis_consider": ("caution", wording.PROPHYLAXIS_CONSIDER),
}


@dataclass(frozen=True)
class Setting:
    """What all findings of one answer share."""

    edition: Edition
    things: list[Thing]
    language: str
    say: Callable[[str], str]
    allergies: list[Resolution]

    @cached_property
    def planned(self) -> list[Thing]:
        return [thing for thing in self.things if thing.is_planned]

    @cached_property
    def drugs_and_plans(self) -> list[Thing]:
        return [thing for thing in self.things if thing.meaning.role in ("planned", "medication")]

    @cached_property
    def refused(self) -> Tokens:
        """What a recorded allergy covers; what was told is none with nausea alone."""
        allergies = [one for one in self.allergies if one.reaction != "intolerance"]
        groups = [
            self.edition.allergies[identity].members for one in allergies for identity in one.ids if identity in self.edition.allergies
        ]
        return frozenset().union(*groups, *(one.tokens for one in allergies))

    @cached_property
    def procedures(self) -> list[Procedure]:
        found = (identity for thing in self.planned for identity in thing.meaning.ids)
        return [self.edition.procedures[identity] for identity in found if identity in self.edition.procedures]

    @cached_property
    def conditions(self) -> list[Condition]:
        """Every illness that a line names or a value says, once."""
        ill = (identity for thing in self.things if thing.meaning.role == "condition" for identity in thing.meaning.ids)
        return [self.edition.conditions[identity] for identity in dict.fromkeys(ill)]

    def rows_of(self, thing: Thing) -> list[DentalDrug]:
        """The rows of `dental_drugs.csv` about a thing."""
        return [self.edition.dental[token] for token in sorted(thing.tokens) if token in self.edition.dental]

    def finding(
        self,
        kind: FindingKind,
        severity: Severity,
        rule: str,
        *,
        subjects: Iterable[str],
        title: str,
        effect: str,
        action: str,
        sources: tuple[str, ...] = (),
        evidence: str = "",
        offers: Iterable[str] = (),
    ) -> Finding:
        return Finding(
            kind=kind,
            severity=severity,
            subjects=list(dict.fromkeys(subjects)),
            rule=rule,
            title=title,
            effect=effect,
            action=action,
            alternatives=list(offers),
            evidence=evidence,
            sources=self.edition.source_refs(sources),
            reviewed=False,
        )


def interaction_findings(setting: Setting) -> Iterator[Finding]:
    """One finding for each rule and pair; a procedure on one side makes it a risk of the procedure."""
    return (interaction_finding(setting, interaction) for interaction in interactions(setting.edition, setting.things))


def interaction_finding(setting: Setting, found: Interaction) -> Finding:
    """The finding of a rule that holds."""
    edition, rule, language = setting.edition, found.rule, setting.language
    met = [(setting.things[place], tokens) for side in (found.left, found.right) for place, tokens in side.items()]
    is_procedure = any(token.startswith("proc:") for _, tokens in met for token in tokens)
    names = " + ".join(dict.fromkeys(thing.label(edition, tokens, language) for thing, tokens in met))
    action = rule.action.in_language(language)
    is_offer = not is_procedure and rule.severity != "info"
    return setting.finding(
        "procedure_risk" if is_procedure else "interaction",
        rule.severity,
        rule.id,
        subjects=(subject for thing, tokens in met for subject in thing.subjects(edition, tokens)),
        title=f"{names}: {edition.mechanisms[rule.mechanism].name.in_language(language)}",
        effect=rule.effect.in_language(language),
        action=action,
        sources=rule.sources,
        evidence=rule.evidence,
        offers=alternatives(edition, action, language, setting.refused) if is_offer else (),
    )


def risk_findings(setting: Setting) -> Iterator[Finding]:
    """One finding for each dental risk of what the patient takes, with all drugs that cause it."""
    causes: dict[str, list[tuple[str, Severity]]] = {}
    for thing in setting.things:
        if thing.meaning.role == "medication":
            for part in thing.meaning.substances:
                for code, severity in setting.edition.substances[part].risks.items():
                    causes.setdefault(code, []).append((part, severity))
    for identity, caused in causes.items():
        risk = setting.edition.risks[identity]
        substances = [setting.edition.substances[part] for part, _ in caused]
        names = ", ".join(dict.fromkeys(substance.name.in_language(setting.language) for substance in substances))
        yield setting.finding(
            "risk",
            worst(severity for _, severity in caused) if _matters(risk, setting) else "info",
            identity,
            subjects=[identity, *(substance.inn for substance in substances)],
            title=f"{risk.name.in_language(setting.language)}: {names}",
            effect=risk.meaning.in_language(setting.language),
            action=risk.action.in_language(setting.language),
            sources=risk.sources,
        )


def _matters(risk: Risk, setting: Setting) -> bool:
    """Whether the risk keeps its level. It drops to a note only when procedures are planned and none of them meets it."""
    procedures = setting.procedures
    if not procedures or not risk.needs or any(not thing.meaning.is_resolved for thing in setting.planned):
        return True
    meets: dict[str, Callable[[Procedure], bool]] = {
        "bleeding": lambda procedure: procedure.bleeding != "none",
        "surgery": lambda procedure: "proc:surgery" in procedure.tokens,
        "implant": lambda procedure: "proc:implant" in procedure.tokens,
        "gingiva": lambda procedure: procedure.is_at_gingiva_or_apex,
    }
    return any(meets[risk.needs](procedure) for procedure in procedures)


def condition_findings(setting: Setting) -> Iterator[Finding]:
    """What an illness means for each planned or taken thing, the worst statement for each; and prophylaxis."""
    for condition in setting.conditions:
        yield from _affected(setting, condition)
        yield from _prophylaxis(setting, condition)


def _affected(setting: Setting, condition: Condition) -> Iterator[Finding]:
    edition, language = setting.edition, setting.language
    for thing in setting.drugs_and_plans:
        hits = [(severity, tokens & thing.tokens) for tokens, severity in condition.affects if tokens & thing.tokens]
        if not hits:
            continue
        severity, tokens = max(hits, key=lambda hit: RANK[hit[0]])
        sentences = wording.AFFECTED if thing.is_drug else wording.AFFECTED_PROCEDURE
        name, action = condition.name.in_language(language), condition.action.in_language(language)
        # The advice of an illness is one for all that it affects: only what is of the same kind stands in for a drug.
        kinds = {row.group for row in setting.rows_of(thing)}
        yield setting.finding(
            "condition",
            severity,
            condition.id,
            subjects=[condition.id, *thing.subjects(edition, tokens)],
            title=f"{name}: {thing.label(edition, tokens, language)}",
            effect=setting.say(sentences[severity]).format(condition=name),
            action=action,
            sources=condition.sources,
            offers=alternatives(edition, action, language, setting.refused, kinds) if severity != "info" else (),
        )


def _prophylaxis(setting: Setting, condition: Condition) -> Iterator[Finding]:
    """Need and procedure must meet: no prophylaxis for a filling, an X-ray, an injection into healthy tissue."""
    procedures = [procedure for procedure in setting.procedures if procedure.is_at_gingiva_or_apex]
    for need in condition.needs:
        if need in _CONSIDERED and procedures:
            severity, sentence = _CONSIDERED[need]
            words = {
                "condition": condition.name.in_language(setting.language),
                "procedure": ", ".join(procedure.name.in_language(setting.language) for procedure in procedures),
            }
            yield setting.finding(
                "prophylaxis",
                severity,
                condition.id,
                subjects=[condition.id, *(procedure.id for procedure in procedures)],
                title=setting.say(wording.PROPHYLAXIS_TITLE).format(**words),
                effect=setting.say(sentence).format(**words),
                action=condition.action.in_language(setting.language),
                sources=condition.sources,
            )


def allergy_findings(setting: Setting) -> Iterator[Finding]:
    """What is planned or taken against each recorded allergy: the drug itself, its group, what may react across."""
    for one in setting.allergies:
        groups = [setting.edition.allergies[identity] for identity in one.ids if identity in setting.edition.allergies]
        by_hit: dict[tuple[Severity, bool, str, int | None], list[tuple[Thing, Tokens]]] = {}
        for thing in setting.drugs_and_plans:
            if hit := _worst_hit(thing, one, groups):
                severity, is_cross, rule, tokens = hit
                is_procedure = any(token.startswith("proc:") for token in tokens)
                if one.reaction == "intolerance" and not is_procedure:
                    severity = "info"
                # All procedures that bring the allergen are one finding; drugs are one each.
                place = None if is_procedure else thing.place
                by_hit.setdefault((severity, is_cross, rule, place), []).append((thing, tokens))
        for (severity, is_cross, rule, _), hits in by_hit.items():
            yield _allergy(setting, one, rule, severity, hits, is_cross=is_cross)


def _worst_hit(thing: Thing, one: Resolution, groups: list[Allergy]) -> tuple[Severity, bool, str, Tokens] | None:
    hits: list[tuple[Severity, bool, str, Tokens]] = []
    if itself := thing.tokens & one.tokens:
        hits.append(("contraindicated", False, groups[0].id if groups else one.ids[0], itself))
    for allergy in groups:
        if members := thing.tokens & allergy.members:
            hits.append((allergy.severity, False, allergy.id, members))
            continue
        for cross in reversed(allergy.cross):
            is_told = (not cross.reactions or one.reaction in cross.reactions) and (not cross.allergens or cross.allergens & one.tokens)
            if is_told and (crossed := thing.tokens & cross.tokens):
                hits.append((cross.severity, True, allergy.id, crossed))
                break
    return max(hits, key=lambda hit: (RANK[hit[0]], not hit[1])) if hits else None


def _allergy(
    setting: Setting, one: Resolution, rule: str, severity: Severity, hits: list[tuple[Thing, Tokens]], *, is_cross: bool
) -> Finding:
    edition, language = setting.edition, setting.language
    words = {
        "allergy": one.name.in_language(language),
        "drug": ", ".join(dict.fromkeys(thing.label(edition, tokens, language) for thing, tokens in hits)),
    }
    group = edition.allergies.get(rule)
    is_none = severity == "info" and one.reaction == "intolerance"
    effect = wording.INTOLERANT if is_none else wording.CROSS_REACTION if is_cross else wording.ALLERGIC
    action = wording.INTOLERANCE_ACTION if is_none else wording.ALLERGY_ACTIONS[severity]
    return setting.finding(
        "allergy",
        severity,
        rule,
        subjects=[
            rule if group else edition.substances[one.substances[0]].inn,
            *(name for thing, tokens in hits for name in thing.subjects(edition, tokens)),
        ],
        title=setting.say(wording.ALLERGY_TITLE).format(**words),
        effect=setting.say(effect).format(**words),
        action=" ".join(
            part for part in (setting.say(action), group.action.in_language(language) if group and not is_none else "") if part
        ),
        sources=group.sources if group else (),
    )


def unresolved_findings(setting: Setting, lines: Iterable[Resolution]) -> Iterator[Finding]:
    """Each line that was not understood, with what may have been meant."""
    for line in lines:
        if not line.is_resolved:
            meant = [setting.say(wording.MEANT).format(names=", ".join(line.suggestions))] if line.suggestions else []
            yield setting.finding(
                "unresolved",
                "caution",
                "UNRESOLVED",
                subjects=[line.text],
                title=setting.say(wording.UNRESOLVED_TITLE).format(text=line.text),
                effect=setting.say(wording.UNRESOLVED_EFFECT),
                action=" ".join([setting.say(wording.UNRESOLVED_ACTION), *meant]),
            )
