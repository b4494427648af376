"""Tells systemd how the server does: one datagram for each message, as `sd_notify(3)` describes. No library is needed for it."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable

from miz.infra.settings import Supervision

# systemd recommends half of its patience; a third outlives one sign that was late.
_SIGNS_PER_PATIENCE = 3


class ServiceManager:
    """Whoever has started this server and waits for word; without one, nothing is sent."""

    def __init__(self, supervision: Supervision) -> None:
        self._address = "\0" + supervision.socket[1:] if supervision.socket.startswith("@") else supervision.socket
        self._watchdog_s = supervision.watchdog_s

    def tell(self, **state: object) -> None:
        """Send `READY=1` and the like. A manager that cannot be reached does not stop the server."""
        if sys.platform == "win32" or not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in state.items())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(message.encode(), self._address)

    async def keep_watch(self, answers: Callable[[], Awaitable[object]]) -> None:
        """Give the watchdog its signs of life for as long as `answers` comes back; ends at once where nobody watches.

        There is no deadline here: who hangs gives no sign, and then systemd ends and restarts the server. A refusal is an
        answer, because a full disk is no better after a restart.
        """
        while self._watchdog_s:
            with contextlib.suppress(Exception):
                await answers()
            self.tell(WATCHDOG=1)
            await asyncio.sleep(self._watchdog_s / _SIGNS_PER_PATIENCE)
