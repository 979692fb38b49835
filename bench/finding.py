"""``python -m bench.finding CASE``: what the worker finds out about how many requests may be open, second by second."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.books import Account
from bench.fleet import Fleet, Plan, a_fleet
from bench.run import a_sink, books
from bench.topic import TOPIC, fill
from bench.trouble import Kind, Trouble
from bench.workload import Workload
from worker.sandbox.brokers import BrokerUnavailable, apache

LATENCY = 0.05  # seconds
WORKLOAD = Workload(events=300_000)
START = 60.0  # seconds until the first request must have come
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


def follow(bootstrap: Sequence[str], workload: Workload, trouble: Trouble, folder: Path) -> list[Look]:
    """A worker on the topic, looked at once a second until the trouble's time is over, or all has come."""
    with a_sink(workload, LATENCY, trouble=trouble) as url:
        plan = Plan(bootstrap, TOPIC, f"finding-{trouble.kind}-{time.time_ns()}", url, folder)
        with a_fleet(plan, 1) as fleet:
            return list(_looks(fleet, lambda: books(url), workload.events, trouble.seconds))


def _looks(fleet: Fleet, account: Callable[[], Account], events: int, seconds: float) -> Iterator[Look]:
    deadline = time.monotonic() + START
    while not (seen := account()).first:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no request came within {START:.0f} s")
        fleet.must_run()
        time.sleep(0.01)
    end = seen.first + seconds
    while time.time() < end and seen.arrived < events:
        fleet.must_run()
        limit = fleet.members[0].admin.total("concurrency_limit", "wigzo")
        now, seen = time.time(), account()
        yield Look(now - seen.first, limit, seen)
        time.sleep(max(0.0, 1 - (time.time() - now)))


def told(looks: Sequence[Look]) -> str:
    """Second by second, then the rates from when the limit was found."""
    found = [look for look in looks if look.seconds >= SETTLED]
    whole = between(found[0], found[-1])
    lines = [HEADER, *(str(between(*pair)) for pair in pairwise(looks))]
    wrong = looks[-1].account
    lines.append(
        f"{whole.rate:,.0f} events/s, {whole.healthy:,.0f} of the healthy, after {SETTLED:.0f} s; "
        f"late {wrong.late}, overlapping {wrong.overlaps}, twice {wrong.duplicates}"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: there is no broker, or the worker did not work."""
    given = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
            fill(cluster.bootstrap, WORKLOAD)
            for kind in given.cases:
                trouble = Trouble(kind, given.seconds)
                print(f"{kind}\n{told(follow(cluster.bootstrap, WORKLOAD, trouble, Path(temporary)))}\n", flush=True)
    except (BrokerUnavailable, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.finding", description=__doc__)
    parser.add_argument("cases", nargs="+", type=Kind, help=", ".join(Kind))
    parser.add_argument("--seconds", type=float, default=15.0, help="of each, from the first request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
