"""Entries of another patient, and two records of one person: both are named on the screen before anything happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from miz.access.roles import READ_RECORD, WRITE_RECORD
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError
from miz.practice.patients import queries
from miz.practice.patients.model import folded
from miz.practice.web import views
from miz.practice.web.forms import new_key
from miz.practice.web.frame import Lock, go_to, reply
from miz.practice.web.record import PatientPage, RecordDesk, name_of, page
from miz.wire.client_protocol import ENTRY_KINDS, Entry, EntryKind, EntryRef, Merge, Opening, Patient, PatientLine

MARK = "entry-"
HITS = 12


@dataclass(frozen=True, kw_only=True)
class Movable:
    """An entry that may belong to somebody else; `is_own`: made today by this window."""

    kind: EntryKind
    entry: Entry
    name: str
    is_own: bool
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class MoveDialog:
    """Which entries, and whose they are."""

    template: ClassVar[str] = "_move.html"
    patient_id: str
    lock: Lock
    entries: Sequence[Movable]
    hits: Sequence[PatientLine]
    text: str
    error: str


@dataclass(frozen=True, kw_only=True)
class MoveConfirmation:
    """The right patient by name, once more."""

    template: ClassVar[str] = "_move_confirm.html"
    patient_id: str
    lock: Lock
    entries: Sequence[Movable]
    right: PatientLine
    idempotency_key: str


@dataclass(frozen=True, kw_only=True)
class MergePage(PatientPage):
    """Records that may be of the same person."""

    template: ClassVar[str] = "merge.html"
    merges: Sequence[Merge]


@dataclass(frozen=True, kw_only=True)
class ComparedRecords(PatientPage):
    """Two records side by side, before they become one."""

    template: ClassVar[str] = "merge_compare.html"
    sides: Sequence[views.PatientBar]
    other_id: str
    is_alike: bool


class MovingForms:
    """The dialogs and pages, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        self._moving = record_desk.desk.moving

    def endpoints(self) -> list[Endpoint]:
        patient = "/patients/{id}"
        return [
            page("GET", patient + "/move", WRITE_RECORD, self.ask, "Which entries belong to another patient?"),
            page("POST", patient + "/move", WRITE_RECORD, self.move, "Move entries to the right patient"),
            page("GET", patient + "/merge", READ_RECORD, self.show_merge, "Records of the same person"),
            page("POST", patient + "/merge", READ_RECORD, self.choose_other, "Another record, by hand"),
            page("GET", patient + "/merge/{other}", READ_RECORD, self.compare, "Two records side by side"),
            page("POST", patient + "/merge/{other}", WRITE_RECORD, self.merge, "Make two records one"),
            page("POST", patient + "/merges/{merge}/undo", WRITE_RECORD, self.undo, "Make them two records again"),
        ]

    # --- entries of another patient --------------------------------------------------------------------------------

    async def ask(self, call: Call) -> Reply:
        return self._dialog(call, self._at.record(call))

    async def move(self, call: Call) -> Reply:
        """First name the right patient, then move; the right patient is open afterwards."""
        form, record = call.form, self._at.record(call)
        chosen = [one for one in self._movable(call, record) if one.is_chosen]
        hits = self._hits(call, form, record)
        if not chosen or len(hits) != 1:
            sentence = self._at.translator(call)("Choose entries, and another patient to move them to.")
            return self._dialog(call, record, hits=hits, error=sentence if not chosen or not hits else "")
        right = hits[0]
        if not form.get("is_confirmed"):
            dialog = MoveConfirmation(
                patient_id=record.id, lock=self._at.lock(call, record), entries=chosen, right=right, idempotency_key=new_key()
            )
            return self._at.dialog(dialog, call, record)
        application, refs = self._at.application(call), [EntryRef(one.kind, one.entry.id) for one in chosen]
        await self._at.write(
            call, Opening, lambda tx, token: self._moving.move(tx, application, call.person, record.id, token, refs, right.id)
        )
        return go_to(f"/patients/{right.id}")

    def _hits(self, call: Call, form: Mapping[str, str], record: Patient) -> list[PatientLine]:
        """The patient that was picked; without a pick those that the typed text finds."""
        reader = self._at.desk.reader()
        if form.get("to"):
            found = queries.read_lines(reader, [form["to"]])
        elif form.get("q", "").strip():
            found = queries.find_patients(reader, form["q"][:200], limit=HITS, today=self._at.desk.today())
        else:
            found = []
        return [line for line in found if line.id != record.id]

    def _dialog(self, call: Call, record: Patient, *, hits: Sequence[PatientLine] = (), error: str = "") -> Reply:
        dialog = MoveDialog(
            patient_id=record.id, lock=self._at.lock(call, record), entries=self._movable(call, record), hits=hits, error=error,
            text=call.form.get("q", "") if call.raw_body else "",
        )  # fmt: skip
        return self._at.dialog(dialog, call, record, STATUS_OF["invalid"] if error else 200)

    def _movable(self, call: Call, record: Patient) -> list[Movable]:
        """What was entered today, this window's own chosen beforehand; else what the form has chosen."""
        actor, today, form = call.person, self._at.desk.today(), call.form if call.raw_body else None
        made = []
        for kind in ENTRY_KINDS:
            for entry in getattr(record, kind):
                if self._at.desk.day_of(entry.changed_at) != today:
                    continue
                is_own = (entry.changed_by, entry.workplace) == (actor.user, actor.place)
                is_chosen = is_own if form is None else f"{MARK}{kind}-{entry.id}" in form
                made.append(Movable(kind=kind, entry=entry, name=name_of(entry, call), is_own=is_own, is_chosen=is_chosen))
        return made

    # --- two records of one person ---------------------------------------------------------------------------------

    async def show_merge(self, call: Call) -> Reply:
        record = self._at.record(call)
        merges = queries.merges(self._at.desk.reader(), record.id)
        return reply(MergePage(**self._at.shown(call, record, "merge"), merges=merges), call)

    async def choose_other(self, call: Call) -> Reply:
        record = self._at.record(call)
        hits = self._hits(call, call.form, record)
        return go_to(f"/patients/{record.id}/merge/{hits[0].id}" if len(hits) == 1 else f"/patients/{record.id}/merge")

    async def compare(self, call: Call) -> Reply:
        record = self._at.record(call)
        other = self._at.read(call, call.params["other"])
        sides = [views.bar_of(one, self._at.desk.today(), 0) for one in (record, other)]
        is_alike = len({(folded(one.family_name), folded(one.given_name), one.birth_date) for one in (record, other)}) == 1
        return reply(ComparedRecords(**self._at.shown(call, record, "merge"), sides=sides, other_id=other.id, is_alike=is_alike), call)

    async def merge(self, call: Call) -> Reply:
        application, other_id = self._at.application(call), call.params["other"]
        if other_id == call.params["id"]:
            raise InvalidInputError("Choose entries, and another patient to move them to.", field="other")
        await self._at.write(
            call, Merge, lambda tx, token: self._moving.merge(tx, application, call.person, call.params["id"], token, other_id)
        )
        return go_to(f"/patients/{call.params['id']}")

    async def undo(self, call: Call) -> Reply:
        await self._at.write(
            call, Merge, lambda tx, token: self._moving.undo_merge(tx, call.person, call.params["id"], token, call.params["merge"])
        )
        return go_to(f"/patients/{call.params['id']}/merge")
