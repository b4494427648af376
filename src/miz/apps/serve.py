"""Runs a server until it is told to stop (ADR 0007)."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp

from miz.apps.bootstrap import Server
from miz.infra.files import write_whole
from miz.kernel.errors import MizError

GRACE_S = 2
# The event loop and the writer share one interpreter; shorter turns let a commit's answer out sooner.
_TURN_S = 0.0005


class PortInUseError(MizError):
    """Another program listens at this address."""

    code = "port-in-use"
    title = "Another program uses port {port} of this computer."
    kind = "conflict"
    hint = "Choose another port with --port."


class _Web(uvicorn.Server):
    """uvicorn that ends open event streams first, so that a stop takes no grace time."""

    def __init__(self, config: uvicorn.Config, server: Server, at_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._practice_server = server
        self._at_start = at_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._at_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._practice_server.broker.close)
        super().handle_exit(sig, frame)


def serve(server: Server, *, host: str, port: int, ready_file: Path | None = None, ready: Callable[[str], bytes] | None = None) -> None:
    """Answer at `host:port` until SIGTERM or Ctrl-C; port 0 takes a free one.

    Once it answers, `ready(url)` is called and its result written to `ready_file`, which is removed at the stop.
    Raises `PortInUseError`.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.setswitchinterval(_TURN_S)
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listener.getsockname()[1]}"

    def tell() -> None:
        server.folder.publish_control(url, server.local_token)
        content = ready(url) if ready else b""
        if ready_file:
            write_whole(ready_file, content or url.encode(), is_private=True)

    # uvicorn stops in order and then raises the signal again for whoever stood here before.
    signal.signal(signal.SIGTERM, _leave)
    try:
        _Web(web_config(server), server, tell).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        server.folder.control.unlink(missing_ok=True)
        if ready_file:
            ready_file.unlink(missing_ok=True)
        server.close()
        listener.close()


def web_config(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves here; the benchmarks give their bare answer the same."""
    return uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, server_header=False, date_header=False, ws="none",
        proxy_headers=False, timeout_keep_alive=75, timeout_graceful_shutdown=GRACE_S, backlog=1024,
    )  # fmt: skip


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUseError(port=port) from error
    listener.set_inheritable(True)
    return listener
