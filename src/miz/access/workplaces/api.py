"""JSON routes of rooms and workplaces. In addresses a room or workplace is named by id or name."""

from miz.access.errors import (
    RoomExistsError,
    RoomInUseError,
    UnknownRoomError,
    UnknownWorkplaceError,
    WorkplaceExistsError,
    WorkplaceInUseError,
)
from miz.access.roles import MANAGE_PLACES, SIGNED_IN
from miz.access.workplaces import rows
from miz.access.workplaces.model import NewWorkplace, Room, RoomName, Rooms, WorkplaceChange, Workplaces
from miz.access.workplaces.service import Places
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.wire.client_protocol import Workplace


class PlaceRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, places: Places, writer: Writer, *, reader: Reader) -> None:
        self._places = places
        self._writer = writer
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        places, rooms = "/api/v1/workplaces", "/api/v1/rooms"
        return [
            Endpoint(method="GET", path=places, may=SIGNED_IN, run=self.list_workplaces, answer=Workplaces, summary="All workplaces."),
            Endpoint(
                method="POST", path=places, may=MANAGE_PLACES, run=self.add_workplace, body=NewWorkplace, answer=Workplace, status=201,
                summary="Add a workplace, in a room or in none.",
                refuses=(WorkplaceExistsError, UnknownRoomError),
            ),
            Endpoint(
                method="PATCH", path=places + "/{workplace}", may=MANAGE_PLACES, run=self.change_workplace, body=WorkplaceChange, answer=Workplace,
                summary="Give a workplace another name or room; windows there follow at once.",
                refuses=(UnknownWorkplaceError, WorkplaceExistsError, UnknownRoomError),
            ),
            Endpoint(
                method="DELETE", path=places + "/{workplace}", may=MANAGE_PLACES, run=self.remove_workplace,
                summary="Remove a workplace that is not in use.",
                refuses=(UnknownWorkplaceError, WorkplaceInUseError),
            ),
            Endpoint(method="GET", path=rooms, may=SIGNED_IN, run=self.list_rooms, answer=Rooms, summary="All rooms."),
            Endpoint(
                method="POST", path=rooms, may=MANAGE_PLACES, run=self.add_room, body=RoomName, answer=Room, status=201, summary="Add a room.",
                refuses=(RoomExistsError,),
            ),
            Endpoint(
                method="PATCH", path=rooms + "/{room}", may=MANAGE_PLACES, run=self.rename_room, body=RoomName, answer=Room,
                summary="Give a room another name; windows and displays there follow at once.",
                refuses=(UnknownRoomError, RoomExistsError),
            ),
            Endpoint(
                method="DELETE", path=rooms + "/{room}", may=MANAGE_PLACES, run=self.remove_room, summary="Remove a room that is not in use.",
                refuses=(UnknownRoomError, RoomInUseError),
            ),
        ]  # fmt: skip

    async def list_workplaces(self, call: Call) -> Workplaces:
        return Workplaces(rows.list_workplaces(self._reader()))

    async def add_workplace(self, call: Call) -> Workplace:
        return await self._writer.run(lambda tx: self._places.add_workplace(tx, call.person, call.body))

    async def change_workplace(self, call: Call) -> Workplace:
        return await self._writer.run(lambda tx: self._places.change_workplace(tx, call.person, call.params["workplace"], call.body))

    async def remove_workplace(self, call: Call) -> None:
        await self._writer.run(lambda tx: self._places.remove_workplace(tx, call.person, call.params["workplace"]))

    async def list_rooms(self, call: Call) -> Rooms:
        return Rooms(rows.list_rooms(self._reader()))

    async def add_room(self, call: Call) -> Room:
        return await self._writer.run(lambda tx: self._places.add_room(tx, call.person, call.body.name))

    async def rename_room(self, call: Call) -> Room:
        return await self._writer.run(lambda tx: self._places.rename_room(tx, call.person, call.params["room"], call.body.name))

    async def remove_room(self, call: Call) -> None:
        await self._writer.run(lambda tx: self._places.remove_room(tx, call.person, call.params["room"]))
