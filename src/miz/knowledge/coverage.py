"""What an edition holds and what it does not, counted from its own rows. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from miz.knowledge.edition import Edition
from miz.knowledge.model import Words
from miz.wire.client_protocol import SourceRef


class Signed(Protocol):
    """A row that names its sources and may have been signed."""

    __struct_fields__: ClassVar[tuple[str, ...]]

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def is_reviewed(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class RowCount:
    """One kind of rows: how many, how many name a source, are in English too, and were signed by two professionals."""

    kind: str
    rows: int
    with_source: int
    with_english: int
    reviewed: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Counts of one edition. `by_evidence` counts interactions by their letter, empty for those not graded.

    `named_only` are ingredients that are known by name without any rule; `without_statement` are substances to which
    neither a risk nor an interaction, an illness or an allergy refers. `gaps` are areas that the tables leave out.
    """

    substances: int
    named_only: int
    without_statement: int
    products: int
    combinations: int
    documents: int
    kinds: tuple[RowCount, ...]
    by_evidence: Mapping[str, int]
    sources: tuple[SourceRef, ...]
    gaps: tuple[Words, ...]

    @property
    def rows(self) -> int:
        return sum(kind.rows for kind in self.kinds)

    @property
    def with_source(self) -> int:
        return sum(kind.with_source for kind in self.kinds)

    @property
    def reviewed(self) -> int:
        return sum(kind.reviewed for kind in self.kinds)


def coverage(edition: Edition) -> Coverage:
    """The figures of the edition."""
    facts = edition.facts
    spoken_of = {token for rule in facts.rules for side in rule.sides for term in side for token in term}
    spoken_of |= {token for condition in facts.conditions for tokens, _ in condition.affects for token in tokens}
    spoken_of |= {token for allergy in facts.allergies for token in allergy.members}
    checked = [substance for substance in facts.substances if substance.is_checked]
    return Coverage(
        substances=len(checked),
        named_only=len(facts.substances) - len(checked),
        without_statement=sum(not substance.risks and substance.id not in spoken_of for substance in checked),
        products=sum(drug.kind == "product" for drug in facts.drugs),
        combinations=sum(drug.kind == "combination" for drug in facts.drugs),
        documents=len(facts.documents),
        kinds=(
            _counted("interactions", facts.rules),
            _counted("risks", facts.risks),
            _counted("conditions", facts.conditions),
            _counted("allergies", facts.allergies),
            _counted("dental", facts.dental),
            _counted("regimens", facts.regimens),
            _counted("anaesthetics", [*facts.anaesthetics, *facts.vasoconstrictor_limits]),
            _counted("priscus", facts.priscus_limits),
        ),
        by_evidence=dict(sorted(Counter(rule.evidence for rule in facts.rules).items(), key=lambda item: item[0] or "Z")),
        sources=tuple(edition.source_refs(tuple(source.id for source in facts.sources))),
        gaps=tuple(gap.text for gap in facts.gaps),
    )


def _counted(kind: str, rows: Sequence[Signed]) -> RowCount:
    return RowCount(
        kind=kind,
        rows=len(rows),
        with_source=sum(bool(row.sources) for row in rows),
        with_english=sum(all(text.en for text in _texts(row) if text.de) for row in rows),
        reviewed=sum(row.is_reviewed for row in rows),
    )


def _texts(row: Signed) -> list[Words]:
    return [value for value in (getattr(row, name) for name in row.__struct_fields__) if isinstance(value, Words)]
