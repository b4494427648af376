"""Pages of the drug data: search, a substance in brief, coverage."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from miz.access.roles import EVALUATE
from miz.infra.http import Call, Endpoint, Reply
from miz.kernel.errors import NotFoundError
from miz.knowledge.coverage import Coverage, coverage
from miz.knowledge.edition import Edition
from miz.knowledge.monographs import Monograph, MonographHit, Statement, find_monographs, monograph, read_all
from miz.practice.web.frame import Desk, Frame, go_to, reply
from miz.practice.web.record import page
from miz.ui.face import look_of
from miz.wire.client_protocol import EditionRef, Severity

Level = Literal["high", "medium", "low"]
_LEVELS: dict[Severity, Level] = {"contraindicated": "high", "warning": "high", "caution": "medium", "info": "low"}
_LONGEST_QUESTION = 200
_HASH_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class DrugSearchPage:
    """What was looked for, and the substances found."""

    template: ClassVar[str] = "drug_search.html"
    frame: Frame
    edition: EditionRef
    q: str
    hits: Sequence[MonographHit]


@dataclass(frozen=True, kw_only=True)
class StatementGroup:
    """Statements that ask for the same kind of act."""

    level: Level
    statements: Sequence[Statement]


@dataclass(frozen=True, kw_only=True)
class MonographPage:
    """One substance in brief."""

    template: ClassVar[str] = "monograph.html"
    frame: Frame
    edition: EditionRef
    dated: date
    drug: Monograph
    interactions: Sequence[StatementGroup]
    conditions: Sequence[StatementGroup]


@dataclass(frozen=True, kw_only=True)
class CoveragePage:
    """What the edition holds, what not, as of when; `content` begins the hash of its tables."""

    template: ClassVar[str] = "coverage.html"
    frame: Frame
    edition: EditionRef
    dated: date
    content: str
    coverage: Coverage


class DrugPages:
    """The pages, bound to the edition in use."""

    def __init__(self, desk: Desk, edition: Edition, *, today: Callable[[], date]) -> None:
        self._desk = desk
        self._edition = edition
        self._today = today

    def endpoints(self) -> list[Endpoint]:
        return [
            page("GET", "/drugs", EVALUATE, self.search, "Search the drug data"),
            page("GET", "/drugs/{drug}", EVALUATE, self.show, "A substance in brief"),
            page("GET", "/drug-data", EVALUATE, self.show_coverage, "What is in the drug data"),
        ]

    async def search(self, call: Call) -> Reply:
        asked = call.query.get("q", "").strip()[:_LONGEST_QUESTION]
        return await self._search(call, asked)

    async def show(self, call: Call) -> Reply:
        """The substance; a trade name leads to its only substance, or to the choice among several."""
        edition, identity, language = self._edition, call.params["drug"], look_of(call).language
        drug = edition.drugs.get(identity)
        if drug is not None and identity not in edition.substances:
            if len(drug.substances) == 1:
                return go_to(f"/drugs/{drug.substances[0]}")
            return await self._search(call, drug.name.in_language(language))
        found = monograph(edition, identity, language)
        if found is None:
            raise NotFoundError
        return reply(
            MonographPage(
                frame=self._desk.frame(call.person), edition=edition.ref(self._today()), dated=edition.date, drug=found,
                interactions=_by_level(found.interactions), conditions=_by_level(found.conditions),
            ),
            call,
        )  # fmt: skip

    async def show_coverage(self, call: Call) -> Reply:
        edition = self._edition
        return reply(
            CoveragePage(
                frame=self._desk.frame(call.person), edition=edition.ref(self._today()), dated=edition.date,
                content=edition.content_sha256[:_HASH_SHOWN], coverage=coverage(edition),
            ),
            call,
        )  # fmt: skip

    async def _search(self, call: Call, asked: str) -> Reply:
        language = look_of(call).language
        if asked:
            # The first search in a language reads every monograph; meanwhile the server goes on.
            await asyncio.to_thread(read_all, self._edition, language)
        hits = find_monographs(self._edition, asked, language)
        return reply(
            DrugSearchPage(frame=self._desk.frame(call.person), edition=self._edition.ref(self._today()), q=asked, hits=hits), call
        )


def _by_level(statements: Sequence[Statement]) -> list[StatementGroup]:
    levels = dict.fromkeys(_LEVELS[one.severity] for one in statements)
    return [StatementGroup(level=level, statements=[one for one in statements if _LEVELS[one.severity] == level]) for level in levels]
