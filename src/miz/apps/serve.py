"""Runs a server until it is told to stop (ADR 0007)."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn
from starlette.types import ASGIApp

import miz
from miz.apps.bootstrap import Server
from miz.apps.certificates.trust import trust_app
from miz.infra.certificates.names import is_loopback
from miz.infra.files import write_whole
from miz.kernel.errors import MizError
from miz.ui.face import Face

logger = logging.getLogger("miz")

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
    """uvicorn that ends open event streams first, so that a stop takes no grace time; beside it the page without TLS."""

    def __init__(self, config: uvicorn.Config, server: Server, at_start: Callable[[], None], trust: "_Trust | None") -> None:
        super().__init__(config)
        self._practice_server = server
        self._at_start = at_start
        self._trust = trust

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._trusting = asyncio.create_task(self._trust.serve(self._trust.sockets)) if self._trust else None
        self._at_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._trust and self._trusting:
            self._trust.should_exit = True
            await self._trusting
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._practice_server.broker.close)
        super().handle_exit(sig, frame)

    def show_renewed_certificate(self, file: Path) -> None:
        """Connections from now on see the certificate that is in the file now. In any thread."""
        assert self.config.ssl is not None
        self._loop.call_soon_threadsafe(self.config.ssl.load_cert_chain, file)


class _Trust(uvicorn.Server):
    """The page without TLS; stopped by the server beside it, not by signals."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, server_header=False, date_header=False, ws="none")
        )
        self.sockets = [listener]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(server: Server, *, host: str, port: int, ready_file: Path | None = None, ready: Callable[[str], bytes] | None = None) -> None:
    """Answer at `host:port` until SIGTERM or Ctrl-C; port 0 takes a free one. With TLS where other computers can come.

    Once it answers, `ready(url)` is called and its result written to `ready_file`, which is removed at the stop.
    Raises `PortInUseError`, `AuthorityLockedError`.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.setswitchinterval(_TURN_S)
    certificates = server.certificates
    certificate = certificates.use_at(host) if server.settings.tls == "always" or not is_loopback(host) else None
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    url = address_of(host, port, is_secure=certificate is not None)
    trust = _trust_beside(server, host, port) if certificate else None

    def publish() -> None:
        server.folder.publish_control(url, server.local_token, certificates.anchor_pem if certificate else b"")

    def tell() -> None:
        publish()
        content = ready(url) if ready else b""
        if ready_file:
            write_whole(ready_file, content or url.encode(), is_private=True)

    web = _Web(web_config(server, certificate), server, tell, trust)
    if certificate:
        certificates.at_renewal(publish)
        certificates.at_renewal(lambda: web.show_renewed_certificate(certificates.file))
    # uvicorn stops in order and then raises the signal again for whoever stood here before.
    signal.signal(signal.SIGTERM, _leave)
    try:
        web.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        server.folder.control.unlink(missing_ok=True)
        if ready_file:
            ready_file.unlink(missing_ok=True)
        server.close()
        listener.close()


def address_of(host: str, port: int, *, is_secure: bool) -> str:
    """Where a server that listens at `host` is reached from this computer."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"{'https' if is_secure else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


def web_config(app: ASGIApp, certificate: Path | None = None) -> uvicorn.Config:
    """How uvicorn serves here; the benchmarks give their bare answer the same."""
    return uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, server_header=False, date_header=False, ws="none",
        proxy_headers=False, timeout_keep_alive=75, timeout_graceful_shutdown=GRACE_S, backlog=1024, ssl_certfile=certificate,
    )  # fmt: skip


def _trust_beside(server: Server, host: str, port: int) -> _Trust | None:
    """The page that shows how to trust this server; without it, where its port is taken, the server works all the same."""
    if not server.settings.http_port:
        return None
    try:
        listener = _listen(host, server.settings.http_port)
    except PortInUseError as error:
        logger.warning("port %s for the page without TLS is in use", error.fields["port"])
        return None
    return _Trust(trust_app(server.certificates, practice=server.practice, port=port, face=Face(version=miz.__version__)), listener)


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
