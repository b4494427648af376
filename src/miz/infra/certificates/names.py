"""Names of a server, when a certificate is renewed, and what is told about it. No files, no clock."""

import ipaddress
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from miz.infra.certificates.refusals import WrongNameError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SERVER_LIFE = timedelta(days=397)
AUTHORITY_LIFE = timedelta(days=3_650)
# The clock of another computer may be a little behind.
BACKDATED = timedelta(hours=1)

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# An authority for one of these could vouch for every name below it.
_WHOLE_ZONES = frozenset({"internal", "local", "lan", "home", "arpa", "com", "net", "org", "info"})


class CertificateState(Struct, frozen=True):
    """What the server shows to browsers. `fingerprint` is that of what the other computers trust: the authority, or the site's certificate.

    `missing` are names by which the server is to be reached and which the certificate does not bear.
    """

    kind: Literal["none", "local", "own"]
    names: list[str]
    missing: list[str]
    is_in_use: bool
    subject: str = ""
    issuer: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    renews_at: datetime | None = None
    fingerprint: str = ""
    authority_until: datetime | None = None


class ServerNames(Struct, frozen=True, forbid_unknown_fields=True):
    """The names and addresses by which the other computers reach the server; none = found by the server itself."""

    names: list[str]
    new_authority: bool = False


class Renewal(Struct, frozen=True, forbid_unknown_fields=True):
    """A new certificate; with `new_authority` by a new authority, which every computer has to trust once more."""

    new_authority: bool = False


class OwnCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """The site's certificate with those of its issuers, and its key, each in PEM."""

    certificate: str
    key: str


def names_in(texts: Iterable[str]) -> list[str]:
    """The names and addresses as certificates write them, each once. Raises `WrongNameError`."""
    return list(dict.fromkeys(_name_in(text.strip()) for text in texts if text.strip()))


def is_address(name: str) -> bool:
    """Whether the name is an address in figures."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches a server that listens there."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def bears(names: Iterable[str], wanted: str) -> bool:
    """Whether one of a certificate's names, perhaps with a star for the first label, is the wanted one."""
    starred = "*." + wanted.partition(".")[2]
    return any(name in {wanted, starred} for name in names)


def renews_at(valid_from: datetime, valid_until: datetime) -> datetime:
    """The instant at which a third of its life remains."""
    return valid_until - (valid_until - valid_from) / 3


def is_due(valid_from: datetime, valid_until: datetime, now: datetime) -> bool:
    """Whether a certificate has to be renewed now; also when the clock says that it is not valid yet."""
    return now >= renews_at(valid_from, valid_until) or now < valid_from


def in_groups(fingerprint: bytes) -> str:
    """A fingerprint as browsers show it: `AB:CD:…`."""
    return fingerprint.hex(":").upper()


def _name_in(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        name = text.casefold().rstrip(".")
        labels = name.split(".")
        if len(name) > 253 or name in _WHOLE_ZONES or labels[-1].isdecimal() or not all(map(_LABEL.fullmatch, labels)):
            raise WrongNameError(name=text, field="names") from None
        return name
    if address.is_unspecified or address.is_multicast:
        raise WrongNameError(name=text, field="names")
    return str(address)
