"""What the server answers without TLS: one page that shows how to trust it, the certificate for that, and nothing else.

An application of its own that knows no session, no user and no patient; it reads the certificates and is told nothing.
"""

from dataclasses import dataclass
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from miz.infra.certificates.folder import Certificates
from miz.infra.certificates.names import CertificateState, bears, is_loopback
from miz.infra.hosts import for_known_hosts, host_of
from miz.infra.http import App, Call, ErrorFace, Reply
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


def trust_app(certificates: Certificates, *, practice: str, port: int, face: ErrorFace) -> App:
    """The application for the port without TLS; `port` is the one with."""
    return for_known_hosts(_Trust(certificates, practice, port).answer, answers_to=certificates.answers_to, face=face)


class _Trust:
    def __init__(self, certificates: Certificates, practice: str, port: int) -> None:
        self._certificates = certificates
        self._practice = practice
        self._port = port

    async def answer(self, call: Call) -> Reply:
        if call.method not in {"GET", "HEAD"}:
            return Reply(b"", 405, headers=[("allow", "GET, HEAD")])
        if call.path in self._look():
            return Reply(self._look()[call.path], media_type=assets.media_type(call.path))
        authority = self._certificates.authority_pem
        if call.path == "/miz-ca.pem" and authority:
            return Reply(authority, media_type="application/x-pem-file")
        if call.path == "/miz-ca.crt" and authority:
            # As DER, whose plain SHA-256 is the fingerprint: every system can tell it without opening the file.
            return Reply(x509.load_pem_x509_certificate(authority).public_bytes(Encoding.DER), media_type=_AUTHORITY_TYPE)
        language = call.query.get("lang") or i18n.language_of(call.header("accept-language"), None)
        page = TrustPage(practice=self._practice, certificate=self._certificates.state(), secure_address=self._secure_address(call))
        return Reply(render(page, Look(language="en" if language == "en" else "de")), 200 if call.path == "/" else 404)

    def _secure_address(self, call: Call) -> str:
        """The server with TLS under the name that was asked for, or under one that the certificate bears."""
        asked = host_of(call) or ""
        borne = self._certificates.state().names
        name = asked if bears(borne, asked) else next((name for name in borne if not is_loopback(name) and "*" not in name), asked)
        return f"https://{f'[{name}]' if ':' in name else name}:{self._port}/"

    @staticmethod
    def _look() -> dict[str, bytes]:
        return {assets.address(name): assets.files()[name] for name in _LOOK}
