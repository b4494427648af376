"""The anamnesis: conditions and measured values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from miz.infra.http import Call, Endpoint
from miz.practice.web.record import PatientPage, RecordDesk
from miz.wire.client_protocol import Condition, Observation, Patient


@dataclass(frozen=True, kw_only=True)
class AnamnesisPage(PatientPage):
    """Conditions and measured values as simple lists."""

    template: ClassVar[str] = "anamnesis.html"
    conditions: list[Condition]
    observations: list[Observation]


class AnamnesisTab:
    """The tab, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk
        record_desk.tabs["anamnesis"] = self.page

    def endpoints(self) -> list[Endpoint]:
        return []

    def page(self, call: Call, record: Patient, shown: Mapping[str, Any]) -> AnamnesisPage:
        observations = sorted(record.observations, key=lambda seen: seen.measured_on)
        return AnamnesisPage(**shown, conditions=record.conditions, observations=observations)
