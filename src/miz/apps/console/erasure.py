"""Erasing patients: what waits for a second person, whose retention is over, and anybody else by decision."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, cast, get_args

from miz.access.audit.service import AuditTrail
from miz.access.roles import CONFIRM_ERASURE, ERASE
from miz.access.second_factor.service import SecondFactors
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.backup.model import Plan
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import Reader
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError, MizError
from miz.practice.erasure import queries
from miz.practice.erasure.model import Erasures, KeptRecord, Reason
from miz.practice.erasure.service import ErasureDesk
from miz.practice.errors import PatientOpenElsewhereError
from miz.practice.patients import queries as patients
from miz.practice.web.frame import go_to, reply

PATH = "/console/erasure"
FOUND = 10


@dataclass(frozen=True, kw_only=True)
class ErasurePage:
    """What may be erased. `typed` is what was searched for, `found` who it may mean, `plan` how long nightly backups are kept."""

    template: ClassVar[str] = "console_erasure.html"
    frame: ConsoleFrame
    erasures: Erasures
    may_request: bool
    typed: str
    found: Sequence[KeptRecord]
    early_reasons: Sequence[str]
    plan: Plan
    has_former_files: bool
    done: str
    errors: dict[str, str]


class ErasurePages:
    """The pages, bound to one server's parts. Patients are named in bodies, never in an address."""

    def __init__(
        self, desk: ErasureDesk, second_factors: SecondFactors, trail: AuditTrail, folder: DataFolder, frame_of: FrameOf, *, reader: Reader,
        now: Callable[[], datetime], today: Callable[[], date], plan: Callable[[], Plan],
    ) -> None:  # fmt: skip
        self._desk = desk
        self._second_factors = second_factors
        self._trail = trail
        self._folder = folder
        self._frame_of = frame_of
        self._reader = reader
        self._now = now
        self._today = today
        self._plan = plan

    def endpoints(self) -> list[Endpoint]:
        recent, asking, confirming = self._second_factors.with_recent_code, ERASE - {"local"}, CONFIRM_ERASURE - {"local"}
        return [
            console_page("GET", PATH, confirming, self.show, "Erasure of patients"),
            console_page("POST", PATH, asking, self.search, "Find a patient to erase"),
            console_page("POST", PATH + "/request", asking, recent(self.request), "Ask for the erasure of a patient"),
            console_page("POST", PATH + "/withdrawal", confirming, self.withdraw, "Leave a patient as it is"),
            console_page("POST", PATH + "/confirmation", confirming, recent(self.confirm), "Erase a patient for good"),
        ]

    async def show(self, call: Call) -> Reply:
        return await self._page(call, done=call.query.get("done", ""))

    async def search(self, call: Call) -> Reply:
        return await self._page(call, typed=call.form.get("q", "").strip()[:200])

    async def request(self, call: Call) -> Reply:
        reason = call.form.get("reason", "")
        if reason not in get_args(Reason):
            return await self._page(call, error=InvalidInputError("Please give a reason.", field="reason"))
        return await self._do(call, "requested", self._desk.request(call.person, _patient_in(call.form), cast("Reason", reason)))

    async def withdraw(self, call: Call) -> Reply:
        return await self._do(call, "withdrawn", self._desk.withdraw(call.person, _patient_in(call.form)))

    async def confirm(self, call: Call) -> Reply:
        form = call.form
        return await self._do(call, "erased", self._desk.confirm(call.person, _patient_in(form), form.get("name", "")))

    async def _do(self, call: Call, done: str, work: Awaitable[None]) -> Reply:
        try:
            await work
        except PatientOpenElsewhereError as error:
            told = InvalidInputError("Meanwhile {workplace} ({holder}) has this patient open.", **error.fields)
            return await self._page(call, error=told, status=STATUS_OF[error.kind])
        except MizError as error:
            return await self._page(call, error=error)
        return go_to(f"{PATH}?done={done}")

    async def _page(self, call: Call, *, typed: str = "", done: str = "", error: MizError | None = None, status: int = 0) -> Reply:
        reader, actor, now, years = self._reader(), call.person, self._now(), self._desk.years
        self._trail.note(actor, "searched", alike=f"erasures {typed}")
        by_id = patients.read_lines(reader, [typed])
        lines = by_id or (patients.find_patients(reader, typed, limit=FOUND, today=self._today()) if typed else [])
        page = ErasurePage(
            frame=self._frame_of(actor, "erasure"), erasures=await self._desk.list_all(actor, now),
            may_request=not ERASE.isdisjoint(actor.roles), typed=typed, found=queries.kept_records(reader, lines, now, years),
            early_reasons=[reason for reason in get_args(Reason) if reason != "retention_over"], plan=self._plan(),
            has_former_files=bool(self._folder.former_files), done=done, errors=said(error, call),
        )  # fmt: skip
        return reply(page, call, status or (STATUS_OF[error.kind] if error else 200))


def _patient_in(form: Mapping[str, str]) -> str:
    return form.get("patient", "")[:36]
