"""JSON routes of the databases."""

from pathlib import Path

from msgspec import Struct

from miz.access.roles import CARE_FOR_DATABASES, MOVE_DATABASE, READ_DATABASES
from miz.databases.model import Care, Check, DatabaseState, Plan, Progress, Repair, Run
from miz.databases.planned import PlannedCare
from miz.databases.service import Databases
from miz.infra.db.engine import Reader
from miz.infra.http import Call, Endpoint


class DatabaseList(Struct, frozen=True):
    """`progress` is what is under way, None when nothing is; `plan` when the practice's database is looked after without being asked."""

    databases: list[DatabaseState]
    progress: Progress | None
    plan: Plan


class NewCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """`full` compares indexes, keys and the audit trail as well as every page."""

    full: bool = False


class NewPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """A folder of the server's computer."""

    folder: str


class DatabaseRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, databases: Databases, care: PlannedCare, *, reader: Reader) -> None:
        self._databases = databases
        self._care = care
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        path = "/api/v1/databases"
        return [
            Endpoint(
                method="GET", path=path, may=READ_DATABASES, run=self.show, answer=DatabaseList,
                summary="Place, size, free pages, schema, last check and compaction of each database.",
            ),
            Endpoint(
                method="POST", path=path + "/practice/check", may=CARE_FOR_DATABASES, run=self.check, body=NewCheck, answer=Check,
                summary="Read every page of the practice's database.",
            ),
            Endpoint(
                method="POST", path=path + "/practice/compaction", may=CARE_FOR_DATABASES, run=self.compact, answer=Care,
                summary="Make the practice's database as small as it can be, while people work.",
            ),
            Endpoint(
                method="POST", path=path + "/practice/tidying", may=CARE_FOR_DATABASES, run=self.tidy, answer=Run,
                summary="Give free pages back and renew the statistics, in short steps while people work.",
            ),
            Endpoint(
                method="PUT", path=path + "/plan", may=MOVE_DATABASE, run=self.plan, body=Plan, answer=DatabaseList,
                summary="When the practice's database is looked after without being asked.",
            ),
            Endpoint(
                method="POST", path=path + "/practice/move", may=MOVE_DATABASE, run=self.move, body=NewPlace, answer=Care,
                summary="Have the practice go on in another folder, while people work.",
            ),
            Endpoint(
                method="POST", path=path + "/practice/repair", may=MOVE_DATABASE, run=self.repair, answer=Repair,
                summary="Make a new file of all that can be read of a damaged database.",
            ),
            Endpoint(
                method="DELETE", path=path + "/practice/former", may=MOVE_DATABASE, run=self.let_go, status=204,
                summary="Remove the files that were used before the last move.",
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> DatabaseList:
        return DatabaseList(self._databases.states(self._reader), self._databases.progress, self._care.plan)

    async def check(self, call: Call) -> Check:
        return await self._databases.check(call.person, is_full=call.body.full)

    async def compact(self, call: Call) -> Care:
        return await self._databases.compact(call.person)

    async def tidy(self, call: Call) -> Run:
        return await self._databases.tidy_up(call.person)

    async def plan(self, call: Call) -> DatabaseList:
        await self._care.follow(call.person, call.body)
        return await self.show(call)

    async def move(self, call: Call) -> Care:
        return await self._databases.move(call.person, Path(call.body.folder))

    async def repair(self, call: Call) -> Repair:
        return await self._databases.repair(call.person)

    async def let_go(self, call: Call) -> None:
        await self._databases.let_go_former(call.person)
