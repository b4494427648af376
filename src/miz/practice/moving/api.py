"""JSON routes for what concerns two records at once (`contract.md` section 3)."""

from collections.abc import Callable
from typing import TypeVar

from miz.access.errors import IdempotencyKeyReusedError
from miz.access.idempotency import once
from miz.access.roles import WRITE_RECORD
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import Call, Endpoint
from miz.practice.errors import (
    ApplicationDisconnectedError,
    ApplicationMissingError,
    ApplicationNotFoundError,
    EntryNotFoundError,
    FencingTokenMissingError,
    ModeForbidsError,
    PatientMergedError,
    PatientNotFoundError,
    PatientOpenElsewhereError,
    SignedEntryError,
    StaleFencingTokenError,
    UnknownMergeError,
    ViewersOpenNothingError,
)
from miz.practice.moving.service import Moving
from miz.practice.openings.presence import LiveApplication, Presence
from miz.wire.client_protocol import Merge, MergePatients, MoveEntries, Opening

_WRITING = ("Miz-Application", "Miz-Fencing-Token", "Idempotency-Key")
_REFUSED = (
    FencingTokenMissingError, StaleFencingTokenError, ApplicationMissingError, ApplicationNotFoundError, ApplicationDisconnectedError,
    PatientNotFoundError, IdempotencyKeyReusedError,
)  # fmt: skip
_OTHER_RECORD = (PatientOpenElsewhereError, PatientMergedError, ModeForbidsError, ViewersOpenNothingError)
T = TypeVar("T")


class MovingRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, moving: Moving, presence: Presence, writer: Writer) -> None:
        self._moving = moving
        self._presence = presence
        self._writer = writer

    def endpoints(self) -> list[Endpoint]:
        patient = "/api/v1/patients/{id}"
        return [
            Endpoint(
                method="POST", path=patient + "/move", may=WRITE_RECORD, run=self.move, body=MoveEntries, answer=Opening, headers=_WRITING,
                summary="Move entries to the patient they belong to, who is open afterwards; whole or not at all.",
                refuses=(*_REFUSED, *_OTHER_RECORD, EntryNotFoundError, SignedEntryError),
            ),
            Endpoint(
                method="POST", path=patient + "/merge", may=WRITE_RECORD, run=self.merge, body=MergePatients, answer=Merge, headers=_WRITING,
                summary="Merge another record of the same person into this one; can be undone.",
                refuses=(*_REFUSED, *_OTHER_RECORD),
            ),
            Endpoint(
                method="POST", path=patient + "/merge/{merge}/undo", may=WRITE_RECORD, run=self.undo_merge, answer=Merge, headers=_WRITING,
                summary="Make them two records again; copies changed since stay and are counted.",
                refuses=(*_REFUSED, UnknownMergeError, SignedEntryError),
            ),
        ]  # fmt: skip

    async def move(self, call: Call) -> Opening:
        def move(tx: Transaction, application: LiveApplication, token: str) -> Opening:
            return self._moving.move(tx, application, call.person, call.params["id"], token, call.body.entries, call.body.to)

        opening = await self._write(call, Opening, move)
        self._presence.sign_of_life(call.header("miz-application") or "", call.person)
        return opening

    async def merge(self, call: Call) -> Merge:
        def merge(tx: Transaction, application: LiveApplication, token: str) -> Merge:
            return self._moving.merge(tx, application, call.person, call.params["id"], token, call.body.other)

        return await self._write(call, Merge, merge)

    async def undo_merge(self, call: Call) -> Merge:
        def undo(tx: Transaction, application: LiveApplication, token: str) -> Merge:
            return self._moving.undo_merge(tx, call.person, call.params["id"], token, call.params["merge"])

        return await self._write(call, Merge, undo)

    async def _write(self, call: Call, answer: type[T], work: Callable[[Transaction, LiveApplication, str], T]) -> T:
        token, application_id = call.header("miz-fencing-token"), call.header("miz-application")
        if not token:
            raise FencingTokenMissingError
        if not application_id:
            raise ApplicationMissingError
        application = self._presence.of(application_id, call.person)
        key, user_id, route = call.header("idempotency-key"), call.person.user_id, f"{call.method} {call.path}"
        return await self._writer.run(
            lambda tx: once(
                tx, user_id=user_id, route=route, key=key, request=call.raw_body, answer=answer, work=lambda: work(tx, application, token)
            )
        )
