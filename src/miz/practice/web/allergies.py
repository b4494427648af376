"""What the patient does not tolerate, or that nobody has asked yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from miz.infra.http import Call
from miz.practice.web.record import PatientPage, RecordDesk
from miz.ui.face import look_of
from miz.wire.client_protocol import Allergy, Patient


@dataclass(frozen=True, kw_only=True)
class AllergiesPage(PatientPage):
    """What the patient does not tolerate, or that nobody has asked yet."""

    template: ClassVar[str] = "allergies.html"
    allergies: list[Allergy]
    groups: list[list[str]]
    asked_on: date | None


class AllergiesTab:
    """The tab; its forms are those of all entries."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        record_desk.tabs["allergies"] = self.page

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> AllergiesPage:
        groups = self._at.desk.advisor.allergies(language=look_of(call).language)
        asked = record.allergies_asked_at
        return AllergiesPage(**shown, allergies=record.allergies, groups=groups, asked_on=asked and self._at.desk.day_of(asked))
