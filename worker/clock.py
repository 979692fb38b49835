"""The time that a worker lives by."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never go back: the wall clock of the start, moved on by the steady one.

    By the one that counts a machine's sleep, where there is one: who slept for longer than a session has no lease.
    """
    steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    offset = time.time() - time.clock_gettime(steady)
    return lambda: offset + time.clock_gettime(steady)
