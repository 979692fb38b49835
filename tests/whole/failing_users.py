"""Users who fail at scale, beside healthy ones: ``python -m tests.whole.failing_users --help``.

One topic, read twice by a fresh worker against a fast sink: once everybody is served, once the first users are refused
(500) until the others are done. What is compared is how many events of the healthy arrive a second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from bench.books import Account
from bench.process import Watch
from bench.run import a_sink, books
from bench.workload import Marker, Workload, user_id, value
from tests.whole.events import Record
from tests.whole.metrics import Metrics
from tests.whole.topics import Topics
from tests.whole.worker import Worker, kafka, wigzo
from worker.sandbox.brokers import apache

SIZE = 600
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Crowd:
    """``failing`` users with ``each`` events at the log's beginning, among ``mixed`` times as many of the healthy."""

    failing: int = 1_000
    each: int = 5
    mixed: int = 2
    healthy_users: int = 20_000
    healthy: int = 60_000
    partitions: int = 12

    @property
    def waiting(self) -> int:
        return self.failing * self.each

    @property
    def workload(self) -> Workload:
        return Workload(self.waiting + self.healthy, self.failing + self.healthy_users, self.partitions, SIZE)

    def records(self) -> Iterator[Record]:
        places = [0] * (self.failing + self.healthy_users)
        for event, user in enumerate(self._users()):
            yield user_id(user).encode(), value(Marker(event, user, places[user]), SIZE)
            places[user] += 1

    def _users(self) -> Iterator[int]:
        chance = Random(1)
        healthy = iter(range(self.healthy))
        for _ in range(self.each):
            for user in range(self.failing):
                yield user
                yield from (
                    self.failing + chance.randrange(self.healthy_users)
                    for _, _ in zip(range(self.mixed), healthy, strict=False)
                )
        yield from (self.failing + chance.randrange(self.healthy_users) for _ in healthy)


@dataclass(frozen=True, slots=True)
class Run:
    """``rate``: the healthy users' events a second; ``cost``: the worker's CPU seconds for one of them. ``memory``:
    bytes, the largest resident. ``limits``: names met. ``recovered``: seconds until the last event of all came.
    """

    rate: float
    cost: float
    memory: int
    refused: int
    requests: int
    limits: frozenset[str]
    recovered: float
    account: Account


@dataclass(frozen=True, slots=True)
class Filled:
    """What it said when it was full, and in the end; how often it raised the alarm; as in a :class:`Run`."""

    full: Metrics
    last: Metrics
    alarms: int
    memory: int
    recovered: float
    account: Account


def measure(crowd: Crowd, topics: Topics, topic: str, folder: Path, *, failing: bool, latency: float) -> Run:
    """A fresh worker and a fresh sink over the whole topic."""
    refused = crowd.failing if failing else 0
    served = crowd.workload.events - (crowd.waiting if failing else 0)
    limits: set[str] = set()
    group = f"failing-{uuid.uuid4().hex[:8]}"
    with (
        a_sink(crowd.workload, latency, refused) as url,
        Worker(folder, kafka(topics.bootstrap, topic, group), wigzo(url), name=group) as worker,
        Watch(worker.process.pid) as watch,
    ):
        healthy = _until(worker, url, lambda now: now.arrived >= served, limits)
        began = time.monotonic()
        _recover(url)
        whole = _until(worker, url, lambda now: now.arrived >= crowd.workload.events, limits)
        recovered = time.monotonic() - began
        assert 0 == worker.stop()
        rate = served / (healthy.last - healthy.first)
        cost = watch.cpu(healthy.first, healthy.last) / served
        return Run(rate, cost, watch.peak, healthy.refused, healthy.requests, frozenset(limits), recovered, whole)


def fill(crowd: Crowd, topics: Topics, topic: str, folder: Path, *, seconds: float, buffer_events: int) -> Filled:
    """More of them than the buffer holds: until the lane says so, so long on, and then everybody recovers."""
    limits: set[str] = set()
    group = f"full-{uuid.uuid4().hex[:8]}"
    with (
        a_sink(crowd.workload, 0.0, crowd.failing) as url,
        Worker(
            folder, kafka(topics.bootstrap, topic, group), wigzo(url, buffer_events=buffer_events), name=group
        ) as worker,
        Watch(worker.process.pid) as watch,
    ):
        worker.until(lambda: "failing users" in limits_of(worker.scrape()), "it is full of failing users", 180)
        worker.until(lambda: worker.said("full of failing users"), "it raises the alarm", 30)
        time.sleep(seconds)
        full = worker.scrape()
        assert full is not None
        _recover(url)
        began = time.monotonic()
        whole = _until(worker, url, lambda now: now.arrived >= crowd.workload.events, limits)
        last = worker.until_settled(crowd.workload.events, "wigzo")
        assert 0 == worker.stop()
        alarms = len(worker.said("full of failing users"))
        return Filled(full, last, alarms, watch.peak, time.monotonic() - began, whole)


def _recover(url: str) -> None:
    with urllib.request.urlopen(f"{url}/recover", timeout=5):  # noqa: S310  (the loopback's own sink)
        pass


def _until(worker: Worker, url: str, reached: Callable[[Account], bool], limits: set[str]) -> Account:
    def look() -> Account | None:
        account = books(url)
        limits.update(limits_of(worker.scrape()))
        return account if reached(account) else None

    found: Account = worker.until(look, "the sink has what it waits for", 180)
    return found


def limits_of(metrics: Metrics | None) -> set[str]:
    """What the lane is limited by at the moment."""
    return {limit for (limit,) in metrics.by("limited_by", "limit")} if metrics is not None else set()


def compare(crowd: Crowd, topics: Topics, topic: str, folder: Path, *, runs: int, latency: float) -> None:
    """Served and failing in turn; what is printed last are the medians' ratios."""
    found: dict[bool, list[Run]] = {False: [], True: []}
    for _ in range(runs):
        for failing, of in found.items():
            of.append(run := measure(crowd, topics, topic, folder, failing=failing, latency=latency))
            print(f"{'failing' if failing else 'healthy'}: {_line(run)}", flush=True)
    rate, cost = (
        median(getattr(run, name) for run in found[True]) / median(getattr(run, name) for run in found[False])
        for name in ("rate", "cost")
    )
    print(f"rate {rate:.1%}, CPU an event {cost:.1%} of that without failing users")


def _line(run: Run) -> str:
    return (
        f"{run.rate:,.0f} events/s, {run.cost * 1e6:.0f} µs, {run.memory / MIB:.0f} MiB, {run.refused:,} refused of "
        f"{run.requests:,}, limited by {sorted(run.limits)}, all served {run.recovered:.1f} s after the recovery, "
        f"late {run.account.late}, twice {run.account.duplicates}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failing", type=int, default=1_000, help="users, with five events each")
    parser.add_argument("--healthy", type=int, default=60_000, help="events of the others")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.02, help="of the sink, in seconds")
    parser.add_argument("--full", action="store_true", help="more than the buffer holds: what the lane says, and after")
    given = parser.parse_args()
    crowd = Crowd(failing=given.failing, healthy=given.healthy)
    with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
        topics = Topics(cluster.bootstrap)
        topic = topics.create("failing", crowd.partitions)
        topics.produce(topic, crowd.records())
        if given.full:
            filled = fill(crowd, topics, topic, Path(temporary), seconds=20.0, buffer_events=10_000)
            print(
                f"full: {limits_of(filled.full)}, {filled.alarms} alarm, {filled.memory / MIB:.0f} MiB; "
                f"all {crowd.workload.events:,} events served {filled.recovered:.0f} s after the recovery, "
                f"late {filled.account.late}, twice {filled.account.duplicates}"
            )
        else:
            compare(crowd, topics, topic, Path(temporary), runs=given.runs, latency=given.latency)
    return 0


if __name__ == "__main__":
    sys.exit(main())
