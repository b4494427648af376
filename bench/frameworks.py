"""The measurement behind ADR 0006: one heartbeat-like call on bare ASGI, Starlette and Litestar, on one uvicorn worker.

    python3 dev.py bench frameworks

Needs `wrk` and, beside the locked packages, `litestar`, which the project itself does not use.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench import PeerMissingError

CONNECTIONS = (1, 32)
SECONDS = 3
FRAMEWORKS = ("bare", "with_starlette", "with_litestar")


class Heartbeat(msgspec.Struct, frozen=True):
    """What the window says."""

    seen: int
    is_visible: bool = True


class Answer(msgspec.Struct, frozen=True):
    """What it hears."""

    mode: str
    lease: str | None
    messages: list[str]


def answer_to(application: str, heartbeat: Heartbeat) -> Answer:
    """The work itself, the same for all."""
    return Answer("operating", f"{application}:{heartbeat.seen}", [])


_DECODER = msgspec.json.Decoder(Heartbeat)
_ENCODER = msgspec.json.Encoder()


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """No framework: the upper bound."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    content = _ENCODER.encode(answer_to(scope["path"].split("/")[2], _DECODER.decode(body)))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def with_starlette() -> Any:
    """Starlette's router and request, msgspec for the body."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def heartbeat(request: Request) -> Response:
        answer = answer_to(request.path_params["application"], _DECODER.decode(await request.body()))
        return Response(_ENCODER.encode(answer), media_type="application/json")

    return Starlette(routes=[Route("/applications/{application}/heartbeat", heartbeat, methods=["POST"])])


def with_litestar() -> Any:
    """Litestar with its own msgspec decoding."""
    litestar = import_module("litestar")

    async def heartbeat(application: str, data: Heartbeat) -> Answer:
        return answer_to(application, data)

    route = litestar.post("/applications/{application:str}/heartbeat", status_code=200)(heartbeat)
    return litestar.Litestar([route], openapi_config=None, logging_config=None)


def rate_of(framework: str, script: Path, wrk: str) -> dict[int, float]:
    """Calls per second at each number of connections."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    factory = [] if framework == "bare" else ["--factory"]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        f"bench.frameworks:{framework}",
        *factory,
        f"--port={port}",
        "--log-level=error",
        "--no-access-log",
    ]
    with subprocess.Popen(command) as server:
        try:
            _wait_for(port)
            return {connections: _load(wrk, script, port, connections) for connections in CONNECTIONS}
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _load(wrk: str, script: Path, port: int, connections: int) -> float:
    command = [wrk, "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(script), f"http://127.0.0.1:{port}/applications/a1/heartbeat"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    return float(re.findall(r"Requests/sec:\s*([\d.]+)", out)[0])


def run(rounds: int = 5) -> list[dict[str, Any]]:
    """Rows for the table of benchmarks: medians of interleaved rounds."""
    wrk = shutil.which("wrk")
    if not wrk:
        raise PeerMissingError("The load generator wrk is not installed.")
    if not find_spec("litestar"):
        raise PeerMissingError("Litestar is not installed.")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text('wrk.method="POST"; wrk.body=\'{"seen":7,"is_visible":true}\'; wrk.headers["Content-Type"]="application/json"')
        found = [{framework: rate_of(framework, script, wrk) for framework in FRAMEWORKS} for _ in range(rounds)]
    rows = []
    for connections in CONNECTIONS:
        middle = {framework: median(round_[framework][connections] for round_ in found) for framework in FRAMEWORKS}
        rows += [
            {
                "work": f"{framework}, {connections} connections",
                "value": round(rate),
                "unit": "/s",
                "goal": "",
                "ratio": f"{rate / middle['bare']:.2f}",
                "against": "bare ASGI",
            }
            for framework, rate in middle.items()
        ]
    return rows


if __name__ == "__main__":
    for row in run():
        print(row)
