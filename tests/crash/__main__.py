"""The long runs: `python3 dev.py crash [NAME] [count]`; without a name all of them, one after the other. The names stand in `RIGS`.

`kills N --database postgresql` kills the server of a practice on PostgreSQL, `postmaster N` the PostgreSQL behind it. `frozen`
counts seconds; `upgrades`, `backups`, `dumps` (the same on PostgreSQL), `care` (move and compact) and `io` take every step, or one in so many.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.crash.backups import backup_rounds, mutations_accepted
from tests.crash.bit_flips import flip_rounds, log_flip_rounds
from tests.crash.care import care_rounds
from tests.crash.disk import NoDiskError, disk
from tests.crash.dumps import dump_rounds
from tests.crash.failing_io import io_rounds
from tests.crash.failover import failover_rounds
from tests.crash.interface import EVERYBODY, ask_along_links, ask_each
from tests.crash.kills import kill_rounds
from tests.crash.sleepers import sleeper_rounds
from tests.crash.slow_clients import slow_clients_at
from tests.crash.starts import starts_at_once
from tests.crash.upgrades import upgrade_rounds
from tests.support.postgres import NoPostgresError, Postmaster
from tests.support.practice import PEOPLE, ServerProcess, new_practice, practice_on, served


def main() -> int:
    which = sys.argv[1] if len(sys.argv) > 1 else "all"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if which != "all" and which not in RIGS:
        print(f"There is no {which}; there are: {', '.join(RIGS)}")  # noqa: T201
        return 2
    failed = [name for name, (preset, rig) in RIGS.items() if which in (name, "all") and rig(count or preset)]
    return 1 if failed else 0


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
        yield Path(folder)


def said(toll: object, *, is_failed: object) -> bool:
    print(toll)  # noqa: T201
    return bool(is_failed)


def power_cuts(count: int) -> bool:
    with scratch() as folder:
        try:
            with disk(folder) as small:
                practice = new_practice(small.place)
                os.sync()
                toll = kill_rounds(ServerProcess(practice), count, seed=20261123, disk=small)
        except NoDiskError as missing:
            return said(f"power cuts left out: {missing}", is_failed=False)
    return said(f"power cuts: {toll}", is_failed=toll.lost or toll.doubled or toll.failed_checks)


def failover(count: int) -> bool:
    with scratch() as folder:
        drill = failover_rounds(folder, count, seed=20261123)
    return said(drill, is_failed=not drill.holds)


def sleepers(count: int) -> bool:
    refused, rounds = sleeper_rounds(count)
    return said(f"sleepers refused: {refused} of {rounds}", is_failed=refused != rounds)


def upgrades(every: int) -> bool:
    with scratch() as folder:
        toll = upgrade_rounds(folder, every=every)
    return said(toll, is_failed=toll.mixed or toll.not_completed or toll.not_told or toll.without_copy)


def backups(every: int) -> bool:
    with scratch() as folder:
        toll = backup_rounds(folder, every=every)
    return said(toll, is_failed=toll.untrue or toll.mixed or toll.left or toll.not_completed)


def dumps(every: int) -> bool:
    with scratch() as folder:
        try:
            toll = dump_rounds(folder, every=every)
        except NoPostgresError as missing:
            return said(f"dumps left out: {missing}", is_failed=False)
    return said(toll, is_failed=toll.untrue or toll.mixed or toll.left or toll.not_completed)


def mutations(count: int) -> bool:
    with scratch() as folder:
        accepted = mutations_accepted(folder, count, seed=20261123)
    return said(f"changed backups accepted: {accepted} of {count}", is_failed=accepted)


def care(every: int) -> bool:
    with scratch() as folder:
        toll = care_rounds(folder, every=every)
    return said(toll, is_failed=toll.mixed or toll.not_completed)


def flips(count: int) -> bool:
    with scratch() as folder:
        toll = flip_rounds(folder, count, seed=20261123)
    with scratch() as folder:
        log = log_flip_rounds(folder, count, seed=20261123)
    is_failed = toll.wrong or toll.unnamed or toll.altered or toll.found < 0.99 * toll.flips or log.untold or log.false_alarms
    return said(f"{toll}\n{log}", is_failed=is_failed)


def failing_io(every: int) -> bool:
    with scratch() as folder:
        tolls = io_rounds(folder, every=every)
    return said("\n".join(f"{name}: {toll}" for name, toll in tolls.items()), is_failed=not all(toll.holds for toll in tolls.values()))


def starts(count: int) -> bool:
    with scratch() as folder:
        toll = starts_at_once(folder, count)
    return said(toll, is_failed=toll.refused != toll.rounds)


def frozen(seconds: int) -> bool:
    environment = os.environ | {"MIZ_TEST_FROZEN_S": str(seconds)}
    command = [sys.executable, "-m", "pytest", "tests/browser/test_hidden_tab.py", "-q", "-k", "frozen_tab"]
    return subprocess.run(command, env=environment, check=False).returncode != 0


def slow_clients(count: int) -> bool:
    with scratch() as folder:
        toll = slow_clients_at(folder, count)
    return said(toll, is_failed=toll.is_too_much)


def attacks(count: int) -> int:
    """Every cell of the role matrix and every payload in every field, again and again in other orders. Returns how many rounds failed."""
    command = [sys.executable, "-m", "pytest", "tests/security", "-q", "-s", "-p", "no:cacheprovider"]
    environment, failed = os.environ | {"MIZ_TEST_ATTACKS": str(count)}, 0
    for seed in range(count):
        failed += subprocess.run([*command, f"--randomly-seed={seed}"], env=environment, check=False).returncode != 0
    print(f"attacks: {count} rounds, {failed} failed")  # noqa: T201
    return failed


def schema(count: int) -> int:
    """Each role, up to `count` requests of each kind to each operation, and as many ways along the links. Returns how many broke a promise."""
    broken = 0
    for who in EVERYBODY:
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder, served(Path(folder)) as server:
            rounds = [ask_each(server, Path(folder) / "asked", count=count, who=who)]
            if "dentist" in PEOPLE.get(who, ()) or "assistant" in PEOPLE.get(who, ()):
                rounds.append(ask_along_links(server, Path(folder) / "linked", count=count, who=who))
        for asked in rounds:
            print(f"schema, {who}: {asked.requests} requests, {asked.links} links" if asked.is_kept else asked.told)  # noqa: T201
            broken += not asked.is_kept
    return broken


def kills(count: int, *, on_server: bool, is_postmaster: bool) -> bool:
    """Whether something acknowledged was lost or written twice, with the database in a file or on a PostgreSQL of one's own."""
    with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
        postmaster = Postmaster.fresh() if on_server else None
        practice = practice_on(postmaster.url(postmaster.new_database()), Path(folder)) if postmaster else new_practice(Path(folder))
        toll = kill_rounds(ServerProcess(practice), count, seed=20261122, postmaster=postmaster if is_postmaster else None)
        if postmaster:
            postmaster.remove()
    print("postmaster:" if is_postmaster else "server on PostgreSQL:" if on_server else "server:", toll)  # noqa: T201
    return bool(toll.lost or toll.doubled or toll.failed_checks)


def histories(count: int) -> int:
    """Random histories, spread over the processors: the parts draw from chances of their own. Returns how many parts failed."""
    parts = max(1, (os.cpu_count() or 1) - 1)
    environment = os.environ | {"MIZ_TEST_HISTORIES": str(-(-count // parts))}
    command = [sys.executable, "-m", "pytest", "tests/properties", "-q", "-p", "no:cacheprovider"]
    running = [subprocess.Popen(command, env=environment) for _ in range(parts)]
    failed = sum(process.wait() != 0 for process in running)
    print(f"histories: {parts} × {environment['MIZ_TEST_HISTORIES']}, {failed} parts failed")  # noqa: T201
    return failed


RIGS: Mapping[str, tuple[int, Callable[[int], object]]] = {
    "kills": (1_000, lambda count: kills(count, on_server="postgresql" in sys.argv, is_postmaster=False)),
    "postmaster": (200, lambda count: kills(count, on_server=True, is_postmaster=True)),
    "failover": (20, failover),
    "power-cuts": (300, power_cuts),
    "sleepers": (500, sleepers),
    "upgrades": (1, upgrades),
    "backups": (1, backups),
    "dumps": (1, dumps),
    "mutations": (1_000, mutations),
    "care": (1, care),
    "flips": (500, flips),
    "io": (1, failing_io),
    "starts": (100, starts),
    "histories": (5_000, histories),
    "frozen": (600, frozen),
    "slow-clients": (500, slow_clients),
    "attacks": (1, attacks),
    "schema": (100, schema),
}
"""Each with the count it takes when none is given; it answers whether, or how often, a promise was broken."""


if __name__ == "__main__":
    sys.exit(main())
