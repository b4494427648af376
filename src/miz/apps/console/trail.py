"""The audit trail: who saw or changed what, whether the chain holds, and an export."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

import msgspec

from miz.access import users
from miz.access.audit import queries as audit
from miz.access.audit.api import AuditRoutes
from miz.access.audit.model import AuditLine, AuditSearch, Report
from miz.access.audit.service import AuditTrail
from miz.access.roles import READ_AUDIT, SEARCH_PATIENTS
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint, Reply
from miz.practice.patients import queries as patients
from miz.practice.web.frame import reply
from miz.ui.render import ZONE
from miz.wire.client_protocol import PatientLine

SHOWN = 100
EXPORTED = 10_000
_UUID = re.compile(r"\b([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True, kw_only=True)
class TrailFilter:
    """What is shown; empty means all. Days are those of the practice's time zone."""

    user: str = ""
    action: str = ""
    since: str = ""
    until: str = ""
    patient: str = ""
    q: str = ""


@dataclass(frozen=True, kw_only=True)
class TrailLine:
    """An entry, with the patient's name for those who may search patients."""

    entry: AuditLine
    patient: str

    @property
    def detail(self) -> str:
        """What the entry is about, told apart by the beginning of its id; the export has all of it."""
        return _UUID.sub(r"\1", self.entry.detail)


@dataclass(frozen=True, kw_only=True)
class TrailPage:
    """Entries, newest first. `candidates` are the patients that the typed name may mean."""

    template: ClassVar[str] = "console_trail.html"
    frame: ConsoleFrame
    lines: Sequence[TrailLine]
    next: int | None
    chosen: TrailFilter
    people: Sequence[str]
    patient: str
    candidates: Sequence[PatientLine]
    may_name_patients: bool
    report: Report | None


class TrailPages:
    """The pages, bound to one server's parts. Everything is asked by POST: no patient stands in an address."""

    def __init__(self, trail: AuditTrail, audit_routes: AuditRoutes, writer: Writer, frame_of: FrameOf, *, reader: Reader) -> None:
        self._trail = trail
        self._audit_routes = audit_routes
        self._writer = writer
        self._frame_of = frame_of
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        path = "/console/trail"
        return [
            console_page("GET", path, READ_AUDIT, self.show, "Audit trail"),
            console_page("POST", path, READ_AUDIT, self.search, "Entries of the audit trail"),
            console_page("POST", path + "/verification", READ_AUDIT, self.verify, "Verify the audit trail"),
            console_page("POST", path + "/export", READ_AUDIT, self.export, "Entries of the audit trail as a file"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, TrailFilter())

    async def search(self, call: Call) -> Reply:
        before = call.form.get("before", "")
        return self._page(call, _filter_in(call.form), before=int(before) if before.isdecimal() and len(before) < 19 else None)

    async def verify(self, call: Call) -> Reply:
        return self._page(call, TrailFilter(), report=await self._audit_routes.verify(call))

    async def export(self, call: Call) -> Reply:
        """The entries that are shown, up to ten thousand; the whole chain is exported by `miz audit export`."""
        chosen = _filter_in(call.form)
        await self._writer.run(lambda tx: self._trail.record(tx, call.person, "audit_exported", patient_id=chosen.patient or None))
        lines: list[AuditLine] = []
        before: int | None = None
        while len(lines) < EXPORTED:
            found = self._find(chosen, before=before, limit=1_000)
            lines += found[0]
            before = found[1]
            if before is None:
                break
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        return Reply(
            content, media_type="application/x-ndjson", headers=[("content-disposition", 'attachment; filename="audit-trail.jsonl"')]
        )

    def _find(self, chosen: TrailFilter, *, before: int | None, limit: int) -> tuple[Sequence[AuditLine], int | None]:
        names = users.names_by_id(self._reader())
        user_id = next((user_id for user_id, name in names.items() if name == chosen.user), chosen.user) if chosen.user else None
        wanted = AuditSearch(
            patient_id=chosen.patient or None, action=chosen.action or None, since=_start_of(chosen.since), until=_end_of(chosen.until),
            before=before, limit=limit,
        )  # fmt: skip
        found = audit.find_entries(self._reader(), wanted, user_id=user_id, names=names)
        return found.items, found.next

    def _page(self, call: Call, chosen: TrailFilter, *, before: int | None = None, report: Report | None = None) -> Reply:
        actor = call.person
        may_name = not SEARCH_PATIENTS.isdisjoint(actor.roles)
        candidates: list[PatientLine] = []
        if chosen.q and not chosen.patient and may_name:
            self._trail.note(actor, "searched", alike=chosen.q)
            candidates = patients.find_patients(self._reader(), chosen.q, limit=10, today=datetime.now(ZONE).date())
        lines, further = self._find(chosen, before=before, limit=SHOWN)
        ids = {line.patient_id for line in lines if line.patient_id} | {chosen.patient}
        known = patients.read_lines(self._reader(), sorted(filter(None, ids))) if may_name else []
        names = {line.id: f"{line.family_name}, {line.given_name}" for line in known}
        page = TrailPage(
            frame=self._frame_of(actor, "trail"), lines=[TrailLine(entry=line, patient=names.get(line.patient_id or "", "")) for line in lines],
            next=further, chosen=chosen, people=sorted(users.names_by_id(self._reader()).values(), key=str.casefold),
            patient=names.get(chosen.patient, ""), candidates=candidates, may_name_patients=may_name, report=report,
        )  # fmt: skip
        return reply(page, call)


def _filter_in(form: Mapping[str, str]) -> TrailFilter:
    return TrailFilter(**{name: form.get(name, "").strip()[:200] for name in TrailFilter.__dataclass_fields__})


def _start_of(day: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(day), time(), tzinfo=ZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _end_of(day: str) -> datetime | None:
    start = _start_of(day)
    return start + timedelta(days=1) if start else None
