"""Who changed what, when and where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from miz.infra.http import Call
from miz.practice.patients import queries
from miz.practice.web import views
from miz.practice.web.record import PatientPage, RecordDesk
from miz.wire.client_protocol import Patient


@dataclass(frozen=True, kw_only=True)
class HistoryPage(PatientPage):
    """Who changed what, when and where."""

    template: ClassVar[str] = "history.html"
    lines: list[views.HistoryLine]


class HistoryTab:
    """The tab, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        record_desk.tabs["history"] = self.page

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> HistoryPage:
        return HistoryPage(
            **shown, lines=[views.history_line(change) for change in queries.read_history(self._at.desk.reader(), record.id)]
        )
