"""Promise D1: every route, for every role and before every kind of object, does what `role_matrix.txt` says, which was written by hand.

Each cell is asked over HTTP of a running server; what is refused leaves every table as it was.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from msgspec import structs

from miz.access.roles import ROLES
from miz.apps.bootstrap import Server
from miz.infra.db.writer import Transaction
from miz.infra.http import EVERYBODY, Endpoint
from miz.kernel.actor import Actor
from miz.practice.patients import store
from tests.security.people import OWN_PAGE, Site, bearer
from tests.security.scenes import CANARY, OBJECTS, Scene, Stage
from tests.security.wire import Answer, Wire
from tests.support.practice import served

LETTERS = dict(
    zip("DAFOMTUSL", ("dentist", "assistant", "front_desk", "owner", "admin", "technician", "auditor", "display", "local"), strict=True)
)
"""S: the screen on the wall; L: the command line. `k` at the end: also while the screen is locked; `*`: everybody, nobody signed in included."""
NOT_A_PERSON = ("nobody", "stranger", "device", "display")
IS_LONG = "MIZ_TEST_ATTACKS" in os.environ
TAKES_AWAY = ("/takeover", "/end", "/disconnect")


@dataclass(frozen=True)
class Row:
    """One route of the table: who may call it, what it is aimed at, and the status for each object; `M:403` where a role is an exception."""

    who: frozenset[str]
    is_open_while_locked: bool
    is_for_everybody: bool
    kind: str
    outcomes: Mapping[str, Mapping[str, int]]

    def outcome(self, role: str, obj: str) -> int:
        statuses = self.outcomes[obj]
        return statuses.get(role, statuses["*"])


@cache
def table() -> dict[str, Row]:
    """The matrix as it is written."""
    rows = {}
    for line in Path(__file__).with_name("role_matrix.txt").read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            method, path, who, kind, *statuses = words
            assert f"{method} {path}" not in rows, f"two rows for {method} {path}"
            assert len(statuses) == (1 if kind == "-" else len(OBJECTS)), line
            rows[f"{method} {path}"] = Row(
                frozenset(LETTERS.values() if "*" in who else (LETTERS[letter] for letter in who if letter in LETTERS)),
                "k" in who, "*" in who, kind, dict(zip(OBJECTS, map(_statuses, statuses), strict=False)),
            )  # fmt: skip
    return rows


def _statuses(words: str) -> dict[str, int]:
    """`204,MT:403`: 204 for all but administrator and technician."""
    common, *exceptions = words.split(",")
    said = {"*": int(common)}
    for exception in exceptions:
        letters, _, status = exception.partition(":")
        said |= {LETTERS[letter]: int(status) for letter in letters}
    return said


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def routes_of(site: Site) -> list[Endpoint]:
    """What the running server answers to."""
    return [*site.server.server.endpoints(), *site.server.server.viewer.endpoints()]


def is_sent_away(answer: Answer, endpoint: Endpoint, *, to: str, code: str) -> bool:
    """Whether somebody without a session got to the door and no further."""
    if endpoint.is_page and endpoint.method == "GET":
        return (answer.status, answer.header("location").partition("?")[0]) == (303, to)
    return (answer.status, answer.code) == (401, code)


class Walk:
    """Asks the cells of the matrix, and keeps what is not as it must be."""

    def __init__(self, site: Site, wire: Wire) -> None:
        self._site = site
        self._stage = Stage(site, wire)
        self._wire = wire
        self._refused: dict[bool, dict[str, Mapping[str, str]]] = {}
        self._scenes: dict[tuple[str, str, bool], Scene] = {}
        self.violations: list[str] = []
        self.cells = 0

    async def refusals(self, endpoint: Endpoint, row: Row, *, nth: int | None = None) -> None:
        """Everybody who may not, before every object, and then nothing may have changed; with `nth` only one of them before all."""
        scenes = {obj: await self._shared(endpoint, row.kind, obj) for obj in (OBJECTS if row.kind != "-" else OBJECTS[:1])}
        personas = {
            persona: headers
            for persona, headers in (await self._personas(endpoint)).items()
            if not (persona in row.who or row.is_for_everybody or (persona == "locked" and row.is_open_while_locked))
        }
        before = self._site.fingerprint()
        for place, (persona, headers) in enumerate(personas.items()):
            is_whole = nth is None or place == nth % len(personas)
            for obj in scenes if is_whole else OBJECTS[:1]:
                answer = await replace(scenes[obj], headers=headers).ask(self._wire, endpoint)
                self.cells += 1
                if not self._is_refused(persona, answer, endpoint):
                    self._note(endpoint, persona, obj, answer, "is not refused")
        if self._site.fingerprint() != before:
            self.violations.append(f"{name_of(endpoint)}: a refused request has changed the database")

    async def allowances(self, endpoint: Endpoint, row: Row, *, nth: int | None = None) -> None:
        """Everybody who may, before every object; with `nth` only one of them also before what is not the own one."""
        self._site.forget_tries()
        people = [role for role in Stage.PEOPLE if role in row.who]
        for place, role in enumerate(people):
            is_whole = row.kind != "-" and (nth is None or place == nth % len(people))
            for obj in OBJECTS if is_whole else OBJECTS[:1]:
                await self._allowance(endpoint, row, role, obj)
        if "display" in row.who and not row.is_for_everybody:
            scene = replace(await self._stage.scene("owner", "-", "own", endpoint), headers=self._site.as_device("display"))
            self._compare(endpoint, "display", "own", await scene.ask(self._wire, endpoint), row.outcome("display", "own"))
        if row.is_for_everybody:
            self._site.forget_tries()
            for persona, headers in (await self._personas(endpoint)).items():
                if persona in NOT_A_PERSON:
                    scene = replace(await self._stage.scene("owner", "-", "own", endpoint), headers=headers)
                    self._compare(endpoint, persona, "own", await scene.ask(self._wire, endpoint), row.outcome(persona, "own"))
        if row.is_open_while_locked and "owner" in row.who:
            scene = await self._stage.scene("owner", row.kind, "own", endpoint)
            answer = await replace(scene, headers=await self._locked()).ask(self._wire, endpoint)
            self.cells += 1
            if answer.code in ("screen-locked", "not-signed-in", "not-permitted"):
                self._note(endpoint, "locked", "own", answer, "is refused")

    async def _idle(self) -> None:
        """What a form of the console has begun goes on after its answer; the next one would be told to wait."""
        server = self._site.server.server
        while server.databases.is_running or server.backups.is_running:  # noqa: ASYNC110 - it happens in another thread
            await asyncio.sleep(0.01)

    async def _allowance(self, endpoint: Endpoint, row: Row, role: str, obj: str) -> None:
        scene = await self._stage.scene(role, row.kind, obj, endpoint)
        holder = self._site.server.server.openings.holder_of(scene.values.get("id", ""))
        await self._idle()
        answer = await scene.ask(self._wire, endpoint)
        self._compare(endpoint, role, obj, answer, row.outcome(role, obj))
        if obj == "locked" and holder is not None and not endpoint.path.endswith(TAKES_AWAY):
            now = self._site.server.server.openings.holder_of(scene.values["id"])
            if now is None or now.application_id != holder.application_id:
                self._note(endpoint, role, obj, answer, "has taken the patient away")
        if role in ("front_desk", "admin", "technician", "auditor") and CANARY.encode() in answer.content:
            self._note(endpoint, role, obj, answer, "shows what stands in the record")
        if role in ("admin", "technician", "auditor") and b"Rollenprobe" in answer.content:
            self._note(endpoint, role, obj, answer, "names a patient")

    def _compare(self, endpoint: Endpoint, persona: str, obj: str, answer: Answer, wanted: int) -> None:
        self.cells += 1
        if answer.status != wanted:
            self._note(endpoint, persona, obj, answer, f"should be {wanted}")

    def _is_refused(self, persona: str, answer: Answer, endpoint: Endpoint) -> bool:
        if persona == "locked" and not endpoint.path.startswith("/viewer"):
            return is_sent_away(answer, endpoint, to="/locked", code="screen-locked")
        if persona in NOT_A_PERSON or endpoint.path.startswith("/viewer"):
            return is_sent_away(answer, endpoint, to="/sign-in", code="not-signed-in")
        return (answer.status, answer.code) == (403, "not-permitted")

    async def _shared(self, endpoint: Endpoint, kind: str, obj: str) -> Scene:
        """A scene for all who are refused before it: nothing of it is used up."""
        key = (kind, obj, "/rooms" in endpoint.path)
        if key not in self._scenes:
            self._scenes[key] = await self._stage.scene("owner", kind, obj, endpoint)
        return replace(self._scenes[key], is_page=endpoint.is_page)

    async def _personas(self, endpoint: Endpoint) -> dict[str, Mapping[str, str]]:
        """Everybody by the headers that they show; made once for pages and once for programs."""
        is_page = endpoint.is_page
        if is_page not in self._refused:
            self._refused[is_page] = {
                "nobody": OWN_PAGE, "stranger": {"cookie": f"{self._site.session_cookie}=guessed", **OWN_PAGE} if is_page else bearer("guessed"),
                "device": self._site.as_device("workplace"), "display": self._site.as_device("display"), "locked": await self._locked(),
                "local": {**bearer(self._site.server.server.local_token), **OWN_PAGE},
                **{role: self._site.as_page(token) if is_page else bearer(token) for role in ROLES for token in [self._site.session_of(f"Nur {role}")]},
            }  # fmt: skip
        return self._refused[is_page]

    async def _locked(self) -> Mapping[str, str]:
        """Somebody with all roles whose screen is locked."""
        if not self._refused:
            self._site.add_user("Alle Rollen", ROLES)
        headers = self._site.as_page(self._site.session_of("Alle Rollen"))
        assert (await self._wire.form("/lock", {}, headers)).status == 303
        return headers

    def _note(self, endpoint: Endpoint, persona: str, obj: str, answer: Answer, what: str) -> None:
        self.violations.append(f"{name_of(endpoint)}: {persona} before {obj}: {answer.status} {answer.code} {what}")


async def walk_through(site: Site, wanted: Sequence[Endpoint], *, only_refusals: bool = False, is_whole: bool = False) -> Walk:
    """Every refusal first, while the database is small; then what is allowed, in part or whole."""
    async with Wire(site.server.url) as wire:
        walk = Walk(site, wire)
        for nth, endpoint in enumerate(wanted):
            await walk.refusals(endpoint, table()[name_of(endpoint)], nth=None if is_whole else nth)
        for nth, endpoint in enumerate([] if only_refusals else wanted):
            await walk.allowances(endpoint, table()[name_of(endpoint)], nth=None if is_whole else nth)
        return walk


def test_the_table_has_a_row_for_every_route_and_no_other(site: Site) -> None:
    assert sorted(map(name_of, routes_of(site))) == sorted(table())


def test_every_route_is_allowed_and_refused_as_the_table_says(site: Site) -> None:
    walk = asyncio.run(walk_through(site, routes_of(site), is_whole=IS_LONG))
    assert walk.violations == []
    print(f"role matrix: {len(table())} routes, {walk.cells} cells")  # noqa: T201
    assert walk.cells > 3_000


@pytest.fixture
def lax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server that lets every role in everywhere."""
    endpoints_of = Server.endpoints
    every = frozenset({*ROLES, "local"})
    monkeypatch.setattr(Server, "endpoints", lambda self: [e if e.may is EVERYBODY else replace(e, may=every) for e in endpoints_of(self)])
    with served(tmp_path) as server:
        made = Site(server)
        made.open()
        yield made


def test_without_the_check_of_roles_the_walk_finds_every_open_door(lax: Site) -> None:
    narrow = [endpoint for endpoint in lax.server.server.endpoints() if not {"assistant", "auditor"} <= table()[name_of(endpoint)].who][:40]
    walk = asyncio.run(walk_through(lax, narrow, only_refusals=True))
    opened = {violation.partition(":")[0] for violation in walk.violations}
    assert {name_of(endpoint) for endpoint in narrow} <= opened


def test_without_a_look_at_the_holder_s_session_a_guessed_token_writes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    add_note = next(endpoint for endpoint in routes_of(site) if name_of(endpoint) == "POST /api/v1/patients/{id}/notes")

    async def guess() -> int:
        async with Wire(site.server.url) as wire:
            scene = await Stage(site, wire).scene("assistant", "patient", "locked", add_note)
            return (await scene.ask(wire, add_note)).status

    assert asyncio.run(guess()) == 412
    guard, presence, openings = store.guard, site.server.server.presence, site.server.server.openings

    def blind(tx: Transaction, actor: Actor, patient_id: str, token: str, *, is_medical: bool = True) -> int:
        holder = openings.holder_of(patient_id)
        window = presence.find(holder.application_id) if holder else None
        return guard(tx, structs.replace(actor, session_id=window.session_id if window else ""), patient_id, token, is_medical=is_medical)

    monkeypatch.setattr(store, "guard", blind)
    assert asyncio.run(guess()) == 201
