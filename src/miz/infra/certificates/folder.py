"""The certificates in a practice's data folder, and what happens to them. All files are private and written whole.

`tls/authority.pem` the practice's own authority, its key encrypted · `tls/server.pem` what it signed last, with its key ·
`tls/site.pem` the site's own certificate with issuers and key, which goes before · `tls/names.json` the names that were chosen, and
where the server listened last.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from hmac import digest
from pathlib import Path
from typing import Any

from cryptography import x509

from miz.infra.certificates.authority import Authority, common_name, fingerprint_of, names_of, pem_of
from miz.infra.certificates.checking import checked_chain
from miz.infra.certificates.names import LOOPBACK, CertificateState, bears, is_due, is_loopback, names_in, renews_at
from miz.infra.certificates.refusals import OtherAuthorityNeededError, OwnCertificateError, WrongNameError
from miz.infra.files import write_whole
from miz.kernel.clock import Clock

_PRACTICE_NAME = "miz.internal"


class Certificates:
    """The certificate of one server. `site_names` are those of the settings, in force until others are chosen.

    Every method may be called in any thread.
    """

    def __init__(self, folder: Path, *, database_key: bytes, practice: str, site_names: Iterable[str], clock: Clock) -> None:
        self._authority_file, self._server_file = folder / "authority.pem", folder / "server.pem"
        self._site_file, self._names_file = folder / "site.pem", folder / "names.json"
        self._password = digest(database_key, b"miz certificate authority key 1", "sha256").hex().encode()
        self._practice = practice
        self._site_names = names_in(site_names)
        self._clock = clock
        self._host = self._stored_names().get("host", "")
        self._is_in_use = False
        self._followers: list[Callable[[], None]] = []
        self._changing = threading.RLock()
        self._learn_hosts()

    @property
    def file(self) -> Path:
        """Certificate, issuers and key for the server program, in one PEM file."""
        return self._site_file if self._site_file.exists() else self._server_file

    @property
    def names(self) -> list[str]:
        """By which the server is to be reached from other computers."""
        return list(dict.fromkeys([*(self._chosen_names() or _found_names(self._host)), *_bound_to(self._host)]))

    def use_at(self, host: str) -> Path:
        """The server listens at `host` with TLS from now on: the file that it needs, made or renewed where due."""
        with self._changing:
            self._host, self._is_in_use = host, True
            self._store_names(host=host)
        self.look_after()
        return self.file

    def at_renewal(self, follow: Callable[[], None]) -> None:
        """Have `follow()` called after another certificate is in the file; in the thread of whoever renewed it."""
        self._followers.append(follow)

    def look_after(self) -> bool:
        """Renew what the authority signed when its time has come or the names are others; True when it was renewed."""
        with self._changing:
            if not self._is_in_use or self._site_file.exists():
                self._learn_hosts()
                return False
            authority = self._ready_authority()
            if not self._is_renewal_due(authority):
                self._learn_hosts()
                return False
            self._issue(authority)
        self._tell()
        return True

    def renew(self, *, new_authority: bool = False) -> None:
        """A new certificate of the practice's own authority now. Raises `OwnCertificateError`, `AuthorityLockedError`."""
        with self._changing:
            if self._site_file.exists():
                raise OwnCertificateError
            self._issue(self._new_authority() if new_authority else self._ready_authority())
        self._tell()

    def use_own(self, certificate_pem: bytes, key_pem: bytes) -> None:
        """Show the site's own certificate from now on. Raises `CertificateNotUsableError`; then nothing has changed."""
        with self._changing:
            site = checked_chain(certificate_pem, key_pem, names=self._chosen_names(), now=self._clock.now())
            self._write(self._site_file, site)
        self._tell()

    def use_local(self) -> None:
        """Show the certificate of the practice's own authority again."""
        with self._changing:
            self._issue(self._ready_authority())
            self._site_file.unlink(missing_ok=True)
        self._tell()

    def choose_names(self, names: Sequence[str], *, new_authority: bool = False) -> None:
        """The names and addresses from now on; none = found by the server itself.

        Raises `WrongNameError`, `OtherAuthorityNeededError`; then nothing has changed.
        """
        chosen = names_in(names)
        if set(chosen) & set(LOOPBACK):
            raise WrongNameError(name=next(name for name in chosen if name in LOOPBACK), field="names")
        with self._changing:
            authority = self._authority()
            beyond = [] if new_authority or authority is None else [name for name in chosen if not authority.permits(name)]
            if beyond:
                raise OtherAuthorityNeededError(names=", ".join(beyond))
            self._store_names(chosen=chosen)
            if new_authority and not self._site_file.exists():
                self.renew(new_authority=True)
        self.look_after()

    def answers_to(self, host: str) -> bool:
        """Whether a request for this host, without port, is meant for this server."""
        return host in self._hosts or bears(self._hosts, host)

    def state(self) -> CertificateState:
        """What the server shows and until when."""
        chain = self._chain()
        if not chain:
            return CertificateState("none", [], self.names if self._is_in_use else [], is_in_use=self._is_in_use)
        server, is_own, authority = chain[0], self._site_file.exists(), self._authority()
        trusted = server if is_own or authority is None else authority.certificate
        start, end = server.not_valid_before_utc, server.not_valid_after_utc
        return CertificateState(
            kind="own" if is_own else "local", names=names_of(server), missing=[name for name in self.names if not bears(names_of(server), name)],
            is_in_use=self._is_in_use, subject=common_name(server.subject), issuer=common_name(server.issuer), valid_from=start, valid_until=end,
            renews_at=None if is_own else renews_at(start, end), fingerprint=fingerprint_of(trusted),
            authority_until=None if is_own else trusted.not_valid_after_utc,
        )  # fmt: skip

    @property
    def authority_pem(self) -> bytes | None:
        """The certificate that other computers have to trust; None with one of the site's own, which they know."""
        authority = None if self._site_file.exists() else self._authority()
        return pem_of(authority.certificate) if authority else None

    @property
    def anchor_pem(self) -> bytes:
        """What a program on this computer has to trust to know this server and no other."""
        return self.authority_pem or pem_of(*self._chain()[:1])

    def _chain(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.file.read_bytes()) if self.file.exists() else []

    def _authority(self) -> Authority | None:
        return Authority.read(self._authority_file.read_bytes()) if self._authority_file.exists() else None

    def _ready_authority(self) -> Authority:
        """The authority, made at first need. Never anew by itself: a clock that is wrong must not cost every computer its trust."""
        return self._authority() or self._new_authority()

    def _new_authority(self) -> Authority:
        authority = Authority.make([*self.names, *LOOPBACK], practice=self._practice, now=self._clock.now(), password=self._password)
        self._write(self._authority_file, authority.pem)
        return authority

    def _names_for(self, authority: Authority) -> list[str]:
        return [name for name in dict.fromkeys([*self.names, *LOOPBACK]) if authority.permits(name)]

    def _is_renewal_due(self, authority: Authority) -> bool:
        if not self._server_file.exists():
            return True
        now = self._clock.now()
        if not authority.is_valid(now):  # what it signs now would be worth nothing
            return False
        server = x509.load_pem_x509_certificate(self._server_file.read_bytes())
        return (
            is_due(server.not_valid_before_utc, server.not_valid_after_utc, now)
            or set(names_of(server)) != set(self._names_for(authority))
            or not authority.has_signed(server)
        )

    def _issue(self, authority: Authority) -> None:
        self._write(self._server_file, authority.issue(self._names_for(authority), now=self._clock.now(), password=self._password))

    def _chosen_names(self) -> list[str]:
        chosen: list[str] = self._stored_names().get("chosen", self._site_names)
        return chosen

    def _stored_names(self) -> dict[str, Any]:
        stored: dict[str, Any] = json.loads(self._names_file.read_bytes()) if self._names_file.exists() else {}
        return stored

    def _store_names(self, **change: Any) -> None:
        before = self._stored_names()
        if before != before | change:
            self._write(self._names_file, json.dumps(before | change).encode())

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(file, content, is_private=True)

    def _tell(self) -> None:
        self._learn_hosts()
        for follow in self._followers:
            follow()

    def _learn_hosts(self) -> None:
        """The names under which requests are answered: those of the certificate, those chosen, and this computer."""
        chain = self._chain()
        self._hosts = frozenset([*(names_of(chain[0]) if chain else []), *self.names, *LOOPBACK])


def _bound_to(host: str) -> list[str]:
    """The address that the server listens at, where it is one that others know."""
    return [] if host in {"", "0.0.0.0", "::"} or is_loopback(host) else names_in([host])  # noqa: S104 - compared, not bound


def _found_names(host: str) -> list[str]:
    """What this computer is called in most practices; and its addresses, where the server listens at all of them."""
    found = [_PRACTICE_NAME]
    name = socket.gethostname().casefold()
    for candidate in (name, f"{name}.local" if "." not in name else ""):
        try:
            found += [one for one in names_in([candidate]) if not is_loopback(one)]
        except WrongNameError:  # a name that no certificate may bear
            continue
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        found += _own_addresses()
    return found


def _own_addresses() -> list[str]:
    """The address by which this computer would reach another network; nothing is sent to find it."""
    found = []
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:  # no network of this kind
            continue
    return [address for address in found if not is_loopback(address)]
