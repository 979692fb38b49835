"""``python -m bench.finding CASE``: what the worker finds out about how many requests may be open, second by second.

The topic is full from the beginning; or, with ``--rate``, so many events a second are written while it goes on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import paced
from bench.fleet import a_fleet
from bench.launch import Launch, wigzo
from bench.looks import Look, looks, told
from bench.open_loop import Plan
from bench.run import a_sink, books
from bench.topic import TOPIC, fill
from bench.trouble import Kind, Trouble
from bench.workload import Workload
from worker.sandbox.brokers import BrokerUnavailable, apache

LATENCY = 0.05  # seconds
WORKLOAD = Workload(events=300_000)


def follow(bootstrap: Sequence[str], trouble: Trouble, concurrency: int, folder: Path) -> list[Look]:
    """A worker on the topic, looked at once a second until the trouble's time is over, or all has come."""
    with a_sink(WORKLOAD, LATENCY, trouble=trouble) as url:
        group = f"finding-{trouble.kind}-{time.time_ns()}"
        launch = Launch(bootstrap, TOPIC, group, wigzo(url, concurrency=concurrency), folder)
        with a_fleet(launch) as fleet:
            return list(looks(fleet, partial(books, url), WORKLOAD.events, trouble.seconds))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: there is no broker, or the worker did not work."""
    given = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
            if not given.rate:
                fill(cluster.bootstrap, WORKLOAD)
            for kind in given.cases:
                print(f"{kind}\n{_told(given, kind, cluster.bootstrap, Path(temporary))}\n", flush=True)
    except (BrokerUnavailable, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _told(given: argparse.Namespace, kind: Kind, bootstrap: Sequence[str], folder: Path) -> str:
    if not given.rate:
        return told(follow(bootstrap, Trouble(kind, given.seconds), given.concurrency, folder))
    plan = Plan(given.rate, given.seconds)
    return paced.told(paced.Pace(plan, LATENCY, kind, given.concurrency), bootstrap, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.finding", description=__doc__)
    parser.add_argument("cases", nargs="+", type=Kind, help=", ".join(Kind))
    parser.add_argument("--seconds", type=float, default=15.0, help="of each, from the first request")
    parser.add_argument("--rate", type=float, help="events a second; without it, a topic that is full")
    parser.add_argument("--concurrency", type=int, default=0, help="the destination's setting; 0: its default")
    return parser


if __name__ == "__main__":
    sys.exit(main())
