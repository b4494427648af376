"""Whatever is done to the tables of a real practice shows in the verification."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, select, update

from miz.access.audit import model, queries
from miz.access.audit.model import AuditEntry, Report
from miz.access.audit.service import AuditTrail, signing_seed
from miz.access.audit.tables import audit_checkpoint, audit_entry
from miz.infra.db.driver import driver_of
from miz.infra.db.writer import Transaction, Writer
from miz.kernel.actor import Actor
from miz.kernel.clock import FakeClock
from miz.practice.patients.rows import evidence_of
from miz.practice.tables import change
from tests.support.practice import is_on_server, new_practice, opened, settings_for

MUTATIONS = 1_000
ACTOR = Actor(user_id="u-1", user="Dr. Prüfer", roles=frozenset({"dentist"}), session_id="s-1", room="Zimmer 1")


class Trail:
    """A practice's trail with its sample patients, some reads and several checkpoints; the last one covers everything."""

    def __init__(self, path: Path) -> None:
        folder = new_practice(path)
        key = folder.read_key(settings_for(folder))
        self.database = opened(folder)
        self.trail = AuditTrail(clock=FakeClock(), seed=signing_seed(key), anchor_file=folder.audit_anchor)
        self.anchor_file = folder.audit_anchor
        asyncio.run(self._fill())
        # Rules of the tables stop no intruder.
        driver_of(self.database.writer_connection).rows(
            "SET session_replication_role = replica" if is_on_server() else "PRAGMA foreign_keys=OFF"
        )

    async def _fill(self) -> None:
        writer = Writer(self.database, clock=FakeClock())
        writer.start()
        for part in range(3):
            for number in range(5):
                self.trail.note(ACTOR, "read", f"p-{part}-{number}")
            await self.trail.catch_up(writer, is_closing=True)
        await asyncio.to_thread(writer.stop)

    @contextlib.contextmanager
    def undone(self) -> Iterator[Connection]:
        """The writing connection in a transaction that is taken back."""
        connection = self.database.writer_connection
        driver = driver_of(connection)
        driver.begin()
        try:
            yield connection
        finally:
            driver.rollback()
            connection.rollback()

    def verify(self, connection: Connection) -> Report:
        anchor = self.trail.read_anchor()
        return queries.verify(connection, public_key=self.trail.public_key, anchor=anchor, evidence_of=evidence_of)


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    made = Trail(tmp_path_factory.mktemp("tampering"))
    yield made
    made.database.close()


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20_261_122)


def test_nobody_has_tampered(practice: Trail) -> None:
    with practice.undone() as connection:
        report = practice.verify(connection)
    assert (report.ok, report.findings, report.checkpoints) == (True, [], 4)
    assert report.entries > 100


@pytest.mark.sqlite_only("writes past the types, which SQLite alone lets one do")
def test_a_thousand_mutations_are_all_found(practice: Trail, chance: random.Random) -> None:
    unnoticed = []
    for number in range(MUTATIONS):
        mutate = chance.choice(list(KINDS))
        with practice.undone() as connection:
            done = mutate(connection, chance)
            if practice.verify(connection).ok:
                unnoticed.append((number, mutate.__name__, done))
    assert unnoticed == []


def test_without_the_chain_they_are_not_found(practice: Trail, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "chain_faults", lambda *_: ())
    with practice.undone() as connection:
        connection.execute(update(audit_entry).where(audit_entry.c.id == 50).values(user_id="somebody else"))
        assert practice.verify(connection).ok
        connection.execute(delete(audit_entry).where(audit_entry.c.id == 51))
        assert practice.verify(connection).ok


def test_without_signatures_a_trail_computed_anew_is_not_found(practice: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice.undone() as connection:
        compute_anew(connection, random.Random(1))
        assert not practice.verify(connection).ok
        monkeypatch.setattr(queries, "_checkpoint_fault", lambda *_: None)
        assert practice.verify(connection).ok


def test_the_verification_ends_at_the_first_thousand_findings(practice: Trail) -> None:
    with practice.undone() as connection:
        rows = range(10_000, 12_000)
        values = {"at": FakeClock().now(), "user_id": "", "roles": "", "place": "", "action": "", "detail": "", "hash": bytes(32)}
        connection.execute(insert(audit_entry), [{"id": number, **values} for number in rows])
        assert len(practice.verify(connection).findings) == queries.FINDINGS_LIMIT


def test_history_may_go_when_its_erasure_is_recorded(practice: Trail) -> None:
    with practice.undone() as connection:
        patient_id = connection.execute(select(change.c.patient_id).limit(1)).scalar_one()
        connection.execute(delete(change).where(change.c.patient_id == patient_id))
        of_patient = audit_entry.c.patient_id == patient_id
        connection.execute(update(audit_entry).where(of_patient).values(salt=None))
        assert {finding.fault for finding in practice.verify(connection).findings} == {"history_missing"}
        tx = Transaction(connection, FakeClock().now())
        practice.trail.record(tx, ACTOR, model.ERASED, patient_id=patient_id)
        assert not practice.verify(connection).ok, "only what is sealed excuses"
        practice.trail._work(tx, portion=[], is_due=True, is_renewing=False)
        assert practice.verify(connection).ok


def test_the_anchor_is_missed_when_it_is_gone_or_spoilt(practice: Trail) -> None:
    kept = practice.anchor_file.read_bytes()
    try:
        with practice.undone() as connection:
            practice.anchor_file.write_bytes(kept.replace(b'"entry_id":1', b'"entry_id":2'))
            assert [finding.fault for finding in practice.verify(connection).findings] == ["anchor_broken"]
            practice.anchor_file.write_bytes(b"nothing")
            assert [finding.fault for finding in practice.verify(connection).findings] == ["anchor_broken"]
            practice.anchor_file.unlink()
            assert [finding.fault for finding in practice.verify(connection).findings] == ["anchor_missing"]
    finally:
        practice.anchor_file.write_bytes(kept)


# --- what an intruder may do; each returns what it did ------------------------------------------------------------------


def change_entry(connection: Connection, chance: random.Random) -> str:
    """Another value in one field."""
    entry = some_entry(connection, chance)
    name = chance.choice([name for name in AuditEntry.__struct_fields__ if name != "id"])
    return put_other(connection, audit_entry, entry.id, name, chance)


def change_checkpoint(connection: Connection, chance: random.Random) -> str:
    checkpoint_id = chance.randint(1, count_of(connection, audit_checkpoint))
    return put_other(connection, audit_checkpoint, checkpoint_id, chance.choice(["entry_id", "entry_hash", "at", "signature"]), chance)


def change_history(connection: Connection, chance: random.Random) -> str:
    """Another value in one field of the history itself."""
    line = chance.randint(1, count_of(connection, change))
    return put_other(connection, change, line, chance.choice([column.name for column in change.columns if column.name != "id"]), chance)


def delete_history(connection: Connection, chance: random.Random) -> str:
    line = chance.randint(1, count_of(connection, change))
    connection.execute(delete(change).where(change.c.id == line))
    return f"history {line}"


def delete_entry(connection: Connection, chance: random.Random) -> str:
    entry = some_entry(connection, chance)
    connection.execute(delete(audit_entry).where(audit_entry.c.id == entry.id))
    return f"entry {entry.id}"


def delete_checkpoint(connection: Connection, chance: random.Random) -> str:
    checkpoint_id = chance.randint(1, count_of(connection, audit_checkpoint))
    connection.execute(delete(audit_checkpoint).where(audit_checkpoint.c.id == checkpoint_id))
    return f"checkpoint {checkpoint_id}"


def cut_off(connection: Connection, chance: random.Random) -> str:
    """Everything from an entry on, checkpoints too."""
    entry = some_entry(connection, chance)
    connection.execute(delete(audit_entry).where(audit_entry.c.id >= entry.id))
    connection.execute(delete(audit_checkpoint).where(audit_checkpoint.c.entry_id >= entry.id))
    return f"from {entry.id}"


def swap_entries(connection: Connection, chance: random.Random) -> str:
    """Two entries in each other's place; half of the time each keeps the hashes of its place."""
    one, other = some_entry(connection, chance), some_entry(connection, chance)
    while other.id == one.id:
        other = some_entry(connection, chance)
    kept = {"id", "previous_hash", "hash"} if chance.random() < 0.5 else {"id"}
    for place, content in ((one, other), (other, one)):
        values = {name: getattr(content, name) for name in AuditEntry.__struct_fields__ if name not in kept}
        connection.execute(update(audit_entry).where(audit_entry.c.id == place.id).values(**values))
    return f"{one.id} and {other.id}"


def insert_entry(connection: Connection, chance: random.Random) -> str:
    """An invented entry with a hash that fits, between two others that move on."""
    before = some_entry(connection, chance)
    while before.id == count_of(connection, audit_entry):  # behind the last one it would be an entry like any other
        before = some_entry(connection, chance)
    put_behind(connection, before, user_id="invented")
    return f"behind {before.id}"


def repeat_entry(connection: Connection, chance: random.Random) -> str:
    """The same entry once more behind itself, hashes and all."""
    before = some_entry(connection, chance)
    put_behind(connection, before, hash=before.hash, previous_hash=before.previous_hash)
    return f"{before.id}"


def compute_anew(connection: Connection, chance: random.Random) -> str:
    """Another user in one entry, and every hash from there on computed anew; only the signing key is missing."""
    last = count_of(connection, audit_entry)
    changed = chance.randint(1, last)
    connection.execute(update(audit_entry).where(audit_entry.c.id == changed).values(user_id="somebody else"))
    entries = [AuditEntry(*row) for row in connection.execute(select(audit_entry).order_by(audit_entry.c.id))]
    previous = model.GENESIS
    for entry in entries:
        sealed = model.entry_hash(previous, entry)
        connection.execute(update(audit_entry).where(audit_entry.c.id == entry.id).values(previous_hash=previous, hash=sealed))
        on_it = audit_checkpoint.c.entry_id == entry.id
        connection.execute(update(audit_checkpoint).where(on_it).values(entry_hash=sealed))
        previous = sealed
    return f"from {changed}"


KINDS: tuple[Callable[[Connection, random.Random], str], ...] = (
    *(change_entry,) * 4, change_checkpoint, *(change_history,) * 2, delete_history, *(delete_entry,) * 2, delete_checkpoint, cut_off,
    *(swap_entries,) * 2, *(insert_entry,) * 2, repeat_entry, compute_anew,
)  # fmt: skip


def some_entry(connection: Connection, chance: random.Random) -> AuditEntry:
    number = chance.randint(1, count_of(connection, audit_entry))
    return AuditEntry(*connection.execute(select(audit_entry).where(audit_entry.c.id == number)).one())


def count_of(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def put_behind(connection: Connection, before: AuditEntry, **fields: Any) -> None:
    """A copy of `before` behind it; what follows moves on by one."""
    behind = connection.execute(select(audit_entry.c.id).where(audit_entry.c.id > before.id).order_by(audit_entry.c.id.desc())).scalars()
    for entry_id in list(behind):
        connection.execute(update(audit_entry).where(audit_entry.c.id == entry_id).values(id=entry_id + 1))
    values = {name: getattr(before, name) for name in AuditEntry.__struct_fields__}
    invented = AuditEntry(**(values | {"id": before.id + 1, "previous_hash": before.hash} | fields))
    assert before.hash is not None
    sealed = fields.get("hash") or model.entry_hash(before.hash, invented)
    values = {name: getattr(invented, name) for name in AuditEntry.__struct_fields__}
    connection.execute(insert(audit_entry).values(**(values | {"hash": sealed})))


def put_other(connection: Connection, table: Any, row_id: int, name: str, chance: random.Random) -> str:
    """A value that the field does not have: nothing, somebody else's, or something new. Past the types, as an intruder would."""
    driver: Any = connection.connection.dbapi_connection
    old = driver.rows(f'SELECT "{name}" FROM "{table.name}" WHERE id = ?', [row_id])[0][0]
    others = [value for (value,) in driver.rows(f'SELECT DISTINCT "{name}" FROM "{table.name}"')]
    new = [*others, "2020-01-01T00:00:00.000000+00:00", "x", 7, bytes(16), chance.randbytes(32)]
    if table.columns[name].nullable:
        new.append(None)
    same = ("null", None) if name in ("before", "after") else (old,)
    value = chance.choice([value for value in new if value != old and not (old in same and value in same)])
    driver.rows(f'UPDATE "{table.name}" SET "{name}" = ? WHERE id = ?', [value, row_id])
    return f"{table.name} {row_id} {name}: {old!r} is now {value!r}"
