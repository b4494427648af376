"""JSON routes of patients (`contract.md` section 3). Every writing route shows the fencing token."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from miz.access.audit.service import AuditTrail
from miz.access.errors import IdempotencyKeyReusedError
from miz.access.idempotency import once
from miz.access.roles import EXPORT_PATIENTS, READ_PATIENT, READ_RECORD, SEARCH_PATIENTS, SIGN_OFF, WRITE_IDENTITY, WRITE_RECORD
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import Call, Endpoint
from miz.kernel.errors import MizError, NotPermittedError, UnparsableInputError
from miz.practice.errors import (
    AllergiesRecordedError,
    EntryNotFoundError,
    FencingTokenMissingError,
    ImpossibleDateError,
    MedicationRecordedError,
    NothingToRestoreError,
    PatientNotFoundError,
    SignedEntryError,
    StaleFencingTokenError,
    TextTooLongError,
    UnknownChangeError,
)
from miz.practice.patients import queries
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.model import ENTRY_TYPES, MEDICAL, NEW_ENTRY, PATCH_ENTRY
from miz.practice.patients.service import Records
from miz.wire.client_protocol import (
    Changes,
    ConfirmGroup,
    Decide,
    Entry,
    EntryKind,
    Holder,
    Merges,
    NewPatient,
    Patient,
    PatientIds,
    PatientLines,
    PatientPatch,
    PatientSearch,
    RestoreEntry,
    Reviews,
)

SEARCH_LIMIT = 100
_WRITING = ("Miz-Fencing-Token", "Idempotency-Key")
_HELD = (FencingTokenMissingError, StaleFencingTokenError, PatientNotFoundError, IdempotencyKeyReusedError)
T = TypeVar("T")


class PatientRoutes:
    """The routes, bound to one server's parts."""

    def __init__(
        self,
        records: Records,
        memory: RecordMemory,
        writer: Writer,
        trail: AuditTrail,
        *,
        holder_of: Callable[[str], Holder | None],
        reader: Reader,
        today: Callable[[], date],
    ) -> None:
        self._records = records
        self._holder_of = holder_of
        self._memory = memory
        self._writer = writer
        self._trail = trail
        self._reader = reader
        self._today = today

    def endpoints(self) -> list[Endpoint]:
        patient = "/api/v1/patients/{id}"
        routes = [
            Endpoint(
                method="POST", path="/api/v1/patients/search", may=SEARCH_PATIENTS, run=self.search, body=PatientSearch, answer=PatientLines,
                summary="Patients by name, part of a name, date of birth or number.",
            ),
            Endpoint(
                method="GET", path="/api/v1/patients", may=EXPORT_PATIENTS, run=self.list_ids, answer=PatientIds,
                summary="The ids of all patients, for an export.",
            ),
            Endpoint(
                method="POST", path="/api/v1/patients", may=WRITE_IDENTITY, run=self.create, body=NewPatient, answer=Patient, status=201,
                headers=("Idempotency-Key",), summary="A new patient.",
                refuses=(ImpossibleDateError, TextTooLongError, IdempotencyKeyReusedError),
            ),
            Endpoint(
                method="GET", path=patient, may=READ_PATIENT, run=self.read, answer=Patient, summary="The record; needs no lease.",
                refuses=(PatientNotFoundError,),
            ),
            Endpoint(
                method="PATCH", path=patient, may=WRITE_IDENTITY, run=self.change, body=PatientPatch, answer=Patient, headers=_WRITING,
                summary="Change the patient's own fields, what is planned, 'none known', 'takes none'.",
                refuses=(*_HELD, ImpossibleDateError, TextTooLongError, AllergiesRecordedError, MedicationRecordedError),
            ),
            Endpoint(
                method="GET", path=patient + "/history", may=READ_RECORD, run=self.history, answer=Changes,
                summary="Who changed what, when and where; newest first.",
                refuses=(PatientNotFoundError,),
            ),
            Endpoint(
                method="POST", path=patient + "/review", may=SIGN_OFF, run=self.review, answer=Patient, headers=_WRITING,
                summary="Sign off: the record was looked through, completely and now.",
                refuses=_HELD,
            ),
            Endpoint(
                method="GET", path="/api/v1/reviews", may=SIGN_OFF, run=self.list_reviews, answer=Reviews,
                summary="Patients whose record was changed since it was last signed off; at most 100, the newest change first.",
            ),
            Endpoint(
                method="POST", path=patient + "/confirmations", may=WRITE_RECORD, run=self.confirm, body=ConfirmGroup, answer=Patient,
                headers=_WRITING, summary="A group of questions was asked again, and nothing has changed.",
                refuses=_HELD,
            ),
            Endpoint(
                method="POST", path=patient + "/decisions", may=SIGN_OFF, run=self.decide, body=Decide, answer=Patient, headers=_WRITING,
                summary="Override a contraindication, with the reason.",
                refuses=_HELD,
            ),
            Endpoint(
                method="GET", path=patient + "/possible-duplicates", may=SEARCH_PATIENTS, run=self.possible_duplicates, answer=PatientLines,
                summary="Other records that may be of the same person. A suggestion only.",
                refuses=(PatientNotFoundError,),
            ),
            Endpoint(
                method="GET", path=patient + "/merges", may=READ_RECORD, run=self.merges, answer=Merges,
                summary="The merges of other records into this one, and of this one; newest first.",
                refuses=(PatientNotFoundError,),
            ),
        ]  # fmt: skip
        for kind, shape in ENTRY_TYPES.items():
            routes += self._entry_endpoints(kind, shape)
        return routes

    def _entry_endpoints(self, kind: EntryKind, shape: type[Entry]) -> list[Endpoint]:
        """The four routes of one kind of entry; their bodies are checked by `model`, which names the field."""
        entries = f"/api/v1/patients/{{id}}/{kind}"
        entry = entries + "/{entry}"

        async def add(call: Call) -> Any:
            given = _object_of(call)
            return await self._write(
                call, shape, lambda tx, token: self._records.add_entry(tx, call.person, call.params["id"], token, kind, given)
            )

        async def change(call: Call) -> Any:
            patch = _object_of(call)
            return await self._write(
                call,
                shape,
                lambda tx, token: self._records.change_entry(tx, call.person, call.params["id"], token, kind, call.params["entry"], patch),
            )

        async def mark(call: Call) -> Any:
            return await self._write(
                call,
                shape,
                lambda tx, token: self._records.mark_entered_in_error(
                    tx, call.person, call.params["id"], token, kind, call.params["entry"]
                ),
            )

        async def restore(call: Call) -> Any:
            return await self._write(
                call,
                shape,
                lambda tx, token: self._records.restore_entry(
                    tx, call.person, call.params["id"], token, kind, call.params["entry"], call.body
                ),
            )

        def writing(method: Any, path: str, run: Any, summary: str, *refuses: type[MizError], **more: Any) -> Endpoint:
            return Endpoint(
                method=method, path=path, may=WRITE_RECORD, run=run, answer=shape, headers=_WRITING, summary=summary,
                refuses=(*_HELD, *refuses), **more,
            )  # fmt: skip

        known = (EntryNotFoundError, SignedEntryError)
        return [
            writing("POST", entries, add, f"Add to {kind}.", ImpossibleDateError, TextTooLongError, status=201, checked_body=NEW_ENTRY[kind]),
            writing(
                "PATCH", entry, change, f"Change an entry of {kind}.", EntryNotFoundError, ImpossibleDateError, TextTooLongError,
                checked_body=PATCH_ENTRY[kind],
            ),
            writing("DELETE", entry, mark, f"Mark an entry of {kind} as entered in error.", *known),
            writing(
                "POST", entry + "/restore", restore, f"Bring back a former state of an entry of {kind}.", *known, UnknownChangeError,
                NothingToRestoreError, body=RestoreEntry,
            ),
        ]  # fmt: skip

    async def search(self, call: Call) -> PatientLines:
        limit = max(1, min(call.body.limit, SEARCH_LIMIT))
        self._trail.note(call.person, "searched", alike=call.body.q)
        found = queries.find_patients(self._reader(), call.body.q[:200], limit=limit, today=self._today())
        return PatientLines([structs.replace(line, holder=self._holder_of(line.id)) for line in found])

    async def list_ids(self, call: Call) -> PatientIds:
        await self._writer.run(lambda tx: self._trail.record(tx, call.person, "exported", detail="all"))
        return PatientIds(queries.all_patient_ids(self._reader()))

    async def create(self, call: Call) -> Patient:
        actor = call.person
        if call.body.is_sample:
            raise NotPermittedError
        return await self._once(call, Patient, lambda tx: self._records.create_patient(tx, actor, call.body))

    async def read(self, call: Call) -> Patient:
        record = queries.read_patient(self._reader(), self._memory, call.person, call.params["id"], self._today())
        self._trail.note(call.person, "read", record.id)
        return structs.replace(record, holder=self._holder_of(record.id))

    async def change(self, call: Call) -> Patient:
        actor, patient_id = call.person, call.params["id"]
        if WRITE_RECORD.isdisjoint(actor.roles) and any(getattr(call.body, name) is not msgspec.UNSET for name in MEDICAL):
            raise NotPermittedError
        record = await self._write(call, Patient, lambda tx, token: self._records.change_patient(tx, actor, patient_id, token, call.body))
        return queries.visible(record, actor)

    async def history(self, call: Call) -> Changes:
        history = queries.read_history(self._reader(), call.params["id"])
        self._trail.note(call.person, "read", call.params["id"])
        return Changes(history)

    async def review(self, call: Call) -> Patient:
        return await self._write(call, Patient, lambda tx, token: self._records.review(tx, call.person, call.params["id"], token))

    async def list_reviews(self, call: Call) -> Reviews:
        self._trail.note(call.person, "searched", alike="reviews")
        found = queries.reviews(self._reader())
        return Reviews(
            [structs.replace(line, patient=structs.replace(line.patient, holder=self._holder_of(line.patient.id))) for line in found]
        )

    async def confirm(self, call: Call) -> Patient:
        def confirm(tx: Transaction, token: str) -> Patient:
            return self._records.confirm_group(tx, call.person, call.params["id"], token, call.body.group_id)

        return await self._write(call, Patient, confirm)

    async def decide(self, call: Call) -> Patient:
        return await self._write(
            call, Patient, lambda tx, token: self._records.decide(tx, call.person, call.params["id"], token, call.body)
        )

    async def possible_duplicates(self, call: Call) -> PatientLines:
        record = queries.read_patient(self._reader(), self._memory, call.person, call.params["id"], self._today())
        self._trail.note(call.person, "searched", alike=f"duplicates {record.id}")
        return PatientLines(
            [structs.replace(line, holder=self._holder_of(line.id)) for line in queries.possible_duplicates(self._reader(), record)]
        )

    async def merges(self, call: Call) -> Merges:
        queries.read_patient(self._reader(), self._memory, call.person, call.params["id"], self._today())
        return Merges(queries.merges(self._reader(), call.params["id"]))

    async def _write(self, call: Call, answer: type[T], work: Callable[[Transaction, str], T]) -> T:
        token = call.header("miz-fencing-token")
        if not token:
            raise FencingTokenMissingError
        return await self._once(call, answer, lambda tx: work(tx, token))

    async def _once(self, call: Call, answer: type[T], work: Callable[[Transaction], T]) -> T:
        key, user_id, route = call.header("idempotency-key"), call.person.user_id, f"{call.method} {call.path}"
        return await self._writer.run(
            lambda tx: once(tx, user_id=user_id, route=route, key=key, request=call.raw_body, answer=answer, work=lambda: work(tx))
        )


def _object_of(call: Call) -> dict[str, Any]:
    try:
        return msgspec.json.decode(call.raw_body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnparsableInputError from error
