"""Which device asks: the cookie that a paired browser shows."""

from miz.access.devices.model import Device
from miz.access.devices.queries import find_device
from miz.infra.db.engine import Reader
from miz.infra.http import Call

COOKIE = "miz_device"
_AGE_S = 400 * 86_400


def device_of(call: Call, reader: Reader) -> Device | None:
    """The device that this browser was paired as; None when it was not, or is no more."""
    token = call.own_cookie(COOKIE)
    return find_device(reader(), token) if token else None


def cookie_with(token: str, call: Call) -> tuple[str, str]:
    """The header that has the browser keep the token for 400 days, the most that browsers allow."""
    return call.kept_cookie(COOKIE, token, _AGE_S)
