"""What the patient does not tolerate, or that nobody has asked yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from miz.infra.http import Call
from miz.practice.web.record import PatientPage, RecordDesk
from miz.wire.client_protocol import Allergy, Patient


@dataclass(frozen=True, kw_only=True)
class AllergiesPage(PatientPage):
    """What the patient does not tolerate, or that nobody has asked yet."""

    template: ClassVar[str] = "allergies.html"
    allergies: list[Allergy]


class AllergiesTab:
    """The tab; its forms are those of all entries."""

    def __init__(self, record_desk: RecordDesk) -> None:
        record_desk.tabs["allergies"] = self.page

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> AllergiesPage:
        return AllergiesPage(**shown, allergies=record.allergies)
