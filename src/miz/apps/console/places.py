"""Rooms and workplaces."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import UNSET

from miz.access.roles import MANAGE_PLACES
from miz.access.workplaces.model import NewWorkplace, Room, WorkplaceChange
from miz.access.workplaces.rows import list_rooms, list_workplaces
from miz.access.workplaces.service import Places
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import MizError
from miz.practice.web.frame import go_to, reply
from miz.wire.client_protocol import Workplace


@dataclass(frozen=True, kw_only=True)
class PlacesPage:
    """Rooms, and the workplaces in them."""

    template: ClassVar[str] = "console_places.html"
    frame: ConsoleFrame
    rooms: list[Room]
    workplaces: list[Workplace]
    done: str
    errors: dict[str, str]
    values: dict[str, str]


class PlacePages:
    """The pages, bound to one server's parts."""

    def __init__(self, places: Places, writer: Writer, frame_of: FrameOf, *, reader: Reader) -> None:
        self._places = places
        self._writer = writer
        self._frame_of = frame_of
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        path = "/console/places"

        def page(method: Any, tail: str, run: Any, summary: str) -> Endpoint:
            return console_page(method, path + tail, MANAGE_PLACES, run, summary)

        return [
            page("GET", "", self.show, "Workplaces and rooms"),
            page("POST", "/rooms", self.add_room, "Add a room"),
            page("POST", "/rooms/{id}", self.rename_room, "Rename a room"),
            page("POST", "/rooms/{id}/removal", self.remove_room, "Remove a room"),
            page("POST", "/workplaces", self.add_workplace, "Add a workplace"),
            page("POST", "/workplaces/{id}", self.change_workplace, "Rename or move a workplace"),
            page("POST", "/workplaces/{id}/removal", self.remove_workplace, "Remove a workplace"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def add_room(self, call: Call) -> Reply:
        return await self._do(call, "added", lambda tx: self._places.add_room(tx, call.person, call.form.get("room_name", "")))

    async def rename_room(self, call: Call) -> Reply:
        name = call.form.get("name", "")
        return await self._do(call, "changed", lambda tx: self._places.rename_room(tx, call.person, call.params["id"], name))

    async def remove_room(self, call: Call) -> Reply:
        return await self._do(call, "removed", lambda tx: self._places.remove_room(tx, call.person, call.params["id"]))

    async def add_workplace(self, call: Call) -> Reply:
        wanted = NewWorkplace(call.form.get("workplace_name", ""), call.form.get("room") or None)
        return await self._do(call, "added", lambda tx: self._places.add_workplace(tx, call.person, wanted))

    async def change_workplace(self, call: Call) -> Reply:
        form, known = call.form, next((place for place in list_workplaces(self._reader()) if place.id == call.params["id"]), None)
        # A name that stays is no new name, so that only the room may change.
        wanted = WorkplaceChange(
            name=UNSET if known and known.name == form.get("name", "").strip() else form.get("name", ""), room=form.get("room") or None
        )
        return await self._do(call, "changed", lambda tx: self._places.change_workplace(tx, call.person, call.params["id"], wanted))

    async def remove_workplace(self, call: Call) -> Reply:
        return await self._do(call, "removed", lambda tx: self._places.remove_workplace(tx, call.person, call.params["id"]))

    async def _do(self, call: Call, done: str, work: Callable[[Transaction], object]) -> Reply:
        try:
            await self._writer.run(work)
        except MizError as error:
            return self._page(call, error=error)
        return go_to(f"/console/places?done={done}")

    def _page(self, call: Call, *, done: str = "", error: MizError | None = None) -> Reply:
        # Both forms that add something give what the rooms below know as a name.
        added = next((field for field in ("room_name", "workplace_name") if field in call.form), "name")
        page = PlacesPage(
            frame=self._frame_of(call.person, "places"), rooms=list_rooms(self._reader()), workplaces=list_workplaces(self._reader()), done=done,
            errors={added if field == "name" else field: sentence for field, sentence in said(error, call).items()},
            values=call.form if error else {},
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)
