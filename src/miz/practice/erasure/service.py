"""Erasing patients: asked for, confirmed, done everywhere in the database and noted beside the backups."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from miz.access.audit.service import AuditTrail
from miz.access.idempotency import forget_answers_about
from miz.access.roles import ERASE
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.writer import Transaction, Writer
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.practice.erasure import model, queries, rows, store
from miz.practice.erasure.erased_list import keep_list
from miz.practice.erasure.errors import ErasureNotRequestedError, NameDiffersError, SecondPersonNeededError
from miz.practice.erasure.model import Erasures, Reason
from miz.practice.errors import PatientMergedError
from miz.practice.openings.service import Openings
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.service import Records
from miz.wire.client_protocol import Patient

RESTORED = "restored"
"""The detail of an erasure that was done again in a restored backup."""


class ErasureDesk:
    """The erasures of one server. `erased_list` is the file beside the backups, `years` how long a record is kept after its last entry."""

    def __init__(
        self, records: Records, memory: RecordMemory, openings: Openings, database: PracticeDatabase, writer: Writer, broker: EventBroker,
        trail: AuditTrail, *, erased_list: Path, years: int,
    ) -> None:  # fmt: skip
        self._records = records
        self._memory = memory
        self._openings = openings
        self._database = database
        self._writer = writer
        self._broker = broker
        self._trail = trail
        self._erased_list = erased_list
        self.years = years
        self.has_rest = True
        """Whether the log of the database may hold what was erased; so it may after a kill."""

    async def load(self) -> None:
        """Have the list beside the backups name everybody, also whom a kill has kept from being noted."""
        await asyncio.to_thread(self._keep_list)

    async def list_all(self, actor: Actor, now: datetime) -> Erasures:
        """What waits, and, for who may ask for an erasure, whose retention is over. Read in a thread: in a large practice it takes a while."""
        is_whole = not ERASE.isdisjoint(actor.roles)
        return await asyncio.to_thread(lambda: queries.erasures(self._database.reader(), actor, now, self.years, is_whole=is_whole))

    async def request(self, actor: Actor, patient_id: str, reason: Reason) -> None:
        """Ask for the erasure of a patient; asking again replaces the reason.

        Raises `PatientNotFoundError`, `PatientMergedError`, `RetentionNotOverError`.
        """

        def request(tx: Transaction) -> None:
            record = self._standing(tx, patient_id)
            model.check_reason(reason, rows.last_entry_at(tx.connection, record.id), tx.now, self.years)
            store.insert_request(
                tx.connection, patient_id, reason=reason, requested_at=tx.now, requested_by=actor.user, user_id=actor.user_id
            )
            self._trail.record(tx, actor, "erasure_requested", patient_id=patient_id, detail=reason)

        await self._writer.run(request)

    async def withdraw(self, actor: Actor, patient_id: str) -> None:
        """Leave the patient as it is; quiet where nobody has asked. Raises `PatientNotFoundError`."""

        def withdraw(tx: Transaction) -> None:
            self._records.read(tx, patient_id)
            if store.delete_request(tx.connection, patient_id):
                self._trail.record(tx, actor, "erasure_withdrawn", patient_id=patient_id)

        await self._writer.run(withdraw)

    async def confirm(self, actor: Actor, patient_id: str, name: str) -> None:
        """Erase a patient whose erasure was asked for, with every record that was merged into this one. Nothing brings it back.

        Raises `PatientNotFoundError`, `PatientMergedError`, `ErasureNotRequestedError`, `SecondPersonNeededError`, `RetentionNotOverError`,
        `NameDiffersError`, `PatientOpenElsewhereError`; nothing is erased then.
        """
        await self._writer.run(lambda tx: self._confirm(tx, actor, patient_id, name))
        self.has_rest = True
        await asyncio.to_thread(self._keep_list)
        await self.empty_log()

    async def empty_log(self) -> None:
        """Cut off the log of the database, which keeps what was erased until then; when a reader is in the way, the next call does it."""
        done = await self._writer.aside(lambda: self._database.source.empty_log(self._database.writer_connection))
        self.has_rest = not done

    def _confirm(self, tx: Transaction, actor: Actor, patient_id: str, name: str) -> None:
        record = self._standing(tx, patient_id)
        asked = rows.request_of(tx.connection, patient_id)
        if asked is None:
            raise ErasureNotRequestedError
        if not queries.may_confirm(tx.connection, actor, asked.user_id):
            raise SecondPersonNeededError
        model.check_reason(asked.reason, rows.last_entry_at(tx.connection, patient_id), tx.now, self.years)
        if not model.is_name_of(name, record.family_name, record.given_name):
            raise NameDiffersError(field="name")
        for one in store.records_of_person(tx.connection, patient_id):
            self._openings.refuse_if_open(tx, one)
            version = self._records.read(tx, one).version
            erase(tx, self._trail, actor, one, asked.reason)
            tx.after_commit(lambda one=one, version=version: self._follow(one, version))  # type: ignore[misc]

    def _follow(self, patient_id: str, version: int) -> None:
        self._memory.forget(patient_id)
        self._openings.forget_patient(patient_id)
        self._broker.publish([Event("patient", patient_id, version + 1)])

    def _standing(self, tx: Transaction, patient_id: str) -> Patient:
        record = self._records.read(tx, patient_id)
        if record.merged_into is not None:
            raise PatientMergedError(into=record.merged_into)
        return record

    def _keep_list(self) -> None:
        keep_list(self._erased_list, rows.erased_ids(self._database.reader()))


def erase(tx: Transaction, trail: AuditTrail, actor: Actor, patient_id: str, detail: str) -> None:
    """Remove a patient from every table; the audit trail says who did it."""
    store.erase_rows(tx.connection, patient_id, tx.now)
    forget_answers_about(tx, patient_id)
    trail.erase(tx, actor, patient_id, detail)


def erase_again(tx: Transaction, trail: AuditTrail, actor: Actor, patient_ids: Sequence[str]) -> None:
    """Remove from a restored practice those who were erased after the backup was made; those whom it knows for erased stay so."""
    known = set(rows.erased_ids(tx.connection))
    for patient_id in patient_ids:
        if patient_id not in known:
            erase(tx, trail, actor, patient_id, RESTORED)
