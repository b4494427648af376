"""A load generator that costs less than what it measures: one process, many kept-alive connections, hardly any parsing.

`python -m bench.load` reads one `Job` as JSON, answers `ready`, starts at the next line and prints its `Toll` as JSON.
"""

import asyncio
import contextlib
import itertools
import signal
import ssl
import sys
import time
from collections.abc import Callable, Generator
from typing import Literal, cast

import msgspec

Work = Literal["heartbeat", "lease", "save", "search"]
Requests = Generator[bytes, bytes, None]
WARM_UP_S = 0.4


class Seat(msgspec.Struct, frozen=True):
    """One application and the patients it works through, over and over."""

    application: str
    patients: list[str]


class Job(msgspec.Struct, frozen=True):
    """What every seat does for `seconds` or until SIGTERM, with `pause_s` between two rounds; with TLS where there is a `certificate` to trust (PEM)."""

    host: str
    port: int
    session: str
    work: Work
    seats: list[Seat]
    seconds: float
    pause_s: float = 0
    certificate: str = ""


class Toll(msgspec.Struct, frozen=True):
    """How long each round took that began after the warm-up, and when on the clock of all processes it `began`."""

    milliseconds: list[float]
    began: list[float] = []


class Connection(asyncio.Protocol):
    """One seat's connection: sends the next request when the answer to the last has come."""

    def __init__(self, job: Job, seat: Seat, toll: Toll, over: asyncio.Event, done: "asyncio.Future[None]") -> None:
        self._job = job
        self._rounds = itertools.cycle(seat.patients)
        self._ask = _WORKS[job.work]
        self._head = f"Host: {job.host}\r\nAuthorization: Bearer {job.session}\r\nMiz-Application: {seat.application}\r\n"
        self._seat = seat
        self._toll = toll
        self._over = over
        self._done = done
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._counts_from = time.perf_counter() + WARM_UP_S
        self._ends_at = self._counts_from + self._job.seconds
        self._begin()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length_at = self._buffer.find(b"content-length: ", 0, head_end) + 16
        # An answer without content says no length.
        length = int(self._buffer[length_at : self._buffer.index(b"\r", length_at)]) if length_at > 16 else 0
        body_end = head_end + 4 + length
        if len(self._buffer) < body_end:
            return
        answer, self._buffer = self._buffer[:body_end], self._buffer[body_end:]
        if answer[9:10] != b"2":
            self._finish(RuntimeError(answer.decode(errors="replace")))
            return
        try:
            self._transport.write(self._requests.send(answer))
        except StopIteration:
            self._end_round()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or ConnectionError("the server closed the connection"))

    def _begin(self) -> None:
        self._requests = self._ask(self._head, self._seat.application, next(self._rounds))
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def _end_round(self) -> None:
        now = time.perf_counter()
        if now > self._ends_at or self._over.is_set():
            self._finish(None)
            return
        if self._began >= self._counts_from:
            self._toll.milliseconds.append((now - self._began) * 1e3)
            self._toll.began.append(self._began)
        if self._job.pause_s:
            asyncio.get_running_loop().call_later(self._job.pause_s, self._begin)
        else:
            self._begin()

    def _finish(self, error: Exception | None) -> None:
        if not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)
        self._transport.close()


def _request(method: str, path: str, head: str, body: str = "") -> bytes:
    content = body.encode()
    return f"{method} /api/v1{path} HTTP/1.1\r\n{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def _heartbeat(head: str, application: str, _patient: str) -> Requests:
    yield _request("POST", f"/applications/{application}/heartbeat", head)


def _lease(head: str, _application: str, patient: str) -> Requests:
    opening = f"/patients/{patient}/opening"
    yield _request("POST", opening, head)
    yield _request("DELETE", opening, head)


def _save(head: str, _application: str, patient: str) -> Requests:
    opening = f"/patients/{patient}/opening"
    answer = yield _request("POST", opening, head)
    token_at = answer.index(b'"fencing_token":"') + 17
    token = answer[token_at : answer.index(b'"', token_at)].decode()
    yield _request("POST", f"/patients/{patient}/notes", f"{head}Miz-Fencing-Token: {token}\r\n", '{"text":"Kontrolle in zwei Wochen"}')
    yield _request("DELETE", opening, head)


def _search(head: str, _application: str, words: str) -> Requests:
    yield _request("POST", "/patients/search", head, f'{{"q":"{words}"}}')


_WORKS: dict[Work, Callable[[str, str, str], Requests]] = {"heartbeat": _heartbeat, "lease": _lease, "save": _save, "search": _search}


async def _run(job: Job) -> Toll:
    loop = asyncio.get_running_loop()
    toll, over = Toll([], []), asyncio.Event()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, over.set)
    finished = []
    trust = _trust(job.certificate) if job.certificate else None
    for seat in job.seats:
        finished.append(loop.create_future())
        await loop.create_connection(
            lambda seat=seat, done=finished[-1]: Connection(job, seat, toll, over, done), job.host, job.port, ssl=trust
        )
        if job.pause_s:
            await asyncio.sleep(job.pause_s / len(job.seats))
    await asyncio.gather(*finished)
    return toll


def _trust(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    return context


def main() -> None:
    import uvloop

    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    print("ready", flush=True)
    sys.stdin.buffer.readline()
    toll = msgspec.json.encode(uvloop.run(_run(job)))
    # An unbuffered sys.stdout would write a part only.
    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:
        whole.write(toll)


if __name__ == "__main__":
    main()
