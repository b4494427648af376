"""What the server answers without TLS: one page that shows how to trust it, the certificate for that, and nothing else.

An application of its own that knows no session, no user and no patient; it reads the certificates and is told nothing.
"""

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miz.infra.certificates.folder import Certificates
from miz.infra.certificates.names import CertificateState, bears, is_loopback
from miz.infra.hosts import KnownHosts
from miz.infra.http import Call, ErrorFace, Reply, send_reply
from miz.ui import assets, i18n
from miz.ui.render import Look, render

_LOOK = ("miz.css", "icon.svg", "vendor/icons.svg", "vendor/ibm-plex-sans-latin-wght-normal.woff2")
_AUTHORITY_TYPE = "application/x-x509-ca-cert"


@dataclass(frozen=True, kw_only=True)
class TrustPage:
    """How to trust the server, with the fingerprint to compare, and the address to go on to."""

    template: ClassVar[str] = "trust.html"
    practice: str
    certificate: CertificateState
    secure_address: str


def trust_app(certificates: Certificates, *, practice: str, port: int, face: ErrorFace) -> ASGIApp:
    """The application for the port without TLS; `port` is the one with."""
    return KnownHosts(_Trust(certificates, practice, port), answers_to=certificates.answers_to, face=face)


class _Trust:
    def __init__(self, certificates: Certificates, practice: str, port: int) -> None:
        self._certificates = certificates
        self._practice = practice
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":
            await send_reply(send, self._answer(Call(scope)))
        elif scope["method"] == "HEAD":
            await send_reply(_without_body(send), self._answer(Call(scope)))
        else:
            await send_reply(send, Reply(b"", 405, headers=[("allow", "GET, HEAD")]))

    def _answer(self, call: Call) -> Reply:
        path: str = call.scope["path"]
        if path in self._look():
            kind = assets.media_type(path)
            return Reply(self._look()[path], media_type=kind)
        authority = self._certificates.authority_pem
        if path == "/miz-ca.pem" and authority:
            return Reply(authority, media_type="application/x-pem-file")
        if path == "/miz-ca.crt" and authority:
            # As DER, whose plain SHA-256 is the fingerprint: every system can tell it without opening the file.
            return Reply(x509.load_pem_x509_certificate(authority).public_bytes(Encoding.DER), media_type=_AUTHORITY_TYPE)
        language = call.query.get("lang") or i18n.language_of(call.header("accept-language"), None)
        page = TrustPage(practice=self._practice, certificate=self._certificates.state(), secure_address=self._secure_address(call))
        return Reply(render(page, Look(language="en" if language == "en" else "de")), 200 if path == "/" else 404)

    def _secure_address(self, call: Call) -> str:
        """The server with TLS under the name that was asked for, or under one that the certificate bears."""
        asked = urlsplit(f"//{call.header('host')}").hostname or ""
        borne = self._certificates.state().names
        name = asked if bears(borne, asked) else next((name for name in borne if not is_loopback(name) and "*" not in name), asked)
        return f"https://{f'[{name}]' if ':' in name else name}:{self._port}/"

    @staticmethod
    def _look() -> dict[str, bytes]:
        return {assets.address(name): assets.files()[name] for name in _LOOK}


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send(message if message["type"] == "http.response.start" else {**message, "body": b""})

    return send_head
