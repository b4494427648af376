"""One edition of the drug data, opened: its facts in memory, its names searched in the file."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import apsw
import msgspec

from miz.kernel.errors import MizError
from miz.knowledge.compiler import BUILT_IN, FORMAT
from miz.knowledge.model import (
    Allergy,
    AnaestheticSolution,
    Condition,
    DentalDrug,
    DoseRegimen,
    Drug,
    Facts,
    Mechanism,
    PriscusLimit,
    Procedure,
    Risk,
    Rule,
    Source,
    Substance,
)
from miz.knowledge.search import Match, NameIndex
from miz.wire.client_protocol import DrugItem, EditionRef, SourceRef, SubstanceRef

State = Literal["current", "warning", "passive"]
WARNING_TIME = timedelta(days=60)
MOST_HITS = 100


class EditionUnreadableError(MizError):
    """The file is missing, no edition, or of another format."""

    code = "edition-unreadable"
    title = "The drug data cannot be read."
    kind = "integrity"
    hint = "Install the drug data again. Nothing can be checked until then."


@dataclass(frozen=True, slots=True)
class RuleSide:
    """Where a token occurs: which rule, which of its two sides, which term of that side. `bit` is the term's own in the rule."""

    rule: int
    side: int
    term: int
    bit: int


class Edition:
    """Immutable. Reading is cheap and needs no lock on the thread that opened it."""

    def __init__(self, connection: apsw.Connection) -> None:
        meta = dict(connection.execute("SELECT name, value FROM meta"))
        if meta.get("format") != str(FORMAT):
            raise EditionUnreadableError
        self.id: str = meta["id"]
        self.year = int(meta["year"])
        self.date = date.fromisoformat(meta["date"])
        self.valid_until = date.fromisoformat(meta["valid_until"])
        self.content_sha256: str = meta["content_sha256"]
        self.facts = _load(connection)
        self.names = NameIndex(connection, self.facts.makers)
        self.substances: dict[str, Substance] = {substance.id: substance for substance in self.facts.substances}
        self.drugs: dict[str, Drug] = {drug.id: drug for drug in self.facts.drugs}
        self._drug_by_no = {drug.no: drug for drug in self.facts.drugs}
        self.risks: dict[str, Risk] = {risk.id: risk for risk in self.facts.risks}
        self.procedures: dict[str, Procedure] = {procedure.id: procedure for procedure in self.facts.procedures}
        self.conditions: dict[str, Condition] = {condition.id: condition for condition in self.facts.conditions}
        self.allergies: dict[str, Allergy] = {allergy.id: allergy for allergy in self.facts.allergies}
        self.rules: dict[str, Rule] = {rule.id: rule for rule in self.facts.rules}
        self.mechanisms: dict[str, Mechanism] = {mechanism.id: mechanism for mechanism in self.facts.mechanisms}
        self.dental: dict[str, DentalDrug] = {drug.id: drug for drug in self.facts.dental}
        self.anaesthetics: dict[str, AnaestheticSolution] = {solution.id: solution for solution in self.facts.anaesthetics}
        self.regimens: dict[str, DoseRegimen] = {regimen.id: regimen for regimen in self.facts.regimens}
        self.priscus_limits: dict[str, PriscusLimit] = {limit.substance: limit for limit in self.facts.priscus_limits}
        self.question_groups = sorted(self.facts.question_groups, key=lambda group: group.order)
        self.questions = sorted(self.facts.questions, key=lambda question: question.order)
        self._sources: dict[str, Source] = {source.id: source for source in self.facts.sources}

    @classmethod
    def open(cls, path: Path = BUILT_IN) -> "Edition":
        """Open the edition file, which must never be changed in place. Raises `EditionUnreadableError`."""
        if not path.is_file():
            raise EditionUnreadableError("The drug data are missing: {file}", file=path.name)
        try:
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            return cls(apsw.Connection(f"file:{quote(str(path.resolve()))}?immutable=1", flags=flags))
        except (apsw.Error, msgspec.MsgspecError, KeyError, ValueError) as error:
            raise EditionUnreadableError from error

    @cached_property
    def rule_sides(self) -> dict[str, tuple[RuleSide, ...]]:
        """For each token the places in rules where it counts."""
        places: dict[str, list[RuleSide]] = {}
        for number, rule in enumerate(self.facts.rules):
            bit = 1
            for side, terms in enumerate(rule.sides):
                for term, tokens in enumerate(terms):
                    for token in tokens:
                        places.setdefault(token, []).append(RuleSide(number, side, term, bit))
                    bit <<= 1
        return {token: tuple(found) for token, found in places.items()}

    @cached_property
    def whole_rules(self) -> tuple[int, ...]:
        """For each rule the bits of all its terms."""
        return tuple((1 << sum(map(len, rule.sides))) - 1 for rule in self.facts.rules)

    def state(self, today: date) -> State:
        """`warning` in the last 60 days, `passive` after the last day."""
        if today > self.valid_until:
            return "passive"
        return "warning" if self.valid_until - today < WARNING_TIME else "current"

    def ref(self, today: date) -> EditionRef:
        return EditionRef(self.id, self.valid_until, self.state(today))

    def entry(self, match: Match) -> Drug:
        """The entry of the pick list that a found name belongs to."""
        return self._drug_by_no[match.entry_no]

    def search(self, text: str, limit: int = 12, language: str = "de") -> list[DrugItem]:
        """The pick list for what was typed, best first, each drug once."""
        return [self.item(self.entry(match), match.text, language) for match in self.names.find(text, max(0, min(limit, MOST_HITS)))]

    def item(self, drug: Drug, matched: str, language: str = "de") -> DrugItem:
        substances = [
            SubstanceRef(substance.id, substance.inn, substance.name.de, list(substance.atc))
            for substance in (self.substances[part] for part in drug.substances)
        ]
        return DrugItem(drug.id, drug.name.in_language(language), drug.kind, substances, matched)

    def source_refs(self, ids: tuple[str, ...]) -> list[SourceRef]:
        return [SourceRef(source.id, source.title, source.year) for source in (self._sources[identity] for identity in ids)]


def _load(connection: apsw.Connection) -> Facts:
    bodies: dict[str, list[str]] = {kind: [] for kind in Facts.__struct_fields__}
    for kind, body in connection.execute("SELECT kind, body FROM fact ORDER BY kind, id"):
        bodies[kind].append(body)
    text = ",".join(f'"{kind}":[{",".join(parts)}]' for kind, parts in bodies.items())
    return msgspec.json.decode(f"{{{text}}}", type=Facts)
