"""The certificate's page: the fingerprint to compare, what is amiss, the names."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from miz.kernel.clock import FakeClock
from tests.apps.console.conftest import ADMIN, seat_at
from tests.practice.web.visitor import Visitor
from tests.support.practice import ServerThread, served

PATH = "/console/certificate"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("certificate"), FakeClock()) as server:
        server.server.certificates.choose_names(["praxis.internal", "192.0.2.10"])
        server.server.certificates.use_at("0.0.0.0")
        yield server


@pytest.fixture(scope="module")
def somebody(practice: ServerThread) -> Visitor:
    return seat_at(practice.url, ADMIN)


def test_a_server_for_this_computer_needs_none(admin: Visitor) -> None:
    assert "braucht kein Zertifikat" in admin.get(PATH).text


def test_it_shows_what_other_computers_compare(practice: ServerThread, somebody: Visitor) -> None:
    assert somebody.post(PATH + "/names", {"names": "praxis.internal\n192.0.2.10"}).headers["location"] == PATH + "?done=names"
    page = somebody.get(PATH + "?done=names").text
    state = practice.server.certificates.state()
    assert state.fingerprint in page
    assert "Die Namen wurden geändert." in page
    assert "http://praxis.internal:8480/" in page
    assert "praxis.internal\n192.0.2.10</textarea>" in page
    assert state.issuer in page


def test_it_renews_and_keeps_the_authority(practice: ServerThread, somebody: Visitor) -> None:
    own = practice.server.certificates
    before, shown = own.state().fingerprint, own.file.read_bytes()
    assert somebody.post(PATH + "/renewal").headers["location"] == PATH + "?done=renewed"
    assert own.file.read_bytes() != shown
    assert own.state().fingerprint == before
    somebody.post(PATH + "/renewal", {"new_authority": "1"})
    assert own.state().fingerprint != before


@pytest.mark.parametrize(
    ("names", "status", "told"),
    [("a b *", 422, "weder Name noch Adresse"), ("fremd.internal", 409, "darf nicht bürgen für: fremd.internal")],
)
def test_a_refused_form_keeps_what_was_typed(practice: ServerThread, somebody: Visitor, names: str, status: int, told: str) -> None:
    answer = somebody.post(PATH + "/names", {"names": names})
    assert answer.status == status
    assert told in answer.text
    assert f">{names}</textarea>" in answer.text


def test_it_says_in_time_that_the_authority_ends(practice: ServerThread, somebody: Visitor) -> None:
    end = practice.server.certificates.state().authority_until
    assert end is not None
    assert "läuft am" not in somebody.get(PATH).text
    before = practice.clock.instant
    practice.clock.instant = end - timedelta(days=364)
    assert "Die Zertifizierungsstelle der Praxis läuft am" in somebody.get(PATH).text
    practice.clock.instant = before


def test_it_names_what_the_certificate_lacks(practice: ServerThread, somebody: Visitor) -> None:
    practice.server.certificates.use_at("192.0.2.200")
    assert "trägt diese Namen des Servers nicht: 192.0.2.200" in somebody.get(PATH).text
    practice.server.certificates.use_at("0.0.0.0")


def test_a_technician_reads_and_changes_nothing(practice: ServerThread) -> None:
    page = seat_at(practice.url, "Hr. Technik").get(PATH).text
    assert practice.server.certificates.state().fingerprint in page
    assert '<form class="panel' not in page
    assert "/renewal" not in page
