"""Registering devices: issue a code, pair with it, revoke."""

from collections.abc import Callable

from miz.access.attempts import Attempts
from miz.access.audit.service import AuditTrail
from miz.access.codes import code_hash, new_code, new_token, token_hash
from miz.access.devices import store
from miz.access.devices.errors import DeviceExistsError, UnknownDeviceError, WrongPairingCodeError
from miz.access.devices.model import CODE_VALID, NewDevice, PairingCode
from miz.access.sessions import Sessions
from miz.access.workplaces.rows import find_room, find_workplace
from miz.infra.db.writer import Transaction, Writer
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError
from miz.kernel.text import has_control_character

_CODE_GROUPS = 2
_NOBODY = Actor(user_id="", user="", roles=frozenset(), session_id="")


class DeviceRegister:
    """The devices of one server. To be used in the event loop.

    `require_setup` raises unless the server is in setup mode: codes are issued there only (`contract.md`, Modes).
    """

    def __init__(
        self, sessions: Sessions, attempts: Attempts, writer: Writer, broker: EventBroker, trail: AuditTrail, *,
        require_setup: Callable[[], None],
    ) -> None:  # fmt: skip
        self._sessions = sessions
        self._attempts = attempts
        self._writer = writer
        self._broker = broker
        self._trail = trail
        self._require_setup = require_setup

    async def add(self, actor: Actor, wanted: NewDevice) -> PairingCode:
        """A new device and the code that pairs it.

        Raises `ModeForbidsError`, `UnknownRoomError`, `UnknownWorkplaceError`, `DeviceExistsError`, `InvalidInputError`.
        """
        self._require_setup()

        def add(tx: Transaction) -> PairingCode:
            room = find_room(tx.connection, wanted.place) if wanted.kind == "display" else None
            workplace = find_workplace(tx.connection, wanted.place) if wanted.kind == "workplace" else None
            place = room or workplace
            name = wanted.name.strip() or (place.name if place else "")
            if len(name) > 60:
                raise InvalidInputError("A device needs a name of up to 60 characters.", field="name")
            if has_control_character(name):
                raise InvalidInputError("The text holds a control character.", field="name")
            if name.casefold() in {known.casefold() for known in store.names(tx.connection)}:
                raise DeviceExistsError
            device_id = store.insert_device(
                tx.connection, name=name, kind=wanted.kind, room_id=room.id if room else None,
                workplace_id=workplace.id if workplace else None, now=tx.now,
            )  # fmt: skip
            return self._issue(tx, actor, device_id, name)

        return await self._writer.run(add)

    async def issue_code(self, actor: Actor, name_or_id: str) -> PairingCode:
        """A code to pair a known device anew; until it is used the device goes on. Raises `ModeForbidsError`, `UnknownDeviceError`."""
        self._require_setup()

        def issue(tx: Transaction) -> PairingCode:
            found = store.device_row(tx.connection, name_or_id)
            if found is None:
                raise UnknownDeviceError
            return self._issue(tx, actor, found.id, found.name)

        return await self._writer.run(issue)

    async def pair(self, code: str, address: str) -> str:
        """Use a code: the token for the device's cookie.

        The token it had before is void, and sessions that began there end. Raises `WrongPairingCodeError`, `TooManyAttemptsError`.
        """
        self._attempts.at_pairing(address)
        token = new_token()

        def use(tx: Transaction) -> str:
            issued = store.issued_code(tx.connection, code_hash(code))
            if issued is None or tx.now >= issued.valid_until:
                raise WrongPairingCodeError
            store.drop_code(tx.connection, issued.id)
            store.pair(tx.connection, issued.id, token_hash=token_hash(token), paired_by=issued.issued_by, now=tx.now)
            self._note(tx, _NOBODY, "device_paired", issued.id, address)
            return str(issued.id)

        await self._sessions.end_sessions_at(await self._writer.run(use))
        return token

    async def revoke(self, actor: Actor, name_or_id: str) -> None:
        """The device is nobody any more, in any mode of the server; sessions that began there end. Raises `UnknownDeviceError`."""

        def revoke(tx: Transaction) -> str:
            found = store.device_row(tx.connection, name_or_id)
            if found is None:
                raise UnknownDeviceError
            store.revoke(tx.connection, found.id, tx.now)
            self._note(tx, actor, "device_revoked", found.id)
            return str(found.id)

        await self._sessions.end_sessions_at(await self._writer.run(revoke))

    def _issue(self, tx: Transaction, actor: Actor, device_id: str, name: str) -> PairingCode:
        made = PairingCode(device_id, name, new_code(_CODE_GROUPS), tx.now + CODE_VALID)
        store.set_code(tx.connection, device_id, code_hash=code_hash(made.code), issued_by=actor.user, valid_until=made.valid_until)
        self._note(tx, actor, "pairing_code_issued", device_id)
        return made

    def _note(self, tx: Transaction, actor: Actor, action: str, device_id: str, address: str = "") -> None:
        self._trail.record(tx, actor, action, detail=f"{device_id} {address}".strip())
        tx.after_commit(lambda: self._broker.publish([Event("device", device_id)]))
