"""The long runs: `python3 dev.py crash [kills|postmaster|failover|histories|sleepers|frozen|upgrades|backups|mutations|starts|slow-clients|attacks] [count]`.

`kills N --database postgresql` kills the server of a practice on PostgreSQL, `postmaster N` the PostgreSQL behind it. `frozen`
counts seconds, `upgrades` and `backups` take every step, or one in so many.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.crash.backups import backup_rounds, mutations_accepted
from tests.crash.failover import failover_rounds
from tests.crash.kills import kill_rounds
from tests.crash.sleepers import sleeper_rounds
from tests.crash.slow_clients import slow_clients_at
from tests.crash.starts import starts_at_once
from tests.crash.upgrades import upgrade_rounds
from tests.support.postgres import Postmaster
from tests.support.practice import ServerProcess, new_practice, practice_on

ATTACKS, KILLS, ON_SERVER, FAILOVERS, HISTORIES, SLEEPERS, FROZEN_S, PAIRS, SLOW_CLIENTS, MUTATIONS = (
    1,
    1_000,
    200,
    20,
    5_000,
    500,
    600,
    100,
    500,
    1_000,
)


def main() -> int:
    which = sys.argv[1] if len(sys.argv) > 1 else "all"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else None
    failed = 0
    if which in ("kills", "all"):
        failed += kills(count or KILLS, on_server="postgresql" in sys.argv, is_postmaster=False)
    if which in ("postmaster", "all"):
        failed += kills(count or ON_SERVER, on_server=True, is_postmaster=True)
    if which in ("failover", "all"):
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
            drill = failover_rounds(Path(folder), count or FAILOVERS, seed=20261123)
        print(drill)  # noqa: T201
        failed += not drill.holds
    if which in ("sleepers", "all"):
        refused, rounds = sleeper_rounds(count or SLEEPERS)
        print(f"sleepers refused: {refused} of {rounds}")  # noqa: T201
        failed += refused != rounds
    if which in ("upgrades", "all"):
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
            killed = upgrade_rounds(Path(folder), every=count or 1)
        print(killed)  # noqa: T201
        failed += bool(killed.mixed or killed.not_completed or killed.not_told or killed.without_copy)
    if which in ("backups", "all"):
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
            backups = backup_rounds(Path(folder), every=count or 1)
        print(backups)  # noqa: T201
        failed += bool(backups.untrue or backups.mixed or backups.left or backups.not_completed)
    if which in ("mutations", "all"):
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
            accepted = mutations_accepted(Path(folder), count or MUTATIONS, seed=20261123)
        print(f"changed backups accepted: {accepted} of {count or MUTATIONS}")  # noqa: T201
        failed += bool(accepted)
    if which in ("starts", "all"):
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
            starts = starts_at_once(Path(folder), count or PAIRS)
        print(starts)  # noqa: T201
        failed += starts.refused != starts.rounds
    if which in ("histories", "all"):
        failed += histories(count or HISTORIES)
    if which in ("frozen", "all"):
        environment = os.environ | {"MIZ_TEST_FROZEN_S": str(count or FROZEN_S)}
        frozen = [sys.executable, "-m", "pytest", "tests/browser/test_hidden_tab.py", "-q", "-k", "frozen_tab"]
        failed += subprocess.run(frozen, env=environment, check=False).returncode != 0
    if which in ("slow-clients", "all"):
        with tempfile.TemporaryDirectory(prefix="miz-crash-") as folder:
            slow = slow_clients_at(Path(folder), count or SLOW_CLIENTS)
        print(slow)  # noqa: T201
        failed += slow.is_too_much
    if which in ("attacks", "all"):
        failed += attacks(count or ATTACKS)
    return 1 if failed else 0


def attacks(count: int) -> int:
    """Every cell of the role matrix and every payload in every field, again and again in other orders. Returns how many rounds failed."""
    command = [sys.executable, "-m", "pytest", "tests/security", "-q", "-s", "-p", "no:cacheprovider"]
    environment, failed = os.environ | {"MIZ_TEST_ATTACKS": str(count)}, 0
    for seed in range(count):
        failed += subprocess.run([*command, f"--randomly-seed={seed}"], env=environment, check=False).returncode != 0
    print(f"attacks: {count} rounds, {failed} failed")  # noqa: T201
    return failed


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


if __name__ == "__main__":
    sys.exit(main())
