"""A run, slice by slice: does an event cost at the end what it cost at the beginning?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from bench.books import Account
from bench.fleet import LOOK, Fleet

STALL = 15.0  # seconds without a new event after which a run is over


@dataclass(frozen=True, slots=True)
class Slice:
    """``events`` from the one before to here. ``cpu``: µs an event; ``memory``: MiB, the largest so far."""

    until: int
    events: int
    seconds: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def __str__(self) -> str:
        return f"| {self.until:,} | {self.rate:,.0f} | {self.cpu:.0f} | {self.memory:.0f} |"


HEADER = """\
| events so far | events/s | CPU µs an event | MiB |
|---|---|---|---|"""


def slices(fleet: Fleet, books: Callable[[], Account], events: int, each: int, deadline: float) -> Iterator[Slice]:
    """Of about ``each`` events, as they end; until so many ``events`` have come, none comes any more, or the deadline.

    Times are the sink's clock. Raises ``RuntimeError`` where no request comes at all, or a worker ends.
    """
    account = fleet.begun(books)
    done, since = 0, account.first
    while True:
        account = books()
        now = time.time()
        over = account.arrived >= events or now > account.last + STALL or time.monotonic() > deadline
        if account.arrived >= done + each or (over and account.arrived > done and account.last > since):
            count = account.arrived - done
            cpu = fleet.cpu(since, account.last) / count * 1e6
            yield Slice(account.arrived, count, account.last - since, cpu, fleet.memory)
            done, since = account.arrived, account.last
        if over:
            return
        fleet.must_run()
        time.sleep(LOOK)


def steady(found: list[Slice]) -> Slice:
    """The median of the slices but the first and the last, where workers join and users run out."""
    inner = found[1:-1] or found
    last = found[-1]
    return Slice(
        last.until,
        events=1,
        seconds=1 / median(one.rate for one in inner),
        cpu=median(one.cpu for one in inner),
        memory=last.memory,
    )
