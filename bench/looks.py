"""A worker second by second: how many requests may be open, how many are, and how many events come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.books import Account
from bench.fleet import Fleet

SETTLED = 2.0  # seconds in which the limit is found
HEADER = "seconds  limit   open  events/s  of the healthy  refused"


@dataclass(frozen=True, slots=True)
class Look:
    """The sink's books and the worker's limit at one moment; ``seconds`` since the first request."""

    seconds: float
    limit: int
    account: Account


@dataclass(frozen=True, slots=True)
class Span:
    """Between two looks: events a second of all, and of those whom no trouble is about; requests that were refused."""

    until: Look
    rate: float
    healthy: float
    refused: int

    def __str__(self) -> str:
        at, seen = self.until, self.until.account
        return (
            f"{at.seconds:7.1f} {at.limit:6,} {seen.open:6,} {self.rate:9,.0f} {self.healthy:15,.0f} {self.refused:8,}"
        )


def between(first: Look, last: Look) -> Span:
    """What came in that time."""
    seconds = last.seconds - first.seconds
    return Span(
        last,
        (last.account.arrived - first.account.arrived) / seconds,
        (last.account.healthy - first.account.healthy) / seconds,
        last.account.refused - first.account.refused,
    )


def looks(fleet: Fleet, books: Callable[[], Account], events: int, seconds: float) -> Iterator[Look]:
    """One a second from the first request on, for so many seconds, or until so many events have come."""
    seen = fleet.begun(books)
    end = seen.first + seconds
    while time.time() < end and seen.arrived < events:
        fleet.must_run()
        limit = fleet.members[0].admin.total("concurrency_limit", "wigzo")
        now, seen = time.time(), books()
        yield Look(now - seen.first, limit, seen)
        time.sleep(max(0.0, 1 - (time.time() - now)))


def told(found: Sequence[Look]) -> str:
    """Second by second, then the rates from when the limit was found."""
    settled = [look for look in found if look.seconds >= SETTLED]
    whole = between(settled[0], settled[-1])
    lines = [HEADER, *(str(between(*pair)) for pair in pairwise(found))]
    wrong = found[-1].account
    lines.append(
        f"{whole.rate:,.0f} events/s, {whole.healthy:,.0f} of the healthy, after {SETTLED:.0f} s; "
        f"late {wrong.late}, overlapping {wrong.overlaps}, twice {wrong.duplicates}"
    )
    return "\n".join(lines)
