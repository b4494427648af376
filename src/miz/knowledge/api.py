"""JSON route of the pick list (`contract.md` section 3)."""

from miz.access.roles import EVALUATE
from miz.infra.http import Call, Endpoint
from miz.kernel.errors import InvalidInputError
from miz.knowledge.edition import MOST_HITS, Edition
from miz.ui.i18n import language_of
from miz.wire.client_protocol import DrugItems

_USUAL_HITS = 12


class DrugRoutes:
    """The route, bound to the edition in use."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="GET",
                path="/api/v1/drugs",
                may=EVALUATE,
                run=self.search,
                answer=DrugItems,
                query={
                    "q": {"type": "string", "examples": ["Ibuprofen"]},
                    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_HITS},
                },
                refuses=(InvalidInputError,),
                summary="Trade names, substances and abbreviations in one list; forgives typing errors.",
            )
        ]

    async def search(self, call: Call) -> DrugItems:
        query = call.query
        limit = query.get("limit", str(_USUAL_HITS))
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_HITS:
            raise InvalidInputError("The limit must be 1 to {most}.", most=MOST_HITS, field="limit")
        language = language_of(call.header("accept-language"), call.cookie("miz_language"))
        return DrugItems(self._edition.search(query.get("q", ""), int(limit), language))
