"""The patient's page: medication with plan and evaluation, history, allergies, changes; and every write from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import UNSET

from miz.access.idempotency import once
from miz.access.roles import READ_PATIENT, WRITE_IDENTITY, WRITE_RECORD
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError, NotFoundError
from miz.practice.errors import ApplicationMissingError, FencingTokenMissingError, PatientOpenElsewhereError
from miz.practice.openings.presence import LiveApplication
from miz.practice.patients import queries
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.model import ENTRY_TYPES, find_entry
from miz.practice.patients.service import Records
from miz.practice.web import forms, views
from miz.practice.web.forms import IDENTITY_FIELDS, field_errors, new_key
from miz.practice.web.frame import Desk, Frame, Lock, Toast, go_to, reply
from miz.ui.face import look_of
from miz.ui.i18n import translator
from miz.wire.client_protocol import Allergy, Condition, Entry, EntryKind, Medication, Observation, Patient, PatientPatch

TABS: Mapping[str, str] = {"medication": "", "anamnesis": "/anamnesis", "allergies": "/allergies", "history": "/history"}
TAB_OF: Mapping[EntryKind, str] = {
    "medication": "medication",
    "conditions": "anamnesis",
    "observations": "anamnesis",
    "allergies": "allergies",
}
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PatientPage:
    """One patient, one tab."""

    template: ClassVar[str] = "patient.html"
    frame: Frame
    bar: views.PatientBar
    lock: Lock
    tab: str
    may_write: bool
    toast: Toast | None
    keys: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class MedicationPage(PatientPage):
    """The medication, what is planned, what to mind."""

    template: ClassVar[str] = "medication.html"
    groups: list[views.MedicationGroup]
    evaluation: views.Evaluation
    procedures: list[list[str]]
    usual_procedures: list[str]


@dataclass(frozen=True, kw_only=True)
class AnamnesisPage(PatientPage):
    """Conditions and measured values as simple lists."""

    template: ClassVar[str] = "anamnesis.html"
    conditions: list[Condition]
    observations: list[Observation]


@dataclass(frozen=True, kw_only=True)
class AllergiesPage(PatientPage):
    """What the patient does not tolerate, or that nobody has asked yet."""

    template: ClassVar[str] = "allergies.html"
    allergies: list[Allergy]


@dataclass(frozen=True, kw_only=True)
class IdentityPage(PatientPage):
    """Who the patient is, to be changed."""

    template: ClassVar[str] = "identity.html"
    values: Mapping[str, str]
    errors: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class HistoryPage(PatientPage):
    """Who changed what, when and where."""

    template: ClassVar[str] = "history.html"
    lines: list[views.HistoryLine]


@dataclass(frozen=True, kw_only=True)
class MedicationEdit:
    """A line of the table while its dose is changed in place."""

    template: ClassVar[str] = "_medication_edit.html"
    patient_id: str
    row: views.MedicationRow
    lock: Lock
    idempotency_key: str


@dataclass(frozen=True, kw_only=True)
class EndDialog:
    """Stop taking it, or entered in error?"""

    template: ClassVar[str] = "_end.html"
    patient_id: str
    kind: str
    entry_id: str
    name: str
    lock: Lock
    idempotency_key: str


class PatientPages:
    """The pages, bound to one server's parts."""

    def __init__(self, desk: Desk, records: Records, memory: RecordMemory, writer: Writer) -> None:
        self._desk = desk
        self._records = records
        self._memory = memory
        self._writer = writer

    def endpoints(self) -> list[Endpoint]:
        patient = "/patients/{id}"
        entry = patient + "/{kind}/{entry}"

        def page(method: Any, path: str, may: frozenset[str], run: Any, summary: str) -> Endpoint:
            return Endpoint(method=method, path=path, may=may, run=run, summary=summary, is_page=True)

        return [
            page("GET", patient, READ_PATIENT, self.show, "A patient's page"),
            page("POST", patient + "/opening", READ_PATIENT, self.open, "Open for editing"),
            page("POST", patient + "/closing", READ_PATIENT, self.close, "Close the patient"),
            page("POST", patient + "/planned", WRITE_RECORD, self.plan, "Plan a procedure or a drug"),
            page("POST", patient + "/planned/remove", WRITE_RECORD, self.unplan, "Take something out of the plan"),
            page("POST", patient + "/state", WRITE_RECORD, self.set_state, "None known, takes none, not asked"),
            page("GET", patient + "/identity", WRITE_IDENTITY, self.show_identity, "Form for the patient's own data"),
            page("POST", patient + "/identity", WRITE_IDENTITY, self.change_identity, "Change the patient's own data"),
            page("GET", patient + "/{tab}", READ_PATIENT, self.show, "A tab of a patient's page"),
            page("POST", patient + "/{kind}", WRITE_RECORD, self.add, "Add an entry"),
            page("GET", entry + "/edit", WRITE_RECORD, self.edit, "The line of a medicine as a form"),
            page("GET", entry + "/end", WRITE_RECORD, self.ask_end, "Stop, or entered in error?"),
            page("POST", entry, WRITE_RECORD, self.change, "Change an entry"),
            page("POST", entry + "/stop", WRITE_RECORD, self.stop, "Stop a medicine"),
            page("POST", entry + "/mark", WRITE_RECORD, self.mark, "Mark as entered in error"),
            page("POST", entry + "/restore", WRITE_RECORD, self.restore, "Take back the last change"),
        ]

    # --- reading ---------------------------------------------------------------------------------------------------

    async def show(self, call: Call) -> Reply:
        tab = call.params.get("tab", "medication")
        if tab not in TABS:
            raise NotFoundError
        return self._shown(call, tab)

    async def edit(self, call: Call) -> Reply:
        record = self._record(call)
        entry = cast("Medication", find_entry(record, "medication", call.params["entry"]))
        row = next(row for group in self._groups(call, record) for row in group.rows if row.entry.id == entry.id)
        lock = self._desk.lock_of(record.id, self._desk.application_of(call))
        return reply(MedicationEdit(patient_id=record.id, row=row, lock=lock, idempotency_key=new_key()), call)

    async def ask_end(self, call: Call) -> Reply:
        record, kind = self._record(call), _kind(call)
        entry = find_entry(record, kind, call.params["entry"])
        lock = self._desk.lock_of(record.id, self._desk.application_of(call))
        page = EndDialog(
            patient_id=record.id, kind=kind, entry_id=entry.id, name=_name_of(entry, call), lock=lock, idempotency_key=new_key()
        )
        return reply(page, call)

    def _record(self, call: Call) -> Patient:
        record = queries.read_patient(self._desk.reader(), self._memory, call.person, call.params["id"], self._desk.today())
        self._desk.trail.note(call.person, "read", record.id)
        return record

    def _groups(self, call: Call, record: Patient) -> list[views.MedicationGroup]:
        language = look_of(call).language
        advice = self._desk.advisor.advise(record, language=language)
        return views.medication_groups(record, advice, partial(self._desk.advisor.drug, language=language))

    def _shown(self, call: Call, tab: str, toast: Toast | None = None) -> Reply:
        record = self._record(call)
        tab = "allergies" if record.is_restricted else tab
        return reply(self._page(call, record, tab, toast), call)

    def _page(self, call: Call, record: Patient, tab: str, toast: Toast | None) -> PatientPage:
        desk, language = self._desk, look_of(call).language
        shown = self._shown_of(call, record, tab, toast)
        if tab == "anamnesis":
            return AnamnesisPage(
                **shown, conditions=record.conditions, observations=sorted(record.observations, key=lambda seen: seen.measured_on)
            )
        if tab == "allergies":
            return AllergiesPage(**shown, allergies=record.allergies)
        if tab == "history":
            return HistoryPage(**shown, lines=[views.history_line(change) for change in queries.read_history(desk.reader(), record.id)])
        advisor = desk.advisor
        advice = advisor.advise(record, language=language)
        return MedicationPage(
            **shown, groups=views.medication_groups(record, advice, partial(advisor.drug, language=language)),
            evaluation=views.evaluation_of(record, advice), procedures=advisor.procedures(language=language),
            usual_procedures=advisor.usual_procedures(language=language),
        )  # fmt: skip

    def _shown_of(self, call: Call, record: Patient, tab: str, toast: Toast | None) -> dict[str, Any]:
        """What all pages of a patient show."""
        desk, actor = self._desk, call.person
        lock = desk.lock_of(record.id, desk.application_of(call))
        may_write = lock.state == "mine" and not WRITE_RECORD.isdisjoint(actor.roles)
        return {
            "frame": desk.frame(actor), "bar": views.bar_of(record, desk.today()), "lock": lock, "tab": tab, "toast": toast, "keys": new_key,
            "may_write": may_write,
        }  # fmt: skip

    # --- the lease -------------------------------------------------------------------------------------------------

    async def open(self, call: Call) -> Reply:
        """Open for editing; a patient in use elsewhere is shown for reading, and the page says who has it."""
        application = self._application(call)
        patient_id = call.params["id"]
        try:
            await self._writer.run(lambda tx: self._desk.openings.acquire(tx, application, call.person, patient_id))
            self._desk.openings.presence.sign_of_life(application.id, call.person)
        except PatientOpenElsewhereError:
            pass
        return go_to(f"/patients/{patient_id}")

    async def close(self, call: Call) -> Reply:
        application = self._application(call)
        await self._writer.run(lambda tx: self._desk.openings.release(tx, application.id, call.params["id"]))
        return go_to("/")

    def _application(self, call: Call) -> LiveApplication:
        application = self._desk.application_of(call)
        if application is None:
            raise ApplicationMissingError
        return application

    # --- writing ---------------------------------------------------------------------------------------------------

    async def add(self, call: Call) -> Reply:
        kind, form = _kind(call), call.form
        given = self._given(kind, form, is_new=True)
        entry = await self._once(
            call, kind, lambda tx, token: self._records.add_entry(tx, call.person, call.params["id"], token, kind, given)
        )
        return self._done(call, kind, entry, "%s added.")

    async def change(self, call: Call) -> Reply:
        kind, entry_id = _kind(call), call.params["entry"]
        patch = self._given(kind, call.form, is_new=False)
        entry = await self._once(
            call, kind, lambda tx, token: self._records.change_entry(tx, call.person, call.params["id"], token, kind, entry_id, patch)
        )
        return self._done(call, kind, entry, "%s changed.")

    async def stop(self, call: Call) -> Reply:
        patch = {"status": "stopped", "until": self._desk.today().isoformat()}
        entry = await self._once(
            call, "medication",
            lambda tx, token: self._records.change_entry(tx, call.person, call.params["id"], token, "medication", call.params["entry"], patch),
        )  # fmt: skip
        return self._done(call, "medication", entry, "%s stopped.")

    async def mark(self, call: Call) -> Reply:
        kind = _kind(call)
        entry = await self._once(
            call,
            kind,
            lambda tx, token: self._records.mark_entered_in_error(tx, call.person, call.params["id"], token, kind, call.params["entry"]),
        )
        return self._done(call, kind, entry, "%s marked as entered in error.")

    async def restore(self, call: Call) -> Reply:
        kind = _kind(call)
        await self._once(
            call, kind, lambda tx, token: self._records.restore_entry(tx, call.person, call.params["id"], token, kind, call.params["entry"])
        )
        return self._answer(call, TAB_OF[kind], Toast(sentence=translator(look_of(call).language)("The last change was taken back.")))

    async def plan(self, call: Call) -> Reply:
        wanted = call.form.get("text", "").strip()
        return await self._change_plan(call, lambda planned: planned + [wanted] * bool(wanted and wanted not in planned))

    async def unplan(self, call: Call) -> Reply:
        unwanted = call.form.get("text", "")
        return await self._change_plan(call, lambda planned: [text for text in planned if text != unwanted])

    async def _change_plan(self, call: Call, change: Callable[[list[str]], list[str]]) -> Reply:
        planned = change(self._record(call).planned)
        await self._patch(call, PatientPatch(planned=planned))
        return self._answer(call, "medication")

    async def set_state(self, call: Call) -> Reply:
        """What was asked although nothing is recorded: no allergies known, takes nothing."""
        form = call.form
        state = {name: form.get(name, UNSET) for name in ("allergy_state", "medication_state")}
        await self._patch(call, msgspec.convert({name: value for name, value in state.items() if value is not UNSET}, PatientPatch))
        return self._answer(call, "allergies" if form.get("allergy_state") else "medication")

    async def show_identity(self, call: Call) -> Reply:
        record = self._record(call)
        values = {name: getattr(record, name) or "" for name in IDENTITY_FIELDS}
        return reply(self._identity_page(call, values, {}), call)

    async def change_identity(self, call: Call) -> Reply:
        form = call.form
        try:
            identity = forms.identity_from(form)
            await self._patch(call, PatientPatch(**{name: getattr(identity, name) for name in IDENTITY_FIELDS}))
        except InvalidInputError as error:
            return reply(self._identity_page(call, form, field_errors(error, call)), call, STATUS_OF[error.kind])
        return go_to(f"/patients/{call.params['id']}")

    def _identity_page(self, call: Call, values: Mapping[str, str], errors: dict[str, str]) -> IdentityPage:
        shown = self._shown_of(call, self._record(call), "identity", None)
        return IdentityPage(**shown, values={**dict.fromkeys(IDENTITY_FIELDS, ""), **values}, errors=errors)

    def _given(self, kind: EntryKind, form: Mapping[str, str], *, is_new: bool) -> dict[str, Any]:
        if kind == "medication":
            return forms.medication_from(form, is_new=is_new)
        if kind == "allergies":
            return forms.allergy_from(form)
        if kind == "conditions":
            return forms.condition_from(form)
        return forms.observation_from(form, self._desk.today().isoformat())

    async def _patch(self, call: Call, patch: PatientPatch) -> None:
        await self._run_once(
            call, Patient, lambda tx, token: self._records.change_patient(tx, call.person, call.params["id"], token, patch)
        )

    async def _once(self, call: Call, kind: EntryKind, work: Callable[[Transaction, str], Entry]) -> Entry:
        return await self._run_once(call, ENTRY_TYPES[kind], work)

    async def _run_once(self, call: Call, answer: type[T], work: Callable[[Transaction, str], T]) -> T:
        """Run a write under the token of the form; a form that arrives twice acts once."""
        form = call.form
        token = form.get("fencing_token")
        if not token:
            raise FencingTokenMissingError
        # The token and the window may be new ones when a form is sent again after a lost connection.
        request = repr(sorted((name, value) for name, value in form.items() if name not in ("fencing_token", "application"))).encode()
        user_id, route = call.person.user_id, f"POST {call.scope['path']}"
        return await self._writer.run(
            lambda tx: once(
                tx,
                user_id=user_id,
                route=route,
                key=form.get("idempotency_key"),
                request=request,
                answer=answer,
                work=lambda: work(tx, token),
            )
        )

    def _done(self, call: Call, kind: EntryKind, entry: Entry, sentence: str) -> Reply:
        words = translator(look_of(call).language)(sentence).replace("%s", _name_of(entry, call))
        return self._answer(
            call, TAB_OF[kind], Toast(sentence=words, undo_address=f"/patients/{call.params['id']}/{kind}/{entry.id}/restore")
        )

    def _answer(self, call: Call, tab: str, toast: Toast | None = None) -> Reply:
        """The page's parts for the page that asked; a plain form is sent on to the page."""
        if call.header("hx-request"):
            return self._shown(call, tab, toast)
        return go_to(f"/patients/{call.params['id']}{TABS[tab]}")


def _kind(call: Call) -> EntryKind:
    kind = call.params.get("kind") or "medication"
    if kind not in TAB_OF:
        raise NotFoundError
    return cast("EntryKind", kind)


def _name_of(entry: Entry, call: Call) -> str:
    text = getattr(entry, "text", None) or ""
    name = text or translator(look_of(call).language)(OBSERVATION_NAMES.get(getattr(entry, "kind", ""), "Entry"))
    return name if len(name) <= 60 else name[:60] + " …"


OBSERVATION_NAMES: Mapping[str, str] = {
    "weight_kg": "Weight", "height_cm": "Height", "egfr": "eGFR", "inr": "INR", "pregnancy_week": "Week of pregnancy", "breastfeeding": "Breastfeeding",
}  # fmt: skip
