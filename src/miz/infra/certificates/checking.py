"""Whether a certificate of the site can be used: everything that would make a browser refuse it, before anything changes."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from miz.infra.certificates.authority import common_name, names_of, pem_of
from miz.infra.certificates.names import bears
from miz.infra.certificates.refusals import CertificateNotUsableError

_CURVES = ("secp256r1", "secp384r1")
_RSA_BITS = 2_048


def checked_chain(certificate_pem: bytes, key_pem: bytes, *, names: Sequence[str], now: datetime) -> bytes:
    """Certificate, issuers and key as one PEM for the server. Raises `CertificateNotUsableError` with what to do."""
    chain = _chain_in(certificate_pem)
    server = chain[0]
    key = _key_in(key_pem)
    if _public(key) != _public_of(server):
        raise CertificateNotUsableError(
            "The key does not belong to this certificate. Take the key that the request was made with.", field="key"
        )
    for certificate in chain:
        _check_time(certificate, now)
    for certificate, issuer in pairwise(chain):
        _check_issued(certificate, issuer)
    _check_purpose(server)
    missing = [name for name in names if not bears(names_of(server), name)]
    if missing or not names_of(server):
        raise CertificateNotUsableError(
            "The certificate does not bear these names: {missing}. Order one that does, or change the names: miz certificate names",
            missing=", ".join(missing) or "–", field="certificate",
        )  # fmt: skip
    return pem_of(*chain) + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _chain_in(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateNotUsableError(
            "The certificate cannot be read. It has to be in PEM, with the line BEGIN CERTIFICATE.", field="certificate"
        ) from error


def _key_in(pem: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except TypeError as error:
        raise CertificateNotUsableError(
            "The key is locked with a password. Save it without one, and keep the file safe.", field="key"
        ) from error
    except ValueError as error:
        raise CertificateNotUsableError(
            "The key cannot be read. It has to be in PEM, with the line BEGIN PRIVATE KEY.", field="key"
        ) from error
    if (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES) or (
        isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _RSA_BITS
    ):
        return key
    raise CertificateNotUsableError("Browsers refuse this kind of key. Use P-256, P-384, or RSA with 2048 bits or more.", field="key")


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    if now >= certificate.not_valid_after_utc:
        raise CertificateNotUsableError(
            "The certificate of {name} has run out on {day}. Order a new one.", name=common_name(certificate.subject),
            day=certificate.not_valid_after_utc.date().isoformat(), field="certificate",
        )  # fmt: skip
    if now < certificate.not_valid_before_utc:
        raise CertificateNotUsableError(
            "The certificate of {name} is valid from {day} only. Wait until then, and check the clock of the server.",
            name=common_name(certificate.subject), day=certificate.not_valid_before_utc.date().isoformat(), field="certificate",
        )  # fmt: skip


def _check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateNotUsableError(
            "The certificate of {name} is not followed by that of its issuer. Put the server's certificate first, then each issuer after what it has signed.",
            name=common_name(certificate.subject), field="certificate",
        ) from error  # fmt: skip


def _check_purpose(server: x509.Certificate) -> None:
    extensions = server.extensions
    try:
        is_issuer = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_issuer = False
    try:
        purposes = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
    if is_issuer or not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(purposes):
        raise CertificateNotUsableError(
            "The first certificate is not one of a server. Put the server's certificate first, then its issuers.", field="certificate"
        )


def _public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
