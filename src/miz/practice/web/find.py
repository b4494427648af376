"""Find a patient, or record a new one."""

from dataclasses import dataclass
from typing import ClassVar

from msgspec import structs

from miz.access.idempotency import once
from miz.access.roles import SEARCH_PATIENTS, SIGNED_IN, WRITE_IDENTITY
from miz.infra.db.writer import Writer
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError
from miz.practice.patients import queries
from miz.practice.patients.model import folded
from miz.practice.patients.service import Records
from miz.practice.web.forms import IDENTITY_FIELDS, NewPatientPage, field_errors, identity_from, new_key
from miz.practice.web.frame import Desk, Frame, Lock, go_to, lock_from, reply
from miz.wire.client_protocol import Patient, PatientLine

SHOWN = 50
LATER_COOKIE = "miz_first_steps_later"
"""Set for one browser session when the owner of a new practice wants to set it up later."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A patient in the table of hits."""

    patient: PatientLine
    lock: Lock
    has_namesake: bool


@dataclass(frozen=True, kw_only=True)
class FindPage:
    """What was found, or the patients opened here last."""

    template: ClassVar[str] = "find.html"
    frame: Frame
    lines: list[Line]
    is_search: bool
    is_cut: bool
    open_patient: PatientLine | None


class FindPages:
    """The pages, bound to one server's parts."""

    def __init__(self, desk: Desk, records: Records, writer: Writer) -> None:
        self._desk = desk
        self._records = records
        self._writer = writer

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(method="GET", path="/", may=SIGNED_IN, run=self.begin, summary="Where work begins", is_page=True),
            Endpoint(method="GET", path="/patients/search", may=SEARCH_PATIENTS, run=self.show, summary="Find a patient", is_page=True),
            Endpoint(method="POST", path="/patients/search", may=SEARCH_PATIENTS, run=self.search, summary="Patients found", is_page=True),
            Endpoint(
                method="GET", path="/patients/new", may=WRITE_IDENTITY, run=self.show_new, summary="Form for a new patient", is_page=True
            ),
            Endpoint(method="POST", path="/patients", may=WRITE_IDENTITY, run=self.create, summary="Store a new patient", is_page=True),
        ]

    async def begin(self, call: Call) -> Reply:
        """The search; who may not search patients begins at the console."""
        return go_to("/console") if SEARCH_PATIENTS.isdisjoint(call.person.roles) else await self.show(call)

    async def show(self, call: Call) -> Reply:
        if not self._desk.modes.is_set_up and "owner" in call.person.roles and not call.own_cookie(LATER_COOKIE):
            return go_to("/console/first-steps")
        recent = queries.read_lines(self._desk.reader(), self._desk.openings.recent_at(call.person.place))
        return reply(self._page(call, recent, text="", is_search=False), call)

    async def search(self, call: Call) -> Reply:
        text = call.form.get("q", "").strip()[:200]
        if not text:
            return await self.show(call)
        self._desk.trail.note(call.person, "searched", alike=text)
        found = queries.find_patients(self._desk.reader(), text, limit=SHOWN + 1, today=self._desk.today())
        headers = [("hx-push-url", "/")] if call.header("hx-boosted") else []
        return reply(self._page(call, found, text=text, is_search=True), call, 200, *headers)

    async def show_new(self, call: Call) -> Reply:
        return reply(self._new_page(call, dict.fromkeys(IDENTITY_FIELDS, ""), {}), call)

    async def create(self, call: Call) -> Reply:
        actor, form = call.person, call.form
        try:
            identity = identity_from(form)
            record: Patient = await self._writer.run(
                lambda tx: once(
                    tx, user_id=actor.user_id, route="POST /patients", key=form.get("idempotency_key"), request=repr(identity).encode(), answer=Patient,
                    work=lambda: self._records.create_patient(tx, actor, identity),
                )
            )  # fmt: skip
        except InvalidInputError as error:
            return reply(self._new_page(call, form, field_errors(error, call)), call, STATUS_OF[error.kind])
        application = self._desk.application_of(call)
        if application is not None:
            await self._writer.run(lambda tx: self._desk.openings.acquire(tx, application, actor, record.id))
        return go_to(f"/patients/{record.id}")

    def _new_page(self, call: Call, values: dict[str, str], errors: dict[str, str]) -> NewPatientPage:
        return NewPatientPage(
            frame=self._desk.frame(call.person), values={**dict.fromkeys(IDENTITY_FIELDS, ""), **values}, errors=errors,
            idempotency_key=values.get("idempotency_key") or new_key(), lock=Lock(state="free"),
        )  # fmt: skip

    def _page(self, call: Call, found: list[PatientLine], *, text: str, is_search: bool) -> FindPage:
        application = self._desk.application_of(call)
        held = self._desk.openings.lease_of(application.id) if application else None
        lines = [structs.replace(line, holder=self._desk.openings.holder_of(line.id)) for line in found[:SHOWN]]
        names = [(folded(line.family_name), folded(line.given_name)) for line in lines]
        open_lines = queries.read_lines(self._desk.reader(), [held.patient_id]) if held else []
        return FindPage(
            frame=self._desk.frame(call.person, text),
            lines=[
                Line(
                    patient=line,
                    lock=lock_from(line.holder, application.id if application else "", held),
                    has_namesake=names.count(name) > 1,
                )
                for line, name in zip(lines, names, strict=True)
            ],
            is_search=is_search,
            is_cut=len(found) > SHOWN,
            open_patient=open_lines[0] if open_lines else None,
        )
