"""The certificates of a server: whom they vouch for, when they are renewed, and what is refused before anything changes."""

import hashlib
import json
import shutil
import ssl
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from miz.infra.certificates import folder as folder_module
from miz.infra.certificates.authority import Authority
from miz.infra.certificates.checking import checked_chain
from miz.infra.certificates.folder import Certificates
from miz.infra.certificates.names import is_due, names_in, renews_at
from miz.infra.certificates.refusals import (
    AuthorityLockedError,
    CertificateNotUsableError,
    OtherAuthorityNeededError,
    OwnCertificateError,
    WrongNameError,
)
from miz.infra.clock import SystemClock
from miz.kernel.clock import Clock, FakeClock
from miz.kernel.errors import MizError
from tests.support.site_certificates import Site, pem, pem_key

KEY = b"k" * 32
NAMES = ["praxis.internal", "192.0.2.10"]
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def certificates(path: Path, clock: Clock | None = None, *, key: bytes = KEY, names: list[str] | None = None) -> Certificates:
    return Certificates(
        path / "tls", database_key=key, practice="Praxis Müller", site_names=NAMES if names is None else names, clock=clock or SystemClock()
    )


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((path / "tls").glob("*"))}


def greet(shown: Path, trusted: bytes, name: str) -> str:
    """What a browser-like client says to the certificate: nothing, or why it does not trust the server under this name."""
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server_side.load_cert_chain(shown)
    client_side.load_verify_locations(cadata=trusted.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
            except ssl.SSLError:
                continue
    return ""


class TestTheOwnAuthority:
    @pytest.mark.parametrize("name", [*NAMES, "localhost", "127.0.0.1", "::1"])
    def test_is_enough_to_trust_the_server_under_its_names(self, tmp_path: Path, name: str) -> None:
        own = certificates(tmp_path)
        assert greet(own.use_at("127.0.0.1"), own.authority_pem or b"", name) == ""

    @pytest.mark.parametrize("name", ["bank.example", "192.0.2.11", "other.internal"])
    def test_vouches_for_nobody_else_even_with_its_key_in_wrong_hands(self, tmp_path: Path, name: str) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        stolen = Authority.read((tmp_path / "tls/authority.pem").read_bytes())
        forged = tmp_path / "forged.pem"
        forged.write_bytes(stolen.issue([name], now=NOW, password=own._password))
        assert "permitted subtree violation" in greet(forged, own.authority_pem or b"", name)
        # Without the constraint it would be believed.
        careless = Authority.make([name], practice="x", now=NOW, password=b"p")
        forged.write_bytes(careless.issue([name], now=NOW, password=b"p"))
        assert greet(forged, careless.pem, name) == ""

    def test_has_a_key_that_opens_with_the_database_key_only(self, tmp_path: Path) -> None:
        certificates(tmp_path).use_at("127.0.0.1")
        before = files(tmp_path)
        assert b"ENCRYPTED PRIVATE KEY" in before["authority.pem"]
        assert b"BEGIN PRIVATE KEY" not in before["authority.pem"]
        with pytest.raises(AuthorityLockedError):
            certificates(tmp_path, key=b"x" * 32).renew()
        assert files(tmp_path) == before

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
    def test_lies_in_files_that_are_private(self, tmp_path: Path) -> None:
        certificates(tmp_path).use_at("127.0.0.1")
        assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "tls").iterdir()} == {0o600}
        assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700

    def test_is_known_by_the_fingerprint_that_the_downloaded_file_has(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        downloaded = x509.load_pem_x509_certificate(own.authority_pem or b"").public_bytes(Encoding.DER)
        assert own.state().fingerprint.replace(":", "").lower() == hashlib.sha256(downloaded).hexdigest()

    def test_lasts_ten_years_and_its_servers_a_little_over_one(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        state = own.state()
        assert state.valid_from is not None
        assert state.valid_until is not None
        assert state.authority_until is not None
        assert state.valid_until - state.valid_from == timedelta(days=397)
        assert timedelta(days=3_649) < state.authority_until - NOW < timedelta(days=3_651)


class TestRenewal:
    @pytest.mark.parametrize(
        ("now", "is_now"), [(DAY * 0, False), (DAY * 59, False), (DAY * 60, True), (DAY * 89, True), (DAY * 91, True), (-DAY, True)]
    )
    def test_is_due_when_a_third_of_the_life_remains(self, now: timedelta, is_now: bool) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        assert is_due(start, start + DAY * 90, start + now) is is_now
        assert renews_at(start, start + DAY * 90) == start + DAY * 60

    def test_comes_by_itself_once_and_is_told(self, tmp_path: Path) -> None:
        clock = FakeClock()
        own, told = certificates(tmp_path, clock), []
        own.use_at("127.0.0.1")
        own.at_renewal(lambda: told.append(own.file.read_bytes()))
        before, due = files(tmp_path), own.state().renews_at
        assert due is not None
        clock.instant = due - timedelta(seconds=1)
        assert own.look_after() is False
        clock.instant = due
        assert own.look_after() is True
        assert own.look_after() is False
        after = files(tmp_path)
        assert after["authority.pem"] == before["authority.pem"]
        assert told == [after["server.pem"]] != [before["server.pem"]]

    @pytest.mark.parametrize("wrong", [datetime(1970, 1, 2, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)])
    def test_a_clock_that_is_wrong_costs_no_computer_its_trust(self, tmp_path: Path, wrong: datetime) -> None:
        clock = FakeClock()
        certificates(tmp_path, clock).use_at("127.0.0.1")
        before = files(tmp_path)
        clock.instant = wrong
        certificates(tmp_path, clock).use_at("127.0.0.1")
        assert files(tmp_path) == before

    def test_a_power_cut_between_authority_and_server_is_repaired_at_the_next_start(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        left_over = own.file.read_bytes()
        own.renew(new_authority=True)
        own.file.write_bytes(left_over)
        again = certificates(tmp_path)
        assert greet(again.use_at("127.0.0.1"), again.authority_pem or b"", NAMES[0]) == ""

    def test_a_second_server_that_gets_the_authority_s_file_is_trusted_like_the_first(self, tmp_path: Path) -> None:
        first, second = certificates(tmp_path / "first"), certificates(tmp_path / "second")
        first.use_at("127.0.0.1")
        assert greet(second.use_at("127.0.0.1"), first.authority_pem or b"", NAMES[0]) != ""
        for name in ("authority.pem", "names.json"):
            shutil.copy(tmp_path / "first/tls" / name, tmp_path / "second/tls")
        assert greet(certificates(tmp_path / "second").use_at("127.0.0.1"), first.authority_pem or b"", NAMES[0]) == ""


class TestNames:
    @pytest.mark.parametrize(
        ("text", "name"),
        [("Praxis.Internal.", "praxis.internal"), (" 192.168.1.10 ", "192.168.1.10"), ("[FD00::0:2]", "fd00::2"), ("server", "server")],
    )
    def test_are_written_as_certificates_write_them(self, text: str, name: str) -> None:
        assert names_in([text, text, " "]) == [name]

    @pytest.mark.parametrize(
        "text",
        [
            "*",
            "*.internal",
            "internal",
            "de..praxis",
            "-a.internal",
            "a b",
            "praxis_1",
            "1.2.3",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "x" * 64,
            "https://a",
        ],
    )
    def test_that_no_server_has_are_refused(self, text: str) -> None:
        with pytest.raises(WrongNameError):
            names_in([text])

    def test_are_those_of_the_settings_until_others_are_chosen(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        assert own.names == NAMES
        own.choose_names(["server.internal"])
        assert certificates(tmp_path).names == ["server.internal"]

    def test_are_found_when_nobody_names_any(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "Praxis-PC")
        monkeypatch.setattr(folder_module, "_own_addresses", lambda: ["192.0.2.77"])
        own = certificates(tmp_path, names=[])
        assert own.names == ["miz.internal", "praxis-pc", "praxis-pc.local"]
        own.use_at("0.0.0.0")
        assert own.names == ["miz.internal", "praxis-pc", "praxis-pc.local", "192.0.2.77"]
        assert certificates(tmp_path, names=[]).names == own.names, "a command finds the same while the server rests"
        own.use_at("192.0.2.5")
        assert own.names == ["miz.internal", "praxis-pc", "praxis-pc.local", "192.0.2.5"]

    def test_beyond_the_authority_need_a_new_one_and_change_nothing_before(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        before = files(tmp_path)
        with pytest.raises(OtherAuthorityNeededError) as caught:
            own.choose_names(["neu.internal"])
        assert caught.value.fields["names"] == "neu.internal"
        assert files(tmp_path) == before
        own.choose_names(["neu.internal"], new_authority=True)
        assert greet(own.file, own.authority_pem or b"", "neu.internal") == ""

    def test_within_the_authority_are_in_the_certificate_at_once(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        trusted = own.authority_pem or b""
        own.choose_names(["zimmer.praxis.internal"])
        assert greet(own.file, trusted, "zimmer.praxis.internal") == ""
        assert greet(own.file, trusted, "praxis.internal") != ""

    def test_that_the_certificate_lacks_are_told(self, tmp_path: Path) -> None:
        certificates(tmp_path).use_at("127.0.0.1")
        moved = certificates(tmp_path)
        moved.use_at("192.0.2.99")
        assert moved.state().missing == ["192.0.2.99"]

    def test_of_the_certificate_and_of_this_computer_are_answered_to(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        assert all(map(own.answers_to, [*NAMES, "localhost", "127.0.0.1", "::1"]))
        assert not any(map(own.answers_to, ["evil.example", "praxis.internal.evil.example", "internal", "", "192.0.2.11"]))


Wrong = Callable[[Site], tuple[bytes, bytes]]


def chain(site: Site, *parts: x509.Certificate) -> bytes:
    return b"".join(map(pem, [*parts, site.issuer]))


def ready(site: Site, **options: Any) -> tuple[bytes, bytes]:
    server, key = site.server(*options.pop("names", NAMES), **options)
    return chain(site, server), pem_key(key)


WRONG: dict[str, tuple[Wrong, str]] = {
    "no certificate": (lambda site: (b"nothing", ready(site)[1]), "The certificate cannot be read"),
    "no key": (lambda site: (ready(site)[0], b"nothing"), "The key cannot be read"),
    "another key": (lambda site: (ready(site)[0], ready(site)[1]), "The key does not belong"),
    "a locked key": (
        lambda site: (chain(site, (made := site.server(*NAMES))[0]), pem_key(made[1], b"password")),
        "The key is locked",
    ),
    "a key browsers refuse": (
        lambda site: ready(site, key=ed25519.Ed25519PrivateKey.generate()), "Browsers refuse",
    ),
    "a short key": (lambda site: ready(site, key=rsa.generate_private_key(65_537, 1_024)), "Browsers refuse"),
    "a strange curve": (lambda site: ready(site, key=ec.generate_private_key(ec.SECP521R1())), "Browsers refuse"),
    "run out": (lambda site: ready(site, starts=-90 * DAY, ends=-DAY), "has run out"),
    "not yet": (lambda site: ready(site, starts=DAY), "is valid from"),
    "a name is missing": (lambda site: ready(site, names=NAMES[:1]), "does not bear"),
    "no names": (lambda site: ready(site, names=[]), "does not bear"),
    "issuer first": (
        lambda site: (pem(site.issuer) + pem(site.server(*NAMES)[0]), pem_key(site.issuer_key)), "is not followed by",
    ),
    "a gap": (
        lambda site: (pem((made := site.server(*NAMES))[0]) + pem(site.root), pem_key(made[1])), "is not followed by",
    ),
    "only an issuer": (lambda site: (pem(site.issuer) + pem(site.root), pem_key(site.issuer_key)), "not one of a server"),
    "for something else": (lambda site: ready(site, purpose=ExtendedKeyUsageOID.CLIENT_AUTH), "not one of a server"),
}  # fmt: skip


class TestTheCertificateOfTheSite:
    @pytest.mark.parametrize(("wrong", "told"), WRONG.values(), ids=WRONG)
    def test_that_browsers_would_refuse_changes_nothing(self, tmp_path: Path, wrong: Wrong, told: str) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        before = files(tmp_path)
        brought, key = wrong(Site(NOW))
        with pytest.raises(CertificateNotUsableError) as caught:
            own.use_own(brought, key)
        assert caught.value.detail.startswith(("The", "Browsers"))
        assert told in caught.value.detail
        assert files(tmp_path) == before

    @pytest.mark.parametrize("key", [None, rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP384R1())])
    def test_is_shown_with_its_issuers_once_it_is_good(self, tmp_path: Path, key: Any) -> None:
        own, site, told = certificates(tmp_path), Site(NOW), []
        own.use_at("127.0.0.1")
        own.at_renewal(lambda: told.append(own.file.name))
        own.use_own(*ready(site, key=key))
        assert told == ["site.pem"]
        assert greet(own.file, pem(site.root), NAMES[0]) == ""
        state = own.state()
        assert (state.kind, state.issuer, state.renews_at, own.authority_pem) == ("own", "Site issuer", None, None)
        assert own.look_after() is False
        with pytest.raises(OwnCertificateError):
            own.renew()

    def test_is_put_aside_for_the_own_authority_that_the_computers_trust_still(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_at("127.0.0.1")
        trusted = own.authority_pem or b""
        own.use_own(*ready(Site(NOW)))
        own.use_local()
        assert (own.state().kind, own.authority_pem) == ("local", trusted)
        assert greet(own.file, trusted, NAMES[0]) == ""

    def test_may_have_a_star_for_the_first_label(self, tmp_path: Path) -> None:
        own = certificates(tmp_path, names=["miz.praxis.example"])
        own.use_own(*ready(Site(NOW), names=["*.praxis.example"]))
        assert own.answers_to("server.praxis.example")
        assert not own.answers_to("a.server.praxis.example")
        assert not own.answers_to("praxis.example")

    def test_alone_is_what_programs_on_the_server_trust(self, tmp_path: Path) -> None:
        own = certificates(tmp_path)
        own.use_own(*ready(Site(NOW)))
        assert [pem(one) for one in x509.load_pem_x509_certificates(own.anchor_pem)] == [own.anchor_pem]

    def test_check_without_a_clock_of_its_own(self) -> None:
        brought, key = ready(Site(NOW))
        checked_chain(brought, key, names=NAMES, now=NOW)
        with pytest.raises(CertificateNotUsableError):
            checked_chain(brought, key, names=NAMES, now=NOW + 400 * DAY)


def test_names_are_stored_readably(tmp_path: Path) -> None:
    own = certificates(tmp_path)
    own.use_at("192.0.2.10")
    own.choose_names(["praxis.internal"])
    assert json.loads((tmp_path / "tls/names.json").read_bytes()) == {"host": "192.0.2.10", "chosen": ["praxis.internal"]}


@pytest.mark.parametrize(
    "kind", [AuthorityLockedError, CertificateNotUsableError, OtherAuthorityNeededError, OwnCertificateError, WrongNameError]
)
def test_every_refusal_says_what_to_do(kind: type[MizError]) -> None:
    assert kind.hint
