"""An open load on the worker, and what becomes of the healthy users' events and of the others' (:mod:`bench.trouble`).

Open: what is meant for a moment is written then, whoever is slow. An event's latency begins at that moment, and ends
when its request has arrived.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench import looks
from bench.delays import Delays, delays, percentile
from bench.fleet import a_fleet
from bench.launch import Launch, wigzo
from bench.open_loop import LEAD, Plan, a_load
from bench.run import a_sink, books, stamps
from bench.topic import make
from bench.trouble import Kind, Trouble, is_sick
from bench.workload import Workload

REST: Final = 15.0  # seconds after the last moment in which the last ones may come
WARM: Final = 10.0  # seconds at the beginning that are not counted
HEADER: Final = "        meant/s  came/s   p50 ms   p99 ms  most ms  not come"


@dataclass(frozen=True, slots=True)
class Pace:
    """``latency``: the sink's, in seconds; ``concurrency``: the destination's setting, 0 for its default."""

    plan: Plan
    latency: float
    kind: Kind
    concurrency: int = 0


def told(pace: Pace, bootstrap: Sequence[str], folder: Path) -> str:
    """A worker under that load, second by second; and what became of whose events. Raises ``NotMeasured``."""
    plan, events = pace.plan, len(pace.plan.moments())
    trouble, topic = Trouble(pace.kind, plan.seconds + REST), f"paced-{uuid.uuid4().hex[:8]}"
    make(bootstrap, plan.partitions, topic)
    with a_sink(Workload(events, plan.users), pace.latency, trouble=trouble) as url:
        launch = Launch(bootstrap, topic, topic, wigzo(url, concurrency=pace.concurrency), folder)
        with a_load(plan, bootstrap[0], topic) as load, a_fleet(launch) as fleet:
            fleet.ready()
            begin = time.time() + LEAD
            load.begin(begin)
            found = list(looks.looks(fleet, partial(books, url), events, trouble.seconds))
            late, came = sorted(load.late()), stamps(url)
            cpu = fleet.cpu(begin + WARM, begin + plan.seconds) / (plan.seconds - WARM)
    rows = (
        f"healthy {row(plan, begin, came, lambda user: not is_sick(user))}",
        f"others  {row(plan, begin, came, is_sick)}",
        f"{cpu:.2f} cores; the load's own writes were {1000 * percentile(late, 0.99):.1f} ms late at p99",
    )
    return "\n".join((looks.told(found), HEADER, *rows))


def row(plan: Plan, begin: float, came: Sequence[float], concerns: Callable[[int], bool]) -> str:
    """Of those users: events a second that were meant, and that came, in the counted time; and their latencies."""
    first, last = begin + WARM, begin + plan.seconds
    arrived = sum(first <= at < last and concerns(user) for user, at in zip(plan.speakers(), came, strict=False))
    return _row(delays(plan, begin, WARM, came, concerns), arrived, last - first)


def _row(of: Delays, arrived: int, seconds: float) -> str:
    shown = (f"{1000 * percentile(of.seconds, share):8,.1f}" for share in (0.5, 0.99, 1.0))
    return f"{of.events / seconds:7,.0f} {arrived / seconds:7,.0f} {' '.join(shown)} {of.missing:9,}"
