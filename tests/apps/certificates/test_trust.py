"""The page without TLS: how to trust the server, in words and languages; and nothing else."""

import hashlib
from pathlib import Path

import pytest
from cryptography import x509

from miz.apps.certificates.trust import trust_app
from miz.infra.certificates.folder import Certificates
from miz.infra.clock import SystemClock
from miz.infra.http import Call, Reply
from miz.ui.assets import address
from miz.ui.face import Face
from tests.apps.certificates.conftest import heard_by
from tests.infra.test_certificates import NOW, ready
from tests.support.site_certificates import Site

NAMES = ["praxis.internal", "192.0.2.10"]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "tls", database_key=b"k" * 32, practice="Praxis Müller", site_names=NAMES, clock=SystemClock())
    made.use_at("0.0.0.0")
    return made


def ask(certificates: Certificates, method: str, path: str, **headers: str) -> Reply:
    app = trust_app(certificates, practice="Praxis Müller", port=8484, face=Face(version="test"))
    sent = {"host": "praxis.internal:8480", **{name.replace("_", "-"): value for name, value in headers.items()}}
    path, _, query = path.partition("?")
    return heard_by(app, Call(method, path, sent, query_string=query))


def test_the_page_has_the_fingerprint_of_the_file_that_it_offers(certificates: Certificates) -> None:
    page = ask(certificates, "GET", "/")
    offered = ask(certificates, "GET", "/miz-ca.crt")
    assert (page.status, offered.status, offered.media_type) == (200, 200, "application/x-x509-ca-cert")
    assert isinstance(offered.content, bytes)
    assert certificates.state().fingerprint in str(page.content)
    assert hashlib.sha256(offered.content).hexdigest() == certificates.state().fingerprint.replace(":", "").lower()
    other_form = ask(certificates, "GET", "/miz-ca.pem").content
    assert isinstance(other_form, bytes)
    assert x509.load_pem_x509_certificate(other_form) == x509.load_der_x509_certificate(offered.content)


def test_no_key_is_offered(certificates: Certificates) -> None:
    for path in ("/miz-ca.crt", "/miz-ca.pem", "/", "/server.pem", "/tls/authority.pem"):
        content = ask(certificates, "GET", path).content
        assert b"KEY" not in (content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    ("path", "language", "told"),
    [
        ("/", "de-DE,de;q=0.9", "Fingerabdruck vergleichen"), ("/", "en", "Compare the fingerprint"), ("/?lang=en", "de", "Compare the fingerprint"),
        ("/?lang=de", "en", "Fingerabdruck vergleichen"), ("/?lang=xx", "", "Fingerabdruck vergleichen"),
    ],
)  # fmt: skip
def test_the_page_speaks_german_and_english(certificates: Certificates, path: str, language: str, told: str) -> None:
    page = str(ask(certificates, "GET", path, accept_language=language).content)
    assert told in page
    for system in ("Windows", "macOS", "Firefox", "Linux", "iPad"):
        assert system in page


@pytest.mark.parametrize("host", [*NAMES, "127.0.0.1"])
def test_it_leads_to_the_server_under_the_name_that_was_asked_for(certificates: Certificates, host: str) -> None:
    assert f'href="https://{host}:8484/"' in str(ask(certificates, "GET", "/", host=f"{host}:8480").content)


def test_it_has_no_form_no_script_and_knows_no_cookie(certificates: Certificates) -> None:
    page = ask(certificates, "GET", "/", cookie="miz_session=a; miz_language=en; miz_theme=dark")
    assert not any(word in str(page.content) for word in ("<form", "<script", "<input", "Compare the", 'data-theme="dark"'))
    assert not any(name.lower() in {"set-cookie", "location"} for name, _ in page.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_only_reading_is_answered(certificates: Certificates, method: str) -> None:
    for path in ("/", "/sign-in", "/api/v1/session"):
        assert ask(certificates, method, path) == Reply(b"", 405, headers=[("allow", "GET, HEAD")])


@pytest.mark.parametrize(
    "path", ["/sign-in", "/viewer", "/api/v1/session", "/health/live", "/static/x/miz.js", address("miz.js"), address("application.js")]
)
def test_every_other_address_is_not_there(certificates: Certificates, path: str) -> None:
    answer = ask(certificates, "GET", path)
    assert answer.status == 404
    assert "Diesem Server vertrauen" in str(answer.content)


def test_its_looks_are_those_of_all_pages(certificates: Certificates) -> None:
    assert ask(certificates, "GET", address("miz.css")).media_type.startswith("text/css")
    assert address("miz.css") in str(ask(certificates, "GET", "/").content)


def test_a_foreign_name_is_refused(certificates: Certificates) -> None:
    assert ask(certificates, "GET", "/", host="evil.example").status == 421


def test_a_certificate_of_the_site_needs_no_trusting(certificates: Certificates) -> None:
    certificates.use_own(*ready(Site(NOW), names=NAMES))
    page = str(ask(certificates, "GET", "/").content)
    assert "Site issuer" in page
    assert "miz-ca.crt" not in page
    assert ask(certificates, "GET", "/miz-ca.crt").status == 404
