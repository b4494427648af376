"""JSON routes of the practice's own drugs."""

from collections.abc import Callable

from miz.access.roles import EVALUATE, SIGN_OFF
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.practice.own_drugs import queries
from miz.practice.own_drugs.service import OwnDrugs
from miz.wire import client_protocol as protocol


class OwnDrugRoutes:
    """The routes, bound to one server's parts. `preset` is the list of a practice that has not made one."""

    def __init__(self, own_drugs: OwnDrugs, writer: Writer, *, reader: Reader, preset: Callable[[], list[str]]) -> None:
        self._own_drugs = own_drugs
        self._writer = writer
        self._reader = reader
        self._preset = preset

    def endpoints(self) -> list[Endpoint]:
        path = "/api/v1/own-drugs"
        return [
            Endpoint(method="GET", path=path, may=EVALUATE, run=self.show, answer=protocol.OwnDrugs, summary="The practice's own drugs."),
            Endpoint(
                method="PUT", path=path, may=SIGN_OFF, run=self.replace, body=protocol.OwnDrugs, answer=protocol.OwnDrugs,
                summary="Other own drugs, in this order; none = the preset list.",
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> protocol.OwnDrugs:
        return protocol.OwnDrugs(queries.own_drugs(self._reader()) or self._preset())

    async def replace(self, call: Call) -> protocol.OwnDrugs:
        texts = await self._writer.run(lambda tx: self._own_drugs.replace(tx, call.person, call.body.items))
        return protocol.OwnDrugs(texts or self._preset())
