"""Adding, naming, moving and removing rooms and workplaces."""

from msgspec import UNSET

from miz.access.audit.service import AuditTrail
from miz.access.errors import RoomExistsError, RoomInUseError, WorkplaceExistsError, WorkplaceInUseError
from miz.access.sessions import Sessions
from miz.access.workplaces import store
from miz.access.workplaces.model import NewWorkplace, Room, WorkplaceChange
from miz.access.workplaces.rows import find_room, find_workplace, list_rooms, list_workplaces, workplaces_in
from miz.infra.db.writer import Transaction
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError
from miz.kernel.text import has_control_character
from miz.wire.client_protocol import Workplace


def set_up_workplace(tx: Transaction, name: str, *, is_room: bool) -> None:
    """A workplace of a new practice; with `is_room` the room it stands in has the same name."""
    store.insert_workplace(tx.connection, name, store.insert_room(tx.connection, name) if is_room else None)


class Places:
    """The rooms and workplaces of one server. Methods run in the writer."""

    def __init__(self, sessions: Sessions, broker: EventBroker, trail: AuditTrail) -> None:
        self._sessions = sessions
        self._broker = broker
        self._trail = trail

    def add_workplace(self, tx: Transaction, actor: Actor, wanted: NewWorkplace) -> Workplace:
        """Raises `WorkplaceExistsError`, `UnknownRoomError`, `InvalidInputError`."""
        name = self._new_workplace_name(tx, wanted.name)
        room = find_room(tx.connection, wanted.room) if wanted.room else None
        workplace_id = store.insert_workplace(tx.connection, name, room.id if room else None)
        self._note(tx, actor, "workplace_added", workplace_id)
        return Workplace(workplace_id, name, room.name if room else None)

    def change_workplace(self, tx: Transaction, actor: Actor, name_or_id: str, wanted: WorkplaceChange) -> Workplace:
        """Another name or another room; whoever is signed in there is found there at once.

        Raises `UnknownWorkplaceError`, `WorkplaceExistsError`, `UnknownRoomError`, `InvalidInputError`.
        """
        before = find_workplace(tx.connection, name_or_id)
        if wanted.name is not UNSET:
            store.change_workplace(tx.connection, before.id, name=self._new_workplace_name(tx, wanted.name, but=before.id))
            self._note(tx, actor, "workplace_renamed", before.id)
        if wanted.room is not UNSET:
            store.change_workplace(tx.connection, before.id, room_id=find_room(tx.connection, wanted.room).id if wanted.room else None)
            self._note(tx, actor, "workplace_moved", before.id)
        return self._follow(tx, before)

    def remove_workplace(self, tx: Transaction, actor: Actor, name_or_id: str) -> None:
        """What was written there keeps its name. Raises `UnknownWorkplaceError`, `WorkplaceInUseError`."""
        gone = find_workplace(tx.connection, name_or_id)
        if self._sessions.is_somebody_at(gone.id) or store.has_device(tx.connection, workplace_id=gone.id):
            raise WorkplaceInUseError
        store.delete_workplace(tx.connection, gone.id)
        self._note(tx, actor, "workplace_removed", gone.id)

    def add_room(self, tx: Transaction, actor: Actor, name: str) -> Room:
        """Raises `RoomExistsError`, `InvalidInputError`."""
        name = self._new_room_name(tx, name)
        room = Room(store.insert_room(tx.connection, name), name)
        self._note(tx, actor, "room_added", room.id)
        return room

    def rename_room(self, tx: Transaction, actor: Actor, name_or_id: str, name: str) -> Room:
        """Whoever is signed in there is found there at once. Raises `UnknownRoomError`, `RoomExistsError`, `InvalidInputError`."""
        room = find_room(tx.connection, name_or_id)
        standing_there = workplaces_in(tx.connection, room.id)
        name = self._new_room_name(tx, name, but=room.id)
        store.rename_room(tx.connection, room.id, name)
        self._note(tx, actor, "room_renamed", room.id)
        for before in standing_there:
            self._follow(tx, before)
        return Room(room.id, name)

    def remove_room(self, tx: Transaction, actor: Actor, name_or_id: str) -> None:
        """Raises `UnknownRoomError`, `RoomInUseError`."""
        gone = find_room(tx.connection, name_or_id)
        if workplaces_in(tx.connection, gone.id) or store.has_device(tx.connection, room_id=gone.id):
            raise RoomInUseError
        store.delete_room(tx.connection, gone.id)
        self._note(tx, actor, "room_removed", gone.id)

    def _follow(self, tx: Transaction, before: Workplace) -> Workplace:
        after = find_workplace(tx.connection, before.id)
        self._sessions.move(tx, before, after)
        return after

    def _note(self, tx: Transaction, actor: Actor, action: str, place_id: str) -> None:
        self._trail.record(tx, actor, action, detail=place_id)
        tx.after_commit(lambda: self._broker.publish([Event("device"), Event("applications")]))

    def _new_workplace_name(self, tx: Transaction, name: str, *, but: str = "") -> str:
        others = [place.name for place in list_workplaces(tx.connection) if place.id != but]
        return _free(name, others, WorkplaceExistsError)

    def _new_room_name(self, tx: Transaction, name: str, *, but: str = "") -> str:
        return _free(name, [room.name for room in list_rooms(tx.connection) if room.id != but], RoomExistsError)


def _free(name: str, others: list[str], taken: type[WorkplaceExistsError | RoomExistsError]) -> str:
    """The name without blanks around it, if it is one and nobody has it; capitals make no other name."""
    name = name.strip()
    if not 1 <= len(name) <= 60:
        raise InvalidInputError("A room or workplace needs a name of up to 60 characters.", field="name")
    if has_control_character(name):
        raise InvalidInputError("The text holds a control character.", field="name")
    if name.casefold() in {other.casefold() for other in others}:
        raise taken
    return name
