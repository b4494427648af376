"""The clock of this machine."""

import sys
import time
from datetime import UTC, datetime


class SystemClock:
    """The wall clock for records; for leases a count that goes on while the machine sleeps."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    if sys.platform == "linux":

        def steady_s(self) -> float:
            return time.clock_gettime(time.CLOCK_BOOTTIME)

    else:
        # Windows and macOS count through sleep in time.monotonic or not depending on the version; safety comes from
        # the fencing token, so the only effect is a lease that ends later.
        def steady_s(self) -> float:
            return time.monotonic()
