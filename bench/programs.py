"""The measurement behind ADR 0013: one small answer with TLS from each server program, and how each bears what networks do.

    python3 dev.py bench programs

uvicorn and hypercorn are installed into a temporary environment; wrk and curl are needed. `python -m bench.programs PORT
FOLDER` is our own side of it: `infra.web_server` with the same answer.
"""

import asyncio
import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

from bench import PeerMissingError
from miz.infra.certificates.authority import Authority, pem_of
from miz.infra.http import Call, Reply, Stream
from miz.infra.web_server import TlsFiles, WebServer, listen

CONNECTIONS = (1, 8, 64)
SECONDS = 3
STREAMS = 200
LONGEST_S = 20.0
CONTENT = b'{"mode":"operating","lease":null,"messages":[]}'
# The same answer for programs that speak ASGI; it writes a file when its end hook runs.
ASGI_APP = f"""
import asyncio, pathlib
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        pathlib.Path("ended").touch()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] == "/events":
        await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}})
        while True:
            await send({{"type": "http.response.body", "body": b": ping\\n\\n", "more_body": True}})
            await asyncio.sleep(1)
    while (await receive()).get("more_body"):
        pass
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}})
    await send({{"type": "http.response.body", "body": {CONTENT!r}}})
"""
POST = 'wrk.method = "POST"\nwrk.body = "{}"\nwrk.headers["Content-Type"] = "application/json"\n'


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks. Raises `PeerMissingError`."""
    missing = [program for program in ("wrk", "curl") if which(program) is None]
    if missing:
        raise PeerMissingError(f"there is no {missing[0]} on this machine")
    with tempfile.TemporaryDirectory(prefix="miz-bench-programs-") as scratch:
        folder = Path(scratch)
        _write_certificate(folder)
        (folder / "served.py").write_text(ASGI_APP)
        (folder / "post.lua").write_text(POST)
        python = _environment(folder)
        tls = {"certificate": str(folder / "chain.pem"), "key": str(folder / "key.pem")}
        programs = {
            "uvicorn": [python, "-m", "uvicorn", "served:app", "--port={port}", "--log-level=critical", "--no-access-log", "--loop=uvloop",
                        "--http=httptools", f"--ssl-certfile={tls['certificate']}", f"--ssl-keyfile={tls['key']}"],
            "hypercorn": [python, "-m", "hypercorn", "served:app", "--bind=127.0.0.1:{port}", "--log-level=critical", "-k=uvloop",
                          f"--certfile={tls['certificate']}", f"--keyfile={tls['key']}"],
            "granian, ASGI": [python, "-m", "granian", "served:app", "--interface=asgi", "--port={port}", "--no-log", "--loop=uvloop",
                              f"--ssl-certificate={tls['certificate']}", f"--ssl-keyfile={tls['key']}"],
            "granian embedded, RSGI (ours)": [sys.executable, "-m", "bench.programs", "{port}", scratch],
        }  # fmt: skip
        return [row for name, command in programs.items() for row in _rows(name, command, folder)]


def _rows(name: str, command: list[str], folder: Path) -> Iterator[dict[str, Any]]:
    with _served(command, folder) as (process, port):
        for connections in CONNECTIONS:
            yield _row(f"{name}: POST with TLS, {connections} connections", _rate(port, connections, folder), "/s", "wrk, one thread")
        yield _row(f"{name}: HTTP version that curl gets", _version(port, folder), "", "curl --http2")
        for what, words in (("half a header", b"GET / HT"), ("nothing after the TLS greeting", b"")):
            yield _row(f"{name}: {what}, closed after", _closed_after(port, folder, words), "s", f"{LONGEST_S:.0f} = not closed")
        yield _row(f"{name}: no TLS greeting, closed after", _closed_after(port, None, b""), "s", f"{LONGEST_S:.0f} = not closed")
        streams = [_connect(port, folder, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(STREAMS)]
        answered = sum(stream.recv(12) == b"HTTP/1.1 200" for stream in streams)
        half = _connect(port, folder, b"GET / HT")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LONGEST_S)
        hooks = "ran" if (folder / "ended").exists() else "did not run"
        took = time.monotonic() - began
        yield _row(f"{name}: SIGTERM until the end", took, "s", f"{answered} streams and half a request open; end hooks {hooks}")
        for open_one in (*streams, half):
            open_one.close()


@contextlib.contextmanager
def _served(command: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    (folder / "ended").unlink(missing_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    here = None if command[0] == sys.executable else folder
    with subprocess.Popen([part.format(port=port) for part in command], cwd=here) as process:
        try:
            ends = time.monotonic() + LONGEST_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > ends:
                        raise
                    time.sleep(0.05)
            yield process, port
        finally:
            process.kill()


def _rate(port: int, connections: int, folder: Path) -> float:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(folder / "post.lua"), f"https://127.0.0.1:{port}/"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return float(next(line.split()[1] for line in told.splitlines() if line.startswith("Requests/sec")))


def _version(port: int, folder: Path) -> float:
    command = ["curl", "-s", "--http2", "--cacert", str(folder / "ca.pem"), "-o", "/dev/null", "-w", "%{http_version}"]
    return float(subprocess.run([*command, f"https://localhost:{port}/"], capture_output=True, text=True, check=True).stdout)


def _closed_after(port: int, folder: Path | None, words: bytes) -> float:
    began = time.monotonic()
    with _connect(port, folder, words) as connection, contextlib.suppress(OSError):
        connection.settimeout(LONGEST_S)
        while connection.recv(4096):
            pass
    return time.monotonic() - began


def _connect(port: int, folder: Path | None, words: bytes) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port))
    if folder is None:
        return plain
    trust = ssl.create_default_context(cafile=folder / "ca.pem")
    connection = trust.wrap_socket(plain, server_hostname="localhost")
    connection.sendall(words)
    return connection


def _write_certificate(folder: Path) -> None:
    names, now = ["localhost", "127.0.0.1"], datetime.now(UTC)
    authority = Authority.make(names, practice="Messpraxis", now=now, password=b"measured")
    both = authority.issue(names, now=now, password=b"measured")
    (folder / "chain.pem").write_bytes(both)
    (folder / "key.pem").write_bytes(both)
    (folder / "ca.pem").write_bytes(pem_of(authority.certificate))


def _environment(folder: Path) -> str:
    venv.create(folder / "environment", with_pip=True)
    python = folder / "environment" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uvicorn", "httptools", "uvloop", "hypercorn", "granian"], check=True)
    return str(python)


async def _answer(call: Call) -> Reply | Stream:
    if call.path == "/events":
        return Stream(_pings())
    await call.read()
    return Reply(CONTENT, media_type="application/json")


_is_ending = asyncio.Event()


async def _pings() -> AsyncIterator[bytes]:
    while not _is_ending.is_set():
        yield b": ping\n\n"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_is_ending.wait(), 1)


async def _serve(port: int, folder: Path) -> None:
    server = WebServer(_answer, listen("127.0.0.1", port), tls=TlsFiles(folder / "chain.pem", folder / "key.pem"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _is_ending.set)
    await server.start()
    await _is_ending.wait()
    await server.stop()
    (folder / "ended").touch()


def _row(work: str, value: float, unit: str, against: str) -> dict[str, Any]:
    return {
        "work": work,
        "value": round(value) if unit == "/s" else round(value, 1),
        "unit": unit,
        "goal": "",
        "ratio": "",
        "against": against,
    }


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
