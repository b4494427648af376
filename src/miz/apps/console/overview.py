"""The first screen: one sentence of health, tiles, the last hour, who is online."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from miz.access.roles import NEEDS_SECOND_FACTOR, READ_AUDIT, SEE_APPLICATIONS, SEE_CONSOLE, SEND_MESSAGES
from miz.access.second_factor.queries import has_second_factor
from miz.apps.console.applications import NOTICE_S, OnlineLine
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page
from miz.backup.service import Backups
from miz.databases.service import Databases
from miz.infra.certificates.names import CertificateState
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import Reader, ReadOnlyDatabase
from miz.infra.http import Call, Endpoint, Reply
from miz.kernel.actor import Actor
from miz.kernel.errors import MizError
from miz.practice.modes.service import Modes
from miz.practice.openings.service import Openings
from miz.practice.web.frame import go_to, reply
from miz.ui.face import look_of
from miz.ui.i18n import translator
from miz.wire.client_protocol import EditionRef

Problem = Literal[
    "",
    "database",
    "damaged",
    "anchor",
    "backup",
    "certificate-ended",
    "edition-passive",
    "setup",
    "backup-elsewhere",
    "certificate-ending",
    "edition-warning",
]

# A certificate of the practice's own authority is renewed long before; one that has no longer was not, or is the site's.
CERTIFICATE_LATE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class OverviewPage:
    """`problem` is the most serious one, empty when all is well, `trouble` why nothing can be stored, where that is known; `requests` those of each minute, the newest last."""

    template: ClassVar[str] = "console_overview.html"
    frame: ConsoleFrame
    problem: Problem
    trouble: str
    running_since: datetime
    database_path: str
    database_bytes: int
    edition: EditionRef
    online: Sequence[OnlineLine]
    open_patients: int
    last_backup: datetime | None
    certificate: CertificateState
    requests: Sequence[int]
    may_send: bool
    lacks_second_factor: bool
    lacks_recovery_proof: bool
    may_prove: bool
    seconds: Sequence[int]


class OverviewPages:
    """The page, bound to one server's parts."""

    def __init__(
        self, openings: Openings, modes: Modes, folder: DataFolder, database: ReadOnlyDatabase, frame_of: FrameOf, *, online: Callable[[Actor], list[OnlineLine]],
        reader: Reader, backups: Backups, databases: Databases, is_ready: Callable[[], bool], trouble: Callable[[], MizError | None], certificate: Callable[[], CertificateState], edition: Callable[[], EditionRef], requests: Callable[[], list[int]], now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._openings = openings
        self._modes = modes
        self._folder = folder
        self._database = database
        self._frame_of = frame_of
        self._online = online
        self._reader = reader
        self._backups = backups
        self._databases = databases
        self._is_ready = is_ready
        self._trouble = trouble
        self._certificate = certificate
        self._edition = edition
        self._now = now
        self._requests = requests
        self._running_since = now()

    def endpoints(self) -> list[Endpoint]:
        may = SEE_CONSOLE | SEE_APPLICATIONS | READ_AUDIT
        return [console_page("GET", "/console", may, self.show, "Overview of the server, or one's first screen of the console")]

    async def show(self, call: Call) -> Reply:
        actor, edition, certificate = call.person, self._edition(), self._certificate()
        frame, problem = self._frame_of(actor, "overview"), self._problem(edition, certificate)
        if not frame.may_see("overview"):
            return go_to(frame.screens[0].address)
        # A database that does not answer is what this page must be able to say.
        is_answering = problem != "database"
        page = OverviewPage(
            frame=frame, problem=problem, trouble=self._told(problem, call), certificate=certificate, running_since=self._running_since,
            database_path=self._database.source.shown, database_bytes=self._database.size_bytes() if is_answering else 0, edition=edition,
            online=self._online(actor) if is_answering else [], open_patients=len(self._openings.leases()), last_backup=self._backups.last_proved(), requests=self._requests(),
            may_send=not SEND_MESSAGES.isdisjoint(actor.roles), lacks_second_factor=is_answering and self._lacks_second_factor(actor),
            lacks_recovery_proof=is_answering and self._folder.recovery_key_proved_at is None, may_prove="owner" in actor.roles,
            seconds=NOTICE_S,
        )  # fmt: skip
        return reply(page, call)

    def _told(self, problem: Problem, call: Call) -> str:
        cause = self._trouble() if problem == "database" else None
        return translator(look_of(call).language)(cause.title) if cause else ""

    def _lacks_second_factor(self, actor: Actor) -> bool:
        return not NEEDS_SECOND_FACTOR.isdisjoint(actor.roles) and not has_second_factor(self._reader(), actor.user_id)

    def _problem(self, edition: EditionRef, certificate: CertificateState) -> Problem:
        """The most serious one first."""
        if not self._is_ready():
            return "database"
        if self._databases.is_damaged():
            return "damaged"
        if not self._folder.audit_anchor.exists():
            return "anchor"
        if self._backups.is_late():
            return "backup"
        remaining = certificate.valid_until - self._now() if certificate.is_in_use and certificate.valid_until else CERTIFICATE_LATE
        if remaining <= timedelta(0):
            return "certificate-ended"
        if edition.state == "passive":
            return "edition-passive"
        if self._modes.mode == "setup":
            return "setup"
        if self._backups.copy_fault():
            return "backup-elsewhere"
        if remaining < CERTIFICATE_LATE:
            return "certificate-ending"
        return "edition-warning" if edition.state == "warning" else ""
