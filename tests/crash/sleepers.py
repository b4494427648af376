"""A real client process falls asleep with a patient open and wakes after somebody else has written (promise B2)."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.kernel.clock import FakeClock
from tests.support.practice import INTERVAL_S, ServerThread, client_of, new_practice

LEASE_S = INTERVAL_S * 4


def sleeper_rounds(rounds: int) -> tuple[int, int]:
    """How many of `rounds` sleepers were refused after waking, with nothing of theirs stored."""
    clock = FakeClock()
    server = ServerThread(new_practice(Path(tempfile.mkdtemp(prefix="miz-sleepers-"))), clock)
    server.start()
    try:
        other = client_of(server.url, "Fr. Assistenz", "Zimmer 2")
        # One sign-in for all sleepers: a person signs in ten times a minute at most.
        signed_in = client_of(server.url)
        refused = sum(_one_round(server, clock, signed_in.token, other, number) for number in range(rounds))
    finally:
        server.stop()
    return refused, rounds


def _one_round(server: ServerThread, clock: FakeClock, session: str, other: ApiClient, number: int) -> bool:
    record = other.create_patient(family_name="Schlaf", given_name=str(number), birth_date="1950")
    command = [sys.executable, "-m", "tests.crash.sleepers", server.url, record.id, session]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sleeper:
        assert sleeper.stdin is not None
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline().strip() == "opened"
        sleeper.send_signal(signal.SIGSTOP)
        clock.steady += LEASE_S + 1
        other.register()
        token = other.open_patient(record.id).fencing_token
        other.add("notes", record.id, token, text="awake")
        sleeper.send_signal(signal.SIGCONT)
        answer = sleeper.communicate("write\n", timeout=20)[0].strip()
    stored = [entry.text for entry in other.read_patient(record.id).notes]
    other.close_application()
    return answer == "412 stale-fencing-token" and stored == ["awake"]


def _sleep(url: str, patient_id: str, session: str) -> None:
    client = ApiClient(HttpSender(url), token=session)
    client.register()
    token = client.open_patient(patient_id).fencing_token
    print("opened", flush=True)  # noqa: T201
    sys.stdin.readline()
    try:
        client.add("notes", patient_id, token, text="asleep")
    except RefusedError as refused:
        print(refused.status, refused.code)  # noqa: T201
    else:
        print("written")  # noqa: T201


if __name__ == "__main__":
    _sleep(*sys.argv[1:])
