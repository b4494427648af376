"""What a rule speaks of: `sub:`, `grp:`, `atc:`, `proc:`, `cond:`, several joined by `+`, resolved to plain tokens.

A token is the id of a substance (`ibuprofen`), `proc:surgery` or `cond:ASTHMA`.
"""

from dataclasses import dataclass

from miz.knowledge.table_files import Tables

Term = frozenset[str]


@dataclass(frozen=True)
class Selectors:
    """Everything a selector may name, worked out from the tables once."""

    id_of_inn: dict[str, str]
    groups: dict[str, Term]
    atc: tuple[tuple[str, str], ...]
    procedures: frozenset[str]
    conditions: frozenset[str]

    def side(self, text: str) -> list[Term] | str:
        """The terms of one side of a rule, all of which must be met; or what is wrong with it, in words."""
        terms: list[Term] = []
        for part in text.split("+"):
            term = self.term(part.strip())
            if isinstance(term, str):
                return term
            terms.append(term)
        return terms

    def term(self, text: str) -> Term | str:
        kind, mark, name = text.partition(":")
        if not mark:
            return f"„{text}“ is no selector"
        match kind:
            case "sub":
                return frozenset({self.id_of_inn[name]}) if name in self.id_of_inn else f"the substance „{name}“ is not in the tables"
            case "grp":
                return self.groups.get(name) or f"the group „{name}“ is not in groups.csv"
            case "atc":
                return self.with_atc(name) or f"no substance has an ATC code that begins with „{name}“"
            case "proc":
                return frozenset({text}) if text in self.procedures else f"no procedure carries „{text}“"
            case "cond":
                return frozenset({text}) if name in self.conditions else f"the condition „{name}“ is not in conditions.csv"
            case _:
                return f"„{kind}:“ is no kind of selector"

    def bare(self, name: str) -> Term | str:
        """A name as `conditions.csv` and cross-reactions write it: a group or substance without prefix, or `proc:`."""
        if ":" in name:
            return self.term(name)
        if name in self.id_of_inn:
            return frozenset({self.id_of_inn[name]})
        return self.groups.get(name) or f"„{name}“ is neither a substance nor a group"

    def with_atc(self, prefix: str) -> Term:
        return frozenset(substance for code, substance in self.atc if prefix and code.startswith(prefix))


def selectors_of(tables: Tables) -> Selectors:
    """Works out all groups; the two QT groups follow from the column `qt`."""
    id_of_inn = {inn: row["substance_id"] if row.file == "substances.csv" else row["drug_id"] for inn, row in tables.inns().items()}
    coded = [
        (code, id_of_inn[row["inn_en"]])
        for file in ("substances.csv", "dental_drugs.csv")
        for row in tables[file]
        for code in row.parts("atc")
    ]
    plain = Selectors(id_of_inn, {}, tuple(sorted(set(coded))), frozenset(), frozenset())
    qt = {"qt_known": {"known"}, "qt_any": {"known", "possible", "conditional"}}
    groups: dict[str, Term] = {}
    for row in tables["groups.csv"]:
        members = {substance for prefix in row.parts("atc_prefixes") for substance in plain.with_atc(prefix)}
        members |= {id_of_inn[inn] for inn in row.parts("extra_substances") if inn in id_of_inn}
        for file in ("substances.csv", "dental_drugs.csv"):
            members |= {id_of_inn[other["inn_en"]] for other in tables[file] if other["qt"] in qt.get(row["group_id"], ())}
        groups[row["group_id"]] = frozenset(members - {id_of_inn.get(inn) for inn in row.parts("excluded_substances")})
    return Selectors(
        id_of_inn,
        groups,
        plain.atc,
        frozenset(token for row in tables["procedures.csv"] for token in row.parts("proc") if token.startswith("proc:")),
        frozenset(row["condition_id"] for row in tables["conditions.csv"]),
    )
