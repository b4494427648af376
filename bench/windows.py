"""Windows at work: each signs in, keeps its event stream open, and goes through its share of a working day.

`python -m bench.windows` reads one `Shift` as JSON, signs everybody in, answers `ready`, starts at the next line and
prints its `Toll` as JSON.
"""

import asyncio
import random
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from bench.browser import Browser, Toll

# Eight hours in ten minutes.
PACE = 48
SIGN_OF_LIFE_S = 30.0
# How often somebody turns to the next patient, in the time of the day.
EVERY_S = {"treating": 20 * 60.0, "reception": 8 * 60.0, "console": 15 * 60.0}
BUSY_SHARE = 0.6
LAST_EVENTS_S = 2.0

Trade = Literal["treating", "reception", "console"]


class Place(msgspec.Struct, frozen=True):
    """Who sits at one window, and whom they will see."""

    user: str
    trade: Trade
    may_sign_off: bool
    patients: list[tuple[str, str]]
    """Id and family name."""


class Shift(msgspec.Struct, frozen=True):
    """What the windows of one client process do, and for how long."""

    host: str
    port: int
    certificate: str
    places: list[Place]
    seconds: float


class Window:
    """One application: asks one thing after the other, except for its signs of life."""

    def __init__(self, shift: Shift, place: Place, trust: ssl.SSLContext, toll: Toll, chance: random.Random) -> None:
        self._seconds, self._place, self._toll, self._chance = shift.seconds, place, toll, chance
        self._browser = Browser(shift.host, shift.port, trust, toll)
        self._saved: list[float] = []
        self._pause_s = 0.0

    async def enter(self) -> None:
        """Sign in, announce the window, listen."""
        self._application = await self._browser.enter(self._place.user)

    async def work(self) -> None:
        """The day; an answer that is none is counted and the next visit begins."""
        ends_at = time.perf_counter() + self._seconds
        alive = asyncio.create_task(self._stay_alive(SIGN_OF_LIFE_S / PACE))
        every_s = EVERY_S[self._place.trade] / PACE
        visit = {"treating": self._treat, "reception": self._receive, "console": self._oversee}[self._place.trade]
        await asyncio.sleep(self._chance.uniform(0, every_s))
        number = 0
        while (began := time.perf_counter()) < ends_at:
            self._pause_s = every_s * BUSY_SHARE / 10
            patient, name = self._place.patients[number % len(self._place.patients)]
            number += 1
            try:
                await visit(patient, name)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is an error of the day
                self._toll.errors.append(f"{type(error).__name__}: {error}"[:300])
                self._browser.hang_up()
            await asyncio.sleep(max(0.0, began + every_s * self._chance.uniform(0.9, 1.1) - time.perf_counter()))
        alive.cancel()
        await asyncio.sleep(LAST_EVENTS_S)
        self._leave()

    async def _treat(self, patient: str, name: str) -> None:
        api, page = f"/api/v1/patients/{patient}", f"/patients/{patient}"
        await self._read("POST", "/api/v1/patients/search", {"q": name})
        token = await self._open(patient)
        await self._read("GET", page)
        await self._save("POST", f"{api}/medication", token, {"text": "Ibuprofen 600", "status": "as_needed"})
        await self._read("GET", f"{page}/anamnesis")
        await self._save("POST", f"{api}/notes", token, {"text": "Kontrolle in zwei Wochen"})
        await self._save("PATCH", api, token, {"planned": ["Extraktion 36"]})
        await self._read("POST", f"{api}/evaluation", {})
        await self._read("GET", f"{page}/allergies")
        if self._place.may_sign_off:
            await self._save("POST", f"{api}/review", token, None)
        await self._read("GET", f"{page}/history")
        await self._write("DELETE", f"{api}/opening")

    async def _receive(self, patient: str, name: str) -> None:
        await self._read("GET", "/")
        await self._read("POST", "/patients/search", f"q={name[:3]}")
        await self._read("GET", f"/patients/{patient}")
        if self._chance.random() < 1 / 3:
            token = await self._open(patient)
            await self._save("PATCH", f"/api/v1/patients/{patient}", token, {"insurance_number": f"A{self._chance.randrange(10**9):09d}"})
            await self._write("DELETE", f"/api/v1/patients/{patient}/opening")

    async def _oversee(self, _patient: str, _name: str) -> None:
        await self._read("GET", "/console")
        await self._read("GET", "/api/v1/applications")

    async def _stay_alive(self, every_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(0, every_s))
        due = time.perf_counter()
        while True:
            try:
                await self._browser.ask("life", "POST", f"/api/v1/applications/{self._application}/heartbeat", {})
            except Exception as error:  # noqa: BLE001 - as in `work`
                self._toll.errors.append(f"{type(error).__name__}: {error}"[:300])
                self._browser.hang_up()
            due = max(due + every_s, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter())

    async def _open(self, patient: str) -> str:
        opened = await self._write("POST", f"/api/v1/patients/{patient}/opening")
        self._browser.stream.patient = f'"{patient}"'.encode()
        return str(msgspec.json.decode(opened)["fencing_token"])

    async def _read(self, method: str, path: str, body: Any = None) -> None:
        await self._think()
        await self._browser.ask("read", method, path, body)

    async def _write(self, method: str, path: str, body: Any = None, **headers: str) -> bytes:
        await self._think()
        return await self._browser.ask("write", method, path, body, **headers)

    async def _save(self, method: str, path: str, token: str, body: Any) -> None:
        await self._write(method, path, body, Miz_Fencing_Token=token)
        self._saved.append(time.perf_counter())

    async def _think(self) -> None:
        await asyncio.sleep(self._pause_s * self._chance.uniform(0.5, 1.5))

    def _leave(self) -> None:
        self._browser.leave()
        if len(self._browser.stream.own) != len(self._saved):
            self._toll.errors.append(f"{len(self._saved)} saves, {len(self._browser.stream.own)} events of them")
        pairs = zip(self._browser.stream.own, self._saved, strict=False)
        self._toll.late += [max(0.0, (heard - saved) * 1e3) for heard, saved in pairs]


async def _watch_itself(toll: Toll) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        toll.blind = max(toll.blind, (time.perf_counter() - began - 0.01) * 1e3)


async def _run(shift: Shift, say_ready: Callable[[], None]) -> Toll:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(cadata=shift.certificate)
    toll = Toll()
    windows = [Window(shift, place, trust, toll, random.Random(f"{place.user} {no}")) for no, place in enumerate(shift.places)]
    for window in windows:
        await window.enter()
    await asyncio.to_thread(say_ready)
    itself = asyncio.create_task(_watch_itself(toll))
    await asyncio.gather(*(window.work() for window in windows))
    itself.cancel()
    return toll


def main() -> None:
    import uvloop

    shift = msgspec.json.decode(sys.stdin.buffer.readline(), type=Shift)

    def say_ready() -> None:
        print("ready", flush=True)
        sys.stdin.buffer.readline()

    toll = msgspec.json.encode(uvloop.run(_run(shift, say_ready)))
    # An unbuffered sys.stdout would write a part only.
    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:
        whole.write(toll)


if __name__ == "__main__":
    main()
