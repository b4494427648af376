"""JSON routes of drafts."""

from miz.access.audit.service import AuditTrail
from miz.access.roles import WRITE_RECORD
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.practice.drafts.service import Drafts
from miz.practice.errors import (
    ApplicationDisconnectedError,
    ApplicationMissingError,
    ApplicationNotFoundError,
    StaleFencingTokenError,
    TooManyDraftsError,
    UnknownDraftError,
)
from miz.practice.openings.presence import Presence
from miz.wire.client_protocol import DraftContent
from miz.wire.client_protocol import Drafts as DraftList


class DraftRoutes:
    """The routes, bound to one server's parts. No fencing token: a draft is not the record."""

    def __init__(self, drafts: Drafts, presence: Presence, writer: Writer, trail: AuditTrail) -> None:
        self._drafts = drafts
        self._presence = presence
        self._writer = writer
        self._trail = trail

    def endpoints(self) -> list[Endpoint]:
        drafts = "/api/v1/patients/{id}/drafts"
        return [
            Endpoint(
                method="GET", path=drafts, may=WRITE_RECORD, run=self.offered, answer=DraftList,
                summary="What windows that no longer have the patient open have left unsaved.",
            ),
            Endpoint(
                method="PUT", path=drafts + "/{form}", may=WRITE_RECORD, run=self.save, body=DraftContent, headers=("Miz-Application",),
                summary="Keep what is typed in a form; no fields when nothing is unsaved any more.", is_open_while_locked=True,
                refuses=(
                    ApplicationMissingError, ApplicationNotFoundError, ApplicationDisconnectedError, StaleFencingTokenError, TooManyDraftsError,
                ),
            ),
            Endpoint(
                method="DELETE", path=drafts + "/{draft}", may=WRITE_RECORD, run=self.discard, summary="Discard a draft.",
                refuses=(UnknownDraftError,),
            ),
        ]  # fmt: skip

    async def offered(self, call: Call) -> DraftList:
        self._trail.note(call.person, "read", call.params["id"])
        return DraftList(self._drafts.offered(call.person, call.params["id"]))

    async def save(self, call: Call) -> None:
        application_id = call.header("miz-application")
        if not application_id:
            raise ApplicationMissingError
        application, actor = self._presence.of(application_id, call.person), call.person
        await self._writer.run(
            lambda tx: self._drafts.save(tx, application, actor, call.params["id"], call.params["form"], call.body.fields)
        )

    async def discard(self, call: Call) -> None:
        await self._writer.run(lambda tx: self._drafts.discard(tx, call.params["id"], call.params["draft"]))
