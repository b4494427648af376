"""Certificates as a site would bring them: a root, an issuer between, a server; each can be made wrong in one respect."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def pem_key(key: Any, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


@dataclass
class Site:
    """The site's own authority with an issuer between it and the servers."""

    now: datetime

    def __post_init__(self) -> None:
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._issuer("Site root", self.root_key, "Site root", self.root_key)
        self.issuer_key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = self._issuer("Site issuer", self.issuer_key, "Site root", self.root_key)

    def server(
        self, *names: str, key: Any = None, starts: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=90),
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> tuple[x509.Certificate, Any]:  # fmt: skip
        """A certificate for these names, signed by the issuer, and its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        built = (
            self._builder("Server", key.public_key(), "Site issuer", starts, ends)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self.issuer_key, hashes.SHA256())
        )
        return built, key

    def _issuer(self, subject: str, key: Any, issuer: str, issuer_key: Any) -> x509.Certificate:
        builder = self._builder(subject, key.public_key(), issuer, timedelta(days=-1), timedelta(days=900))
        return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(issuer_key, hashes.SHA256())

    def _builder(self, subject: str, public_key: Any, issuer: str, starts: timedelta, ends: timedelta) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            name(issuer), name(subject), public_key, x509.random_serial_number(), self.now + starts, self.now + ends
        )  # fmt: skip


def _alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
