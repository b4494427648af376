"""The measurement behind ADR 0013: one small answer with TLS from each server program, and how each bears what networks do.

    python3 dev.py bench programs

uvicorn and hypercorn are installed into a temporary environment; wrk and curl are needed. Each program is told its own limits
for headers and for a stop, where it has any. `python -m bench.programs PORT FOLDER` is our own side of it:
`infra.web_server` with the same answer.
"""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shutil import which
from statistics import median
from typing import Any, NamedTuple

from bench import PeerMissingError
from miz.infra.certificates.authority import Authority, pem_of
from miz.infra.http import Call, Reply, Stream
from miz.infra.web_server import TlsFiles, WebServer, listen

CONNECTIONS = (1, 8, 64)
ROUNDS = 3
SECONDS = 1.5
STREAMS = 200
LONGEST_S = 30
CONTENT = b'{"mode":"operating","lease":null,"messages":[]}'
# The same answer for programs that speak ASGI. Streams end when the file `ending` is there; the end hook writes `ended`.
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
        while not pathlib.Path("ending").exists():
            await send({{"type": "http.response.body", "body": b": ping\\n\\n", "more_body": True}})
            await asyncio.sleep(0.5)
        await send({{"type": "http.response.body", "body": b""}})
        return
    while (await receive()).get("more_body"):
        pass
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}})
    await send({{"type": "http.response.body", "body": {CONTENT!r}}})
"""
POST = 'wrk.method = "POST"\nwrk.body = "{}"\nwrk.headers["Content-Type"] = "application/json"\n'
SLOW = {
    "no TLS greeting": None,
    "nothing after the TLS greeting": b"",
    "half a header": b"GET / HT",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
}


class Program(NamedTuple):
    """A server program that runs, and what its platform-dependent parts are called in the package index."""

    name: str
    packages: tuple[str, ...]
    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks. Raises `PeerMissingError`."""
    missing = [program for program in ("wrk", "curl") if which(program) is None]
    if missing:
        raise PeerMissingError(f"there is no {missing[0]} on this machine")
    with tempfile.TemporaryDirectory(prefix="miz-bench-programs-") as scratch, contextlib.ExitStack() as running:
        shared = Path(scratch)
        _write_certificate(shared)
        (shared / "served.py").write_text(ASGI_APP)
        (shared / "post.lua").write_text(POST)
        programs = [running.enter_context(program) for program in _programs(shared)]
        rates = [{(one.name, count): _rate(one, count) for one in programs for count in CONNECTIONS} for _ in range(ROUNDS)]
        with ThreadPoolExecutor() as aside:
            held = {(one.name, what): aside.submit(_closed_after, one, words) for one in programs for what, words in SLOW.items()}
        rows = []
        for one in programs:
            for count in CONNECTIONS:
                rate = median(round_[one.name, count] for round_ in rates)
                rows.append(_row(f"{one.name}: POST with TLS, {count} connections", round(rate), "/s", f"median of {ROUNDS} rounds"))
            rows.append(_row(f"{one.name}: HTTP version that curl gets", _version(one), "", "curl --http2"))
            for what in SLOW:
                closed_s = held[one.name, what].result()
                note = "" if closed_s < LONGEST_S else "not closed while it was watched"
                rows.append(_row(f"{one.name}: {what}, closed after", round(closed_s, 1), "s", note))
            rows += [_stop(one), _windows(one)]
        return rows


def _programs(shared: Path) -> Iterator[contextlib.AbstractContextManager[Program]]:
    python = _environment(shared)
    tls = (str(shared / "chain.pem"), str(shared / "key.pem"))
    yield _served("uvicorn", ("uvicorn", "httptools"), shared, [
        python, "-m", "uvicorn", "served:app", "--port={port}", "--log-level=critical", "--no-access-log", "--loop=uvloop", "--http=httptools",
        "--timeout-graceful-shutdown=3", f"--ssl-certfile={tls[0]}", f"--ssl-keyfile={tls[1]}",
    ])  # fmt: skip
    yield _served("hypercorn", ("hypercorn", "h11", "h2"), shared, [
        python, "-m", "hypercorn", "served:app", "--bind=127.0.0.1:{port}", "--log-level=critical", "-k=uvloop", "--graceful-timeout=3",
        f"--certfile={tls[0]}", f"--keyfile={tls[1]}",
    ])  # fmt: skip
    yield _served("granian, ASGI", ("granian",), shared, [
        python, "-m", "granian", "served:app", "--interface=asgi", "--port={port}", "--no-log", "--loop=uvloop", "--workers-kill-timeout=3",
        "--http1-header-read-timeout=10000", f"--ssl-certificate={tls[0]}", f"--ssl-keyfile={tls[1]}",
    ])  # fmt: skip
    yield _served("granian embedded, RSGI (ours)", ("granian",), shared, [sys.executable, "-m", "bench.programs", "{port}", "{folder}"])


@contextlib.contextmanager
def _served(name: str, packages: tuple[str, ...], shared: Path, command: list[str]) -> Iterator[Program]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    folder = Path(tempfile.mkdtemp(dir=shared))
    for file in ("served.py", "post.lua", "chain.pem", "key.pem", "ca.pem"):
        (folder / file).hardlink_to(shared / file)
    here = None if command[0] == sys.executable else folder
    told = [part.format(port=port, folder=folder) for part in command]
    # A session of its own, so that workers which outlive their program can be ended with it.
    with subprocess.Popen(told, cwd=here, start_new_session=True, stderr=subprocess.DEVNULL) as process:
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
            yield Program(name, packages, process, port, folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _rate(program: Program, connections: int) -> float:
    command = [
        "wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{SECONDS}s", "-s", str(program.folder / "post.lua"), f"https://127.0.0.1:{program.port}/",
    ]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return float(next(line.split()[1] for line in told.splitlines() if line.startswith("Requests/sec")))


def _version(program: Program) -> float:
    command = ["curl", "-s", "--http2", "--cacert", str(program.folder / "ca.pem"), "-o", "/dev/null", "-w", "%{http_version}"]
    told = subprocess.run([*command, f"https://localhost:{program.port}/"], capture_output=True, text=True, check=True).stdout
    return float(told)


def _closed_after(program: Program, words: bytes | None) -> float:
    began = time.monotonic()
    with _connect(program, words) as connection, contextlib.suppress(OSError):
        connection.settimeout(LONGEST_S)
        while connection.recv(4096):
            pass
    return time.monotonic() - began


def _connect(program: Program, words: bytes | None) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", program.port))
    if words is None:
        return plain
    trust = ssl.create_default_context(cafile=program.folder / "ca.pem")
    connection = trust.wrap_socket(plain, server_hostname="localhost")
    connection.sendall(words)
    return connection


def _stop(program: Program) -> dict[str, Any]:
    """The streams end by themselves within half a second of the signal; one request stays half sent."""
    streams = [_connect(program, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(STREAMS)]
    answered = sum(stream.recv(12) == b"HTTP/1.1 200" for stream in streams)
    half = _connect(program, b"GET / HT")
    began = time.monotonic()
    (program.folder / "ending").touch()
    program.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.process.wait(LONGEST_S)
    took = time.monotonic() - began
    hooks = "ran" if (program.folder / "ended").exists() else "did not run"
    for open_one in (*streams, half):
        open_one.close()
    note = f"{answered} of {STREAMS} streams and half a request open; end hooks {hooks}"
    return _row(f"{program.name}: SIGTERM until the end", round(took, 1), "s", note)


def _windows(program: Program) -> dict[str, Any]:
    wheels = []
    with tempfile.TemporaryDirectory(prefix="miz-bench-wheels-") as folder:
        for package in program.packages:
            command = [
                sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--platform=win_amd64",
                "--python-version=3.12", f"--dest={folder}", package,
            ]  # fmt: skip
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wheels = sorted(wheel.name for wheel in Path(folder).glob("*.whl"))
    return _row(f"{program.name}: wheels for Windows", len(wheels), f"of {len(program.packages)}", ", ".join(wheels))


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
    wanted = ["uvicorn", "httptools", "hypercorn", *(f"{ours}=={version(ours)}" for ours in ("granian", "uvloop"))]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    told = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    print(
        "Measured:",
        ", ".join(
            line for line in told.split() if line.partition("==")[0].lower() in {"uvicorn", "httptools", "hypercorn", "granian", "uvloop"}
        ),
    )
    return str(python)


async def _serve(port: int, folder: Path) -> None:
    stopped = asyncio.Event()

    async def pings() -> AsyncIterator[bytes]:
        while not (folder / "ending").exists():
            yield b": ping\n\n"
            await asyncio.sleep(0.5)

    async def answer(call: Call) -> Reply | Stream:
        if call.path == "/events":
            return Stream(pings())
        await call.read()
        return Reply(CONTENT, media_type="application/json")

    server = WebServer(answer, listen("127.0.0.1", port), tls=TlsFiles(folder / "chain.pem", folder / "key.pem"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await server.start()
    await stopped.wait()
    await server.stop()
    (folder / "ended").touch()


def _row(work: str, value: float, unit: str, against: str) -> dict[str, Any]:
    return {"work": work, "value": value, "unit": unit, "goal": "", "ratio": "", "against": against}


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
