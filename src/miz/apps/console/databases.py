"""Databases: place, size, state, last check and compaction; check and compact them while people work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from miz.access.roles import CARE_FOR_DATABASES, READ_DATABASES
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.databases.model import DatabaseState, Progress
from miz.databases.service import Databases
from miz.infra.db.engine import Reader
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import MizError
from miz.practice.web.frame import go_to, reply

_PERSONS = CARE_FOR_DATABASES - {"local"}


@dataclass(frozen=True, kw_only=True)
class DatabasePage:
    """The state of each database, and what is under way."""

    template: ClassVar[str] = "console_databases.html"
    frame: ConsoleFrame
    databases: Sequence[DatabaseState]
    is_running: bool
    progress: Progress | None
    is_on_server: bool
    errors: dict[str, str]


class DatabasePages:
    """The pages, bound to one server's parts."""

    def __init__(self, databases: Databases, frame_of: FrameOf, *, reader: Reader, is_on_server: bool) -> None:
        self._databases = databases
        self._frame_of = frame_of
        self._reader = reader
        self._is_on_server = is_on_server

    def endpoints(self) -> list[Endpoint]:
        path = "/console/databases"
        return [
            console_page("GET", path, READ_DATABASES - {"local"}, self.show, "The databases of the server"),
            console_page("POST", path + "/check", _PERSONS, self.check, "Check the practice's database"),
            console_page("POST", path + "/compaction", _PERSONS, self.compact, "Compact the practice's database"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call)

    async def check(self, call: Call) -> Reply:
        try:
            self._databases.start(self._databases.check(call.person, is_full=bool(call.form.get("full"))))
        except MizError as error:
            return self._page(call, error)
        return go_to("/console/databases")

    async def compact(self, call: Call) -> Reply:
        try:
            self._databases.start(self._databases.compact(call.person))
        except MizError as error:
            return self._page(call, error)
        return go_to("/console/databases")

    def _page(self, call: Call, error: MizError | None = None) -> Reply:
        databases = self._databases
        page = DatabasePage(
            frame=self._frame_of(call.person, "databases"), databases=databases.states(self._reader), is_running=databases.is_running,
            progress=databases.progress, is_on_server=self._is_on_server,
            errors=said(error or (databases.last_fault if not databases.is_running else None), call),
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
