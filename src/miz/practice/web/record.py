"""What all pages of one patient share: the record as the reader may see it, the lock, the guarded write, the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar, cast

from markupsafe import Markup

from miz.access.idempotency import once
from miz.access.roles import TAKE_OVER, WRITE_RECORD
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import Call, Endpoint, Reply
from miz.kernel.errors import NotFoundError
from miz.practice.errors import ApplicationMissingError, FencingTokenMissingError
from miz.practice.openings.presence import LiveApplication
from miz.practice.patients import queries
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.model import ENTRY_TYPES
from miz.practice.patients.service import Records
from miz.practice.web import views
from miz.practice.web.asking import open_questions, understood
from miz.practice.web.forms import new_key
from miz.practice.web.frame import Desk, Frame, Lock, Toast, go_to, reply
from miz.ui.face import look_of
from miz.ui.i18n import translator
from miz.ui.render import Page, render
from miz.wire.client_protocol import Entry, EntryKind, Patient, PatientLine, PatientPatch

TABS: Mapping[str, str] = {"medication": "", "anamnesis": "/anamnesis", "allergies": "/allergies", "history": "/history"}
TAB_OF: Mapping[EntryKind, str] = {
    "medication": "medication", "allergies": "allergies", "conditions": "anamnesis", "observations": "anamnesis", "notes": "anamnesis",
}  # fmt: skip
OBSERVATION_NAMES: Mapping[str, str] = {
    "weight_kg": "Weight", "height_cm": "Height", "egfr": "eGFR", "inr": "INR", "pregnancy_week": "Week of pregnancy", "breastfeeding": "Breastfeeding",
}  # fmt: skip
NAME_SHOWN = 60
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
    may_take_over: bool
    drafts: Sequence[views.DraftLine]
    duplicates: Sequence[PatientLine]
    merged_into: PatientLine | None
    toast: Toast | None
    keys: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class DialogPage(PatientPage):
    """What a dialog asks, as a page for a browser that fetched it as one."""

    template: ClassVar[str] = "dialog_page.html"
    content: Markup


class Tab(Protocol):
    """Makes the page of one tab from what all of them show."""

    def __call__(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> PatientPage: ...


class RecordDesk:
    """The desk at which one record lies; each page registers the tab it makes."""

    def __init__(self, desk: Desk, records: Records, memory: RecordMemory, writer: Writer) -> None:
        self.desk = desk
        self.records = records
        self.writer = writer
        self.tabs: dict[str, Tab] = {}
        self._memory = memory

    def record(self, call: Call) -> Patient:
        """The record of the address, as who asks may see it."""
        return self.read(call, call.params["id"])

    def read(self, call: Call, patient_id: str) -> Patient:
        record = queries.read_patient(self.desk.reader(), self._memory, call.person, patient_id, self.desk.today())
        self.desk.trail.note(call.person, "read", patient_id)
        return record

    def lock(self, call: Call, record: Patient) -> Lock:
        """How the patient stands to the asking window; a record that went into another one stays closed."""
        lock = self.desk.lock_of(record.id, self.desk.application_of(call))
        return replace(lock, state="closed") if record.merged_into and lock.state == "free" else lock

    def application(self, call: Call) -> LiveApplication:
        """The window that asks. Raises `ApplicationMissingError`."""
        application = self.desk.application_of(call)
        if application is None:
            raise ApplicationMissingError
        return application

    def shown(self, call: Call, record: Patient, tab: str, toast: Toast | None = None) -> dict[str, Any]:
        """What all pages of a patient show."""
        lock, roles, reader = self.lock(call, record), call.person.roles, self.desk.reader()
        may_write = lock.state == "mine" and not WRITE_RECORD.isdisjoint(roles)
        questions = self.desk.advisor.questions(language=look_of(call).language)
        still_open = open_questions(understood(record, self.desk.advisor.condition), questions)
        drafts = [] if WRITE_RECORD.isdisjoint(roles) else self.desk.drafts.offered(call.person, record.id)
        return {
            "frame": self.desk.frame(call.person), "bar": views.bar_of(record, self.desk.today(), still_open), "lock": lock, "tab": tab,
            "may_write": may_write, "may_take_over": not TAKE_OVER.isdisjoint(roles), "toast": toast, "keys": new_key,
            "drafts": [views.draft_line(draft, record) for draft in drafts],
            "duplicates": queries.possible_duplicates(reader, record) if may_write else [],
            "merged_into": next(iter(queries.read_lines(reader, [record.merged_into])), None) if record.merged_into else None,
        }  # fmt: skip

    def show(self, call: Call, tab: str, toast: Toast | None = None) -> Reply:
        """One tab of the patient of the address."""
        record = self.record(call)
        tab = "allergies" if record.is_restricted else tab
        if tab not in self.tabs:
            raise NotFoundError
        return reply(self.tabs[tab](call, record, self.shown(call, record, tab, toast)), call)

    def dialog(self, dialog: Page, call: Call, record: Patient, status: int = 200) -> Reply:
        """A dialog over the page that asked; for a plain request, and when such a page is refreshed, a page with the same content."""
        if call.header("hx-request") and not call.header("miz-background"):
            return reply(dialog, call, status, ("hx-retarget", "#dialog"), ("hx-reswap", "innerHTML"), ("hx-push-url", "false"))
        shown = self.shown(call, record, "dialog")
        return reply(DialogPage(**shown, content=Markup(render(dialog, look_of(call)))), call, status)  # noqa: S704 - made by a template

    def translator(self, call: Call) -> Callable[[str], str]:
        """From sentence to sentence in the reader's language."""
        return translator(look_of(call).language)

    def medication_groups(self, call: Call, record: Patient) -> list[views.MedicationGroup]:
        """The lines of the medication with what the drug data know of them."""
        advisor, language = self.desk.advisor, look_of(call).language
        return views.medication_groups(record, advisor.advise(record, language=language), partial(advisor.drug, language=language))

    def answer(self, call: Call, tab: str, toast: Toast | None = None) -> Reply:
        """The page's parts for the page that asked; a plain form is sent on to the page."""
        if call.header("hx-request") and not call.header("hx-boosted"):
            return self.show(call, tab, toast)
        return go_to(f"/patients/{call.params['id']}{TABS[tab]}")

    def done(self, call: Call, kind: EntryKind, entry: Entry, sentence: str) -> Reply:
        """What was done to an entry, with the way back."""
        words = self.translator(call)(sentence).replace("%s", name_of(entry, call))
        return self.answer(
            call, TAB_OF[kind], Toast(sentence=words, undo_address=f"/patients/{call.params['id']}/{kind}/{entry.id}/restore")
        )

    async def patch(self, call: Call, patch: PatientPatch) -> Patient:
        """Change the patient's own fields."""
        return await self.write(
            call, Patient, lambda tx, token: self.records.change_patient(tx, call.person, call.params["id"], token, patch)
        )

    async def write_entry(self, call: Call, kind: EntryKind, entry_id: str | None, given: Mapping[str, Any]) -> Entry:
        """Add an entry, or change the one that is named."""
        records, actor, patient_id = self.records, call.person, call.params["id"]

        def work(tx: Transaction, token: str) -> Entry:
            if entry_id is None:
                return records.add_entry(tx, actor, patient_id, token, kind, given)
            return records.change_entry(tx, actor, patient_id, token, kind, entry_id, given)

        return await self.write(call, ENTRY_TYPES[kind], work)

    async def write(self, call: Call, answer: type[T], work: Callable[[Transaction, str], T]) -> T:
        """Run a write under the token of the form; a form that arrives twice acts once."""
        form = call.form
        token = form.get("fencing_token")
        if not token:
            raise FencingTokenMissingError
        # The token and the window may be new ones when a form is sent again after a lost connection.
        request = repr(sorted((name, value) for name, value in form.items() if name not in ("fencing_token", "application"))).encode()
        guarded = partial(
            once, user_id=call.person.user_id, route=f"POST {call.path}", key=form.get("idempotency_key"), request=request, answer=answer
        )  # fmt: skip
        return await self.writer.run(lambda tx: guarded(tx, work=lambda: work(tx, token)))


def page(method: Any, path: str, may: frozenset[str], run: Any, summary: str) -> Endpoint:
    """A page's route."""
    return Endpoint(method=method, path=path, may=may, run=run, summary=summary, is_page=True)


def kind_of(call: Call) -> EntryKind:
    """The kind of entry in the address."""
    kind = call.params.get("kind") or "medication"
    if kind not in TAB_OF:
        raise NotFoundError
    return cast("EntryKind", kind)


def name_of(entry: Entry, call: Call) -> str:
    """How a sentence calls the entry."""
    text = getattr(entry, "text", None) or ""
    name = text or translator(look_of(call).language)(OBSERVATION_NAMES.get(getattr(entry, "kind", ""), "Entry"))
    return name if len(name) <= NAME_SHOWN else name[:NAME_SHOWN] + " …"
