"""Who changed what, when and where; two states side by side; every former state can come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from miz.access.roles import READ_RECORD
from miz.infra.http import Call, Endpoint, Reply
from miz.kernel.errors import NotFoundError
from miz.practice.patients import queries
from miz.practice.web import views
from miz.practice.web.frame import reply
from miz.practice.web.record import TAB_OF, PatientPage, RecordDesk, page
from miz.wire.client_protocol import Change, Patient

KINDS = ("medication", "allergies", "conditions", "observations", "notes", "patient")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which changes are shown; empty means all. `since`: `review` for those after the last sign-off."""

    kind: str = ""
    person: str = ""
    q: str = ""
    since: str = ""

    def fits(self, line: views.HistoryLine, record: Patient) -> bool:
        change = line.change
        words = " ".join([line.subject, change.workplace, *(part for field in line.differences for part in field[1:])])
        return (
            self.kind in ("", change.kind)
            and self.person in ("", change.changed_by)
            and self.q.casefold() in words.casefold()
            and not (self.since and record.reviewed_at and change.changed_at <= record.reviewed_at)
        )


@dataclass(frozen=True, kw_only=True)
class HistoryPage(PatientPage):
    """The changes that fit the filter, newest first."""

    template: ClassVar[str] = "history.html"
    lines: list[views.HistoryLine]
    chosen: Filter
    kinds: Sequence[str]
    people: list[str]


@dataclass(frozen=True, kw_only=True)
class ComparePage(PatientPage):
    """One change: the state before and the state after, side by side."""

    template: ClassVar[str] = "compare.html"
    line: views.HistoryLine
    fields: list[tuple[str, str, str]]
    can_restore: bool


class HistoryTab:
    """The tab, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        record_desk.tabs["history"] = self.page

    def endpoints(self) -> list[Endpoint]:
        history = "/patients/{id}/history"
        return [
            page("POST", history, READ_RECORD, self.filter, "The changes that fit a filter"),
            page("GET", history + "/{change}", READ_RECORD, self.compare, "Two states side by side"),
        ]

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> HistoryPage:
        chosen = Filter(since=call.query.get("since", ""), kind=call.query.get("kind", ""))
        return self._page(record, shown, chosen)

    async def filter(self, call: Call) -> Reply:
        record = self._at.record(call)
        chosen = Filter(**{name: call.form.get(name, "").strip()[:200] for name in ("kind", "person", "q", "since")})
        return reply(self._page(record, self._at.shown(call, record, "history"), chosen), call)

    async def compare(self, call: Call) -> Reply:
        record = self._at.record(call)
        change = self._change(record, call.params["change"])
        line = views.history_line(change)
        shown = self._at.shown(call, record, "history")
        can_restore = (
            shown["may_write"] and change.kind in TAB_OF and change.action in ("created", "changed", "entered_in_error", "restored")
        )
        return reply(ComparePage(**shown, line=line, fields=views.compared(change), can_restore=can_restore), call)

    def _change(self, record: Patient, change_id: str) -> Change:
        found = next((change for change in queries.read_history(self._at.desk.reader(), record.id) if change.id == change_id), None)
        if found is None:
            raise NotFoundError
        return found

    def _page(self, record: Patient, shown: Mapping[str, Any], chosen: Filter) -> HistoryPage:
        lines = [views.history_line(change) for change in queries.read_history(self._at.desk.reader(), record.id)]
        return HistoryPage(
            **shown, lines=[line for line in lines if chosen.fits(line, record)], chosen=chosen, kinds=KINDS,
            people=sorted({line.change.changed_by for line in lines}),
        )  # fmt: skip
