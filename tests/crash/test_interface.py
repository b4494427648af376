"""The server keeps what its OpenAPI document promises, short. Long by `dev.py crash schema`."""

from pathlib import Path

import pytest

from miz.access.errors import UserExistsError
from miz.access.second_factor.errors import SecondFactorRecentNeededError
from miz.access.workplaces.api import PlaceRoutes
from miz.access.workplaces.model import Rooms
from miz.checks.api import CheckRoutes
from miz.infra.http import Call, Reply
from tests.crash.interface import ask_along_links, ask_each
from tests.support.practice import served

pytestmark = pytest.mark.slow


def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        asked = ask_each(server, tmp_path / "asked", count=2, who="Dr. Prüfer")
    assert asked.requests > 1_000, asked.told
    assert asked.is_kept, asked.told


@pytest.mark.parametrize("who", ["Fr. Empfang", "Hr. Technik", "Fr. Datenschutz"])
def test_so_is_every_answer_to_who_may_little(tmp_path: Path, who: str) -> None:
    with served(tmp_path) as server:
        asked = ask_each(server, tmp_path / "asked", count=1, who=who, phases="fuzzing")
    assert asked.requests > 50, asked.told
    assert asked.is_kept, asked.told


def test_so_is_every_answer_on_the_way_along_the_links(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        asked = ask_along_links(server, tmp_path / "asked", count=40, who="Dr. Prüfer")
    assert asked.links > 3, asked.told
    assert asked.is_kept, asked.told


async def _fault(_: PlaceRoutes, call: Call) -> Rooms:
    raise RuntimeError


async def _unnamed_status(_: PlaceRoutes, call: Call) -> Rooms:
    raise UserExistsError


async def _unnamed_code(_: PlaceRoutes, call: Call) -> Rooms:
    raise SecondFactorRecentNeededError


async def _other_structure(_: PlaceRoutes, call: Call) -> Reply:
    return Reply(b'{"items": [{"id": 7}]}', media_type="application/json")


async def _other_type(_: PlaceRoutes, call: Call) -> Reply:
    return Reply("<p>rooms</p>")


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        (_fault, "Server error"),
        (_unnamed_status, "Undocumented status code"),
        (_unnamed_code, "Response violates schema"),
        (_other_structure, "Response violates schema"),
        (_other_type, "Undocumented Content-Type"),
    ],
)
def test_a_broken_promise_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: object, named: str) -> None:
    monkeypatch.setattr(PlaceRoutes, "list_rooms", planted)
    with served(tmp_path) as server:
        asked = ask_each(server, tmp_path / "asked", count=1, who="Dr. Prüfer", phases="fuzzing", only="^/api/v1/rooms$")
    assert not asked.is_kept
    assert named in asked.told


def test_so_is_one_that_only_some_input_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = CheckRoutes.check

    async def stumbling(routes: CheckRoutes, call: Call) -> object:
        if call.body.patient.pregnancy_week is not None:
            raise RuntimeError
        return await check(routes, call)

    monkeypatch.setattr(CheckRoutes, "check", stumbling)
    with served(tmp_path) as server:
        asked = ask_each(server, tmp_path / "asked", count=20, who="Dr. Prüfer", only="^/api/v1/check$")
    assert not asked.is_kept
    assert "Server error" in asked.told
