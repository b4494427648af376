"""What others need for the same work, in the same run: a lease row in PostgreSQL through psycopg, a key under a lease in etcd.

Neither asks who is there, what they may do or what is on the record; there is no TLS and no audit trail. They are a
bound, not a competitor of the same kind. `python -m bench.peers` reads one `Job` as JSON and then works like `bench.load`.
"""

import asyncio
import base64
import contextlib
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Literal

import msgspec
import psycopg

from bench import PeerMissingError
from bench.load import WARM_UP_S, Toll
from bench.machine import Times, times_of
from tests.support.postgres import NoPostgresError, Postmaster, free_port

Work = Literal["lease", "heartbeat"]
ROWS_OF_A_SEAT = 20
CLIENT_PROCESSES = 2
READY_WITHIN_S = 20
Round = Callable[[int], Awaitable[None]]


class Job(msgspec.Struct, frozen=True):
    """What every seat does for `seconds`, at the PostgreSQL or etcd of `address`."""

    address: str
    work: Work
    seats: list[int]
    seconds: float


class Peer:
    """A peer that runs, and what its clients reach."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.kind = name.partition(" ")[0]
        self._address = address

    def load(self, work: Work, count: int, seconds: float) -> Times:
        """What `count` clients reach, shared among as many client processes as ours."""
        shares = [share for number in range(CLIENT_PROCESSES) if (share := list(range(count))[number::CLIENT_PROCESSES])]
        with contextlib.ExitStack() as running:
            clients = [
                running.enter_context(
                    subprocess.Popen([sys.executable, "-m", "bench.peers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
                )
                for _ in shares
            ]
            for client, share in zip(clients, shares, strict=True):
                assert client.stdin is not None
                client.stdin.write(msgspec.json.encode(Job(self._address, work, share, seconds)) + b"\n")
            answers = [client.communicate()[0] for client in clients]
        if any(client.returncode for client in clients):
            raise RuntimeError(f"a client of {self.name} ended with {[client.returncode for client in clients]}")
        tolls = [msgspec.json.decode(answer, type=Toll) for answer in answers]
        return times_of([time for toll in tolls for time in toll.milliseconds], seconds)


@contextlib.contextmanager
def postgresql(seats: int) -> Iterator[Peer]:
    """One row a patient, taken where nobody has it, with a token that counts up; every commit synced. Raises `PeerMissingError`."""
    try:
        postmaster = Postmaster.fresh()
    except NoPostgresError as missing:
        raise PeerMissingError(str(missing)) from missing
    try:
        postmaster.run("CREATE TABLE lease (id int PRIMARY KEY, holder text, token bigint NOT NULL DEFAULT 0, since timestamptz)")
        postmaster.run("CREATE TABLE seat (id int PRIMARY KEY, seen_at timestamptz)")
        postmaster.run(f"INSERT INTO lease (id) SELECT generate_series(0, {seats * ROWS_OF_A_SEAT})")
        postmaster.run(f"INSERT INTO seat (id) SELECT generate_series(0, {seats})")
        postmaster.run("VACUUM ANALYZE")
        version = postmaster.run("SHOW server_version")[0][0]
        yield Peer(f"PostgreSQL {version} through psycopg {psycopg.__version__}", postmaster.url("postgres"))
    finally:
        postmaster.remove()


@contextlib.contextmanager
def etcd() -> Iterator[Peer]:
    """A key a patient, put where there is none, under a lease; over HTTP with JSON. Raises `PeerMissingError`."""
    program = shutil.which("etcd")
    if program is None:
        raise PeerMissingError("there is no etcd on this machine (Debian: etcd-server)")
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    with tempfile.TemporaryDirectory(prefix="miz-bench-etcd-") as folder:
        command = [
            program, "--data-dir", folder, "--log-level", "error", "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                asyncio.run(_until_it_answers(client))
                told = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
                yield Peer(f"etcd {told.split()[2]}, HTTP and JSON", client)
            finally:
                process.terminate()


async def _until_it_answers(address: str) -> None:
    ends = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            async with _Etcd.at(address) as client:
                await client.ask("/v3/lease/grant", {"TTL": 60})
        except (OSError, EOFError):
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(0.1)
        else:
            return


class _Etcd:
    """One kept-alive connection to etcd's gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, address: str) -> AsyncIterator["_Etcd"]:
        host, _, port = address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def ask(self, path: str, body: object) -> bytes:
        content = msgspec.json.encode(body)
        self._writer.write(f"POST {path} HTTP/1.1\r\nHost: etcd\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(head.decode())
        if b"content-length: " in head:
            return await self._reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        parts = b""
        while size := int(await self._reader.readline(), 16):
            parts += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
        return parts


@contextlib.asynccontextmanager
async def _seat_at_postgresql(job: Job, seat: int) -> AsyncIterator[Round]:
    async with await psycopg.AsyncConnection.connect(job.address, autocommit=True, prepare_threshold=0) as connection:

        async def lease(turn: int) -> None:
            row = seat * ROWS_OF_A_SEAT + turn % ROWS_OF_A_SEAT
            taken = await connection.execute(
                "UPDATE lease SET holder = %s, token = token + 1, since = now() WHERE id = %s AND holder IS NULL RETURNING token",
                (str(seat), row),
            )
            token = (await taken.fetchall())[0][0]
            await connection.execute("UPDATE lease SET holder = NULL WHERE id = %s AND holder = %s AND token = %s", (row, str(seat), token))

        async def heartbeat(_: int) -> None:
            await connection.execute("UPDATE seat SET seen_at = now() WHERE id = %s", (seat,))

        yield lease if job.work == "lease" else heartbeat


@contextlib.asynccontextmanager
async def _seat_at_etcd(job: Job, seat: int) -> AsyncIterator[Round]:
    async with _Etcd.at(job.address) as client:
        granted = msgspec.json.decode(await client.ask("/v3/lease/grant", {"TTL": 120}))["ID"]

        async def lease(turn: int) -> None:
            key = base64.b64encode(f"patient/{seat * ROWS_OF_A_SEAT + turn % ROWS_OF_A_SEAT}".encode()).decode()
            put = {"request_put": {"key": key, "value": base64.b64encode(str(seat).encode()).decode(), "lease": granted}}
            free = {"key": key, "target": "CREATE", "create_revision": "0"}
            taken = await client.ask("/v3/kv/txn", {"compare": [free], "success": [put]})
            if b'"succeeded":true' not in taken:
                raise RuntimeError(taken.decode())
            await client.ask("/v3/kv/deleterange", {"key": key})

        async def heartbeat(_: int) -> None:
            await client.ask("/v3/lease/keepalive", {"ID": granted})

        yield lease if job.work == "lease" else heartbeat


async def _work(job: Job, seat: int) -> list[float]:
    times: list[float] = []
    async with (_seat_at_etcd if job.address.startswith("http") else _seat_at_postgresql)(job, seat) as work:
        counts_from = time.perf_counter() + WARM_UP_S
        ends_at = counts_from + job.seconds
        for turn in itertools.count():
            began = time.perf_counter()
            await work(turn)
            now = time.perf_counter()
            if now > ends_at:
                return times
            if began >= counts_from:
                times.append((now - began) * 1e3)
    raise AssertionError("a seat works until its time is over")


def main() -> None:
    import uvloop

    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)

    async def work() -> Toll:
        return Toll(list(itertools.chain.from_iterable(await asyncio.gather(*(_work(job, seat) for seat in job.seats)))))

    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:
        whole.write(msgspec.json.encode(uvloop.run(work())))


if __name__ == "__main__":
    main()
