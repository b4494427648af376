"""Opening, saving and releasing over HTTP, signed in, beside what the disk allows one commit at a time.

    python -m bench.leases

Rounds are interleaved: each measures the disk's sync, bare single commits, then every number of applications. The
median round counts. Each seat is one application with 20 patients of its own, without a pause between two rounds.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

from bench.machine import Times, disk_sync, single_commits
from bench.practice import PracticeUnderLoad

ROUNDS = 3
SECONDS = 2.0
LEASE_SEATS = (1, 8, 64)
SAVE_GOALS = {1: 350, 8: 1_300, 32: 2_200}
SYNCS_ALLOWED = 10
PAUSE_S = 1.0


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    rounds: list[dict[str, Times]] = []
    with PracticeUnderLoad() as practice:
        for _ in range(ROUNDS):
            found = {"sync": disk_sync(practice.root), "commit": single_commits(practice.root, SECONDS)}
            found |= {f"lease {seats}": practice.load("lease", seats, SECONDS) for seats in LEASE_SEATS}
            found |= {"paced": practice.load("lease", max(LEASE_SEATS), 2 * SECONDS, pause_s=PAUSE_S)}
            found |= {f"save {seats}": practice.load("save", seats, SECONDS) for seats in SAVE_GOALS}
            rounds.append(found)

    def middle(name: str, of: Callable[[Times], float]) -> float:
        return median(of(one[name]) for one in rounds)

    def rate(name: str) -> float:
        return middle(name, lambda times: times.rate)

    def p50(name: str) -> float:
        return middle(name, lambda times: times.p50)

    def p99(name: str) -> float:
        return middle(name, lambda times: times.p99)

    commits, sync_p50 = rate("commit"), p50("sync")
    rows = [_row("bare single commits", commits, "/s", "", "1.00", f"p50 {p50('commit'):.2f} ms, p99 {p99('commit'):.2f} ms")]
    for seats in LEASE_SEATS:
        name = f"lease {seats}"
        goal = f"> {commits:,.0f}" if seats == max(LEASE_SEATS) else ""
        rows.append(
            _row(f"open + release, {seats} applications", rate(name), "/s", goal, f"{rate(name) / commits:.2f}", "bare single commits")
        )
        rows.append(_row(f"the same, p50, {seats} applications", p50(name), "ms", "", "", ""))
        rows.append(_latency(f"the same, p99, {seats} applications", p99(name), sync_p50))
    paced = f"open + release once a second each, p99, {max(LEASE_SEATS)} applications"
    rows.append(_latency(paced, p99("paced"), sync_p50))
    for seats, least in SAVE_GOALS.items():
        name = f"save {seats}"
        against = f"bare single commits; p50 {p50(name):.1f} ms, p99 {p99(name):.1f} ms"
        rows.append(
            _row(f"open + save + release, {seats} applications", rate(name), "/s", f">= {least:,}", f"{rate(name) / commits:.2f}", against)
        )
    return rows


def _latency(work: str, milliseconds: float, sync_ms: float) -> dict[str, Any]:
    goal = f"<= {SYNCS_ALLOWED * sync_ms:.1f}"
    return _row(work, milliseconds, "ms", goal, f"{milliseconds / sync_ms:.1f}", f"the disk's sync, p50 {sync_ms:.2f} ms")


def _row(work: str, value: float, unit: str, goal: str, ratio: str, against: str) -> dict[str, Any]:
    return {
        "work": work,
        "value": round(value) if unit == "/s" else round(value, 2),
        "unit": unit,
        "goal": goal,
        "ratio": ratio,
        "against": against,
    }


if __name__ == "__main__":
    for row in run():
        print(row)
