"""JSON routes of openings (`contract.md` section 3)."""

from msgspec import structs

from miz.access.roles import END_LEASE, READ_PATIENT, TAKE_OVER
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.practice.errors import (
    AlreadyAskedForError,
    ApplicationDisconnectedError,
    ApplicationMissingError,
    ApplicationNotFoundError,
    ModeForbidsError,
    NobodyAskedError,
    NobodyToAskError,
    PatientMergedError,
    PatientNotFoundError,
    PatientOpenElsewhereError,
    ReasonMissingError,
    ViewersOpenNothingError,
)
from miz.practice.openings.presence import LiveApplication
from miz.practice.openings.service import Openings
from miz.practice.patients import queries
from miz.wire.client_protocol import Opening, OpeningRequest, TakeOver

_APPLICATION = (ApplicationMissingError, ApplicationNotFoundError, ApplicationDisconnectedError)
_OPENING = (*_APPLICATION, ViewersOpenNothingError, PatientNotFoundError, PatientMergedError, ModeForbidsError)
_GIVES = {"Miz-Fencing-Token": "fencing_token"}


class OpeningRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, openings: Openings, writer: Writer) -> None:
        self._openings = openings
        self._presence = openings.presence
        self._writer = writer

    def endpoints(self) -> list[Endpoint]:
        opening = "/api/v1/patients/{id}/opening"
        return [
            Endpoint(
                method="POST", path=opening, may=READ_PATIENT, run=self.acquire, answer=Opening, status=201, headers=("Miz-Application",), gives=_GIVES,
                summary="Open a patient exclusively: lease and record in one answer.",
                refuses=(*_OPENING, PatientOpenElsewhereError),
            ),
            Endpoint(
                method="DELETE", path=opening, may=READ_PATIENT, run=self.release, headers=("Miz-Application",),
                summary="Release the patient.", is_open_while_locked=True,
                refuses=_APPLICATION,
            ),
            Endpoint(
                method="POST", path=opening + "/takeover", may=TAKE_OVER, run=self.take_over, body=TakeOver, answer=Opening, status=201,
                headers=("Miz-Application",), gives=_GIVES, summary="Open a patient that another application has open; logged with both names and the reason.",
                refuses=(*_OPENING, ReasonMissingError),
            ),
            Endpoint(
                method="POST", path=opening + "/request", may=READ_PATIENT, run=self.ask_for, answer=OpeningRequest, status=201,
                headers=("Miz-Application",), summary="Ask the application that has the patient open to release it.",
                refuses=(*_APPLICATION, ViewersOpenNothingError, NobodyToAskError, AlreadyAskedForError),
            ),
            Endpoint(
                method="DELETE", path=opening + "/request", may=READ_PATIENT, run=self.withdraw, headers=("Miz-Application",),
                summary="Take the asking back.",
                refuses=_APPLICATION,
            ),
            Endpoint(
                method="POST", path=opening + "/later", may=READ_PATIENT, run=self.ask_for_time, answer=OpeningRequest,
                headers=("Miz-Application",), summary="The holder asks for five more minutes.",
                refuses=(*_APPLICATION, NobodyAskedError),
            ),
            Endpoint(
                method="POST", path=opening + "/end", may=END_LEASE, run=self.end_lease, body=TakeOver,
                summary="Free a patient from outside of its window, with a reason.",
                refuses=(PatientNotFoundError, ReasonMissingError),
            ),
        ]  # fmt: skip

    async def acquire(self, call: Call) -> Opening:
        application = self._application(call)
        actor = call.person
        opening = await self._writer.run(lambda tx: self._openings.acquire(tx, application, actor, call.params["id"]))
        self._presence.sign_of_life(application.id, actor)
        return structs.replace(opening, patient=queries.visible(opening.patient, actor))

    async def release(self, call: Call) -> None:
        application = self._application(call)
        await self._writer.run(lambda tx: self._openings.release(tx, application.id, call.params["id"]))

    async def take_over(self, call: Call) -> Opening:
        application, actor, reason = self._application(call), call.person, call.body.reason
        opening = await self._writer.run(lambda tx: self._openings.take_over(tx, application, actor, call.params["id"], reason))
        self._presence.sign_of_life(application.id, actor)
        return structs.replace(opening, patient=queries.visible(opening.patient, actor))

    async def ask_for(self, call: Call) -> OpeningRequest:
        return self._openings.ask_for(self._application(call), call.params["id"])

    async def withdraw(self, call: Call) -> None:
        self._openings.withdraw(self._application(call), call.params["id"])

    async def ask_for_time(self, call: Call) -> OpeningRequest:
        return self._openings.ask_for_time(self._application(call), call.params["id"])

    async def end_lease(self, call: Call) -> None:
        await self._writer.run(lambda tx: self._openings.end_lease(tx, call.person, call.params["id"], call.body.reason))

    def _application(self, call: Call) -> LiveApplication:
        application_id = call.header("miz-application")
        if not application_id:
            raise ApplicationMissingError
        return self._presence.of(application_id, call.person)
