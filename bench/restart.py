"""What was settled ahead of a stuck event, passed over by who comes after."""

from __future__ import annotations

import time

from bench.admin import got
from bench.fleet import Fleet, a_fleet
from bench.launch import Launch
from bench.run import books

LOOK = 0.1  # seconds


def passed_over(launch: Launch, sink: str, events: int, stuck: int, deadline: float) -> str:
    """A worker begins again where all but ``stuck`` of the events are settled; what it reached, for the table.

    Then the stuck ones recover, and all is well. Raises ``RuntimeError`` where one that is settled is sent again.
    """
    before = books(sink)
    with a_fleet(launch) as fleet:
        said = _watched(fleet, events - stuck, deadline)
        got(f"{sink}/recover")
        while books(sink).arrived < events and time.monotonic() < deadline:
            fleet.must_run()
            time.sleep(LOOK)
        fleet.stop()
    if again := books(sink).requests - books(sink).refused - before.requests + before.refused - stuck:
        raise RuntimeError(f"{again:,} events were sent again after the restart")
    return said


def _watched(fleet: Fleet, settled: int, deadline: float) -> str:
    """From the first look that sees some to the first that sees all."""
    (member,) = fleet.members
    first: tuple[float, int] | None = None
    while True:
        count = member.admin.total("events_passed_over_total", "wigzo")
        now = time.time()
        if count and first is None:
            first = now, count
        if count >= settled or time.monotonic() > deadline:
            break
        fleet.must_run()
        time.sleep(LOOK)
    assert first is not None  # noqa: S101  (else the deadline came first, and nothing was measured)
    seconds = now - first[0]
    cpu = member.watch.cpu(first[0], now) / max(1, count - first[1]) * 1e6
    return f"{count:,} passed over, {(count - first[1]) / seconds:,.0f}/s, {cpu:.0f} µs each"
