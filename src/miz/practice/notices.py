"""What windows have to be told: messages, and what is about to happen to them.

Kept in memory until the window has said that it showed them; an event tells it to ask at once, and carries no text.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from miz.infra.events import Event, EventBroker
from miz.kernel.clock import Clock
from miz.kernel.errors import InvalidInputError
from miz.kernel.text import has_control_character
from miz.practice.openings.presence import Presence
from miz.wire.client_protocol import Notice

TEXT_LIMIT = 500
WAITING_LIMIT = 20
WARNING_S = range(301)


class Notices:
    """The notices of one server. To be used in the event loop only."""

    def __init__(self, presence: Presence, broker: EventBroker, *, clock: Clock) -> None:
        self._presence = presence
        self._broker = broker
        self._clock = clock
        self._waiting: defaultdict[str, list[Notice]] = defaultdict(list)
        self._to_disconnect: dict[str, float] = {}

    def waiting(self, application_id: str) -> list[Notice]:
        """What the window has not shown yet."""
        return list(self._waiting.get(application_id, ()))

    def seen(self, application_id: str, notice_ids: Iterable[str]) -> None:
        """The window has shown these."""
        known = self._waiting.get(application_id)
        if known:
            shown = set(notice_ids)
            known[:] = [notice for notice in known if notice.id not in shown]

    def send(self, application_ids: Iterable[str], text: str, *, sender: str) -> int:
        """A message to these windows; returns how many it went to. Raises `InvalidInputError`."""
        text = text.strip()
        if not 0 < len(text) <= TEXT_LIMIT:
            raise InvalidInputError("A message has 1 to {limit} characters.", limit=TEXT_LIMIT, field="text")
        if has_control_character(text, allowed="\r\n\t"):
            raise InvalidInputError("The text holds a control character.", field="text")
        sent = [application_id for application_id in application_ids if self._presence.find(application_id)]
        for application_id in sent:
            self._add(application_id, "message", text=text, sender=sender)
        return len(sent)

    def announce(self, kind: Literal["setup"], *, sender: str, ends_at: datetime) -> None:
        """Tell every window what will happen to all of them, and when."""
        for application in self._presence.all():
            self._add(application.id, kind, sender=sender, ends_at=ends_at)

    def withdraw(self, kind: Literal["setup"]) -> None:
        """What was announced does not happen, or has happened."""
        for application_id, notices in self._waiting.items():
            notices[:] = [notice for notice in notices if notice.kind != kind]
            self._broker.publish([Event("notice", application_id)])

    def disconnect(self, application_id: str, seconds: int, *, sender: str) -> None:
        """Warn a window that it will be disconnected in `seconds` (0 to 300). Raises `InvalidInputError`."""
        if seconds not in WARNING_S:
            raise InvalidInputError("The notice is 0 to {most} seconds.", most=WARNING_S[-1], field="seconds")
        self._to_disconnect[application_id] = self._clock.steady_s() + seconds
        self._add(application_id, "disconnect", sender=sender, ends_at=self._clock.now() + timedelta(seconds=seconds))

    def due(self) -> list[str]:
        """The windows whose warning is over, and forget them; forgets also what waits for windows that have gone."""
        for gone in [application_id for application_id in self._waiting if not self._presence.find(application_id)]:
            del self._waiting[gone]
        now = self._clock.steady_s()
        due = [application_id for application_id, at in self._to_disconnect.items() if at <= now]
        for application_id in due:
            del self._to_disconnect[application_id]
        return due

    def _add(
        self, application_id: str, kind: Literal["message", "disconnect", "setup"], *, text: str = "", sender: str = "", ends_at: datetime | None = None
    ) -> None:  # fmt: skip
        waiting = self._waiting[application_id]
        waiting.append(Notice(id=str(uuid.uuid4()), kind=kind, sent_at=self._clock.now(), text=text, sender=sender, ends_at=ends_at))
        del waiting[:-WAITING_LIMIT]
        self._broker.publish([Event("notice", application_id)])
