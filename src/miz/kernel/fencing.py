"""Fencing tokens: the number handed out with a lease, which every write must show.

`<epoch>.<counter>`: the counter rises at every opening and every release of a patient, the epoch at every restore,
import of a whole database and failover. So a token from before any of these is never accepted again.
"""

import re

_FORM = re.compile(r"(\d{1,9})\.(\d{1,18})")
FIRST = "0.0"


def next_token(current: str, epoch: int) -> str:
    """The token after `current` in `epoch`; nobody has held it before."""
    found = _FORM.fullmatch(current)
    if found is None:
        raise ValueError("not a fencing token")
    return f"{epoch}.{int(found[2]) + 1}"
