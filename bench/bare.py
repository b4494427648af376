"""The peer of every answer over HTTP: the same small JSON from the same server program, asked nothing else.

`python -m bench.bare` prints its port and answers until it is told to stop.
"""

import asyncio

import msgspec
import uvloop

from miz.infra.http import Call, Reply
from miz.infra.web_server import WebServer, listen
from miz.wire.client_protocol import Heartbeat

_ENCODER = msgspec.json.Encoder()


async def answer(call: Call) -> Reply:
    """One heartbeat's answer, without asking who, what and whether."""
    await call.read()
    return Reply(_ENCODER.encode(Heartbeat("operating", None, [])), media_type="application/json")


async def _serve() -> None:
    listener = listen("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await WebServer(answer, listener).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
