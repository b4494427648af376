"""A practice whose console is looked at without any script: pages are asked for, forms are sent."""

import contextlib
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from miz.access import users
from miz.access.passwords import PasswordDesk
from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.kernel.clock import FakeClock
from tests.practice.web.visitor import Visitor
from tests.support.practice import PASSWORD, ServerThread, served

DENTIST = "Dr. Angestellt"
ADMIN = "Hr. Verwaltung"
OWNER = "Dr. Prüfer"

Seat = Callable[[str], Visitor]


def seat_at(url: str, user: str) -> Visitor:
    """Somebody signed in with a browser that runs no script."""
    visitor = Visitor(url)
    answer = visitor.post("/sign-in", {"user": user, "password": PASSWORD})
    assert answer.status == 303
    visitor.cookie = answer.headers["set-cookie"].split(";")[0]
    return visitor


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("console"), FakeClock()) as server:
        password_hash = PasswordDesk().hash_now(PASSWORD)
        server.write(lambda tx: users.add_user(tx, name=DENTIST, roles=["dentist"], password_hash=password_hash))
        yield server


@pytest.fixture(scope="module")
def seats(shared: ServerThread) -> Seat:
    """Everybody's browser, signed in when it is first asked for."""
    return cache(lambda user: seat_at(shared.url, user))


@pytest.fixture
def server(shared: ServerThread, seats: Seat) -> Iterator[ServerThread]:
    """The practice; the mode that a test left it in is undone."""
    yield shared
    seats(ADMIN).post("/console/mode", {"mode": "operating"})


@pytest.fixture
def admin(server: ServerThread, seats: Seat) -> Visitor:
    return seats(ADMIN)


@pytest.fixture
def owner(server: ServerThread, seats: Seat) -> Visitor:
    return seats(OWNER)


@pytest.fixture
def setup_mode(admin: Visitor) -> None:
    assert admin.post("/console/mode", {"mode": "setup", "now": "1"}).status == 303


@pytest.fixture(scope="module")
def assistant(shared: ServerThread) -> ApiClient:
    """Fr. Assistenz, signed in once in room 2."""
    client = ApiClient(HttpSender(shared.url))
    client.sign_in("Fr. Assistenz", PASSWORD, "Zimmer 2")
    return client


@pytest.fixture
def window(server: ServerThread, assistant: ApiClient) -> Iterator[ApiClient]:
    """Her window, closed with what it has open at the end."""
    client = ApiClient(HttpSender(server.url), token=assistant.token)
    client.register()
    yield client
    with contextlib.suppress(RefusedError):
        client.close_application()


@pytest.fixture
def patient_id(window: ApiClient) -> str:
    """A patient open in that window."""
    patient = window.create_patient(family_name="Sesselmann", given_name="Ina", birth_date="1950-01-02")
    window.open_patient(patient.id)
    return patient.id
