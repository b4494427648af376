"""JSON routes of the mode and the control interval (`contract.md` section 3)."""

from collections.abc import Callable

from miz.access.roles import CHANGE_MODE
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.practice.errors import ModeForbidsError
from miz.practice.modes.service import Modes
from miz.wire.client_protocol import ControlInterval, Server, SetMode, StartMode


class ModeRoutes:
    """The routes, bound to one server's parts; each answers with the server's new state."""

    def __init__(self, modes: Modes, writer: Writer, *, describe: Callable[[], Server]) -> None:
        self._modes = modes
        self._writer = writer
        self._describe = describe

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="PUT", path="/api/v1/server/mode", may=CHANGE_MODE, run=self.change_mode, body=SetMode, answer=Server,
                summary="Operating or setup; setup after a notice of 30 seconds, or now.",
            ),
            Endpoint(
                method="PUT", path="/api/v1/server/control-interval", may=CHANGE_MODE, run=self.set_interval, body=ControlInterval, answer=Server,
                summary="Seconds between two signs of life; in setup mode only.",
                refuses=(ModeForbidsError,),
            ),
            Endpoint(
                method="PUT", path="/api/v1/server/start-mode", may=CHANGE_MODE, run=self.set_start, body=StartMode, answer=Server,
                summary="Whether a restarted server is in operating mode.",
            ),
        ]  # fmt: skip

    async def change_mode(self, call: Call) -> Server:
        await self._modes.change(self._writer, call.person, call.body.mode, at_once=call.body.now)
        return self._describe()

    async def set_interval(self, call: Call) -> Server:
        await self._writer.run(lambda tx: self._modes.set_interval(tx, call.person, call.body.seconds))
        return self._describe()

    async def set_start(self, call: Call) -> Server:
        await self._writer.run(lambda tx: self._modes.set_start(tx, call.person, starts_in_operating=call.body.starts_in_operating))
        return self._describe()
