"""Making certificates: the practice's own authority, and what it signs. Values in, values out; nothing is stored here.

The authority's name constraints are critical: whoever trusts it trusts it for this server's names and for nothing else.
"""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from miz.infra.certificates.names import AUTHORITY_LIFE, BACKDATED, SERVER_LIFE, in_groups, is_address
from miz.infra.certificates.refusals import AuthorityLockedError

_NO_USAGE = dict.fromkeys(
    (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
        "encipher_only", "decipher_only",
    ),
    False,
)  # fmt: skip


@dataclass(frozen=True)
class Authority:
    """A certificate that signs others, with its key still locked."""

    certificate: x509.Certificate
    locked_key: bytes

    @classmethod
    def make(cls, names: Sequence[str], *, practice: str, now: datetime, password: bytes) -> Self:
        """A new authority that may vouch for `names` only, for ten years; its key opens with `password`."""
        key = ec.generate_private_key(ec.SECP256R1())
        # Two authorities of one practice are told apart in a browser's list.
        mark = now.strftime("%Y-%m-%d ") + secrets.token_hex(2)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, practice[:64]),
                x509.NameAttribute(NameOID.COMMON_NAME, f"MIZ {practice}"[:48] + f" {mark}"),
            ]
        )
        permitted = [_constraint(name) for name in names]
        usage = x509.KeyUsage(**_NO_USAGE | {"key_cert_sign": True, "crl_sign": True})
        own_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _unsigned(subject, subject, key, now)
            .not_valid_after(now - BACKDATED + AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.NameConstraints(permitted, excluded_subtrees=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        locked = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(password)
        )
        return cls(certificate, locked)

    @classmethod
    def read(cls, pem: bytes) -> Self:
        """The authority of a file that `pem` made."""
        certificate = x509.load_pem_x509_certificate(pem)
        return cls(certificate, pem.removeprefix(pem_of(certificate)))

    @property
    def pem(self) -> bytes:
        """Certificate and locked key in one file, so that they cannot fall apart."""
        return pem_of(self.certificate) + self.locked_key

    def permits(self, name: str) -> bool:
        """Whether the constraints let this authority vouch for a name."""
        permitted = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        if is_address(name):
            networks = [constraint.value for constraint in permitted if isinstance(constraint, x509.IPAddress)]
            return ipaddress.ip_network(name) in networks
        zones = [constraint.value for constraint in permitted if isinstance(constraint, x509.DNSName)]
        return any(f".{name}".endswith(f".{zone}") for zone in zones)

    def is_valid(self, now: datetime) -> bool:
        """Whether the authority's own certificate counts at this instant."""
        return self.certificate.not_valid_before_utc <= now < self.certificate.not_valid_after_utc

    def has_signed(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate comes from this authority."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def issue(self, names: Sequence[str], *, now: datetime, password: bytes) -> bytes:
        """A new key and a certificate of a server with these names, in PEM. Raises `AuthorityLockedError`."""
        try:
            own_key = serialization.load_pem_private_key(self.locked_key, password)
        except ValueError as error:
            raise AuthorityLockedError from error
        assert isinstance(own_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        own_id = x509.SubjectKeyIdentifier.from_public_key(own_key.public_key())
        certificate = (
            _unsigned(subject, self.certificate.subject, key, now)
            .not_valid_after(min(now - BACKDATED + SERVER_LIFE, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False)
            .add_extension(x509.KeyUsage(**_NO_USAGE | {"digital_signature": True}), critical=True)
            .sign(own_key, hashes.SHA256())
        )
        opened = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return pem_of(certificate) + opened


def pem_of(*certificates: x509.Certificate) -> bytes:
    """The certificates in PEM, one after the other."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def fingerprint_of(certificate: x509.Certificate) -> str:
    """SHA-256 over the certificate, as browsers show it."""
    return in_groups(certificate.fingerprint(hashes.SHA256()))


def common_name(name: x509.Name) -> str:
    """What a name is called in one line."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def names_of(certificate: x509.Certificate) -> list[str]:
    """The names and addresses that a certificate of a server bears."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return [name.casefold() for name in found]


def _unsigned(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.CertificateBuilder:
    own_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now - BACKDATED).add_extension(own_id, critical=False)


def _alternative(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if is_address(name) else x509.DNSName(name)


def _constraint(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_network(name)) if is_address(name) else x509.DNSName(name)
