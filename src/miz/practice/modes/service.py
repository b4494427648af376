"""Changing the mode, and what depends on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from miz.access.audit.service import AuditTrail
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.infra.events import Event, EventBroker
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import InvalidInputError
from miz.practice.errors import ModeForbidsError
from miz.practice.modes import store
from miz.practice.notices import Notices
from miz.practice.openings.service import Openings

Mode = Literal["operating", "setup"]
NOTICE_S = 30
INTERVAL_S = range(5, 301)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of mode that was announced: by whom, and when it happens (wall clock for display, steady clock for doing)."""

    actor: Actor
    at: datetime
    steady_s: float


class Modes:
    """The mode of one server. To be used in the event loop; methods with `tx` run in the writer."""

    def __init__(
        self, openings: Openings, notices: Notices, broker: EventBroker, trail: AuditTrail, *, clock: Clock, reader: Reader
    ) -> None:
        state = store.read_state(reader())
        self._openings = openings
        self._notices = notices
        self._broker = broker
        self._trail = trail
        self._clock = clock
        self.mode: Mode = state.mode
        self.starts_in_operating: bool = state.starts_in_operating
        self.is_set_up: bool = state.is_set_up
        self.announced: Change | None = None

    def require_setup(self) -> None:
        """Raise `ModeForbidsError` unless the server is in setup mode."""
        if self.mode != "setup":
            raise ModeForbidsError(mode=self.mode, needs="setup")

    def require_operating(self) -> None:
        """Raise `ModeForbidsError` unless the server is in operating mode."""
        if self.mode != "operating":
            raise ModeForbidsError(mode=self.mode, needs="operating")

    async def begin(self, writer: Writer, actor: Actor) -> None:
        """At the server's start: back to operating mode where the practice wants that."""
        if self.mode == "setup" and self.starts_in_operating:
            await writer.run(lambda tx: self._enter(tx, actor, "operating"))

    async def change(self, writer: Writer, actor: Actor, mode: Mode, *, at_once: bool) -> None:
        """Go to `mode`. Setup is announced to all windows and comes 30 seconds later, unless `at_once`.

        Going to the mode the server is in takes an announced change back.
        """
        if mode == self.mode:
            self._take_back()
        elif mode == "setup" and not at_once:
            if self.announced is None:
                at = self._clock.now() + timedelta(seconds=NOTICE_S)
                self.announced = Change(actor, at, self._clock.steady_s() + NOTICE_S)
                self._notices.announce("setup", sender=actor.user, ends_at=at)
                self._broker.publish([Event("mode")])
        else:
            await writer.run(lambda tx: self._enter(tx, actor, mode))

    async def follow_announced(self, writer: Writer) -> None:
        """Enter the announced mode once its time has come; called by the housekeeping."""
        announced = self.announced
        if announced is not None and self._clock.steady_s() >= announced.steady_s:
            await writer.run(lambda tx: self._enter(tx, announced.actor, "setup"))

    def set_interval(self, tx: Transaction, actor: Actor, seconds: int) -> None:
        """Seconds between two signs of life, 5 to 300; in setup mode only. Raises `ModeForbidsError`, `InvalidInputError`."""
        if store.read_state(tx.connection).mode != "setup":
            raise ModeForbidsError(mode="operating", needs="setup")
        if seconds not in INTERVAL_S:
            raise InvalidInputError("The control interval must be {least} to {most} seconds.", least=5, most=300, field="seconds")
        store.change_state(tx, control_interval_s=seconds)
        self._trail.record(tx, actor, "control_interval_changed", detail=str(seconds))
        presence = self._openings.presence

        def follow() -> None:
            presence.interval_s = seconds
            self._broker.publish([Event("mode")])

        tx.after_commit(follow)

    def set_start(self, tx: Transaction, actor: Actor, *, starts_in_operating: bool) -> None:
        """Whether a restarted server is in operating mode whatever mode it was in."""
        store.change_state(tx, starts_in_operating=starts_in_operating)
        self._trail.record(tx, actor, "start_mode_changed", detail="operating" if starts_in_operating else "as_before")

        def follow() -> None:
            self.starts_in_operating = starts_in_operating
            self._broker.publish([Event("mode")])

        tx.after_commit(follow)

    def finish_set_up(self, tx: Transaction, actor: Actor) -> None:
        """The owner has gone through the first steps of a new practice."""
        store.change_state(tx, is_set_up=True)
        self._trail.record(tx, actor, "first_steps_done")

        def follow() -> None:
            self.is_set_up = True

        tx.after_commit(follow)

    def _enter(self, tx: Transaction, actor: Actor, mode: Mode) -> None:
        if mode == "setup":
            self._openings.end_all(tx)
        store.change_state(tx, mode=mode)
        self._trail.record(tx, actor, "mode_changed", detail=mode)

        def follow() -> None:
            self.mode = mode
            self._take_back()
            self._broker.publish([Event("mode")])

        tx.after_commit(follow)

    def _take_back(self) -> None:
        if self.announced is not None:
            self.announced = None
            self._notices.withdraw("setup")
            self._broker.publish([Event("mode")])
