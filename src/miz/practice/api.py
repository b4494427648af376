"""JSON routes of client applications: announcing, signs of life, messages, the end (`contract.md` section 3)."""

from collections.abc import Iterable, Sequence

from msgspec import structs

from miz.access.errors import UnknownWorkplaceError
from miz.access.roles import RUN_APPLICATION, SEARCH_PATIENTS, SEE_APPLICATIONS, SEND_MESSAGES
from miz.access.workplaces.rows import find_workplace
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.practice.errors import ApplicationDisconnectedError, ApplicationNotFoundError
from miz.practice.modes.service import Modes
from miz.practice.notices import Notices
from miz.practice.openings.presence import LiveApplication
from miz.practice.openings.service import Openings
from miz.practice.patients import queries
from miz.wire.client_protocol import (
    Application,
    Applications,
    Disconnect,
    Heartbeat,
    PatientLine,
    RegisterApplication,
    RegisteredApplication,
    SendMessage,
    SignOfLife,
)

_APPLICATION = (ApplicationNotFoundError, ApplicationDisconnectedError)


class ApplicationRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, openings: Openings, modes: Modes, notices: Notices, writer: Writer, *, reader: Reader) -> None:
        self._openings = openings
        self._presence = openings.presence
        self._modes = modes
        self._notices = notices
        self._writer = writer
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        application = "/api/v1/applications/{id}"
        return [
            Endpoint(
                method="POST", path=application + "/heartbeat", may=RUN_APPLICATION, run=self.heartbeat, body=SignOfLife, answer=Heartbeat,
                summary="Sign of life; renews the lease the application holds.", is_open_while_locked=True,
                refuses=_APPLICATION,
            ),
            Endpoint(
                method="POST", path="/api/v1/applications", may=RUN_APPLICATION, run=self.register, body=RegisterApplication,
                answer=RegisteredApplication, status=201, gives={"Miz-Application": "id"}, summary="A client application announces itself.",
                refuses=(UnknownWorkplaceError,),
            ),
            Endpoint(
                method="GET", path="/api/v1/applications", may=SEE_APPLICATIONS, run=self.list_all, answer=Applications,
                summary="Who is online, where, and the last sign of life.",
            ),
            Endpoint(
                method="POST", path=application + "/leaving", may=RUN_APPLICATION, run=self.leaving,
                summary="The window's page is going away; a next page within 3 s cancels this.", is_open_while_locked=True,
                refuses=_APPLICATION,
            ),
            Endpoint(
                method="DELETE", path=application, may=RUN_APPLICATION, run=self.close,
                summary="Orderly close; frees the patient at once.", is_open_while_locked=True,
                refuses=_APPLICATION,
            ),
            Endpoint(
                method="POST", path="/api/v1/messages", may=SEND_MESSAGES, run=self.send_to_all, body=SendMessage,
                summary="A message to all windows.",
            ),
            Endpoint(
                method="POST", path=application + "/messages", may=SEND_MESSAGES, run=self.send, body=SendMessage,
                summary="A message to one window.",
                refuses=(ApplicationNotFoundError,),
            ),
            Endpoint(
                method="POST", path=application + "/disconnect", may=SEND_MESSAGES, run=self.disconnect, body=Disconnect,
                summary="End a window after a notice; its patient is freed, what was typed stays as a draft.",
                refuses=(ApplicationNotFoundError,),
            ),
        ]  # fmt: skip

    async def register(self, call: Call) -> RegisteredApplication:
        place = find_workplace(self._reader(), call.body.workplace) if call.body.workplace else None
        application = await self._writer.run(lambda tx: self._presence.register(tx, call.person, call.body, place))
        return RegisteredApplication(application.id, self._presence.interval_s, self._presence.lease_s)

    async def heartbeat(self, call: Call) -> Heartbeat:
        application = self._presence.sign_of_life(call.params["id"], call.person)
        self._notices.seen(application.id, call.body.seen)
        return Heartbeat(self._modes.mode, self._openings.lease_of(application.id), self._notices.waiting(application.id))

    async def leaving(self, call: Call) -> None:
        self._presence.leaving(call.params["id"], call.person)

    async def close(self, call: Call) -> None:
        application = self._presence.of(call.params["id"], call.person)
        await self._writer.run(lambda tx: self._openings.close_applications(tx, [application.id]))

    async def list_all(self, call: Call) -> Applications:
        may_name_patients = not SEARCH_PATIENTS.isdisjoint(call.person.roles)
        items = [self._line(application, may_name_patients=may_name_patients) for application in self._presence.all()]
        if may_name_patients:
            names = {line.id: f"{line.family_name}, {line.given_name}" for line in self._open_lines(items)}
            items = [structs.replace(item, patient=names.get(item.patient_id or "")) for item in items]
        return Applications(sorted(items, key=lambda item: (item.workplace, item.user, item.id)))

    async def send_to_all(self, call: Call) -> None:
        self._notices.send([application.id for application in self._presence.all()], call.body.text, sender=call.person.user)

    async def send(self, call: Call) -> None:
        self._notices.send([self._any_application(call)], call.body.text, sender=call.person.user)

    async def disconnect(self, call: Call) -> None:
        self._notices.disconnect(self._any_application(call), call.body.seconds, sender=call.person.user)

    def _any_application(self, call: Call) -> str:
        """The application of the address, whoever it belongs to."""
        if self._presence.find(call.params["id"]) is None:
            raise ApplicationNotFoundError
        return call.params["id"]

    def _line(self, application: LiveApplication, *, may_name_patients: bool) -> Application:
        held = self._openings.lease_of(application.id) if may_name_patients else None
        return Application(
            id=application.id, kind=application.kind, user=application.user, workplace=application.workplace, version=application.version,
            last_sign_of_life=application.seen_at, room=application.room, patient_id=held.patient_id if held else None,
        )  # fmt: skip

    def _open_lines(self, items: "Iterable[Application]") -> "Sequence[PatientLine]":
        return queries.read_lines(self._reader(), [item.patient_id for item in items if item.patient_id])
