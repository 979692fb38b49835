"""What the process keeps of memory: how often garbage is collected, and what goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Awaitable, Callable
from typing import Final

# New objects before the collector looks, and how often it looks at older ones. A full buffer is some 600,000 objects in
# no cycle: with Python's own 700, looking through them again and again is a third of all the worker's CPU.
COLLECT_AFTER: Final = (50_000, 50, 100)
# The collector hardly ever looks by itself then. But a poll of kafka-python that finds nothing in time leaves a cycle
# that holds what others brought, some hundred records; and records come and go between what is fetched of them at once,
# so what malloc has free is in ever smaller pieces. Together that was 1.3 MiB more in a million events.
GIVE_BACK_EVERY: Final = 60.0  # seconds
YOUNG: Final = 1  # of the collector's generations: not the oldest, which may be large and has no new garbage


def settle_down() -> None:
    """What is there at the start stays: it is not looked through any more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def give_back() -> None:
    """Collect young garbage, and give the system what malloc has free, where the C library can (glibc).

    Some milliseconds, with the interpreter's lock held for the first half.
    """
    gc.collect(YOUNG)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def give_back_forever(
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep, trim: Callable[[], None] = give_back
) -> None:
    """Once a minute, until it is cancelled."""
    while True:
        await sleep(GIVE_BACK_EVERY)
        await asyncio.to_thread(trim)
