"""The peer of every answer over HTTP: the same small JSON by bare ASGI, with the server's own web settings.

`python -m bench.bare` prints its port and answers until it is told to stop.
"""

import socket
from typing import Any

import msgspec
import uvicorn

from miz.apps.serve import web_config
from miz.wire.client_protocol import Heartbeat

_ENCODER = msgspec.json.Encoder()


async def answer(_scope: Any, receive: Any, send: Any) -> None:
    """One heartbeat's answer, without asking who, what and whether."""
    await receive()
    content = _ENCODER.encode(Heartbeat("operating", None, []))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = web_config(answer)
    config.lifespan = "off"
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
