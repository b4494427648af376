"""A patient is erased: everywhere, for good, by the right people, and the audit trail stays whole."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, update

from miz.access import users
from miz.access.audit import queries as audit
from miz.access.audit.model import Report
from miz.access.audit.tables import audit_entry
from miz.access.passwords import PasswordDesk
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.db import sqlite3mc
from miz.infra.db.pages import read_pages
from miz.infra.db.schema import metadata
from miz.infra.db.sqlite_file import SqliteFile
from miz.kernel.clock import FakeClock
from miz.practice.erasure import store
from miz.practice.erasure.model import Erasures
from miz.practice.patients.rows import evidence_of
from miz.practice.tables import change, patient
from tests.access.test_second_factor import pass_minutes, set_up
from tests.practice.people import verdict
from tests.practice.test_writing_paths import ENTRIES
from tests.support.practice import PASSWORD, ServerThread, client_of, served

MARKER = "Quittenbaum"
SECOND = "Dr. Zweitmeinung"
NAME = f"{MARKER}, Ina"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with served(tmp_path, FakeClock()) as running:
        yield running


@pytest.fixture
def owner(server: ServerThread) -> ApiClient:
    return client_of(server.url)


@pytest.fixture
def second(server: ServerThread) -> ApiClient:
    """A dentist who is no owner."""
    password_hash = PasswordDesk().hash_now(PASSWORD)
    server.write(lambda tx: users.add_user(tx, name=SECOND, roles=["dentist"], password_hash=password_hash))
    return client_of(server.url, SECOND, "Zimmer 2")


def full_patient(owner: ApiClient) -> str:
    """A patient with something in every table that a person at a desk can fill, another record merged in; nobody has it open."""
    patient_id = owner.create_patient(family_name=MARKER, given_name="Ina", birth_date="1950-01-02", number="Q-4711").id
    twin_id = owner.create_patient(family_name=MARKER, given_name="Ina", birth_date="1950-01-02").id
    token = owner.open_patient(patient_id).fencing_token
    for kind, fields in ENTRIES.items():
        marked = {name: f"{MARKER} {value}" if name == "text" else value for name, value in fields.items()}
        entry = owner.add(kind, patient_id, token, idempotency_key=f"one {kind}", **marked)
        owner.mark_entered_in_error(kind, patient_id, entry.id, token)
        owner.add(kind, patient_id, token, **marked)
    owner.confirm(patient_id, token, "bones")
    owner.decide(patient_id, token, findings_key="k", drug=f"{MARKER} 5", rules=[], reason=MARKER, edition="e")
    owner.merge(patient_id, token, twin_id, idempotency_key="merge")
    owner.keep_draft(patient_id, "add-note", text=MARKER)
    owner.release_patient(patient_id)
    return patient_id


def confirm(client: ApiClient, patient_id: str, name: str = NAME) -> None:
    client.call("POST", f"/patients/{patient_id}/erasure/confirmation", {"name": name})


def request(client: ApiClient, patient_id: str, reason: str = "patient_request") -> None:
    client.call("PUT", f"/patients/{patient_id}/erasure", {"reason": reason})


def everything(reader: Connection) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, as bytes, with the name of its column."""
    for table in metadata.sorted_tables:
        for row in reader.execute(select(table)):
            for column, value in zip(table.columns, row, strict=True):
                text = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, default=str).encode()
                yield f"{table.name}.{column.name}", text


def columns_with(server: ServerThread, *words: str) -> set[str]:
    """Which columns hold one of these words, anywhere in them."""
    reader = server.server.database.reader()
    return {name for name, value in everything(reader) if any(word.encode() in value for word in words)}


def verified(server: ServerThread) -> list[str]:
    trail = server.server.trail
    report = audit.verify(server.server.database.reader(), public_key=trail.public_key, anchor=trail.read_anchor(), evidence_of=evidence_of)
    return [finding.fault for finding in report.findings]


def tables_of(server: ServerThread, patient_id: str) -> set[str]:
    reader = server.server.database.reader()
    return {
        table.name for table, columns in store.belongings()
        if any(reader.execute(select(func.count()).where(column == patient_id)).scalar() for column in columns)
    }  # fmt: skip


def test_nothing_of_the_patient_is_left_in_any_table(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    other_id = owner.create_patient(family_name="Bleibt", given_name="Olaf", birth_date="1960").id
    request(owner, patient_id)
    # Whatever is added to the program later: this patient has to have something there, too.
    assert tables_of(server, patient_id) == {table.name for table, _ in store.belongings()} - {"lease"}
    assert "idempotent_answer.answer" in columns_with(server, MARKER)
    before = other_rows(server, patient_id)

    confirm(owner, patient_id)
    assert columns_with(server, MARKER, MARKER.casefold(), "Q-4711") == set()
    assert columns_with(server, patient_id) == {"audit_entry.patient_id", "audit_entry.detail", "erased_patient.id"}
    assert other_rows(server, patient_id) == before
    assert owner.read_patient(other_id).family_name == "Bleibt"
    assert verdict(owner.read_patient, patient_id) == (404, "patient-not-found")
    assert verdict(owner.keep_draft, patient_id, "add-note", text="halb getippt") == (412, "stale-fencing-token")
    assert owner.search(MARKER) == []
    assert patient_id not in server.server.memory._records


def other_rows(server: ServerThread, patient_id: str) -> dict[str, int]:
    """How many rows of other patients each table has."""
    reader = server.server.database.reader()
    ours = set(store.records_of_person(reader, patient_id))
    return {
        table.name: sum(1 for row in reader.execute(select(*columns)) if ours.isdisjoint(row))
        for table, columns in [(patient, [patient.c.id]), *store.belongings()]
    }


def test_every_table_that_names_a_patient_belongs_to_one() -> None:
    """A column that tells of a patient refers to the patient's row; what does not is here with its reason."""
    apart = {
        "audit_entry",  # stays: the chain tells who did what with an id that leads nowhere any more
    }
    named = {table.name for table in metadata.tables.values() if any("patient" in column.name for column in table.columns)}
    found = {table.name for table, _ in store.belongings()}
    assert named - found == apart
    assert {"medication", "change", "patient_word", "patient_merge", "draft", "erasure_request"} <= found


def test_a_record_merged_in_goes_too_and_cannot_be_erased_alone(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    (merge,) = owner.merges(patient_id)
    assert verdict(request, owner, merge.from_id) == (409, "patient-merged")
    request(owner, patient_id)
    confirm(owner, patient_id)
    assert verdict(owner.read_patient, merge.from_id) == (404, "patient-not-found")
    assert json.loads(server.folder.erased_list.read_bytes()) == sorted([patient_id, merge.from_id])


def test_the_audit_trail_stays_whole_tells_who_did_it_and_finds_tampering_still(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    request(owner, patient_id, "entered_by_mistake")
    confirm(owner, patient_id)
    assert verified(server) == []  # at once, before the next round of the trail
    assert owner.call("POST", "/audit/verify", answer=Report).ok
    reader = server.server.database.reader()
    of_patient = select(audit_entry).where(audit_entry.c.patient_id == patient_id).order_by(audit_entry.c.id)
    entries = reader.execute(of_patient).all()
    assert [entry.action for entry in entries if "eras" in entry.action] == ["erasure_requested", "erased"]
    assert (entries[-1].detail, entries[-1].user_id) == ("entered_by_mistake", entries[0].user_id)
    assert any(entry.commitment for entry in entries)
    assert not any(entry.salt for entry in entries)

    # The numbers of the lines that went are given again; the new lines are judged by their own entries.
    other_id = owner.create_patient(family_name="Danach", given_name="Olaf", birth_date="1960").id
    assert owner.call("POST", "/audit/verify", answer=Report).ok
    (line,) = owner.history(other_id)
    server.write(lambda tx: tx.connection.execute(update(change).where(change.c.id == int(line.id)).values(workplace="anderswo")))
    assert verified(server) == ["history_altered"]
    server.write(lambda tx: tx.connection.execute(delete(change).where(change.c.id == int(line.id))))
    assert verified(server) == ["history_missing"]
    altered = update(audit_entry).where(audit_entry.c.id == entries[-1].id).values(detail="other")
    server.write(lambda tx: tx.connection.execute(altered))
    assert "altered" in verified(server)


def test_a_patient_who_is_not_erased_may_not_lose_a_salt_or_the_history(server: ServerThread, owner: ApiClient) -> None:
    patient_id = owner.create_patient(family_name="Bleibt", given_name="Olaf", birth_date="1960").id
    owner.call("POST", "/audit/verify")
    of_patient = audit_entry.c.patient_id == patient_id
    server.write(lambda tx: tx.connection.execute(update(audit_entry).where(of_patient).values(salt=None)))
    assert verified(server) == ["history_altered"]


@pytest.mark.sqlite_only("the pages of a database server are its own (docs/how-to/erasure.md)")
def test_no_page_of_the_file_and_no_log_keeps_a_trace(server: ServerThread, owner: ApiClient, tmp_path: Path) -> None:
    patient_id = full_patient(owner)
    salts = [
        row.salt
        for row in server.server.database.reader().execute(select(audit_entry.c.salt).where(audit_entry.c.patient_id == patient_id))
    ]
    source = server.server.database.source
    assert isinstance(source, SqliteFile)
    traces = [MARKER.encode(), b"quittenbaum", b"Q-4711", *filter(None, salts)]
    run(server, server.server.erasures.empty_log())
    assert any(trace in plain_pages(source, tmp_path / "before.db") for trace in traces[:1])

    request(owner, patient_id)
    confirm(owner, patient_id)
    assert not has_rest(server)
    assert source.path.with_name(source.path.name + "-wal").stat().st_size == 0
    pages = plain_pages(source, tmp_path / "after.db")
    assert [trace for trace in traces if trace in pages] == []


@pytest.mark.sqlite_only("a log of writes beside the file")
def test_a_reader_of_an_old_state_holds_nobody_up_and_the_log_is_cut_afterwards(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    source = server.server.database.source
    assert isinstance(source, SqliteFile)
    backup = sqlite3mc.connect(str(source.path), key=source.key, is_read_only=True)
    backup.rows("BEGIN")
    backup.rows("SELECT count(*) FROM patient")
    request(owner, patient_id)
    confirm(owner, patient_id)
    assert has_rest(server)
    owner.create_patient(family_name="Weiter", given_name="Olaf", birth_date="1960")
    backup.close()
    run(server, server.server.erasures.empty_log())
    assert not has_rest(server)
    assert source.path.with_name(source.path.name + "-wal").stat().st_size == 0


def test_where_two_may_one_asks_and_another_confirms(server: ServerThread, owner: ApiClient, second: ApiClient) -> None:
    patient_id = full_patient(owner)
    assert verdict(request, second, patient_id) == (403, "not-permitted")
    assert verdict(confirm, second, patient_id) == (409, "erasure-not-requested")
    request(owner, patient_id)
    assert verdict(confirm, owner, patient_id) == (403, "second-person-needed")
    local = ApiClient(HttpSender(server.url), token=server.server.local_token)
    assert verdict(confirm, local, patient_id) == (403, "second-person-needed")
    assert verdict(confirm, second, patient_id, "Falsch, Ina") == (422, "name-differs")
    assert [asked.may_confirm for asked in found(owner).requests] == [False]
    assert [(asked.may_confirm, asked.requested_by) for asked in found(second).requests] == [(True, "Dr. Prüfer")]
    second.call("DELETE", f"/patients/{patient_id}/erasure")
    assert verdict(confirm, second, patient_id) == (409, "erasure-not-requested")
    request(owner, patient_id)
    confirm(second, patient_id, f"ina {MARKER.upper()}")
    assert verdict(owner.read_patient, patient_id) == (404, "patient-not-found")


def test_a_second_person_who_cannot_sign_in_does_not_count(server: ServerThread, owner: ApiClient, second: ApiClient) -> None:
    assert found(owner).needs_second_person
    server.write(lambda tx: users.set_user_disabled(tx, SECOND, is_disabled=True))
    assert not found(owner).needs_second_person
    server.write(lambda tx: users.add_user(tx, name="Dr. Ohne Kennwort", roles=["owner"]))
    assert not found(owner).needs_second_person
    patient_id = full_patient(owner)
    request(owner, patient_id)
    confirm(owner, patient_id)


def test_who_has_a_second_factor_gives_a_recent_code(server: ServerThread) -> None:
    owner, phone, _ = set_up(server)
    owner.register()
    patient_id = full_patient(owner)
    pass_minutes(server, 11)
    assert verdict(request, owner, patient_id) == (403, "second-factor-recent-needed")
    owner.call("POST", "/session/second-factor", {"code": phone.code()})
    request(owner, patient_id)
    pass_minutes(server, 11)
    assert verdict(confirm, owner, patient_id) == (403, "second-factor-recent-needed")
    owner.call("POST", "/session/second-factor", {"code": phone.code()})
    confirm(owner, patient_id)


def test_an_open_patient_is_refused_with_who_has_it(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    request(owner, patient_id)
    assistant = client_of(server.url, "Fr. Assistenz", "Zimmer 2")
    token = assistant.open_patient(patient_id).fencing_token
    with pytest.raises(RefusedError) as refusal:
        confirm(owner, patient_id)
    assert (refusal.value.status, refusal.value.code) == (409, "patient-open-elsewhere")
    assert "Fr. Assistenz" in str(refusal.value)
    assert assistant.add("notes", patient_id, token, text="bleibt").text == "bleibt"
    # A window that died does not protect the patient for ever.
    server.clock.steady += 1_000
    confirm(owner, patient_id)
    assert verdict(assistant.add, "notes", patient_id, token, text="zu spät") == (404, "patient-not-found")


def test_the_guided_list_is_whose_last_entry_is_old_enough(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    assert verdict(request, owner, patient_id, "retention_over") == (409, "retention-not-over")
    server.clock.instant += timedelta(days=365 * 9)
    recent_id = owner.create_patient(family_name="Neulich", given_name="Olaf", birth_date="1960").id
    due_before = {due.patient.id for due in found(owner).due}
    server.clock.instant += timedelta(days=365 + 30)
    owner.sign_in("Dr. Prüfer", PASSWORD, "Zimmer 1")
    listed = found(owner)
    due = {one.patient.id for one in listed.due}
    assert patient_id in due - due_before
    assert recent_id not in due
    assert listed.due_count == len(listed.due)
    request(owner, patient_id, "retention_over")
    assert patient_id not in {one.patient.id for one in found(owner).due}
    # Somebody has written since: the time begins anew.
    owner.register()
    token = owner.open_patient(patient_id).fencing_token
    owner.add("notes", patient_id, token, text="war wieder da")
    owner.release_patient(patient_id)
    assert verdict(confirm, owner, patient_id) == (409, "retention-not-over")


def test_what_a_kill_has_kept_from_the_list_is_in_it_after_the_next_start(server: ServerThread, owner: ApiClient) -> None:
    patient_id = full_patient(owner)
    request(owner, patient_id)
    confirm(owner, patient_id)
    listed = server.folder.erased_list
    whole = listed.read_bytes()
    for left in (None, b"[]\n", b"{"):
        listed.unlink() if left is None else listed.write_bytes(left)
        run(server, server.server.erasures.load())
        assert listed.read_bytes() == whole


def found(client: ApiClient) -> Erasures:
    return client.call("GET", "/erasures", answer=Erasures)


def run(server: ServerThread, work: Coroutine[Any, Any, None]) -> None:
    asyncio.run_coroutine_threadsafe(work, server.loop).result(10)


def has_rest(server: ServerThread) -> bool:
    return server.server.erasures.has_rest


def plain_pages(source: SqliteFile, copy: Path) -> bytes:
    """Every page of the file as it lies on the disk, free ones too, decrypted."""
    shutil.copyfile(source.path, copy)
    with contextlib.closing(sqlite3mc.connect(str(copy), key=source.key, is_read_only=True)) as view:
        return b"".join(read_pages(view))
