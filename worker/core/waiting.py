"""How long requests may wait for each other at a destination, and what a reading says of it."""

from __future__ import annotations

from typing import Final

from worker.core.latencies import Reading

A_LITTLE: Final = 0.2  # of its own time an answer may wait for others
GRACE: Final = 0.005  # seconds that it may wait anyhow: they cost nobody anything, and keep a busy loop busy
BELOW: Final = 0.6  # of what it may wait
ABOVE: Final = 1.4  # in between nothing is changed
MUCH_QUICKER: Final = 0.7  # times the base: what was taken for the base may have been waiting
BEYOND_DOUBT: Final = 3.0  # times what a quick look may be off


def aim(reading: Reading) -> float:
    """By what the limit is to be multiplied, where answers wait for each other: latency is in proportion to it."""
    return (reading.base + _may_wait(reading)) / reading.seconds


def too_long(reading: Reading) -> bool:
    """Answers seem to wait for each other."""
    return reading.waits > ABOVE * _may_wait(reading)


def surely_too_long(reading: Reading) -> bool:
    """The same, on little evidence."""
    return reading.seconds * (1 - BEYOND_DOUBT * reading.error) > reading.base + ABOVE * _may_wait(reading)


def hardly(reading: Reading) -> bool:
    """More may be open."""
    return reading.waits < BELOW * _may_wait(reading)


def surely_quicker(reading: Reading, than: float = 1.0) -> bool:
    """Answers take less than so many times the base."""
    return reading.seconds * (1 + 2 * reading.error) < than * reading.base


def _may_wait(reading: Reading) -> float:
    return A_LITTLE * reading.base + GRACE
