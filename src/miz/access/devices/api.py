"""JSON routes of devices. In addresses a device is named by id or name."""

from miz.access.devices import queries
from miz.access.devices.errors import DeviceExistsError, UnknownDeviceError
from miz.access.devices.model import Devices, NewDevice, PairingCode
from miz.access.devices.service import DeviceRegister
from miz.access.errors import UnknownRoomError, UnknownWorkplaceError
from miz.access.roles import MANAGE_DEVICES
from miz.infra.db.engine import Reader
from miz.infra.http import Call, Endpoint
from miz.kernel.clock import Clock
from miz.kernel.errors import MizError


class DeviceRoutes:
    """The routes, bound to one server's parts. `outside_setup` is what the register refuses with outside of the setup mode."""

    def __init__(self, register: DeviceRegister, *, reader: Reader, clock: Clock, outside_setup: type[MizError]) -> None:
        self._outside_setup = outside_setup
        self._register = register
        self._reader = reader
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        devices = "/api/v1/devices"
        return [
            Endpoint(method="GET", path=devices, may=MANAGE_DEVICES, run=self.list_devices, answer=Devices, summary="All devices."),
            Endpoint(
                method="POST", path=devices, may=MANAGE_DEVICES, run=self.add, body=NewDevice, answer=PairingCode, status=201,
                summary="Add a device and get the code that pairs it, valid for ten minutes; in setup mode only.",
                refuses=(self._outside_setup, UnknownRoomError, UnknownWorkplaceError, DeviceExistsError),
            ),
            Endpoint(
                method="POST", path=devices + "/{device}/code", may=MANAGE_DEVICES, run=self.issue_code, answer=PairingCode, status=201,
                summary="Get a code to pair a device anew; in setup mode only.",
                refuses=(self._outside_setup, UnknownDeviceError),
            ),
            Endpoint(
                method="DELETE", path=devices + "/{device}", may=MANAGE_DEVICES, run=self.revoke,
                summary="Revoke a device at once; sessions that began there end.",
                refuses=(UnknownDeviceError,),
            ),
        ]  # fmt: skip

    async def list_devices(self, call: Call) -> Devices:
        return Devices(queries.list_devices(self._reader(), self._clock.now()))

    async def add(self, call: Call) -> PairingCode:
        return await self._register.add(call.person, call.body)

    async def issue_code(self, call: Call) -> PairingCode:
        return await self._register.issue_code(call.person, call.params["device"])

    async def revoke(self, call: Call) -> None:
        await self._register.revoke(call.person, call.params["device"])
