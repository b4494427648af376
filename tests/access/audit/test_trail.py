"""What ends up in the audit trail when people work, over real HTTP."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, select, update

from miz.access.audit.errors import AuditTrailFullError
from miz.access.audit.model import AuditLine, AuditLines, AuditSearch, ChainPart, Report
from miz.access.audit.service import WAITING_LIMIT, AuditTrail
from miz.access.audit.tables import audit_checkpoint, audit_entry
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.data_folder import DataFolder
from miz.kernel.actor import Actor
from miz.kernel.clock import FakeClock
from miz.practice.tables import change
from tests.practice.people import verdict
from tests.support.browsing import Browser
from tests.support.practice import PASSWORD, PEOPLE, ServerThread, client_of, new_practice, opened, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("trail")) as running:
        yield running


@pytest.fixture(scope="module")
def _token(server: ServerThread) -> str:
    return client_of(server.url).token


@pytest.fixture
def dentist(server: ServerThread, _token: str) -> ApiClient:
    """The dentist, in one session for all tests and with a new application for each."""
    client = ApiClient(HttpSender(server.url), token=_token)
    client.register()
    return client


@pytest.fixture
def patient_id(dentist: ApiClient) -> str:
    return dentist.create_patient(family_name="Kanarienvogel", given_name="Goldhild", birth_date="1931-05-06").id


def entries(client: ApiClient, **wanted: Any) -> list[AuditLine]:
    return client.call("POST", "/audit/search", AuditSearch(**wanted), answer=AuditLines).items


def actions(client: ApiClient, **wanted: Any) -> list[str]:
    """Newest first."""
    return [line.action for line in entries(client, **wanted)]


def verified(client: ApiClient) -> Report:
    return client.call("POST", "/audit/verify", answer=Report)


def rows(server: ServerThread) -> list[Any]:
    """The table as it is, without asking the server to catch up."""
    return list(server.server.database.reader().execute(select(audit_entry).order_by(audit_entry.c.id)))


class TestReads:
    def test_a_read_is_on_the_disk_within_a_second(self, server: ServerThread, dentist: ApiClient, patient_id: str) -> None:
        reader = client_of(server.url, "Fr. Empfang", "Empfang")
        reader.read_patient(patient_id)
        began = time.monotonic()
        while (last := [row for row in rows(server) if row.patient_id == patient_id][-1]).action != "read":
            assert time.monotonic() - began < 1
            time.sleep(0.01)
        assert (last.roles, last.place) == ("front_desk", "Empfang")

    def test_the_same_read_counts_once_in_ten_minutes_whatever_the_request_says(
        self, server: ServerThread, dentist: ApiClient, patient_id: str
    ) -> None:
        dentist.read_patient(patient_id)
        dentist.call("GET", f"/patients/{patient_id}", Miz_Background="1")
        dentist.call("GET", f"/patients/{patient_id}", HX_Request="true", Cache_Control="no-cache")
        dentist.history(patient_id)
        assert actions(dentist, patient_id=patient_id).count("read") == 1
        client_of(server.url, "Fr. Assistenz", "Zimmer 2").read_patient(patient_id)
        assert actions(dentist, patient_id=patient_id).count("read") == 2, "another session is another reader"
        server.clock.steady += 601
        dentist.read_patient(patient_id)
        assert actions(dentist, patient_id=patient_id).count("read") == 3

    @pytest.mark.parametrize("address", ["/patients/{id}", "/patients/{id}/history", "/patients/{id}/anamnesis", "/patients/{id}/identity"])
    def test_a_page_is_a_read(self, server: ServerThread, dentist: ApiClient, patient_id: str, address: str) -> None:
        assert Browser(server.url, dentist.token).page(address.format(id=patient_id))[0] == 200
        assert actions(dentist, patient_id=patient_id).count("read") == 1

    def test_a_background_request_alone_is_a_read(self, dentist: ApiClient, patient_id: str) -> None:
        dentist.call("GET", f"/patients/{patient_id}", Miz_Background="1")
        assert "read" in actions(dentist, patient_id=patient_id)

    def test_a_search_counts_once_and_its_text_is_not_kept(self, server: ServerThread, dentist: ApiClient) -> None:
        reader = client_of(server.url, "Fr. Empfang", "Empfang")
        before = actions(dentist, user="Fr. Empfang").count("searched")
        for text in ("kanarien", "kanarien", "goldhild"):
            reader.search(text)
        assert actions(dentist, user="fr. empfang").count("searched") - before == 2
        assert "goldhild" not in str(rows(server)).casefold()

    def test_nothing_is_shown_that_could_not_be_noted(self, tmp_path: Path) -> None:
        trail = AuditTrail(clock=FakeClock(), seed=bytes(32), anchor_file=tmp_path / "anchor.json")
        actor = Actor(user_id="u", user="u", roles=frozenset(), session_id="s")
        for number in range(WAITING_LIMIT):
            trail.note(actor, "read", str(number))
        with pytest.raises(AuditTrailFullError):
            trail.note(actor, "read", "one more")


class TestWrites:
    def test_a_day_with_a_patient(self, dentist: ApiClient, patient_id: str) -> None:
        token = dentist.open_patient(patient_id).fencing_token
        entry = dentist.add("medication", patient_id, token, text="Marcumar")
        dentist.change("medication", patient_id, entry.id, token, dose_text="nach Plan")
        dentist.mark_entered_in_error("medication", patient_id, entry.id, token)
        dentist.restore("medication", patient_id, entry.id, token)
        dentist.change_patient(patient_id, token, number="77")
        told = entries(dentist, patient_id=patient_id)
        assert [line.action for line in told] == ["changed", "restored", "entered_in_error", "changed", "created", "opened", "created"]
        assert told[3].detail == f"medication {entry.id}"
        assert {(line.user, line.place, tuple(line.roles)) for line in told} == {("Dr. Prüfer", "Zimmer 1", ("dentist", "owner"))}

    def test_what_was_refused_leaves_no_entry(self, dentist: ApiClient, patient_id: str) -> None:
        token = dentist.open_patient(patient_id).fencing_token
        dentist.release_patient(patient_id)
        assert verdict(dentist.add, "notes", patient_id, token, text="zu spät") == (412, "stale-fencing-token")
        assert actions(dentist, patient_id=patient_id) == ["opened", "created"]

    def test_a_request_sent_twice_leaves_one_entry(self, dentist: ApiClient, patient_id: str) -> None:
        token = dentist.open_patient(patient_id).fencing_token
        for _ in range(2):
            dentist.add("notes", patient_id, token, idempotency_key="twice", text="einmal")
        assert actions(dentist, patient_id=patient_id) == ["created", "opened", "created"]

    def test_entries_hold_nothing_of_a_patient(self, server: ServerThread, dentist: ApiClient, patient_id: str) -> None:
        token = dentist.open_patient(patient_id).fencing_token
        dentist.add("notes", patient_id, token, text="Geheimnis um den Hund")
        dentist.change_patient(patient_id, token, insurance_number="Q123456789")
        dentist.search("Kanarienvogel")
        dentist.search("06.05.1931")
        dentist.evaluate(patient_id)
        assert entries(dentist, patient_id=patient_id)
        told = str(rows(server)).casefold()
        assert [word for word in ("kanarien", "goldhild", "06.05.1931", "1931-05-06", "geheimnis", "q123456789") if word in told] == []


class TestAccess:
    def test_coming_and_going(self, server: ServerThread, dentist: ApiClient) -> None:
        somebody = client_of(server.url, "Hr. Technik", None)
        somebody.sign_out()
        assert actions(dentist, user="Hr. Technik", limit=2) == ["signed_out", "signed_in"]

    def test_a_refused_sign_in_names_the_account_and_never_what_was_typed(self, server: ServerThread, dentist: ApiClient) -> None:
        stranger = ApiClient(HttpSender(server.url))
        for name in ("Hr. Technik", "mein Kennwort als Name"):
            with pytest.raises(RefusedError):
                stranger.sign_in(name, "falsches Kennwort 123")
        unknown, known = entries(dentist, action="sign_in_refused", limit=2)
        assert (known.user, known.detail) == ("Hr. Technik", "127.0.0.1")
        assert (unknown.user, unknown.detail) == ("", "127.0.0.1")
        assert "kennwort" not in str(rows(server)).casefold()

    def test_users(self, dentist: ApiClient) -> None:
        dentist.call("POST", "/users", {"name": "Neu", "roles": ["assistant"], "password": PASSWORD})
        dentist.call("POST", "/users/Neu/disable")
        dentist.call("POST", "/users/Neu/enable")
        told = [action for action in actions(dentist, user="Dr. Prüfer") if action.startswith("user_")]
        assert told[:3] == ["user_enabled", "user_disabled", "user_added"]

    @pytest.mark.parametrize("user", PEOPLE)
    def test_who_may_read_it(self, server: ServerThread, user: str) -> None:
        person = ApiClient(HttpSender(server.url))
        person.sign_in(user, PASSWORD)
        may = bool({"owner", "admin", "auditor"} & set(PEOPLE[user]))
        for method, path in (("POST", "/audit/search"), ("POST", "/audit/verify"), ("GET", "/audit/chain")):
            if may:
                assert person.call(method, path)
            else:
                assert verdict(person.call, method, path) == (403, "not-permitted")
        if "owner" not in PEOPLE[user]:
            assert verdict(person.call, "PUT", "/audit/anchor") == (403, "not-permitted")


class TestSearching:
    def test_pages_follow_each_other(self, dentist: ApiClient) -> None:
        whole = entries(dentist, limit=30)
        found: list[AuditLine] = []
        page = AuditLines([], whole[0].id + 1)
        while len(found) < 30:
            page = dentist.call("POST", "/audit/search", AuditSearch(limit=7, before=page.next), answer=AuditLines)
            found += page.items
        assert [line.id for line in found[:30]] == [line.id for line in whole]
        assert dentist.call("POST", "/audit/search", AuditSearch(before=3), answer=AuditLines).next is None

    def test_a_time_narrows(self, dentist: ApiClient) -> None:
        earlier, later = sorted({line.at for line in entries(dentist, limit=1_000)})  # when it was set up, and when the test's clock stands
        assert {line.at for line in entries(dentist, since=later)} == {later}
        assert {line.at for line in entries(dentist, until=later)} == {earlier}


class TestVerification:
    def test_a_used_practice_is_sound(self, dentist: ApiClient) -> None:
        report = verified(dentist)
        assert (report.ok, report.findings) == (True, [])

    def test_others_can_compute_the_export(self, dentist: ApiClient) -> None:
        """By the standard library and the documentation alone."""
        part = dentist.call("GET", "/audit/chain?after=0", answer=ChainPart)
        previous = "00" * 32
        for entry in part.entries:
            fields = [getattr(entry, name) for name in entry.__struct_fields__[:10]]
            text = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
            assert entry.previous_hash == previous
            assert entry.hash == hashlib.sha256(bytes.fromhex(previous) + text).hexdigest()
            previous = entry.hash
        assert part.checkpoints
        for checkpoint in part.checkpoints:
            signed = json.dumps([getattr(checkpoint, name) for name in checkpoint.__struct_fields__[:4]], separators=(",", ":"))
            public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(part.public_key))
            public_key.verify(bytes.fromhex(checkpoint.signature), signed.encode())

    def test_an_altered_history_and_a_lost_entry_are_found(self, tmp_path: Path) -> None:
        folder = worked_in(tmp_path)
        with_writer(folder, update(change).where(change.c.id == 5).values(after={"text": "etwas anderes"}))
        assert findings_after(folder) == [(6, "history_altered")]
        with_writer(folder, delete(audit_entry).where(audit_entry.c.id == 9))
        assert (10, "missing_before") in findings_after(folder)

    @pytest.mark.sqlite_only("puts an old SQLite file back")
    def test_an_old_database_put_back_is_found_and_stays_found(self, tmp_path: Path) -> None:
        folder = worked_in(tmp_path)
        old = folder.database.read_bytes()
        with served_again(folder) as server:
            work(server)
        anchor = folder.audit_anchor.read_bytes()
        folder.database.write_bytes(old)
        for _ in range(2):
            assert {fault for _, fault in findings_after(folder)} & {"anchor_differs"}
            with served_again(folder) as server:
                work(server)
        assert folder.audit_anchor.read_bytes() == anchor, "what contradicts the database is evidence"

    def test_the_owner_may_say_that_it_is_good_from_here_on(self, tmp_path: Path) -> None:
        folder = worked_in(tmp_path)
        folder.audit_anchor.unlink()
        assert findings_after(folder) == [(None, "anchor_missing")]
        with served_again(folder) as server:
            owner = client_of(server.url)
            owner.call("PUT", "/audit/anchor")
            assert verified(owner).ok
            assert "audit_anchor_renewed" in actions(owner)
        assert findings_after(folder) == []

    def test_what_a_killed_server_left_unsealed_is_sealed_at_the_next_start(self, tmp_path: Path) -> None:
        folder = worked_in(tmp_path)
        open_ended = update(audit_entry).where(audit_entry.c.id > 100).values(hash=None, previous_hash=None)
        with_writer(folder, open_ended)
        folder.audit_anchor.write_bytes(worked_in(tmp_path / "before", is_idle=True).audit_anchor.read_bytes())
        with_writer(folder, delete(audit_checkpoint).where(audit_checkpoint.c.entry_id > 100))
        assert findings_after(folder) == []


def worked_in(path: Path, *, is_idle: bool = False) -> DataFolder:
    """The folder of a practice in which somebody has worked."""
    with served(path) as server:
        if not is_idle:
            work(server)
    return server.folder


def work(server: ServerThread) -> None:
    dentist = client_of(server.url)
    for number in range(3):
        dentist.open_patient(dentist.create_patient(family_name=f"Test{number}", given_name="Ina", birth_date="1950-01-02").id)


class served_again:  # noqa: N801 - reads as the function `served` does
    """The practice of a folder, served once more."""

    def __init__(self, folder: DataFolder) -> None:
        self._server = ServerThread(folder, FakeClock())

    def __enter__(self) -> ServerThread:
        self._server.start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.stop()


def findings_after(folder: DataFolder) -> list[tuple[int | None, str]]:
    """What a verification finds in the folder, as the server does it."""
    with served_again(folder) as server:
        return [(finding.entry_id, finding.fault) for finding in verified(client_of(server.url)).findings]


def with_writer(folder: DataFolder, statement: Any) -> None:
    """Change the database of a practice that is not running."""
    database = opened(folder)
    database.writer_connection.execute(statement)
    database.writer_connection.commit()
    database.close()


def test_a_new_practice_begins_with_an_anchor(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    assert json.loads(folder.audit_anchor.read_bytes())["id"] == 1
    assert folder.audit_anchor.stat().st_mode & 0o077 == 0
