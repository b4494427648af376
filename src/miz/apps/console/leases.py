"""Patients that are open: by whom, where, since when; ending one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, get_args

from miz.access.roles import END_LEASE, SEARCH_PATIENTS
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError, MizError
from miz.practice.openings.service import Openings
from miz.practice.patients import queries
from miz.practice.web.frame import go_to, reply
from miz.wire.client_protocol import TakeOverReason


@dataclass(frozen=True, kw_only=True)
class LeaseLine:
    """A patient that is open; `patient` is empty for those who may not search patients."""

    patient_id: str
    application_id: str
    patient: str
    workplace: str
    user: str
    since: datetime
    seen_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class LeasesPage:
    """All openings, the oldest first."""

    template: ClassVar[str] = "console_leases.html"
    frame: ConsoleFrame
    lines: Sequence[LeaseLine]
    reasons: Sequence[str]
    done: str
    errors: dict[str, str]


class LeasePages:
    """The pages, bound to one server's parts."""

    def __init__(self, openings: Openings, writer: Writer, frame_of: FrameOf, *, reader: Reader) -> None:
        self._openings = openings
        self._writer = writer
        self._frame_of = frame_of
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        return [
            console_page("GET", "/console/leases", END_LEASE, self.show, "Patients that are open"),
            console_page("POST", "/console/leases/{id}/end", END_LEASE, self.end, "End an opening, with a reason"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def end(self, call: Call) -> Reply:
        """End what the page showed; a patient that meanwhile is open in another window stays open there."""
        reason, shown = call.form.get("reason", ""), call.form.get("holder", "")
        holder = self._openings.holder_of(call.params["id"])
        try:
            if holder is not None and holder.application_id != shown:
                raise InvalidInputError(
                    "Meanwhile {workplace} ({holder}) has this patient open.", workplace=holder.workplace, holder=holder.user
                )
            await self._writer.run(lambda tx: self._openings.end_lease(tx, call.person, call.params["id"], reason))
        except MizError as error:
            return self._page(call, error=error)
        return go_to("/console/leases?done=ended")

    def _page(self, call: Call, *, done: str = "", error: MizError | None = None) -> Reply:
        leases = self._openings.leases()
        may_name = not SEARCH_PATIENTS.isdisjoint(call.person.roles)
        known = queries.read_lines(self._reader(), [lease.patient_id for lease in leases]) if may_name else []
        names = {line.id: f"{line.family_name}, {line.given_name}" for line in known}
        lines = []
        for lease in leases:
            window = self._openings.presence.find(lease.application_id)
            lines.append(
                LeaseLine(
                    patient_id=lease.patient_id, application_id=lease.application_id, patient=names.get(lease.patient_id, ""),
                    workplace=window.place if window else "", user=window.user if window else "", since=lease.acquired_at,
                    seen_at=window.seen_at if window else None,
                )
            )  # fmt: skip
        page = LeasesPage(
            frame=self._frame_of(call.person, "leases"), lines=lines, reasons=get_args(TakeOverReason), done=done, errors=said(error, call)
        )
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
