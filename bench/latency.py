"""How long an event is on its way through the worker: ``python -m bench.latency --help``.

From the moment that was meant for its record (open loop: whatever stalls, the load goes on) to its request's arrival at
the sink, on one machine's clock. What the way through Kafka alone takes is measured beside it, in turn: a bare consumer
with the worker's own options.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from kafka import KafkaAdminClient
from rich.console import Console
from rich.table import Table

from bench.admin import got
from bench.children import a_child
from bench.delays import delays, percentile
from bench.fleet import NotMeasured, a_fleet
from bench.launch import Launch, wigzo
from bench.open_loop import LEAD, Plan, a_load
from bench.process import Watch
from bench.run import a_sink, stamps
from bench.topic import make
from bench.workload import Workload
from worker.sandbox.brokers import BrokerUnavailable, apache

REST: Final = 2.0  # seconds after the last moment in which the last ones may come
SHARES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Way:
    """One run. Latencies and ``late`` (of the load's own writes) are seconds, ascending; ``cpu`` is cores."""

    latencies: Sequence[float]
    late: Sequence[float]
    lost: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Setting:
    """``warm`` seconds at the beginning are not counted; every ``scrape`` seconds the metrics are asked for."""

    broker: str
    plan: Plan
    warm: float
    scrape: float | None
    folder: Path


def through_kafka(setting: Setting) -> Way:
    """What an empty pipe takes."""
    with _topic(setting) as topic:
        return _measured(setting, topic, _a_pipe(setting, topic))


def through_the_worker(setting: Setting) -> Way:
    """The whole way. Raises ``NotMeasured``."""
    with _topic(setting) as topic:
        return _measured(setting, topic, _a_worker(setting, topic))


@dataclass(slots=True)
class End:
    """Where events arrive: who is watched, where its metrics are, and, at last, when each event came."""

    watched: Watch
    stamps: Callable[[], Sequence[float]]
    metrics: str | None = None


@contextmanager
def _topic(setting: Setting) -> Iterator[str]:
    topic = f"latency-{uuid.uuid4().hex[:8]}"
    make([setting.broker], setting.plan.partitions, topic)
    yield topic
    admin = KafkaAdminClient(bootstrap_servers=setting.broker)
    try:
        admin.delete_topics([topic])
    finally:
        admin.close()


def _measured(setting: Setting, topic: str, end: AbstractContextManager[End]) -> Way:
    plan, warm = setting.plan, setting.warm
    with a_load(plan, setting.broker, topic) as load, end as arrives:
        begin = time.time() + LEAD
        load.begin(begin)
        _scrape(arrives, setting, begin + plan.seconds)
        late = load.late()
        time.sleep(REST)
        cpu = arrives.watched.cpu(begin + warm, begin + plan.seconds) / (plan.seconds - warm)
        found = delays(plan, begin, warm, arrives.stamps())
    return Way(found.seconds, sorted(late), found.missing, cpu)


def _scrape(end: End, setting: Setting, until: float) -> None:
    while end.metrics and setting.scrape and time.time() + setting.scrape < until:
        time.sleep(setting.scrape)
        got(end.metrics)


@contextmanager
def _a_pipe(setting: Setting, topic: str) -> Iterator[End]:
    where = ("--broker", setting.broker, "--topic", topic)
    file = setting.folder / "stamps"
    events = str(len(setting.plan.moments()))
    with (
        a_child("bench.stamps", "--events", events, "--to", str(file), *where) as pipe,
        Watch(pipe.process.pid) as watch,
    ):
        pipe.heard()

        def stamped() -> Sequence[float]:
            pipe.finish()
            return array("d", file.read_bytes())

        yield End(watch, stamped)


@contextmanager
def _a_worker(setting: Setting, topic: str) -> Iterator[End]:
    plan = setting.plan
    with a_sink(Workload(len(plan.moments()), plan.users), 0) as url:
        launch = Launch([setting.broker], topic, topic, wigzo(url, concurrency=512), setting.folder)
        with a_fleet(launch) as fleet:
            fleet.ready()
            (member,) = fleet.members
            yield End(member.watch, partial(stamps, url), f"{member.admin.url}/metrics")
            fleet.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: events were lost, or the broker could not be had."""
    given = _parser().parse_args(arguments)
    plan = Plan(given.rate, given.seconds, given.arrivals)
    ways: dict[str, list[Way]] = {"Kafka alone": [], "the worker": []}
    try:
        with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
            setting = Setting(cluster.bootstrap[0], plan, given.warm, given.scrape, Path(temporary))
            through_kafka(setting)  # the broker compiles what it does often: its first run says nothing
            for _ in range(given.runs):
                ways["Kafka alone"].append(through_kafka(setting))
                ways["the worker"].append(through_the_worker(setting))
    except (BrokerUnavailable, NotMeasured) as problem:
        print(problem, file=sys.stderr)
        return 1
    _show(ways)
    return 1 if any(way.lost for each in ways.values() for way in each) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rate", type=float, default=6000, help="events a second: half of the most")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm", type=float, default=5.0, help="so many of them at the beginning are not counted")
    parser.add_argument("--arrivals", choices=("even", "poisson"), default="poisson")
    parser.add_argument("--scrape", type=float, help="ask for the metrics every so many seconds")
    parser.add_argument("--runs", type=int, default=1)
    return parser


def _show(ways: dict[str, list[Way]]) -> None:
    shares = (f"p{share * 100:g}" if share < 1 else "most" for share in SHARES)
    table = Table("ms", *shares, "cores", "lost", "load late")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, runs in ways.items():
        for way in runs:
            late = f"{percentile(way.late, 0.99) * 1000:.1f}"
            table.add_row(name, *_milliseconds(at(way)), f"{way.cpu:.2f}", str(way.lost), late)
    alone, whole = (middle(runs) for runs in ways.values())
    added = [more - less for more, less in zip(whole, alone, strict=True)]
    table.add_row("so the worker adds, by the medians", *_milliseconds(added))
    Console(width=110).print(table)


def at(way: Way) -> list[float]:
    """What the table shows of one run, in seconds."""
    return [percentile(way.latencies, share) for share in SHARES]


def middle(runs: Sequence[Way]) -> list[float]:
    """Of each percentile by itself, the median of the runs."""
    return [median(column) for column in zip(*map(at, runs), strict=True)]


def _milliseconds(seconds: Sequence[float]) -> Iterator[str]:
    return (f"{each * 1000:.1f}" for each in seconds)


if __name__ == "__main__":
    sys.exit(main())
