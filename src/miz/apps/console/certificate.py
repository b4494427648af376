"""The certificate: the fingerprint to compare, until when it is valid, the names of the server."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from miz.access.roles import MANAGE_CERTIFICATE, READ_CERTIFICATE
from miz.apps.certificates.service import CertificateDesk
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.infra.certificates.names import CertificateState, is_loopback
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.infra.settings import Settings
from miz.kernel.errors import MizError
from miz.practice.web.frame import go_to, reply

_WARNED = timedelta(days=30)
_AUTHORITY_WARNED = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class CertificatePage:
    """What browsers are shown, and what to do where something is amiss."""

    template: ClassVar[str] = "console_certificate.html"
    frame: ConsoleFrame
    certificate: CertificateState
    concern: Literal["", "missing", "ends", "authority_ends"]
    trust_address: str
    names: str
    may_change: bool
    done: str
    errors: dict[str, str]


class CertificatePages:
    """The pages, bound to one server's parts."""

    def __init__(self, desk: CertificateDesk, settings: Settings, frame_of: FrameOf, *, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._settings = settings
        self._frame_of = frame_of
        self._now = now

    def endpoints(self) -> list[Endpoint]:
        path = "/console/certificate"
        return [
            console_page("GET", path, READ_CERTIFICATE, self.show, "The certificate of the server"),
            console_page("POST", path + "/renewal", MANAGE_CERTIFICATE, self.renew, "Renew the certificate"),
            console_page("POST", path + "/names", MANAGE_CERTIFICATE, self.choose_names, "Choose the names of the server"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def renew(self, call: Call) -> Reply:
        try:
            await self._desk.renew(call.person, new_authority=bool(call.form.get("new_authority")))
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/certificate?done=renewed")

    async def choose_names(self, call: Call) -> Reply:
        names = call.form.get("names", "").replace(",", " ").split()
        try:
            await self._desk.choose_names(call.person, names, new_authority=bool(call.form.get("new_authority")))
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/certificate?done=names")

    def _page(self, call: Call, *, done: str = "", error: MizError | None = None) -> Reply:
        state = self._desk.state()
        page = CertificatePage(
            frame=self._frame_of(call.person, "certificate"), certificate=state, concern=self._concern(state),
            trust_address=_address(state, self._settings.http_port),
            names=call.form["names"] if error and "names" in call.form else "\n".join(self._desk.names()),
            may_change=not MANAGE_CERTIFICATE.isdisjoint(call.person.roles), done=done, errors=said(error, call),
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)

    def _concern(self, state: CertificateState) -> Literal["", "missing", "ends", "authority_ends"]:
        now = self._now()
        if state.kind == "own" and state.valid_until and state.valid_until - now < _WARNED:
            return "ends"
        if state.authority_until and state.authority_until - now < _AUTHORITY_WARNED:
            return "authority_ends"
        return "missing" if state.kind != "none" and state.missing else ""


def _address(state: CertificateState, port: int) -> str:
    """Where the other computers find the page that shows how to trust this server; empty when there is none."""
    name = next((name for name in state.names if not is_loopback(name) and "*" not in name), "")
    if not (name and port and state.is_in_use):
        return ""
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
