"""The page on which a device is paired with its code."""

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from miz.access.devices.cookie import cookie_with, device_of
from miz.access.devices.errors import WrongPairingCodeError
from miz.access.devices.model import Device
from miz.access.devices.queries import find_device
from miz.access.devices.service import DeviceRegister
from miz.access.errors import TooManyAttemptsError
from miz.access.gate import gate_reply, go_to, words_of
from miz.infra.db.engine import Reader
from miz.infra.http import EVERYBODY, Call, Endpoint, Reply
from miz.kernel.errors import MizError


@dataclass(frozen=True, kw_only=True)
class PairPage:
    """The code, and what this browser is registered as already."""

    template: ClassVar[str] = "pair.html"
    practice: str
    registered: Device | None
    errors: dict[str, str]
    advice: str


class DevicePages:
    """The page, bound to one server's parts."""

    def __init__(self, register: DeviceRegister, *, reader: Reader, practice: str) -> None:
        self._register = register
        self._reader = reader
        self._practice = practice

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="GET", path="/pair", may=EVERYBODY, run=self.show, summary="Register this device", is_page=True, is_open_while_locked=True
            ),
            Endpoint(
                method="POST", path="/pair", may=EVERYBODY, run=self.pair, summary="Register this device with a code", is_page=True,
                is_open_while_locked=True,
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> Reply:
        return self._page(call)

    async def pair(self, call: Call) -> Reply:
        try:
            token = await self._register.pair(call.form.get("code", ""), call.address)
        except (WrongPairingCodeError, TooManyAttemptsError) as error:
            return self._page(call, error)
        device = find_device(self._reader(), token)
        path = f"/viewer?room={quote(device.room or '')}" if device and device.kind == "display" else "/sign-in"
        return go_to(path, cookie_with(token, call))

    def _page(self, call: Call, error: MizError | None = None) -> Reply:
        errors, advice = words_of(call, error, "code")
        page = PairPage(practice=self._practice, registered=device_of(call, self._reader), errors=errors, advice=advice)
        return gate_reply(page, call, error)
