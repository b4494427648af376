"""Runs a server until it is told to stop (ADR 0013)."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import miz
from miz.access.sessions import LOCAL
from miz.apps.bootstrap import Server
from miz.apps.certificates.trust import trust_app
from miz.infra.certificates.names import is_loopback
from miz.infra.files import write_whole
from miz.infra.server_log import tell_no_texts
from miz.infra.service_manager import ServiceManager
from miz.infra.settings import read_supervision
from miz.infra.web_server import PortInUseError, TlsFiles, WebServer, listen
from miz.ui.face import Face

logger = logging.getLogger("miz")

# The event loop and the writer share one interpreter; shorter turns let a commit's answer out sooner.
_TURN_S = 0.0005


def serve(server: Server, *, host: str, port: int, ready_file: Path | None = None, ready: Callable[[str], bytes] | None = None) -> None:
    """Answer at `host:port` until SIGTERM or Ctrl-C; port 0 takes a free one. With TLS where other computers can come.

    Once it answers, `ready(url)` is called and its result written to `ready_file`, which is removed at the stop. A server that asks for it
    is begun anew, at the same port. Raises `PortInUseError`, `AuthorityLockedError`.
    """
    sys.setswitchinterval(_TURN_S)
    told_in = ready_file
    with asyncio.Runner(loop_factory=_event_loop()) as runner:
        try:
            while True:
                try:
                    port = runner.run(_serve(server, host, port, told_in, ready))
                finally:
                    server.folder.control.unlink(missing_ok=True)
                    server.close()
                if not server.begins_anew:
                    break
                former, server = server, Server(server.folder, server.settings, clock=server.clock)
                server.backups.last_fault = former.fault_at_end
                told_in, ready = None, None  # it stands there still
        finally:
            if ready_file:
                ready_file.unlink(missing_ok=True)


async def _serve(server: Server, host: str, port: int, ready_file: Path | None, ready: Callable[[str], bytes] | None) -> int:
    """Answer until the end; returns the port."""
    certificates = server.certificates
    is_secure = server.settings.tls == "always" or not is_loopback(host)
    tls = _tls_of(certificates.use_at(host)) if is_secure else None
    listener = listen(host, port)
    port = listener.getsockname()[1]
    url = address_of(host, port, is_secure=is_secure)
    stopped = asyncio.Event()
    _stop_at_signals(stopped)
    server.at_giving_up(_in_loop(stopped.set))
    tell_no_texts(asyncio.get_running_loop())
    manager = ServiceManager(read_supervision())

    anchors: dict[bytes, None] = {}

    def publish() -> None:
        if is_secure:  # the one before is shown for some seconds more
            anchors[certificates.anchor_pem] = None
        server.folder.publish_control(url, server.local_token, b"".join(anchors))

    web = WebServer(server, listener, tls=tls)
    async with contextlib.AsyncExitStack() as at_end:
        await server.start()
        at_end.push_async_callback(server.stop)
        await server.modes.begin(server.writer, LOCAL)
        await web.start()
        at_end.push_async_callback(web.stop)
        at_end.callback(server.broker.close)
        if is_secure:
            certificates.at_renewal(publish)
            certificates.at_renewal(_in_loop(lambda: web.use(_tls_of(certificates.file))))
            await at_end.enter_async_context(_trust_beside(server, host, port))
        publish()
        server.answers_others = True
        content = ready(url) if ready else b""
        if ready_file:
            write_whole(ready_file, content or url.encode(), is_private=True)
        manager.tell(READY=1, STATUS=f"Answers at {url}")
        watch = asyncio.create_task(manager.keep_watch(lambda: server.writer.run(lambda _: None)))
        at_end.callback(watch.cancel)
        await stopped.wait()
        if not server.begins_anew:
            manager.tell(STOPPING=1)
    if server.reason_to_stop:
        raise server.reason_to_stop
    return int(port)


def address_of(host: str, port: int, *, is_secure: bool) -> str:
    """Where a server that listens at `host` is reached from this computer."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"{'https' if is_secure else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


@contextlib.asynccontextmanager
async def _trust_beside(server: Server, host: str, port: int) -> AsyncIterator[None]:
    """The page that shows how to trust this server; without it, where its port is taken, the server works all the same."""
    if not server.settings.http_port:
        yield
        return
    try:
        listener = listen(host, server.settings.http_port)
    except PortInUseError as error:
        logger.warning("port %s for the page without TLS is in use", error.fields["port"])
        yield
        return
    app = trust_app(server.certificates, practice=server.practice, port=port, face=Face(version=miz.__version__))
    page = WebServer(app, listener)
    await page.start()
    try:
        yield
    finally:
        await page.stop()


def _tls_of(file: Path) -> TlsFiles:
    return TlsFiles(file, file)


def _in_loop(follow: Callable[[], None]) -> Callable[[], None]:
    """For whoever tells from another thread."""
    loop = asyncio.get_running_loop()

    def tell() -> None:
        loop.call_soon_threadsafe(follow)

    return tell


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where there is one."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _stop_at_signals(stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
        else:
            loop.add_signal_handler(number, stopped.set)
