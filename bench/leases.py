"""Opening, saving and releasing over HTTP with TLS, signed in, with audit trail: beside what the disk allows one commit at
a time, and beside a bare lease in PostgreSQL and in etcd.

    python -m bench.leases

Rounds are interleaved: each measures the disk's sync, bare single commits, the peers, then every number of applications.
The median round counts. Each seat is one application with 20 patients of its own, without a pause between two rounds.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any

from bench import PeerMissingError
from bench.machine import Times, disk_sync, single_commits
from bench.peers import Peer, etcd, postgresql
from bench.practice import PracticeUnderLoad

ROUNDS = 3
SECONDS = 2.0
LEASE_SEATS = (1, 8, 64)
SAVE_GOALS = {1: 350, 8: 1_300, 32: 2_200}
SYNCS_ALLOWED = 10
PAUSE_S = 1.0
# How many times a peer's rate is asked for at the most applications: of its leases, and of its heartbeats.
LEASE_RATIOS = {"PostgreSQL": 0.8, "etcd": 1.0}
HEARTBEAT_RATIOS = {"etcd": 1.0}


def run() -> list[dict[str, Any]]:
    """Rows for the table of benchmarks."""
    rounds: list[dict[str, Times]] = []
    most = max(LEASE_SEATS)
    with PracticeUnderLoad() as practice, ExitStack() as running:
        peers = _peers(running, most)
        for _ in range(ROUNDS):
            found = {"sync": disk_sync(practice.root), "commit": single_commits(practice.root, SECONDS)}
            for peer in peers:
                found |= {f"{peer.name} lease {seats}": peer.load("lease", seats, SECONDS) for seats in LEASE_SEATS}
                found |= {f"{peer.name} heartbeat": peer.load("heartbeat", most, SECONDS)}
            found |= {"heartbeat": practice.load("heartbeat", most, SECONDS)}
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
        rows.append(
            _row(f"open + release, {seats} applications", rate(name), "/s", "", f"{rate(name) / commits:.2f}", "bare single commits")
        )
        rows.append(_row(f"the same, p50, {seats} applications", p50(name), "ms", "", "", ""))
        rows.append(_latency(f"the same, p99, {seats} applications", p99(name), sync_p50))
    for peer in peers:
        for seats in LEASE_SEATS:
            theirs, ratio = rate(f"{peer.name} lease {seats}"), LEASE_RATIOS[peer.kind]
            goal = f">= {ratio * theirs:,.0f}" if seats == most else ""
            ours = rate(f"lease {seats}")
            rows.append(
                _row(f"open + release, {seats} applications", ours, "/s", goal, f"{ours / theirs:.2f}", f"{peer.name}: {theirs:,.0f} /s")
            )
        theirs, ours = rate(f"{peer.name} heartbeat"), rate("heartbeat")
        goal = f">= {HEARTBEAT_RATIOS[peer.kind] * theirs:,.0f}" if peer.kind in HEARTBEAT_RATIOS else ""
        rows.append(_row(f"heartbeats, {most} applications", ours, "/s", goal, f"{ours / theirs:.2f}", f"{peer.name}: {theirs:,.0f} /s"))
    paced = f"open + release once a second each, p99, {max(LEASE_SEATS)} applications"
    rows.append(_latency(paced, p99("paced"), sync_p50))
    for seats, least in SAVE_GOALS.items():
        name = f"save {seats}"
        against = f"bare single commits; p50 {p50(name):.1f} ms, p99 {p99(name):.1f} ms"
        rows.append(
            _row(f"open + save + release, {seats} applications", rate(name), "/s", f">= {least:,}", f"{rate(name) / commits:.2f}", against)
        )
    return rows


def _peers(running: ExitStack, seats: int) -> list[Peer]:
    """The peers that this machine has; the others are left out with the reason."""
    peers = []
    for start in (partial(postgresql, seats), etcd):
        try:
            peers.append(running.enter_context(start()))
        except PeerMissingError as missing:
            print(f"A peer is left out: {missing}", file=sys.stderr)
    return peers


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
