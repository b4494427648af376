"""Never two writers on one patient: random histories over real HTTP against a sequential model.

The model is a register per patient: who holds it, by which token, at which version, and into which record it was
merged; besides there is the server's mode. Every answer of the server must be the one the model gives. The wall clock
jumps meanwhile, and nothing may follow from it. The same machine must fail when the token check is taken out, and when
a take-over leaves the former token alive; both are tested too.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import bindparam, update

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.infra.db.prepared import Prepared
from miz.kernel.clock import FakeClock
from miz.practice.openings import service
from miz.practice.patients import store
from miz.practice.soundness import broken_rules
from miz.practice.tables import patient
from miz.wire.client_protocol import EntryKind
from tests.support.practice import INTERVAL_S, PEOPLE, ServerThread, client_of, new_practice

LEASE_S = INTERVAL_S * 4
HISTORIES = int(os.environ.get("MIZ_TEST_HISTORIES", "200"))
STEPS = 30
APPLICATIONS = st.integers(0, 3)
PATIENTS = st.integers(0, 2)
# Most of what people do happens at the window that has the patient open; left to chance alone it hardly ever would.
MEANT = st.sampled_from([True, True, True, False])
SANE = FakeClock().instant


@dataclass
class Desk:
    """One application as the model knows it."""

    client: ApiClient
    is_registered: bool = True
    seen: float = 0.0
    tokens: dict[int, str] = field(default_factory=dict)


class _Stage:
    """The server and its people, made once for all histories."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.server = ServerThread(new_practice(Path(tempfile.mkdtemp(prefix="miz-histories-"))), self.clock)
        self.server.start()
        names = [name for name in PEOPLE if name in ("Dr. Prüfer", "Fr. Assistenz")]
        self.desks = [Desk(client_of(self.server.url, names[number % 2], f"Zimmer {number % 2 + 1}")) for number in range(4)]


_stages: list[_Stage] = []


class OneWriter(RuleBasedStateMachine):
    """Opens, asks, takes over, writes, restores, moves, merges, releases, closes, falls silent, changes the mode, restarts: in every order."""

    @initialize()
    def begin(self) -> None:
        if not _stages:
            _stages.append(_Stage())
        self.stage = _stages[0]
        self.clock = self.stage.clock
        self.clock.instant = SANE
        self.desks = self.stage.desks
        self.desks[0].client.set_mode("operating")
        self.is_setup = False
        for desk in self.desks:
            self._register_again(desk)
        client = self.desks[0].client
        made = [client.create_patient(family_name="Verlauf", given_name=str(number), birth_date="1950") for number in range(3)]
        self.ids = [record.id for record in made]
        self.versions = [1, 1, 1]
        self.given: list[set[str]] = [set(), set(), set()]
        self.holder: dict[int, int] = {}
        self.notes: list[list[str]] = [[], [], []]
        self.merged: dict[int, int] = {}
        self.merges: dict[int, str] = {}
        self.asked: dict[int, int] = {}
        for number in range(3):
            self.open(0, number)
            self.write(0, number, "notes")
            self.release(0, number)

    # Few rules with many ways each: the search leaves some rules out of a history, and what is a rule of its own would
    # hardly ever meet the others.

    @rule(desk=APPLICATIONS, patient=PATIENTS, way=st.sampled_from(["open", "open", "open", "take_over", "ask_for"]))
    def come(self, desk: int, patient: int, way: str) -> None:
        getattr(self, way)(desk, patient)

    @rule(
        desk=APPLICATIONS, patient=PATIENTS, other=PATIENTS, is_meant=MEANT,
        way=st.sampled_from(["note", "note", "note", "medication", "plan", "restore", "move", "move", "move", "merge", "undo_merge", "undo_merge"]),
    )  # fmt: skip
    def work(self, desk: int, patient: int, other: int, way: str, is_meant: bool) -> None:
        desk, patient = self._seat(desk, patient, is_meant)
        if way in ("move", "merge"):
            getattr(self, way)(desk, patient, other)
        elif way == "undo_merge":
            self.undo_merge(desk, other, is_meant)
        elif way == "restore":
            self.restore(desk, patient)
        else:
            self.write(desk, patient, {"note": "notes", "plan": "planned"}.get(way, way))

    @rule(desk=APPLICATIONS, patient=PATIENTS, way=st.sampled_from(["release", "beat", "beat", "register", "register", "close", "read"]))
    def turn(self, desk: int, patient: int, way: str) -> None:
        if way == "release":
            self.release(desk, patient)
        else:
            getattr(self, way)(patient if way == "read" else desk)

    @rule(
        way=st.sampled_from(["time", "time", "time", "wall clock", "setup", "operating", "operating", "restart"]),
        seconds=st.sampled_from([1.0, 1.0, 4.0, 4.0, 9.0, 21.0]),
        hours=st.sampled_from([1, -1, 24, -24, 8_760, -8_760, None]),
    )
    def happen(self, way: str, seconds: float, hours: int | None) -> None:
        if way == "time":
            self.time_passes(seconds)
        elif way == "wall clock":
            self.wall_clock_jumps(hours)
        elif way == "restart":
            self.server_restarts()
        else:
            self.change_mode(way == "setup")

    def open(self, desk: int, patient: int) -> None:
        status, opening = self._ask(desk, lambda client: client.open_patient(self.ids[patient]))
        if not self.desks[desk].is_registered:
            assert status == 404
        elif self._is_closed(patient) or self.holder.get(patient, desk) != desk:
            assert status == 409
        else:
            assert status == 200
            self._now_holds(desk, patient, opening)

    def take_over(self, desk: int, patient: int) -> None:
        status, opening = self._ask(desk, lambda client: client.take_over(self.ids[patient], "emergency"))
        if not self.desks[desk].is_registered:
            assert status == 404
        elif self._is_closed(patient):
            assert status == 409
        else:
            assert status == 200
            self._now_holds(desk, patient, opening)

    def ask_for(self, desk: int, patient: int) -> None:
        status, _ = self._ask(desk, lambda client: client.ask_for_patient(self.ids[patient]))
        holder, other = self.holder.get(patient), self.asked.get(patient)
        if not self.desks[desk].is_registered:
            assert status == 404
        elif holder in (None, desk) or other not in (None, desk):
            assert status == 409
        else:
            assert status == 200
            self.asked[patient] = desk

    def write(self, desk: int, patient: int, kind: str) -> None:
        token = self.desks[desk].tokens.get(patient, "7.7")
        if kind == "planned":
            status, entry = self._ask(desk, lambda client: client.change_patient(self.ids[patient], token, planned=["Füllung 16"]))
        else:
            status, entry = self._ask(desk, lambda client: client.add(cast("EntryKind", kind), self.ids[patient], token, text="x"))
        if self.holder.get(patient) == desk:
            assert status == 200
            self.versions[patient] += 1
            if kind == "notes":
                self.notes[patient].append(entry.id)
        else:
            assert status == 412, "an application that does not hold the patient has written"

    def restore(self, desk: int, patient: int) -> None:
        if not self.notes[patient]:
            return
        token, note = self.desks[desk].tokens.get(patient, "7.7"), self.notes[patient][-1]
        status, _ = self._ask(desk, lambda client: client.restore("notes", self.ids[patient], note, token))
        if self.holder.get(patient) == desk:
            assert status == 200
            self.versions[patient] += 1
            self.notes[patient].pop()
        else:
            assert status == 412, "an application that does not hold the patient has written"

    def move(self, desk: int, wrong: int, right: int) -> None:
        if not self.notes[wrong] or wrong == right:
            return
        token, note = self.desks[desk].tokens.get(wrong, "7.7"), self.notes[wrong][-1]
        status, opening = self._ask(desk, lambda client: client.move(self.ids[wrong], token, self.ids[right], [("notes", note)]))
        if not self.desks[desk].is_registered:
            assert status == 404
        elif self.holder.get(wrong) != desk:
            assert status == 412, "an application that does not hold the patient has written"
        elif self._is_closed(right) or self.holder.get(right, desk) != desk:
            assert status == 409
        else:
            assert status == 200
            self.notes[wrong].pop()
            self.versions[wrong] += 1
            self.versions[right] += 1
            self._now_holds(desk, right, opening)

    def merge(self, desk: int, kept: int, other: int) -> None:
        if kept == other:
            return
        token = self.desks[desk].tokens.get(kept, "7.7")
        status, merge = self._ask(desk, lambda client: client.merge(self.ids[kept], token, self.ids[other]))
        if not self.desks[desk].is_registered:
            assert status in (404, 412)
        elif self.holder.get(kept) != desk:
            assert status == 412, "an application that does not hold the patient has written"
        elif other in self.merged or self.holder.get(other, desk) != desk:
            assert status == 409
        else:
            assert status == 200
            self.merged[other], self.merges[other] = kept, merge.id
            self._read_again(kept, other)

    def undo_merge(self, desk: int, other: int, is_meant: bool) -> None:
        if is_meant and self.merged:
            other = sorted(self.merged)[other % len(self.merged)]
        if other not in self.merged:
            return
        kept = self.merged[other]
        desk = self.holder.get(kept, desk) if is_meant else desk
        token = self.desks[desk].tokens.get(kept, "7.7")
        status, _ = self._ask(desk, lambda client: client.undo_merge(self.ids[kept], token, self.merges[other]))
        if self.holder.get(kept) == desk:
            assert status == 200
            del self.merged[other]
            self._read_again(kept, other)
        else:
            assert status in (404, 412), "an application that does not hold the patient has written"

    def release(self, desk: int, patient: int) -> None:
        status, _ = self._ask(desk, lambda client: client.release_patient(self.ids[patient]))
        assert status == (200 if self.desks[desk].is_registered else 404)
        if self.holder.get(patient) == desk:
            self._now_free(patient)

    def beat(self, desk: int) -> None:
        status, heartbeat = self._ask(desk, lambda client: client.heartbeat())
        if not self.desks[desk].is_registered:
            assert status == 404
            return
        assert status == 200
        self.desks[desk].seen = self.clock.steady
        held = [number for number, who in self.holder.items() if who == desk]
        assert heartbeat.mode == ("setup" if self.is_setup else "operating")
        assert (heartbeat.lease.patient_id if heartbeat.lease else None) == (self.ids[held[0]] if held else None)

    def close(self, desk: int) -> None:
        status, _ = self._ask(desk, ApiClient.close_application)
        assert status == (200 if self.desks[desk].is_registered else 404)
        self._forget(desk)

    def register(self, desk: int) -> None:
        if not self.desks[desk].is_registered:
            self._register_again(self.desks[desk])

    def time_passes(self, seconds: float) -> None:
        self.stage.server.pass_time(seconds)
        self._forget_the_silent()

    def wall_clock_jumps(self, hours: int | None) -> None:
        """By an hour, a day, a year, or back to 1970. Nothing else happens: the model does not change."""
        self.clock.instant = self.clock.instant + timedelta(hours=hours) if hours else datetime(1970, 1, 1, tzinfo=UTC)
        self.stage.server.sweep()

    def change_mode(self, is_setup: bool) -> None:
        if not is_setup and not self.is_setup:
            return
        self.desks[0].client.set_mode("setup" if is_setup else "operating", now=True)
        self.is_setup = is_setup
        if is_setup:
            for patient in list(self.holder):
                self._now_free(patient)
        else:
            self.stage.server.sweep()
            self._forget_the_silent()

    def server_restarts(self) -> None:
        # Signed-in sessions end by the wall clock when a server starts; here they shall outlast the start.
        self.clock.instant = SANE
        self.stage.server.stop()
        self.stage.server.start()
        self.is_setup = False
        self.asked.clear()
        for desk in self.desks:
            again = client_of_token(self.stage.server.url, desk.client)
            desk.client = again
            if desk.is_registered:
                desk.seen = self.clock.steady

    def read(self, patient: int) -> None:
        record = self.desks[0].client.read_patient(self.ids[patient])
        assert record.version == self.versions[patient]
        assert (record.holder is not None) == (patient in self.holder)

    def _ask(self, desk: int, question: Callable[[ApiClient], Any]) -> tuple[int, Any]:
        try:
            return 200, question(self.desks[desk].client)
        except RefusedError as refused:
            return refused.status, None

    def _forget(self, desk: int) -> None:
        self.desks[desk].is_registered = False
        for held in [number for number, who in self.holder.items() if who == desk]:
            self._now_free(held)
        self.asked = {patient: who for patient, who in self.asked.items() if who != desk}

    def _forget_the_silent(self) -> None:
        if self.is_setup:
            return
        for number, desk in enumerate(self.desks):
            if desk.is_registered and self.clock.steady - desk.seen > LEASE_S:
                self._forget(number)

    def _seat(self, desk: int, patient: int, is_meant: bool) -> tuple[int, int]:
        """A window and the patient it has open, where that is meant and there is one; else the two as they are."""
        seats = sorted((who, number) for number, who in self.holder.items())
        return seats[(desk + patient) % len(seats)] if is_meant and seats else (desk, patient)

    def _is_closed(self, patient: int) -> bool:
        return self.is_setup or patient in self.merged

    def _now_holds(self, desk: int, patient: int, opening: Any) -> None:
        token = opening.fencing_token
        if self.holder.get(patient) == desk:
            assert token == self.desks[desk].tokens[patient], "opening again must not change the token"
        else:
            assert token not in self.given[patient], "a token was handed out twice"
            self.given[patient].add(token)
            self.asked.pop(patient, None)
        assert opening.patient.version == self.versions[patient]
        for held in [number for number, who in self.holder.items() if who == desk and number != patient]:
            self._now_free(held)
        self.holder[patient] = desk
        self.desks[desk].tokens[patient] = token
        self.desks[desk].seen = self.clock.steady

    def _now_free(self, patient: int) -> None:
        del self.holder[patient]
        self.asked.pop(patient, None)

    def _read_again(self, *patients: int) -> None:
        """Merging writes as many entries as differ: the versions rise, by how much is not the model's business."""
        for number in patients:
            version = self.desks[0].client.read_patient(self.ids[number]).version
            assert version >= self.versions[number]
            self.versions[number] = version

    def _register_again(self, desk: Desk) -> None:
        if desk.is_registered and desk.client.application is not None:
            with contextlib.suppress(RefusedError):
                desk.client.close_application()
        desk.client.register()
        desk.is_registered, desk.seen, desk.tokens = True, self.clock.steady, {}


def client_of_token(url: str, known: ApiClient) -> ApiClient:
    """The same signed-in application, connected to the restarted server."""
    again = ApiClient(HttpSender(url), token=known.token)
    again.application = known.application
    return again


def _settings(histories: int, phases: list[Phase]) -> settings:
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=quiet,
        database=None,
        print_blob=False,
        phases=phases,
    )


@pytest.fixture(autouse=True)
def stage() -> Iterator[None]:
    yield
    while _stages:
        _stages.pop().server.stop()


@pytest.mark.slow
def test_never_two_writers() -> None:
    run_state_machine_as_test(OneWriter, settings=_settings(HISTORIES, [Phase.generate]))
    assert broken_rules(_stages[0].server.server.database.reader()) == []


@pytest.mark.slow
def test_without_the_token_check_the_machine_finds_two_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded = Prepared(
        update(patient).where(patient.c.id == bindparam("of_patient")).values(version=patient.c.version + 1).returning(patient.c.version)
    )
    monkeypatch.setattr(store, "_GUARDED", unguarded)
    with pytest.raises(AssertionError, match="has written"):
        run_state_machine_as_test(OneWriter, settings=_settings(200, [Phase.generate]))


@pytest.mark.slow
def test_with_a_token_that_outlives_its_lease_the_machine_finds_two_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "next_token", lambda _current, epoch: f"{epoch}.1")
    with pytest.raises(AssertionError, match=r"has written|handed out twice"):
        run_state_machine_as_test(OneWriter, settings=_settings(200, [Phase.generate]))
