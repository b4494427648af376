"""Benchmarks, each against a peer in the same run: `dev.py bench`.

Every module named in `bench.__main__` has `run()`, which returns rows with the keys work, value, unit, goal, ratio and against.
"""


class PeerMissingError(Exception):
    """What a measurement needs is not on this machine; the message says what."""
